"""A server that repeats the token of a request: the token is in no text that a program gets."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, CountermandError, Operation, Verdict, errors

from conftest import FREE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "ya29.a0/AfB_canary0123456789"
SPELLINGS = [TOKEN, TOKEN.replace("_", "%5F").replace(".", "%2e"), TOKEN.replace("/", "\\/")]
NOT_SHOWN = "the text is not shown, because it repeats the access token"
ENTERPRISE = "enterprises/e"
DEVICE = f"{ENTERPRISE}/devices/d"
NAMES = [f"{DEVICE}/operations/{number}" for number in range(3)]


class Repeating(ThreadingHTTPServer):
    """Answers with the token in each place where the API has a text, but for the second operation.

    The cancel of the third operation is refused. A list repeats the token the first time only.
    """

    def __init__(self, token: str) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.token = token
        self.listed: set[str] = set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Repeating

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.removeprefix("/v1/") == f"{NAMES[2]}:cancel":
            return self.refuse()
        return self.answer(200, "{}")

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].removeprefix("/v1/")
        if name.endswith("/devices"):
            devices = [f'{{"name": "{DEVICE}{end}"}}' for end in ("", "2")]
            self.answer_list("devices", devices, f'{{"name": "{DEVICE}-TOKEN"}}')
        elif name.endswith(f"{DEVICE}/operations"):
            found = [f'{{"name": "{name}", "metadata": {{"type": "WIPE"}}}}' for name in NAMES]
            self.answer_list("operations", found, f'{{"name": "{DEVICE}/operations/TOKEN"}}')
        elif name == NAMES[2] or name.startswith(f"{DEVICE}2"):
            self.refuse()
        elif name == NAMES[1]:
            self.answer(200, f'{{"name": "{name}", "done": true, "error": {{"code": 1}}}}')
        else:
            self.answer(
                200,
                f'{{"name": "{name}", "done": true, "error": {{"code": 1, "message": "by TOKEN"}},'
                '"metadata": {"type": "TOKEN", "createTime": "TOKEN", "TOKEN": "TOKEN"}}',
            )

    def answer_list(self, collection: str, entries: list[str], repeating: str) -> None:
        if collection not in self.server.listed:
            self.server.listed.add(collection)
            entries = [*entries, repeating]
        self.answer(200, f'{{"{collection}": [{", ".join(entries)}]}}')

    def refuse(self) -> None:
        info = '{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TOKEN"}'
        self.answer(
            400,
            '{"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "by TOKEN.", '
            f'"details": [{info}]}}}}',
        )

    def answer(self, status: int, body: str) -> None:
        content = body.replace("TOKEN", self.server.token).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@pytest.fixture(params=SPELLINGS, ids=["plain", "percent", "json"])
def repeating(request: pytest.FixtureRequest) -> Iterator[Repeating]:
    with Repeating(request.param) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Seen:
    """All texts that a program has seen; none of them may hold the token."""

    def __init__(self, spelling: str) -> None:
        self.texts: list[str] = []
        self._spelling = spelling

    def take(self, *values: Any) -> None:
        for value in values:
            self.texts += [str(value), repr(value)]
            if isinstance(value, BaseException):
                self.texts += [repr(vars(value)), *traceback.format_exception(value)]
            if isinstance(value, (CountermandError, Operation)):
                self.texts.append(pickle.dumps(value).decode("latin-1"))

    def raised(self, error: BaseException) -> None:
        self.take(error)
        for part in getattr(error, "exceptions", ()):
            self.raised(part)

    def check(self) -> None:
        text = "\n".join(self.texts)
        assert "canary" not in text
        assert self._spelling not in text
        assert self._spelling.encode("unicode_escape").decode() not in text
        assert NOT_SHOWN in text


def test_fault_55_a_token_that_answers_repeat_is_in_no_value_and_no_exception(
    repeating: Repeating,
) -> None:
    seen = Seen(repeating.token)
    with Client(endpoint=repeating.endpoint, token=TOKEN, max_attempts=1, deadline=1.0) as client:
        outcome = client.countermand(NAMES[0])
        assert outcome.verdict is Verdict.UNVERIFIED
        assert outcome.operation is None
        seen.take(client, outcome, outcome.error)
        with pytest.raises(errors.Malformed) as unreadable:
            client.get(NAMES[0])
        seen.raised(unreadable.value)
        outcome = client.countermand(NAMES[1])
        assert outcome.verdict is Verdict.CANCELLED
        assert outcome.operation
        seen.take(outcome.operation.to_dict(), outcome.operation.error)
        for refused in (client.cancel, client.get, client.countermand):
            with pytest.raises(errors.FailedPrecondition) as caught:
                refused(NAMES[2])
            seen.raised(caught.value)
        with pytest.raises(errors.Malformed) as unreadable:
            seen.take(*client.list_operations(DEVICE))
        seen.raised(unreadable.value)
        for name, result in client.countermand_all(NAMES):
            seen.take(name, result)
    seen.check()


def test_fault_55_a_token_that_answers_repeat_is_in_nothing_that_is_awaited(
    repeating: Repeating,
) -> None:
    seen = Seen(repeating.token)

    async def run() -> None:
        settings: dict[str, Any] = {"max_attempts": 2, "deadline": 1.0}
        async with AsyncClient(endpoint=repeating.endpoint, token=TOKEN, **settings) as client:
            seen.take(await client.countermand(NAMES[0]), await client.get(NAMES[1]))
            with pytest.raises(errors.FailedPrecondition) as caught:
                await client.cancel(NAMES[2])
            seen.raised(caught.value)
            async for name, result in client.countermand_all(NAMES):
                seen.take(name, result)
            find = client.find(enterprises=ENTERPRISE, **FREE)
            with pytest.warns(errors.SearchIncomplete) as warned:
                seen.take(*[item async for item in find])
            seen.take(*find.missed, *find.vanished, *(one.message for one in warned))

    asyncio.run(run())
    seen.check()


def test_fault_55_a_token_that_answers_repeat_is_in_no_job_and_no_report(
    repeating: Repeating, tmp_path: Path
) -> None:
    seen = Seen(repeating.token)
    client = Client(endpoint=repeating.endpoint, token=TOKEN, max_attempts=2)
    find = client.find(enterprises=ENTERPRISE, **FREE)
    with pytest.warns(errors.SearchIncomplete) as warned:  # noqa: PT031
        found = list(find)
        job = client.plan(tmp_path / "plan.job", find, deadline=1.0, **FREE)
        rescued = client.rescue(tmp_path / "rescue.job", ENTERPRISE, deadline=1.0, **FREE)
        report = job.apply(confirm=job.enterprises)
    assert [str(item.name) for item in found] == NAMES
    assert job.operations == len(rescued) == 3
    seen.take(*found, *find.missed, *find.vanished, *job.missed, job)
    seen.take(*(one.message for one in warned))
    assert report.states["cancelled"] == report.states["unverified"] == 1
    for kind, made in (("plan", report), ("rescue", rescued)):
        seen.take(made, made._repr_html_(), *made, *made.to_dicts(), *made.missed, *made.vanished)
        seen.take(client.open(tmp_path / f"{kind}.job").status())
        with pytest.raises(ExceptionGroup) as caught:
            made.raise_for_failures()
        seen.raised(caught.value)
        made.save(tmp_path / f"{kind}.html")
        made.save(tmp_path / f"{kind}.csv", format="csv")
        made.save(tmp_path / f"{kind}.ndjson", format="ndjson")
    seen.check()
    spellings = [TOKEN.encode(), repeating.token.encode()]
    spellings.append(json.dumps(repeating.token)[1:-1].encode())
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert len(files) >= 8
    for path in files:
        content = path.read_bytes()
        assert b"canary" not in content, path
        assert not [spelling for spelling in spellings if spelling in content], path
