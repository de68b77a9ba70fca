"""Parts with several images: which score decides, and that a part counts once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.certification.thresholds import flagged
from tasks.certification.units import CaughtBy, defective_units, good_units
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

SCORES = arrays(
    np.float64,
    st.integers(1, 30),
    elements=st.integers(-3, 3).map(float) | st.sampled_from([np.nan, np.inf, -np.inf]),
)


def test_by_hand() -> None:
    scores = np.array([0.9, 0.2, 0.5, np.nan, 0.7])
    groups = np.array([7, 7, 3, 3, 3])
    every = defective_units(scores, groups, "every-image")
    assert every.scores_U.tolist() == [0.5, 0.2]
    assert every.rows_U.tolist() == [2, 1]
    assert every.unit_N.tolist() == [1, 1, 0, 0, 0]
    any_of = defective_units(scores, groups, "any-image")
    assert any_of.scores_U.tolist() == [np.inf, 0.9]
    assert any_of.rows_U.tolist() == [3, 0]
    assert good_units(scores, groups).scores_U.tolist() == [np.inf, 0.9]


def test_without_groups_every_image_counts() -> None:
    scores = np.array([0.3, np.nan, -np.inf, 0.1])
    for units in (good_units(scores, None), defective_units(scores, None, "every-image")):
        assert units.scores_U.tolist() == [0.3, np.inf, np.inf, 0.1]
        assert units.rows_U.tolist() == units.unit_N.tolist() == [0, 1, 2, 3]


@given(SCORES, st.data())
def test_verdicts_on_parts_are_those_on_their_images(
    scores_N: Float64Array, data: st.DataObject
) -> None:
    groups_N = data.draw(arrays(np.int64, scores_N.size, elements=st.integers(0, 5)))
    threshold = float(data.draw(st.integers(-4, 4)))
    names = np.unique(groups_N)
    image_flagged = flagged(scores_N, threshold)
    rules: tuple[CaughtBy, ...] = ("every-image", "any-image")
    for rule, holds in zip(rules, (np.all, np.any), strict=True):
        units = defective_units(scores_N, groups_N, rule)
        expected = [bool(holds(image_flagged[groups_N == name])) for name in names]
        assert flagged(units.scores_U, threshold).tolist() == expected
        np.testing.assert_array_equal(names[units.unit_N], groups_N)
        np.testing.assert_array_equal(groups_N[units.rows_U], names)
    assert flagged(good_units(scores_N, groups_N).scores_U, threshold).tolist() == [
        bool(image_flagged[groups_N == name].any()) for name in names
    ]


def test_units_are_in_double_precision() -> None:
    assert good_units(np.array([0.5], np.float32), None).scores_U.dtype == np.float64


def test_every_score_needs_its_group() -> None:
    with pytest.raises(InputError, match=r"2 groups for 3 scores\. Give one group per image\."):
        good_units(np.zeros(3), np.zeros(2, dtype=np.int64))
