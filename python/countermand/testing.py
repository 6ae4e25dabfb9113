"""An Android Management API for tests, or another service, which misbehaves on request.

>>> from countermand import Client
>>> from countermand.testing import Emulator
>>> with Emulator(devices=0) as emulator:
...     name = emulator.add("completes")
...     with Client(endpoint=emulator.endpoint, token=emulator.token) as client:
...         print(client.countermand(name).verdict)
completed

The pytest fixture ``countermand_emulator`` is one of them, fresh for each test;
``countermand_session_emulator`` is one for all.
``countermand_client`` and ``countermand_async_client`` are clients of it; with
``countermand_environment`` a client that is given nothing is one as well.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from . import _countermand
from .operation_name import OperationName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Self, TypeAlias

    from .service import Service

    _Fate: TypeAlias = Literal[
        "acknowledged",
        "cancellable",
        "completes",
        "expires",
        "fails",
        "purged",
        "stuck",
        "vanishes",
        "wiped",
    ]
    _Credentials: TypeAlias = Literal[
        "authorized_user",
        "external_account",
        "impersonated_service_account",
        "service_account",
    ]

__all__ = ["Emulator"]

_STATES = ("pending", "cancelled", "completed", "failed", "expired", "gone")
_LONGEST = 1e11
"""Seconds that a clock may be moved at once."""


class Emulator:
    """A server on a free port of this machine, in this process, until it is closed.

    The fleet depends on the seed and on nothing else but the time at the start, from which the
    ids of operations are made.
    """

    __slots__ = ("_server", "token")

    token: str
    """The access token that it was made with."""

    def __init__(
        self,
        *,
        service: str | Service = "androidmanagement",
        devices: int = 3,
        pending: int = 1,
        history: int = 2,
        seed: int = 0,
        token: str = "emulator-token",
        faults: Iterable[Mapping[str, Any]] = (),
        quirks: Mapping[str, Any] | None = None,
    ) -> None:
        """Starts the server.

        :param service: the service that it is, ``documentai``, ``documentai.v1`` or a
            :class:`~countermand.Service`, such as one that a file describes.
        :param devices: how many devices the fleet has; of another service, how many parents of
            operations, such as locations.
        :param pending: how many open operations each has; mostly such that a cancel works.
        :param history: how many finished operations each has.
        :param seed: what the fleet and the faults with a probability are drawn from.
        :param token: the access token to accept.
        :param faults: as for :meth:`faults`.
        :param quirks: behaviour where that of the real API is not known.
        :raises ValueError: what is wrong with ``service``, ``faults`` or ``quirks``.
        """
        self.token = token
        self._server = _countermand.Emulator(
            service=service,
            devices=devices,
            pending=pending,
            history=history,
            seed=seed,
            token=token,
            faults=json.dumps([*faults]),
            quirks=json.dumps({**(quirks or {})}),
        )

    @property
    def endpoint(self) -> str:
        """URL of the server, ``http://127.0.0.1:PORT``."""
        return self._server.endpoint

    @property
    def service(self) -> str:
        """Id of the service that it is, ``androidmanagement.v1``."""
        return self._server.service

    @property
    def enterprise(self) -> str:
        """The enterprise's name, ``enterprises/LC...``; of another service, the name above the
        parents of operations, ``projects/emulator``.
        """
        return self._server.enterprise

    @property
    def parent(self) -> str | None:
        """The first name whose operations can be listed: of a device, or
        ``//documentai.googleapis.com/projects/emulator/locations/us-central1``. ``None`` without
        any.
        """
        return self._server.parent

    def operations(self, state: str = "pending") -> list[OperationName]:
        """The operations that really are in a state, in the order they were added.

        :param state: ``pending``, ``cancelled``, ``completed``, ``failed``, ``expired``, ``gone``.
        :raises ValueError: there is no such state.
        """
        if state not in _STATES:
            message = f"state is {state!r}, expected one of {', '.join(_STATES)}"
            raise ValueError(message)
        return [self._name(row["name"]) for row in self.truth() if row["state"] == state]

    def truth(self) -> list[dict[str, Any]]:
        """The truth of each operation: ``name``, ``type``, ``fate``, ``state``, ``cancelled``. The
        name is as the API writes it.
        """
        return self._rows("truth")

    def audit(self) -> list[dict[str, Any]]:
        """Each request so far: ``n``, ``time`` (milliseconds since the start), ``method``,
        ``path``, ``status`` (``None``: no answer), ``had_token``, ``effect`` (true if it was
        carried out).
        """
        return self._rows("audit")

    def faults(self, script: Iterable[Mapping[str, Any]]) -> None:
        """Replaces what goes wrong; ``[{"fault": "quota", "method": "cancel", "times": 2}]``.

        :raises ValueError: which entry is wrong, and why. The script before stays in force.
        """
        self._post("faults", [*script])

    def add(
        self, fate: _Fate = "cancellable", *, device: str | None = None, **operation: object
    ) -> OperationName:
        """Adds an operation, to a new device or to the one with that name.

        :param fate: what the device will do.
        :param device: the name of a device; of another service, that of the operation's parent.
        :param operation: ``type``, ``after_ms``, ``code``, ``duration_s``, ``age_s``, ``id``,
            ``params``, ``quirks``.
        :raises ValueError: what is wrong with it.
        """
        if device is not None and not isinstance(device, str):
            message = f"device is of type {type(device).__name__}, expected a str"
            raise TypeError(message)
        fields = {"fate": fate, **operation}
        for name, value in fields.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError) as error:
                message = f"{name} is {value!r}, which JSON does not have"
                raise type(error)(message) from None
        entry: dict[str, Any] = {"operations": [fields]}
        if device is not None:
            entry["name"] = device
        collection = self._server.collection
        added = self._post(collection, {collection: [entry]})
        return self._name(added[collection][0]["operations"][0])

    def advance(self, seconds: float) -> None:
        """Moves the emulator's clock forward.

        :raises ValueError: ``seconds`` is negative, or not a number.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            message = f"seconds is of type {type(seconds).__name__}, expected a number"
            raise TypeError(message)
        if not 0 <= seconds <= _LONGEST:
            message = f"seconds is {f'{seconds}'[:40]}, expected a number from 0 to {_LONGEST:g}"
            raise ValueError(message)
        self._post("clock", {"advance_ms": round(seconds * 1000)})

    def accept_tokens(self, tokens: Sequence[str]) -> None:
        """From now on accepts these access tokens and no others.

        :raises TypeError: ``tokens`` is one text, or holds something else than texts.
        """
        if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
            message = "tokens is several str: give [token]"
            raise TypeError(message)
        self._post("tokens", {"tokens": [*tokens]})

    def credentials(self, kind: _Credentials) -> dict[str, Any]:
        """A credentials file in Google's JSON, for identities that this emulator knows."""
        file: dict[str, Any] = json.loads(
            self._server.admin("GET", f"credentials/{kind}", "", self.endpoint)
        )
        return file

    def issued(self) -> list[dict[str, Any]]:
        """Each token that was given out so far: ``by`` (``token``, ``metadata``, ``sts``,
        ``generateAccessToken``), ``principal``, ``subject``, ``scope``.
        """
        return self._rows("issued")

    def close(self) -> None:
        """Closes the port and every connection."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Emulator(endpoint={self.endpoint!r}, enterprise={self.enterprise!r})"

    def _name(self, relative: str) -> OperationName:
        return OperationName(f"{self._server.before_names}{relative}")

    def _rows(self, endpoint: str) -> list[dict[str, Any]]:
        lines = self._server.admin("GET", endpoint, "").splitlines()
        return [json.loads(line) for line in lines]

    def _post(self, endpoint: str, body: object) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self._server.admin("POST", endpoint, json.dumps(body)))
