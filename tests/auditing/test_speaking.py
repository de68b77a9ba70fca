"""Families of metrics, and which metrics speak most."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.auditing.speaking import FAMILIES, by_family, family_of, loudest
from tasks.metrics.comparison import CAPABILITIES, Perceived
from tasks.metrics.table import column_names
from tasks.vocabulary.errors import InputError

COLUMNS = ("image.mse", "pixel.difference.sum", "patch.ssim.sum", "masked.patch.ssim.sum")


def test_every_metric_of_the_table_has_a_family() -> None:
    perceived = Perceived((8,), (3,), (8,))
    columns = column_names(frozenset(CAPABILITIES), masked=True, perceived=perceived)
    found = {column: family_of(column) for column in columns}
    assert set(found.values()) == set(FAMILIES)
    assert {c for c, family in found.items() if family == "mask"} == {
        c for c in columns if c.startswith("masked.")
    }
    assert found["patch.ssim.sum"] == "candidates"


def test_an_unknown_metric_is_refused_rather_than_lost() -> None:
    with pytest.raises(InputError, match="audio"):
        by_family(np.zeros((1, 1)), ["audio.loudness"])


def test_families_sum_to_the_whole() -> None:
    contributions = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [-1.0, 0.0, 0.5, 0.0, 0.5]])
    columns = (*COLUMNS, "masked.image.difference.sum")
    found = by_family(contributions, columns)
    np.testing.assert_array_equal(found, [[1, 2, 3, 9, 0, 0, 0, 0], [-1, 0, 0.5, 0.5, 0, 0, 0, 0]])
    np.testing.assert_array_equal(found.sum(axis=1), contributions.sum(axis=1))


def test_the_loudest_speak_for_or_against_and_the_silent_never() -> None:
    contributions = np.array([0.0, -3.0, 1.0, 2.0])
    assert loudest(contributions, COLUMNS, 3) == (
        (COLUMNS[1], -3.0),
        (COLUMNS[3], 2.0),
        (COLUMNS[2], 1.0),
    )
    assert loudest(np.zeros(4), COLUMNS) == ()
    assert len(loudest(contributions, COLUMNS, 1)) == 1
