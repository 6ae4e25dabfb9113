"""Profiles and lanes: a client for each lane, jobs whose lanes run side by side."""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from countermand import AsyncClient, Client, CountermandError, Verdict, errors, job_errors
from countermand.lanes import Profile, ProfileError
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("north", "south")


class Two:
    """Two servers with their own tokens, and a profile that has a lane for each."""

    def __init__(self, folder: Path, emulators: list[Emulator]) -> None:
        self.folder, self.emulators = folder, emulators
        self.path = folder / "lanes.toml"
        self.write()

    def write(self, more: str = "", **credentials: str) -> None:
        """Writes the profile; ``credentials`` are those of a lane."""
        text = 'schema = "countermand.profile/1"\n[defaults]\nquota = "none"\nin_flight = 8\n'
        text += 'deadline = "7s"\n'
        for name, emulator in zip(NAMES, self.emulators, strict=True):
            (self.folder / name).write_text(emulator.token, "utf-8")
            (self.folder / name).chmod(0o600)
            place = credentials.get(name, f'{{ token_file = "{name}" }}')
            text += f'[lanes.{name}]\nproject = "{name}"\nparents = ["{emulator.enterprise}"]\n'
            text += f'endpoint = "{emulator.endpoint}"\n'
            text += f"credentials = {place}\n" if place else ""
        self.path.write_text(text + more, "utf-8")

    @property
    def names(self) -> list[str]:
        return [name for emulator in self.emulators for name in emulator.operations()]

    @property
    def requests(self) -> int:
        return sum(len(emulator.audit()) for emulator in self.emulators)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with (
        Emulator(devices=5, pending=2, seed=1, token="token-of-the-north") as north,
        Emulator(devices=3, pending=2, seed=2, token="token-of-the-south") as south,
    ):
        yield Two(tmp_path, [north, south])


