"""The shared vectors, through the Python API."""

from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from countermand import Client, CountermandError, Operation, OperationName
from countermand.errors import InvalidName
from countermand.sansio import (
    Cancellation,
    Done,
    Send,
    Wait,
    build_cancel,
    build_get,
    build_get_device,
    build_list_operations,
    parse_cancel,
    parse_device,
    parse_operation,
    parse_operations,
)

from conftest import cases

NAME = "enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669"
DEVICE = NAME.rsplit("/operations/", 1)[0]


def assert_shows(message: str) -> None:
    """A message that a terminal shows unchanged."""
    assert not [char for char in message if unicodedata.category(char) in ("Cc", "Cf")]


def body(case: dict[str, Any]) -> bytes:
    if "body_hex" in case:
        return bytes.fromhex(case["body_hex"])
    if "body_repeat" in case:
        text, times = case["body_repeat"]
        return str(text * times).encode()
    if "body" not in case and case["status"] >= 400:
        # An error without other contents has the envelope of the API.
        return json.dumps({"error": {"code": case["status"]}}).encode()
    return str(case.get("body", "")).encode()


@pytest.mark.parametrize("case", cases("names.json"), ids=lambda case: ascii(case["name"])[:60])
def test_name(case: dict[str, Any]) -> None:
    if "refused" not in case:
        name = OperationName(case["name"])
        assert str(name) == case["name"]
        assert name.enterprise == f"enterprises/{case['enterprise']}"
        assert name.device == f"{name.enterprise}/devices/{case['device']}"
        assert name.operation == case["operation"]
        assert build_cancel(name).url.endswith(f"/v1/{case['encoded']}:cancel")
        return
    with pytest.raises(InvalidName) as caught:
        OperationName(case["name"])
    assert (caught.value.kind, caught.value.at) == (case["refused"], case["at"])
    assert caught.value.expected in str(caught.value)
    assert_shows(str(caught.value))


@pytest.mark.parametrize("case", cases("given.json"), ids=lambda case: ascii(case["given"])[-60:])
def test_fault_64_a_name_as_people_paste_it(case: dict[str, Any], tmp_path: Path) -> None:
    places = {key: case[key] for key in ("endpoint", "service") if key in case}
    with Client(**places, token="token") as client:
        if "refused" not in case:
            job = client.plan(tmp_path / "a.job", [case["given"]])
            assert [str(row.name) for row in job.report()] == [case["name"]]
            return
        with pytest.raises(InvalidName) as caught:
            client.plan(tmp_path / "a.job", [case["given"]])
        assert caught.value.kind == case["refused"]
        with pytest.raises(InvalidName) as caught:
            client.cancel(case["given"])
        assert caught.value.kind == case["refused"]
        ((given, error),) = client.countermand_all([case["given"]])
        assert given == case["given"]
        assert isinstance(error, InvalidName)
        assert error.position == 1


@pytest.mark.parametrize("case", cases("requests.json"), ids=lambda case: case["url"][-60:])
def test_request(case: dict[str, Any]) -> None:
    if case["call"] == "list_operations":
        request = build_list_operations(
            case["name"],
            case["endpoint"],
            page_size=case["page_size"],
            page_token=case["page_token"],
            filter=case.get("filter"),
        )
    else:
        build = {"cancel": build_cancel, "get": build_get, "get_parent": build_get_device}
        request = build[case["call"]](case["name"], case["endpoint"])
    assert (request.method, request.url) == (case["method"], case["url"])
    assert dict(request.headers) == case["headers"]


@pytest.mark.parametrize("case", cases("responses.json"), ids=lambda case: json.dumps(case)[:60])
def test_response(case: dict[str, Any]) -> None:
    answer = (case["status"], case.get("headers", {}), body(case))
    expect = case["expect"]
    try:
        match case["parser"]:
            case "cancel":
                parse_cancel(NAME, *answer)
                assert expect == {"ok": True}
            case "device":
                parse_device(DEVICE, *answer)
                assert expect == {"ok": True}
            case "operation":
                check_operation(parse_operation(NAME, *answer), expect)
            case "operations":
                operations, token = parse_operations(DEVICE, *answer)
                assert [str(operation.name) for operation in operations] == expect["names"]
                assert token == expect.get("next")
            case parser:
                pytest.fail(f"unknown parser {parser}")
    except CountermandError as error:
        check_error(error, expect)


