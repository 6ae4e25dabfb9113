"""countermand.beam without Apache Beam; `make engines` tests it with it."""

import importlib
from importlib.util import find_spec

import pytest


@pytest.mark.skipif(find_spec("apache_beam") is not None, reason="Apache Beam is installed")
def test_the_transform_names_the_extra_that_it_needs() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'countermand\[beam\]'") as raised:
        importlib.import_module("countermand.beam")
    assert raised.value.name == "apache_beam"
