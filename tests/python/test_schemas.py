"""The schemas in docs/schemas, and that everything which names one of them is valid."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import re
import subprocess
import tomllib
import weakref
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from countermand import (
    AsyncClient,
    Client,
    CountermandError,
    OperationName,
    Outcome,
    Service,
    Verdict,
    errors,
    job_errors,
)
from countermand.lanes import Profile, ProfileError, begin, countermand_all, refused
from countermand.testing import Emulator
from test_command import COMMAND, environment

if TYPE_CHECKING:
    from countermand import Progress, Report

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
SCHEMAS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)


def closed(schema: Any) -> Any:
    """The schema without room for fields that it does not have: what we print has to be in it."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: closed(value) for key, value in schema.items()}
    if isinstance(parts.get("properties"), dict) and "additionalProperties" not in parts:
        parts["additionalProperties"] = False
    return parts


CLOSED: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(closed(schema))) for schema in SCHEMAS.values()
)


def check(value: Any) -> str:
    """Validates an object by the schema that it names, which it returns."""
    word: str = value["schema"]
    validate(word.replace("/", "-"), value)
    return word


def validate(name: str, value: Any) -> None:
    assert json.loads(json.dumps(value)) == value
    Draft202012Validator(closed(SCHEMAS[name]), registry=CLOSED).validate(value)


def documented(page: str, heading: str) -> set[str]:
    """Fields in the first column of the tables below a heading."""
    text = (FOLDER.parent / page).read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


def test_the_pages_have_the_fields_of_the_schemas() -> None:
    job = documented("report.md", "NDJSON")
    places = {
        "countermand.row-1": ("report.md", "Fields"),
        "countermand.report-1": ("report.md", "NDJSON"),
        "countermand.profile-1": ("lanes.md", "Fields of a profile"),
    }
    for name, schema in SCHEMAS.items():
        # Progress refers to the fields of a status, whose own part is an object.
        if not name.startswith("countermand.") or name == "countermand.progress-1":
            continue
        place = places.get(name, ("json-lines.md", name.replace("-", "/")))
        fields = set(schema["properties"]) - {"schema"}
        if name == "countermand.status-1":
            assert fields - documented(*place) <= job, name
            continue
        assert documented(*place) - {"schema"} == fields, name
    lane = SCHEMAS["countermand.profile-1"]["properties"]["lanes"]["additionalProperties"]
    assert documented("lanes.md", "Fields of a lane") == set(lane["properties"])
    names = SCHEMAS["countermand.service-1"]["properties"]["names"]["items"]["properties"]
    assert documented("json-lines.md", "States") == {*names["state"]["properties"]}


def test_the_schemas_are_schemas() -> None:
    assert len(SCHEMAS) > 15
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"{name}.json"
        word = schema["properties"].get("schema", {}).get("const", name)
        assert word.replace("/", "-") == name
    # The published ones let a later version add fields.
    line = {"schema": "countermand.input/1", "left_out": {}, "later": 1}
    Draft202012Validator(SCHEMAS["countermand.input-1"], registry=REGISTRY).validate(line)
    with pytest.raises(ValidationError):
        check(line)
    with pytest.raises(ValidationError):
        check({"schema": "countermand.input/1"})


def test_every_schema_of_the_page_has_a_file() -> None:
    page = (FOLDER.parent / "json-lines.md").read_text("utf-8")
    words = {name.replace("-", "/") for name in SCHEMAS if name.startswith("countermand.")}
    assert {word for word in words if f"`{word}`" not in page} == set()


