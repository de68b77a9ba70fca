from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidEntryError, NotFoundError
from storage.fingerprints import array_digest, code_digest, content_digest, fingerprint

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def reordered(value: Any) -> Any:
    """The same content: keys the other way round, tuples for lists."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return tuple(reordered(item) for item in value) if isinstance(value, list) else value


@given(values)
def test_order_of_keys_and_kind_of_sequence_do_not_matter(value: object) -> None:
    assert fingerprint(value) == fingerprint(reordered(value))


@given(st.lists(scalars, min_size=2, max_size=2))
def test_different_scalars_have_different_fingerprints(pair: list[object]) -> None:
    same = repr(pair[0]) == repr(pair[1])
    assert (fingerprint(pair[0]) == fingerprint(pair[1])) == same


def test_types_that_json_would_mix_up_are_kept_apart() -> None:
    kept_apart = [1, 1.0, True, "1", None, [], {}, {"a": None}, 0.0, -0.0, "", [[]], [1], "1.0"]
    assert len({fingerprint(value) for value in kept_apart}) == len(kept_apart)


def test_paths_and_numpy_scalars_are_their_plain_values() -> None:
    assert fingerprint({"weights": Path("a/b")}) == fingerprint({"weights": "a/b"})
    assert fingerprint([np.int64(3), np.float64(0.1), np.bool_(True), np.str_("x")]) == (
        fingerprint([3, 0.1, True, "x"])
    )
    assert fingerprint(np.float32(0.1)) != fingerprint(0.1)


def test_the_format_is_stable() -> None:
    # A change here makes every stored entry unfindable: it is a decision, not a refactoring.
    assert fingerprint({"b": (1, 2.5), "a": None}) == content_digest(b'{"a":null,"b":[1,2.5]}')


def test_a_string_enumeration_counts_by_its_value() -> None:
    class Role(str, Enum):  # noqa: UP042 - what a caller's own enumeration may look like
        TRAINING = "training"

    assert fingerprint(Role.TRAINING) == fingerprint("training")


@pytest.mark.parametrize(
    "value",
    [{1, 2}, b"x", object(), np.zeros(2), {1: "a"}, 1j, np.complex64(1), np.datetime64(1, "s")],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(InvalidEntryError):
        fingerprint(value)


def test_an_array_digest_sees_values_shape_and_dtype_but_not_layout() -> None:
    array = np.arange(12, dtype=np.float64).reshape(3, 4)
    assert array_digest(array) == array_digest(np.asfortranarray(array))
    assert array_digest(array) == array_digest(array.astype(">f8"))
    others: list[np.ndarray] = [
        array.reshape(4, 3),
        array.astype(np.float32),
        array + 1,
        array[:, ::-1],
        array[:2],
    ]
    assert len({array_digest(other) for other in [array, *others]}) == len(others) + 1
    assert array_digest(np.zeros((0, 3))) != array_digest(np.zeros((3, 0)))
    assert array_digest(np.array(1.0)) != array_digest(np.array([1.0]))
    with pytest.raises(InvalidEntryError):
        array_digest(np.array([object()]))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "digested_package"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text('raise RuntimeError("imported")\n')
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "work.py").write_text('def add(a, b):\n    """Add."""\n    return a + b\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_comments_docstrings_and_layout_do_not_change_a_code_digest(package: Path) -> None:
    before = code_digest("digested_package")
    (package / "inner" / "work.py").write_text(
        '"""Sums."""\n\n\ndef add(a, b):  # of two\n'
        '    """Add two."""\n\n    return (a\n        + b)\n'
    )
    assert code_digest("digested_package") == before


@pytest.mark.parametrize(
    "code",
    [
        "def add(a, b):\n    return a - b\n",
        "def add(a, b=1):\n    return a + b\n",
        "def add(a, b):\n    'Add.'\n    'no docstring'\n    return a + b\n\n\nx = 1\n",
        "def add(a, b) -> int:\n    return a + b\n",
    ],
)
def test_changed_code_changes_the_digest(package: Path, code: str) -> None:
    before = code_digest("digested_package")
    (package / "inner" / "work.py").write_text(code)
    assert code_digest("digested_package") != before


def test_a_new_and_a_renamed_module_change_the_digest(package: Path) -> None:
    seen = {code_digest("digested_package")}
    (package / "inner" / "work.py").rename(package / "inner" / "play.py")
    seen.add(code_digest("digested_package"))
    (package / "more.py").write_text("")
    seen.add(code_digest("digested_package"))
    assert len(seen) == 3


def test_a_part_of_a_package_is_digested_without_importing_anything(package: Path) -> None:
    part = code_digest("digested_package.inner")
    assert code_digest("digested_package.inner.work") != part
    assert "digested_package" not in sys.modules
    (package / "more.py").write_text("y = 2\n")
    assert code_digest("digested_package.inner") == part


def test_a_body_of_a_docstring_alone_is_still_code(package: Path) -> None:
    work = package / "inner" / "work.py"
    work.write_text('class A:\n    """A."""\n')
    with_docstring = code_digest("digested_package")
    work.write_text("class A:\n    pass\n")
    assert code_digest("digested_package") == with_docstring


def test_an_unknown_package_is_an_error_and_no_empty_digest() -> None:
    with pytest.raises(NotFoundError):
        code_digest("no_such_package_anywhere")
    with pytest.raises(NotFoundError):
        code_digest("storage.no_such_module")