def check_operation(operation: Operation, expect: dict[str, Any]) -> None:
    assert operation.verdict == expect["verdict"]
    assert operation.command_type == expect.get("type")
    created, duration = operation.create_time, operation.duration
    assert (created and round(created.timestamp() * 1000)) == expect.get("create_time_ms")
    assert (duration and round(duration * 1000)) == expect.get("duration_ms")
    if "absent" in expect:
        assert expect["absent"] not in f"{operation!r}{operation.to_dict()}"


def check_error(error: CountermandError, expect: dict[str, Any]) -> None:
    assert error.kind == expect["error"], error
    assert_shows(str(error))
    for key, value in expect.items():
        match key:
            case "error":
                pass
            case "message" | "advice":
                assert value in getattr(error, key)
            case "http_status" | "reason" | "failure_scope" | "key":
                assert getattr(error, key) == value, key
            case "rpc_status":
                assert error.status == value
            case "absent":
                assert value not in f"{error!r}{vars(error)}"
            case "quota_limit":
                pass  # for schedulers in Rust; an exception does not carry it
            case _:
                pytest.fail(f"unknown expectation {key}")


def act(step: Send, now: float, then: dict[str, Any]) -> Send | Wait | Done:
    if "transport" in then:
        return step.failed(now, then["transport"], "the test says so")
    return step.response(now, then["status"], then.get("headers", {}), body(then))


@pytest.mark.parametrize("case", cases("retry.json"), ids=lambda case: json.dumps(case)[:60])
def test_retry(case: dict[str, Any]) -> None:
    expect = case["then"]
    for seed in range(20):
        step = Cancellation(NAME).start(1000.0, seed)
        assert isinstance(step, Send)
        match act(step, 1000.0, case):
            case Wait() as wait:
                assert expect["step"] == "wait"
                pause = math.ceil(round((wait.until - 1000.0) * 1000, 6))
                assert expect["min_ms"] <= pause <= expect["max_ms"]
            case Send() as send:
                assert (expect["step"], expect["call"]) == ("send", send.call)
                assert send.transmit(1000.0).reauthorize == expect.get("reauthorize", False)
            case Done() as done:
                assert expect["step"] == "done"
                with pytest.raises(CountermandError) as caught:
                    done.result()
                assert caught.value.kind == expect["error"]


@pytest.mark.parametrize("case", cases("cancellation.json"), ids=lambda case: case["title"])
def test_cancellation(case: dict[str, Any]) -> None:
    policy = dict(case["policy"])
    settings: dict[str, Any] = {}
    if "deadline_ms" in policy:
        settings["deadline"] = policy.pop("deadline_ms") / 1000
    for pair in ("backoff", "poll_interval"):
        if f"{pair}_ms" in policy or f"{pair}_cap_ms" in policy:
            first, cap = policy.pop(f"{pair}_ms"), policy.pop(f"{pair}_cap_ms")
            settings[pair] = (first / 1000, cap / 1000)
    settings |= policy
    now = 0.0
    step = Cancellation(NAME, **settings).start(now, case["seed"])
    for row in case["steps"]:
        expect = row["expect"]
        if "send" in expect:
            assert isinstance(step, Send), f"{step!r}, expected {expect}"
            assert step.call == expect["send"]
            assert step.transmit(now).reauthorize == expect.get("reauthorize", False)
            step = act(step, now, row["then"])
        elif "wait" in expect:
            assert isinstance(step, Wait), f"{step!r}, expected {expect}"
            least, most = expect["wait"]
            pause = math.ceil(round((step.until - now) * 1000, 6))
            assert least <= pause <= most
            assert (step.error and step.error.kind) == expect["error"]
            now = step.until
            step = step.resume(now)
        else:
            assert isinstance(step, Done), f"{step!r}, expected {expect}"
            check_done(step, expect["done"])


def check_done(done: Done, expect: dict[str, Any]) -> None:
    result: Any
    try:
        result = done.result()
    except CountermandError as error:
        assert "verdict" not in expect, error
        result = error
        assert error.kind == expect["error"]
    else:
        assert result.verdict == expect["verdict"]
        assert (result.error and result.error.kind) == expect.get("error")
        assert result.error is None or result.error.maybe_delivered
        assert result.cancelled == (expect["verdict"] == "cancelled")
    for key in expect.keys() - {"verdict", "error"}:
        assert getattr(result, key) == expect[key], key
