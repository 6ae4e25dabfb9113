"""Tests of a program that cancels operations, on the emulator that the package gives to pytest."""

from countermand import Client
from countermand.testing import Emulator


def rescue(name: str) -> str:
    """The program: it makes its own client."""
    with Client() as client:
        return str(client.countermand(name).verdict)


def test_a_wipe_is_cancelled(countermand_environment: Emulator) -> None:
    name = countermand_environment.add()
    assert rescue(name) == "cancelled"
    assert countermand_environment.operations("cancelled") == [name]


def test_a_device_that_is_faster(countermand_environment: Emulator) -> None:
    assert rescue(countermand_environment.add("completes")) == "completed"


def test_a_server_that_fails_at_first(countermand_environment: Emulator) -> None:
    countermand_environment.faults([{"status": 503, "method": "cancel", "times": 2}])
    assert rescue(countermand_environment.add()) == "cancelled"
