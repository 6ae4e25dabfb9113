"""The fixtures that the package gives to pytest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

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