def command(*args: object, names: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command of this package."""
    return subprocess.run(
        [sys.executable, "-m", "countermand", *map(str, args)],
        input="\n".join(names or []),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_profile_has_its_lanes(two: Two) -> None:
    profile = Profile.load(two.path)
    assert [*profile.lanes] == [*NAMES]
    assert profile.path == two.path
    north = profile.lanes["north"]
    assert (north.name, north.project, north.service) == ("north", "north", "androidmanagement.v1")
    assert north.parents == (two.emulators[0].enterprise,)
    assert north.endpoint == two.emulators[0].endpoint + "/v1"
    assert (north.quota, north.share) == (None, 0.8)
    assert north.credentials == ("token_file", str(two.folder / "north"))
    for emulator, name in zip(two.emulators, NAMES, strict=True):
        operation = emulator.operations()[0]
        with Client(endpoint=emulator.endpoint, token=emulator.token) as client:
            for given in (str(operation), operation, client.get(operation)):
                assert profile.lane_of(given) == profile.lanes[name]
    with pytest.raises(ProfileError, match=r"enterprises/other/.* belongs to no lane"):
        profile.lane_of("enterprises/other/devices/d/operations/1")
    with pytest.raises(errors.InvalidName):
        profile.lane_of("no name")
    assert two.requests == len(NAMES)


def test_where_a_profile_is_found(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Profile.load().lanes == {}
    folder = two.folder / "countermand"
    folder.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(two.folder))
    (folder / "prod.toml").write_text(two.path.read_text("utf-8"), "utf-8")
    assert Profile.load().lanes == {}
    assert [*Profile.load("prod").lanes] == [*NAMES]
    monkeypatch.setenv("COUNTERMAND_PROFILE", "prod")
    assert [*Profile.load().lanes] == [*NAMES]
    assert Profile.load("none").lanes == {}
    monkeypatch.delenv("COUNTERMAND_PROFILE")
    (folder / "prod.toml").rename(folder / "config.toml")
    assert [*Profile.load().lanes] == [*NAMES]
    # A path is a file, whatever it looks like; without profile= a client has none.
    with pytest.raises(ProfileError, match="cannot be read"):
        Profile.load(folder / "config")
    monkeypatch.setenv("COUNTERMAND_PROFILE", "prod")
    assert Client(token="t").endpoint == "https://androidmanagement.googleapis.com/v1"


def test_mistakes_of_a_profile_name_their_place_and_no_secret(two: Two) -> None:
    secret = "ya29.a0AfH6SMBx9-Q7r2kLmNoPqRsTuVwXyZ0123456789"
    for more, part in [
        ("region = 7\n", "lanes.toml, lane south: region: expected a text, found a number"),
        ("colour = 'red'\n", "lane south: colour: there is no such field"),
        (f"subject = '{secret}'\n", "lane south: subject: it looks like"),
        ("share = 2\n", "lane south: share: "),
    ]:
        two.write(more)
        with pytest.raises(ProfileError) as raised:
            Profile.load(two.path)
        assert part in str(raised.value)
        assert raised.value.path == two.path
        assert raised.value.lane == "south"
        assert secret not in repr(raised.value) + str(raised.value.args)
        # The command says the same.
        run = command("plan", "-", "--output", two.folder / "a.job", "--profile", two.path)
        assert run.returncode == 2
        assert f"error: {raised.value}; nothing was sent" in run.stderr.replace("\\\\", "\\")
    assert two.requests == 0


def test_lanes_pickle_without_secrets(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile.load(two.path)
    pickled = pickle.dumps((profile, *profile.lanes.values()))
    assert b"token-of" not in pickled
    monkeypatch.chdir("/")
    again, north, south = pickle.loads(pickled)
    assert again == profile
    assert hash(again) == hash(profile)
    assert {north, south} == {*profile.lanes.values()}
    assert north != south
    # Each has all that its client needs.
    with Client(lane=north) as client:
        assert client.countermand(two.emulators[0].operations()[0]).verdict
        assert pickle.loads(pickle.dumps(client)).endpoint == client.endpoint
        assert "token-of" not in repr(client)
    with pytest.raises(dataclasses.FrozenInstanceError):
        north.name = "other"  # type: ignore[misc]


def test_a_lane_cannot_be_changed(two: Two) -> None:
    """It would look like one lane and go the way of another."""
    north, south = Profile.load(two.path).lanes.values()
    for change in (
        {"endpoint": south.endpoint},
        {"parents": ("enterprises/other",)},
        {"credentials": south.credentials},
        {"name": "../x"},
        {"share": 0.1},
        {"_text": south._text},
    ):
        with pytest.raises(TypeError, match="cannot be changed: read a profile"):
            dataclasses.replace(north, **change)
    assert dataclasses.replace(north) == north
    assert two.requests == 0


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_each_call_goes_to_its_lane(two: Two, kind: type[Client | AsyncClient]) -> None:
    """Fault 57: the token of a lane never goes to another's server."""
    names = [emulator.operations()[0] for emulator in two.emulators]

    async def run() -> None:
        async with AsyncClient(profile=two.path) as client:
            for name in names:
                await client.cancel(name)
                assert (await client.countermand(name)).verdict

    if kind is AsyncClient:
        asyncio.run(run())
    else:
        with Client(profile=Profile.load(two.path)) as client:
            for name in names:
                client.cancel(name)
                assert client.countermand(name).verdict
                assert client.get(name).name == name
            devices = [str(name).rpartition("/operations/")[0] for name in names]
            assert all([*client.list_operations(device)] for device in devices)
            with pytest.raises(ProfileError, match="belongs to no lane"):
                client.get("enterprises/other/devices/d/operations/1")
            with pytest.raises(ValueError, match="names of one lane"):
                next(iter(client.countermand_all(names)))
    for emulator in two.emulators:
        assert emulator.audit()
        assert {row["status"] for row in emulator.audit()} == {200}


def test_the_client_of_one_lane(two: Two) -> None:
    profile = Profile.load(two.path)
    north = two.emulators[0]
    for client in (Client(lane=profile.lanes["north"]), Client(profile=profile, lane="north")):
        assert client.endpoint == north.endpoint + "/v1"
        results = dict(client.countermand_all(north.operations()[:2]))
        assert {isinstance(result, CountermandError) for result in results.values()} == {False}
        with pytest.raises(ProfileError, match="there is the lane north"):
            client.cancel(two.emulators[1].operations()[0])
    assert not two.emulators[1].audit()
    for problem, settings in [
        ("no lane 'west'; its lanes are north, south", {"profile": profile, "lane": "west"}),
        ("no lane of the service documentai", {"profile": profile, "service": "documentai"}),
        (r"token=\.\.\. has no effect", {"profile": profile, "token": "ya29.x"}),
        (
            r"quota_project=\.\.\. has no effect",
            {"lane": profile.lanes["north"], "quota_project": "p"},
        ),
    ]:
        with pytest.raises(ValueError, match=problem):
            Client(**settings)
    for settings in [{"lane": "north"}, {"lane": 7, "profile": profile}]:
        with pytest.raises(TypeError, match="lane"):
            Client(**settings)


@pytest.mark.parametrize("known", [True, False])
def test_the_client_of_one_lane_cancels_names_of_that_lane_alone(two: Two, *, known: bool) -> None:
    """A name of another lane is not sent, whether or not the lane's own server has it."""
    north, south = two.emulators
    own = north.operations()
    device = "enterprises/LCsecond/devices/a"
    other = north.add("cancellable", device=device) if known else south.operations()[0]
    with Client(profile=two.path, lane="north") as client:
        results = dict(client.countermand_all([*own, other]))
    assert isinstance(results.pop(other), ProfileError)
    assert {str(name) for name in results} == {*map(str, own)}
    assert all(
        ":cancel" not in row["path"] or "LCsecond" not in row["path"] for row in north.audit()
    )
    assert not [row for row in south.audit() if row["status"]]


def test_a_job_runs_its_lanes_side_by_side(two: Two, tmp_path: Path) -> None:
    profile, path, names = Profile.load(two.path), tmp_path / "a.job", two.names
    with Client(profile=profile) as client:
        job = client.plan(path, names)
        assert job.lanes == NAMES
        assert two.requests == 0
        report = job.apply(confirm=job.enterprises)
        assert {str(row.name) for row in report} == {*map(str, names)}
        assert {row.verdict for row in report} >= {Verdict.CANCELLED}
        status = job.status().to_dict()
        assert [lane["name"] for lane in status["lanes"]] == [*NAMES]
    for emulator in two.emulators:
        assert {row["status"] for row in emulator.audit()} == {200}
    # The command makes the same job of the same names.
    other = tmp_path / "b.job"
    run = command("plan", "-", "--output", other, "--profile", two.path, "--json", names=names)
    assert run.returncode == 0, run.stderr
    with Client(profile=profile) as client:
        same = client.open(other)
        # The digest is also over the settings, which are those of the profile.
        assert (same.lanes, same.digest) == (job.lanes, job.digest)
        assert client.plan(tmp_path / "c.job", names, deadline=9).digest != job.digest
        own = client.open(path).status().to_dict()["lanes"]
        theirs = same.status().to_dict()["lanes"]
        for lane in (*own, *theirs):
            del lane["counts"]
        assert own == theirs


@pytest.mark.parametrize("lane", [0, 1])
def test_a_lane_that_is_refused_stops_alone(two: Two, tmp_path: Path, lane: int) -> None:
    profile = Profile.load(two.path)
    names = two.names
    refused, other = two.emulators[lane], two.emulators[1 - lane]
    (two.folder / NAMES[lane]).write_text("another-token", "utf-8")
    with Client(profile=profile) as client:
        report = client.plan(tmp_path / "a.job", names).apply(
            confirm={emulator.enterprise: len(emulator.operations()) for emulator in two.emulators}
        )
        states = {str(row.name): row.state for row in report}
        assert not {states[name] for name in refused_names(names, refused)} - {"unsent", "error"}
        assert not {states[name] for name in refused_names(names, other)} & {"unsent", "error"}
        assert {row["status"] for row in other.audit()} == {200}
        # Once it is mended, the same job goes on.
        (two.folder / NAMES[lane]).write_text(refused.token, "utf-8")
        job = client.open(tmp_path / "a.job")
        report = job.apply(confirm=job.enterprises)
        assert not {row.state for row in report} & {"unsent", "error"}


def refused_names(names: list[str], emulator: Emulator) -> list[str]:
    return [name for name in map(str, names) if name.startswith(emulator.enterprise + "/")]


def test_a_job_does_not_say_where_its_lanes_are(two: Two, tmp_path: Path) -> None:
    """Fault 57: lanes of other owners, endpoints or names are refused."""
    path = tmp_path / "a.job"
    Client(profile=two.path).plan(path, two.names)
    text = two.path.read_text("utf-8")
    north, south = (emulator.endpoint for emulator in two.emulators)
    swapped = text.replace(north, "X").replace(south, north).replace("X", south)
    for changed, kind in [
        (text.replace("[lanes.north]", "[lanes.west]"), job_errors.OtherLane),
        (text.replace('project = "north"', 'project = "west"'), job_errors.OtherLane),
        (swapped, job_errors.OtherEndpoint),
    ]:
        client = Client(profile=Profile.parse(changed, path=two.path))
        job = client.open(path)
        with pytest.raises(kind):
            job.apply(confirm=job.enterprises)
    with Client(endpoint=north, token="t") as client, pytest.raises(job_errors.OtherLane) as raised:
        client.open(path).apply()
    assert raised.value.lane in NAMES
    assert two.requests == 0


def test_names_that_fit_no_lane_are_refused_with_all_others(two: Two, tmp_path: Path) -> None:
    names = [*two.names, "enterprises/other/devices/d/operations/1"]
    with Client(profile=two.path) as client, pytest.raises(ProfileError) as raised:
        client.plan(tmp_path / "a.job", names)
    run = command("plan", "-", "--output", tmp_path / "a.job", "--profile", two.path, names=names)
    assert f"error: {raised.value}; nothing was sent" in run.stderr
    assert not (tmp_path / "a.job").exists()
    assert two.requests == 0


def test_a_search_runs_its_lanes_side_by_side(two: Two, tmp_path: Path) -> None:
    enterprises = [emulator.enterprise for emulator in two.emulators]
    names = {*map(str, two.names)}
    with Client(profile=two.path) as client:
        find = client.find(enterprises=enterprises)
        assert {str(found.name) for found in find} == names
        job = client.plan(tmp_path / "a.job", find)
        assert (job.operations, job.lanes) == (len(names), NAMES)
        other = Client(endpoint=two.emulators[0].endpoint, token="t")
        with pytest.raises(ValueError, match="other lanes"):
            other.plan(tmp_path / "b.job", find)
        report = client.rescue(tmp_path / "c.job", enterprises)
        assert {str(row.name) for row in report} == names
        assert client.open(tmp_path / "c.job").lanes == NAMES
    for emulator in two.emulators:
        assert {row["status"] for row in emulator.audit()} == {200}


def test_credentials_that_are_missing_leave_nothing_behind(two: Two, tmp_path: Path) -> None:
    (two.folder / "south").unlink()
    enterprises = [emulator.enterprise for emulator in two.emulators]
    with Client(profile=two.path) as client:
        with pytest.raises(errors.CredentialsError, match="lane south: cannot read"):
            client.rescue(tmp_path / "a.job", enterprises)
        assert not (tmp_path / "a.job").exists()
        with pytest.raises(errors.CredentialsError, match="lane south: cannot read"):
            client.get(two.emulators[1].operations()[0])
        # The other lane needs them not.
        assert client.get(two.emulators[0].operations()[0])
    # Those of the caller are for lanes that have none.
    two.write(south="")
    south = two.emulators[1]
    with Client(profile=two.path, token=south.token) as client:
        assert client.get(south.operations()[0])
        assert client.get(two.emulators[0].operations()[0])
    for emulator in two.emulators:
        assert {row["status"] for row in emulator.audit()} == {200}
