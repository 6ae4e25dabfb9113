"""Fixtures of pytest, there wherever this package is installed."""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import AsyncClient, Client
    from .testing import Emulator


@pytest.fixture
def countermand_emulator() -> Iterator[Emulator]:
    """An emulated Android Management API without devices; ``add`` gives it operations."""
    from .testing import Emulator

    with Emulator(devices=0) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def countermand_session_emulator() -> Iterator[Emulator]:
    """One emulator for all tests of a session, without devices: operations and audit add up."""
    from .testing import Emulator

    with Emulator(devices=0) as emulator:
        yield emulator


@pytest.fixture
def countermand_client(countermand_emulator: Emulator) -> Iterator[Client]:
    """A client of ``countermand_emulator``."""
    from . import Client

    emulator = countermand_emulator
    with Client(endpoint=emulator.endpoint, token=emulator.token) as client:
        yield client


@pytest.fixture
def countermand_async_client(countermand_emulator: Emulator) -> AsyncClient:
    """A client of ``countermand_emulator`` for asyncio."""
    from . import AsyncClient

    return AsyncClient(endpoint=countermand_emulator.endpoint, token=countermand_emulator.token)


@pytest.fixture
def countermand_environment(
    countermand_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Emulator:
    """``countermand_emulator``, and environment variables that lead to it a client without
    ``endpoint`` and ``token``."""
    monkeypatch.setenv("COUNTERMAND_ENDPOINT", countermand_emulator.endpoint)
    monkeypatch.setenv("COUNTERMAND_TOKEN", countermand_emulator.token)
    return countermand_emulator
