"""The fixtures that the package gives to pytest."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from countermand import AsyncClient, Client

if TYPE_CHECKING:
    from countermand.testing import Emulator


def test_the_clients_are_of_the_emulator(
    countermand_emulator: Emulator,
    countermand_client: Client,
    countermand_async_client: AsyncClient,
) -> None:
    assert countermand_client.countermand(countermand_emulator.add()).cancelled
    name = countermand_emulator.add()
    assert asyncio.run(countermand_async_client.countermand(name)).cancelled
    assert len(countermand_emulator.operations("cancelled")) == 2


def test_the_environment_leads_to_the_emulator(countermand_environment: Emulator) -> None:
    assert Client().countermand(countermand_environment.add()).cancelled
    assert Client().endpoint.startswith(countermand_environment.endpoint)


@pytest.fixture(scope="module")
def server(countermand_session_emulator: Emulator) -> Emulator:
    """A fixture of a wider scope, as that of a live server."""
    return countermand_session_emulator


def test_one_emulator_for_all_tests(
    server: Emulator, countermand_session_emulator: Emulator
) -> None:
    assert server is countermand_session_emulator
    client = Client(endpoint=server.endpoint, token=server.token)
    assert client.countermand(server.add()).cancelled


def test_other_projects_hardly_pay_for_the_plugin() -> None:
    code = """if 1:
        import sys
        import pytest
        before = set(sys.modules)
        import countermand.pytest_plugin
        print(*sorted(set(sys.modules) - before))
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["countermand", "countermand.pytest_plugin"]
