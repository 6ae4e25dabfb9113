"""Names, operations and outcomes as Python values."""

from __future__ import annotations

import contextlib
import json
import pickle
import pkgutil
import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest

import countermand
from countermand import Client, Operation, OperationName, Outcome, Status, Verdict, errors, sansio
from countermand.errors import InvalidName, Malformed, Misattributed, NotFound
from countermand.testing import Emulator

NAME = "enterprises/LC01/devices/3f/operations/17"
JSON = {
    "name": NAME,
    "done": True,
    "error": {"code": 1, "message": "The command was cancelled."},
    "metadata": {
        "type": "WIPE",
        "createTime": "2026-08-06T20:38:43.669Z",
        "duration": "600s",
        "newPassword": "canary",
    },
}


def test_fault_61_a_repr_shows_what_is_there() -> None:
    kind = "WI\u202e\u2028PE\u3164\u034f\ufe0f\U000e0041\x9b"
    hidden = "enterprises/LC01/devices/\u3164\ufe0f3f/operations/17"
    operation = Operation.from_json(json.dumps({"name": hidden, "metadata": {"type": kind}}))
    for value in (operation.name, operation):
        text = repr(value)
        assert text.isascii(), text
        assert len(text.splitlines()) == 1
    assert eval(repr(operation.name)) == operation.name
    assert operation.command_type == kind


def test_objects_name_the_module_that_users_import() -> None:
    for module in (countermand, sansio, errors):
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type):
                found = value.__module__
                expected = errors.__name__ if issubclass(value, Exception) else module.__name__
                assert found == expected, f"{name}: {found}"
    hidden = [module.name for module in pkgutil.iter_modules(countermand.__path__)]
    assert [name for name in hidden if name.startswith("_")] == ["__main__", "_countermand"]


def test_completion_offers_what_is_public() -> None:
    assert countermand.Client is Client
    # Modules that are imported by now, as that of the client, are no names of the package.
    offered = {name for name in dir(countermand) if not name.startswith("_")}
    modules = {"errors", "job_errors", "lanes", "sansio", "testing"}
    assert offered == {name for name in countermand.__all__ if name != "__version__"} | modules
    assert "__version__" in dir(countermand)


def test_a_name_is_a_value() -> None:
    name = OperationName(NAME)
    assert (str(name), repr(name)) == (NAME, f"OperationName({NAME!r})")
    assert name == OperationName(name)
    assert name == NAME != OperationName(NAME + "0")
    assert len({name, OperationName(NAME), NAME}) == 1
    assert name < OperationName(NAME + "0") <= OperationName(NAME + "0")
    assert sorted([OperationName(NAME + "0"), name])[0] is name
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(name, protocol)) == name
    with pytest.raises(AttributeError):
        name.device = "x"  # type: ignore[misc]


def test_a_name_is_a_text_for_what_takes_texts() -> None:
    name = OperationName(NAME)
    assert json.loads(json.dumps({name: name})) == {NAME: NAME}
    assert {NAME: 1}[name] == 1
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        assert database.execute("select ? = ?", (name, NAME)).fetchone() == (1,)
    # What is made of it was not checked.
    assert type(str(name)) is type(f"{name}") is type(name + "0") is str
    device = NAME.rpartition("/operations/")[0]
    assert (name.enterprise, name.device, name.operation) == ("enterprises/LC01", device, "17")


def test_names_that_come_out_are_of_the_class(emulator: Emulator, client: Client) -> None:
    name = emulator.add("cancellable")
    outcome = client.countermand(name)
    assert outcome.operation is not None
    ((counted, _),) = client.countermand_all([str(emulator.add("cancellable"))])
    with pytest.raises(NotFound) as caught:
        client.get(f"{emulator.enterprise}/devices/0/operations/1")
    for given in (name, outcome.operation.name, counted, caught.value.operation):
        assert type(given) is OperationName
        assert given.operation == given.rpartition("/")[2]


def test_half_a_character_is_no_name() -> None:
    with pytest.raises(InvalidName) as caught:
        OperationName(NAME + "\udc80")
    assert (caught.value.kind, caught.value.at) == ("surrogate", len(NAME))
    assert caught.value.expected in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize("junk", [None, 17, NAME.encode(), [NAME]])
def test_junk_is_no_name(junk: Any) -> None:
    with pytest.raises(TypeError, match="a name is a str, not"):
        OperationName(junk)


def test_an_operation_is_a_value() -> None:
    operation = Operation.from_json(json.dumps(JSON))
    assert operation == Operation.from_json(json.dumps(JSON).encode())
    assert operation.name == OperationName(NAME)
    assert operation.done
    assert operation.error == Status(1, "The command was cancelled.")
    assert operation.verdict is Verdict.CANCELLED
    assert (operation.command_type, operation.duration) == ("WIPE", 600.0)
    assert operation.create_time == datetime(2026, 8, 6, 20, 38, 43, 669000, UTC)
    assert (operation.error_code, operation.has_response) == (None, False)
    expected = json.loads(json.dumps(JSON))
    del expected["metadata"]["newPassword"]
    assert operation.to_dict() == expected
    assert "canary" not in repr(operation)
    assert "canary" not in repr(pickle.dumps(operation))
    assert len({operation, pickle.loads(pickle.dumps(operation))}) == 1


def test_an_operation_has_one_result() -> None:
    completed = {key: value for key, value in JSON.items() if key != "error"} | {"response": {}}
    operation = Operation.from_json(json.dumps(completed))
    assert (operation.has_response, operation.verdict) == (True, Verdict.COMPLETED)
    assert pickle.loads(pickle.dumps(operation)) == operation
    assert operation != Operation.from_json(json.dumps(JSON))
    # Both contradict each other, and prove nothing.
    with pytest.raises(Malformed, match="both an error and a response"):
        Operation.from_json(json.dumps({**JSON, "response": {}}))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 7}', '{"name": "x"}'])
def test_what_is_no_operation(text: str) -> None:
    with pytest.raises(ValueError, match=r"EOF|expected enterprises/"):
        Operation.from_json(text)


def test_an_operation_with_a_wrong_type() -> None:
    with pytest.raises(Malformed):
        Operation.from_json(json.dumps({"name": NAME, "done": "yes"}))


def test_a_time_beyond_the_calendar_is_none() -> None:
    text = json.dumps({"name": NAME, "metadata": {"createTime": "-000001-01-01T00:00:00Z"}})
    assert Operation.from_json(text).create_time is None


def test_an_outcome_is_a_value(emulator: Emulator, client: Client) -> None:
    outcome = client.countermand(emulator.add("vanishes"))
    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.cancelled, outcome.parent_exists) == ("gone", False, True)
    assert isinstance(outcome.error, NotFound)
    again = pickle.loads(pickle.dumps(outcome))
    assert (again.verdict, again.attempts) == (outcome.verdict, outcome.attempts)
    assert vars(again.error) == vars(outcome.error)
    with pytest.raises(AttributeError):
        outcome.verdict = Verdict.CANCELLED  # type: ignore[misc]


def test_verdicts_are_words() -> None:
    assert [str(verdict) for verdict in Verdict] == [
        "cancelled",
        "completed",
        "failed",
        "expired",
        "pending",
        "gone",
        "unverified",
    ]


def test_exceptions_pickle() -> None:
    found = OperationName(NAME + "0")
    error = Misattributed("message", operation=OperationName(NAME), attempts=3, found=found)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (Misattributed, "message", vars(error))
