"""The pytest fixture ``countermand_emulator``, there wherever this package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def countermand_emulator() -> Iterator[Emulator]:
    """An emulated Android Management API without devices; ``add`` gives it operations."""
    with Emulator(devices=0) as emulator:
        yield emulator
