from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.seals import sealed, unsealed

FIELDS = {"bundle": "b1", "facts": {"ü": [1, 2.5, None, True]}}


def test_a_sealed_object_is_json_and_comes_back() -> None:
    assert unsealed(sealed(FIELDS)) == FIELDS
    assert {**FIELDS, "seal": json.loads(sealed(FIELDS))["seal"]} == json.loads(sealed(FIELDS))


@given(at=st.integers(0, len(sealed(FIELDS)) - 1), flip=st.integers(1, 255))
def test_any_changed_byte_breaks_the_seal(at: int, flip: int) -> None:
    content = bytearray(sealed(FIELDS))
    content[at] ^= flip
    with pytest.raises(ValueError, match="seal"):
        unsealed(bytes(content))


@given(length=st.integers(0, len(sealed(FIELDS)) - 1))
def test_a_cut_object_breaks_the_seal(length: int) -> None:
    with pytest.raises(ValueError, match="seal"):
        unsealed(sealed(FIELDS)[:length])
    with pytest.raises(ValueError, match="seal"):
        unsealed(b"\x00" * length)
