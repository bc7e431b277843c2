"""Documents in memory or aside: the same to whoever reads them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import packed
from db.packed import Aside, Packed, pack, put_aside, unpack

NUMBERS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(NUMBERS | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Pages that are soon full, and soon read again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "PAGE", 50)
        patch.setattr(packed, "PAGES", 2)
        yield


@dataclass(slots=True)
class Kept:
    document_bytes: Any = None
    document_names: Any = field(default=())
    document = Packed()


@given(st.lists(VALUES))
def test_what_is_packed_aside_is_what_is_packed_here(values):
    here = [pack(value) for value in values]
    with put_aside():
        aside = [pack(value) for value in values]
        assert {Aside} >= {type(one) for one in aside}
        assert [bytes(one) for one in aside] == here
        assert [unpack(one) for one in reversed(aside)] == values[::-1]
    assert isinstance(pack(1), bytes)


def test_what_is_read_is_a_copy():
    one = {"scheme": "b", "identifier": "a"}
    with put_aside():
        kept = Kept()
        assert kept.document is None
        kept.document = {"name": "A", "identifiers": [one]}
        assert kept.document_names == (("b", "a"),)
        kept.document["name"] = "B"
        assert kept.document["name"] == "A"
        kept.document = None
        assert (kept.document_bytes, kept.document_names) == (None, ())


def test_nothing_is_left_behind():
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        with put_aside():
            pack("x" * 1000)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