def lines(emulator: Emulator, *command: str | Path, stdin: str = "") -> Counter[str]:
    """The schemas of what the command prints, all of it valid."""
    done = subprocess.run(
        [COMMAND, *command],
        env=environment(emulator.endpoint, emulator.token),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = Counter(check(json.loads(line)) for line in done.stdout.splitlines())
    assert found, done.stderr
    return found


def test_what_the_command_prints_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Emulator(devices=4, pending=2, seed=3) as emulator:
        names = [emulator.add(fate) for fate in ("cancellable", "completes", "fails", "vanishes")]
        gone = f"{emulator.enterprise}/devices/0/operations/1"
        found = lines(emulator, "cancel", "--json", *names, gone, "--deadline", "3s")
        assert found == {"countermand.outcome/1": 5}
        found = lines(emulator, "get", "--json", *names, gone)
        assert found == {"countermand.operation/1": 5}
        assert lines(emulator, "list", "--json", names[0].device)
        assert lines(emulator, "find", "--json", emulator.enterprise)
        found = lines(emulator, "find", "--json", f"{emulator.enterprise}/devices/0")
        assert found == {"countermand.search/1": 1}
        pasted = "\n".join([*emulator.operations(), "not a name", "# remark", ""])
        found = lines(
            emulator, "cancel", "--json", "--skip-invalid", "--deadline", "2s", "-", stdin=pasted
        )
        assert found["countermand.outcome/1"] > 3
        table = f"serial,name\n1,\n2,{names[0]}\n"
        found = lines(emulator, "get", "--json", "-", stdin=table)
        assert found == {"countermand.input/1": 1, "countermand.operation/1": 1}
        emulator.add("stuck")
        emulator.add("completes")
        job = tmp_path / "wipes.job"
        plan = ("plan", "--json", "--output", job, "--deadline", "2s", emulator.enterprise)
        assert lines(emulator, *plan) == {"countermand.plan/1": 1}
        assert lines(emulator, "status", "--json", job) == {"countermand.status/1": 1}
        count = len(Client(endpoint=emulator.endpoint, token=emulator.token).open(job))
        confirm = f"{emulator.enterprise.rpartition('/')[2]}:{count}"
        apply = ("apply", "--json", job, "--confirm", confirm)
        assert lines(emulator, *apply)["countermand.outcome/1"] == count
        assert lines(emulator, "status", "--json", job) == {"countermand.status/1": 1}
        found = lines(emulator, "report", "--format", "ndjson", "--output", "-", job)
        assert found == {"countermand.row/1": count, "countermand.report/1": 1}
        emulator.accept_tokens([])
        found = lines(emulator, "cancel", "--json", *names)
        assert found == {"countermand.outcome/1": 4, "countermand.stopped/1": 1}
        assert lines(emulator, "simulate", "--json", "--operations", "2000") == {
            "countermand.simulation/1": 1
        }
        assert lines(emulator, "doctor", "--json") == {"countermand.doctor/1": 1}
        assert lines(emulator, "services", "--json")["countermand.service/1"] > 180


def planned(profile: Path) -> subprocess.CompletedProcess[str]:
    name = "enterprises/LC01/devices/d/operations/1"
    job = profile.with_suffix(".job")
    command = [COMMAND, "plan", name, "--output", job, "--profile", profile]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_profile_of_the_page_is_valid(tmp_path: Path) -> None:
    page = (FOLDER.parent / "lanes.md").read_text("utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    assert check(tomllib.loads(text)) == "countermand.profile/1"
    profile = tmp_path / "lanes.toml"
    profile.write_text(text, "utf-8")
    done = planned(profile)
    assert done.returncode == 0, done.stderr
    profile.with_suffix(".job").unlink()
    # The schema and the command refuse the same.
    for wrong in (
        'schema = "countermand.profile/2"\n',
        'colour = "red"\n',
        "lanes = 1\n",
        "[defaults]\nshare = 0\n",
        "[defaults]\nin_flight = 10001\n",
        '[defaults]\ndeadline = "5"\n',
        '[lanes."a b"]\n',
        "[lanes.a]\nparents = []\n",
        '[lanes.a]\nparents = ["enterprises//a"]\n',
        "[lanes.a]\ncredentials = {}\n",
        "[lanes.a]\ncredentials = { default = false }\n",
        '[lanes.a]\ncredentials = { file = "a", token_file = "b" }\n',
    ):
        head = "" if wrong.startswith("schema") else 'schema = "countermand.profile/1"\n'
        with pytest.raises(ValidationError):
            validate("countermand.profile-1", tomllib.loads(head + wrong))
        profile.write_text(head + wrong, "utf-8")
        done = planned(profile)
        assert done.returncode == 2, (wrong, done.stderr)
        assert str(profile) in done.stderr


def test_the_service_files_are_valid(tmp_path: Path) -> None:
    files = sorted((FOLDER.parent / "service-files").glob("*.json"))
    assert files
    for file in files:
        assert check(json.loads(file.read_text("utf-8"))) == "countermand.service/1"
        command = [COMMAND, "services", "--json", "--service-file", file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert check(json.loads(done.stdout)) == "countermand.service/1"
        # What is printed is a file as well.
        printed = tmp_path / file.name
        printed.write_text(done.stdout, encoding="utf-8")
        command = [COMMAND, "services", "--json", "--service-file", printed]
        again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert again.stdout == done.stdout


def test_the_schema_and_the_reader_refuse_the_same_states() -> None:
    form = json.loads((FOLDER.parent / "service-files" / "gemini.json").read_text("utf-8"))
    state = form["names"][0]["state"]
    for change in (
        {"path": None},
        {"path": ""},
        {"path": "metadata..state"},
        {"path": "states[0]"},
        {"create_time_path": "a."},
        {"cancelled": []},
        {"cancelled": ["A", "A"]},
        {"completed": ["A B"]},
        {"failed": [1]},
        {"failed": "A"},
        {"cancel_answer": "nothing"},
        {"project_path": "project"},
        {"project_path": "project.", "id_path": "id"},
        {"answer": "empty"},
    ):
        merged = {key: value for key, value in (state | change).items() if value is not None}
        wrong = form | {"names": [form["names"][0] | {"state": merged}]}
        with pytest.raises(ValidationError):
            check(wrong)
        with pytest.raises(ValueError, match=r"`names\[0\]\.state\."):
            Service.from_json(json.dumps(wrong))


def test_what_the_demo_prints_last_is_valid(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "demo", "--json"], cwd=tmp_path, capture_output=True, timeout=120, check=False
    )
    lines = [check(json.loads(line)) for line in done.stdout.splitlines()]
    assert lines == ["countermand.demo/1"]


def test_what_the_emulator_prints_is_valid() -> None:
    command = [COMMAND, "emulator", "--json", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        process.kill()
    assert check(json.loads(line)) == "countermand.emulator/1"


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Rows of many kinds."""
    with Emulator(devices=5, pending=2, seed=3) as emulator:
        fates = ("completes", "fails", "stuck", "vanishes")
        names = [*emulator.operations(), *[emulator.add(fate) for fate in fates]]
        names.append(OperationName(f"{emulator.enterprise}/devices/0/operations/1"))
        with Client(endpoint=emulator.endpoint, token=emulator.token) as client:
            items = [*client.find(enterprises=emulator.enterprise), *names]
            job = client.plan(tmp_path / "x.job", items, deadline=2.0, quota="none")
            made = job.apply(confirm=job.enterprises)
            assert check(job.status().to_dict()) == "countermand.status/1"
            assert check(job.estimate().to_dict()) == "countermand.estimate/1"
            return made


def test_rows_are_those_of_the_command(report: Report, tmp_path: Path) -> None:
    report.save(tmp_path / "x.ndjson", format="ndjson")
    printed = [json.loads(line) for line in (tmp_path / "x.ndjson").read_text("utf-8").splitlines()]
    assert [row.to_dict() for row in report] == printed[:-1]
    assert {row["state"] for row in printed[:-1]} >= {"cancelled", "completed", "error", "pending"}
    assert [json.loads(row.to_json()) for row in report] == printed[:-1]
    assert {check(row) for row in printed} == {"countermand.row/1", "countermand.report/1"}


def test_outcomes_and_progress_are_valid(emulator: Emulator, client: Client) -> None:
    seen: list[Progress] = []
    names = [emulator.add(fate) for fate in ("cancellable", "completes", "vanishes", "stuck")]
    results = dict(client.countermand_all(names, progress=seen.append))
    assert {*results} == {*names}
    for name, result in results.items():
        assert isinstance(result, Outcome)
        assert result.name == name
        assert check(result.to_dict()) == "countermand.outcome/1"
        assert json.loads(result.to_json()) == result.to_dict()
    assert results[names[0]].to_dict()["verdict"] == "cancelled"
    assert seen
    for progress in seen:
        assert check(progress.to_dict()) == "countermand.progress/1"
    [found] = [item for item in client.find(devices=names[3].device) if item.name == names[3]]
    assert check(found.to_dict()) == "countermand.operation/1"
    assert found.to_dict()["operation"]["metadata"]["type"] == found.type


def test_an_outcome_of_the_command_is_that_of_python(emulator: Emulator, client: Client) -> None:
    name = emulator.add("fails", code=9)
    ours = client.countermand(name).to_dict()
    theirs = subprocess.run(
        [COMMAND, "get", "--json", name],
        env=environment(emulator.endpoint, emulator.token),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ours["verdict"] == "failed"
    assert json.loads(theirs.stdout)["operation"] == ours["operation"]


def raised(emulator: Emulator, client: Client, tmp_path: Path) -> list[CountermandError]:
    """Errors of each kind of attribute."""
    job = client.plan(tmp_path / "a.job", [emulator.add(), emulator.add()])
    (tmp_path / "b.job").write_text("no job")
    unknown = f"{emulator.enterprise}/devices/0/operations/1"
    other = emulator.add(quirks={"other_name": True})
    calls = [
        lambda: client.get("enterprises/e/devices/../operations/o"),
        lambda: client.get(unknown),
        lambda: client.get(other),
        lambda: client.open(tmp_path / "none.job"),
        lambda: client.open(tmp_path / "b.job"),
        lambda: job.apply(),
        lambda: Client(token="t", endpoint="nowhere"),
        lambda: Client(token=emulator.token, endpoint=emulator.endpoint).get("x"),
    ]
    found = []
    for call in calls:
        with pytest.raises(CountermandError) as caught:
            call()
        found.append(caught.value)
    emulator.faults([{"fault": "scope-insufficient", "times": None}])
    for method in (client.get, client.countermand):
        with pytest.raises(CountermandError) as caught:
            method(job_name := emulator.operations()[0])
        assert caught.value.operation == job_name
        found.append(caught.value)
    holder = job_errors.LockOwner(17, "host", job.created)
    found.append(job_errors.JobLocked("in use", path=tmp_path / "a.job", holder=holder))
    return found


def test_errors_are_whole_after_json_and_pickle(
    emulator: Emulator, client: Client, tmp_path: Path
) -> None:
    found = raised(emulator, client, tmp_path)
    assert {type(error) for error in found} >= {
        errors.InvalidName,
        errors.NotFound,
        errors.Misattributed,
        errors.PermissionDenied,
        errors.InvalidEndpoint,
        job_errors.JobNotFound,
        job_errors.NotConfirmed,
        job_errors.JobLocked,
    }
    for error in found:
        # What Celery does with its serializer json.
        again = type(error)(*json.loads(json.dumps(error.args)))
        for other in (again, pickle.loads(pickle.dumps(error))):
            assert type(other) is type(error)
            assert vars(other) == vars(error)
            assert [type(value) for value in vars(other).values()] == [
                type(value) for value in vars(error).values()
            ]
            assert (str(other), repr(other), other.args) == (str(error), repr(error), error.args)
            assert other.to_dict() == error.to_dict()
            # OSError has a number where it is given two arguments.
            assert getattr(other, "errno", None) is None
        validate_error(error)


def validate_error(error: CountermandError) -> None:
    assert json.loads(error.to_json()) == error.to_dict()
    Draft202012Validator(SCHEMAS["error"], registry=REGISTRY).validate(error.to_dict())


def test_the_error_of_an_outcome_is_that_of_the_command(emulator: Emulator, client: Client) -> None:
    emulator.faults([{"fault": "forbidden-enterprise", "times": None}])
    name = emulator.add()
    with pytest.raises(errors.PermissionDenied) as caught:
        client.countermand(name)
    done = subprocess.run(
        [COMMAND, "cancel", "--json", name],
        env=environment(emulator.endpoint, emulator.token),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout.splitlines()[0])["error"] == caught.value.to_dict()


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_can_be_patched_and_referred_to_weakly(
    emulator: Emulator, kind: type[Client | AsyncClient]
) -> None:
    client = kind(endpoint=emulator.endpoint, token=emulator.token)
    assert weakref.ref(client)() is client
    with mock.patch.object(client, "countermand", return_value=Verdict.GONE) as patched:
        assert result(client.countermand("x")) is Verdict.GONE
    patched.assert_called_once_with("x")
    with mock.patch.object(kind, "cancel", autospec=True) as patched:
        result(client.cancel("x"))
    patched.assert_called_once_with(client, "x")
    assert client.cancel.__name__ == "cancel"


def test_what_a_client_gives_can_be_patched_copied_and_referred_to_weakly(
    emulator: Emulator, client: Client, path: Path
) -> None:
    job = client.plan(path, [emulator.add()])
    find, report = client.find(enterprises=emulator.enterprise), job.report()
    for given, method in ((job, "apply"), (find, "raise_for_failures"), (report, "save")):
        assert weakref.ref(given)() is given
        with mock.patch.object(given, method, return_value=7) as patched:
            assert getattr(given, method)() == 7
        patched.assert_called_once_with()
    assert copy.copy(report) is copy.deepcopy(report) is report


def result(called: Any) -> Any:
    """The result of a call of either client."""
    return asyncio.run(called) if asyncio.iscoroutine(called) else called


def test_rows_of_names_that_no_lane_takes_are_of_the_schema(tmp_path: Path) -> None:
    with Emulator(devices=1) as emulator:
        profile = Profile.parse(
            f'schema = "countermand.profile/1"\n[lanes.north]\nendpoint = "{emulator.endpoint}"\n'
            f'parents = ["{emulator.enterprise}"]\ncredentials = {{ token_file = "token" }}\n',
            path=tmp_path / "lanes.toml",
        )
        (tmp_path / "token").write_text(emulator.token, "utf-8")
        (tmp_path / "token").chmod(0o600)
        lane = profile.lanes["north"]
        begin(tmp_path / "journals", [lane])
        other = "enterprises/none/devices/d/operations/1"
        names = [*emulator.operations(), "junk", other]
        rows = [*countermand_all(lane, names, journal=tmp_path / "journals")]
        with pytest.raises(ProfileError) as raised:
            profile.lane_of(other)
        rows.append(refused(other, raised.value))
    assert len(rows) == 4
    for row in rows:
        # The error of a value that is no name has more.
        Draft202012Validator(SCHEMAS["countermand.row-1"], registry=REGISTRY).validate(row)
