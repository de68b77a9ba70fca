"""Recall by family and by size: counts by hand, bounds that hold in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.certification.bounds import escape_upper_bound
from tasks.certification.recalls import recalls, size_strata
from tasks.certification.thresholds import zfn_threshold
from tasks.certification.units import defective_units
from tasks.vocabulary.arrays import Float64Array


def test_families_at_a_fixed_threshold_by_hand() -> None:
    units = defective_units(np.array([0.1, 0.9, 0.8, 0.7, 0.2]), None, "every-image")
    families = np.array([0, 0, 2, 2, 2])
    found = recalls(("a", "none of it", "c"), families, units, 0.5, None, 0.95)
    assert [(one.name, one.n, one.missed) for one in found] == [("a", 2, 1), ("c", 3, 1)]
    assert found[0].recall == 0.5
    assert found[1].recall == pytest.approx(2 / 3)
    assert found[0].recall_lower == 1.0 - escape_upper_bound(1, 2, 0.95)
    assert found[1].recall_lower == 1.0 - escape_upper_bound(1, 3, 0.95)


def test_a_part_counts_once_in_each_of_its_families_with_its_own_verdict() -> None:
    scores, groups = np.array([0.1, 0.9, 0.8, 0.9]), np.array([0, 0, 1, 1])
    families = np.array([0, 1, 1, 1])
    every = defective_units(scores, groups, "every-image")
    found = recalls(("a", "b"), families, every, 0.5, None, 0.95)
    assert [(one.name, one.n, one.missed) for one in found] == [("a", 1, 1), ("b", 2, 1)]
    any_of = defective_units(scores, groups, "any-image")
    found = recalls(("a", "b"), families, any_of, 0.5, None, 0.95)
    assert [(one.n, one.missed) for one in found] == [(1, 0), (2, 0)]


def test_a_rank_bounds_every_family_by_its_own_order_statistic() -> None:
    units = defective_units(np.arange(10, dtype=np.float64), None, "every-image")
    families = np.array([0] * 2 + [1] * 8)
    small, large = recalls(("few", "many"), families, units, 2.0, 3, 0.9)
    assert (small.missed, large.missed) == (2, 0)
    assert small.recall_lower == 0.0
    assert large.recall_lower == 1.0 - escape_upper_bound(2, 8, 0.9)
    (one,) = recalls(("all",), np.zeros(10, dtype=np.int64), units, 0.0, 1, 0.9)
    assert one.recall_lower == 1.0 - escape_upper_bound(0, 10, 0.9)


def test_the_bound_of_a_family_holds_though_the_threshold_is_its_own() -> None:
    """Family 0 is the hard one: its scores are uniform, the others' lie half above it."""
    generator, rank, broken = np.random.default_rng(2), 3, 0
    studies, families = 1500, np.array([0] * 30 + [1] * 30)
    for _ in range(studies):
        scores = np.concatenate((generator.random(30), 0.5 + generator.random(30)))
        threshold = zfn_threshold(scores, rank - 1)
        units = defective_units(scores, None, "every-image")
        hard, _ = recalls(("hard", "easy"), families, units, threshold, rank, 0.9)
        broken += 1.0 - threshold < hard.recall_lower  # uniform: caught with 1 - threshold
    assert broken / studies <= 0.1 + 3 * math.sqrt(0.09 / studies)


def test_sizes_are_cut_into_quarters() -> None:
    names, strata = size_strata(np.array([8.0, 1, 2, 3, 4, 5, 6, 7]))
    assert names == ("1 to 2", "3 to 4", "5 to 6", "7 to 8")
    assert strata.tolist() == [3, 0, 0, 1, 1, 2, 2, 3]


def test_quarters_are_cut_at_sizes_that_occur() -> None:
    names, strata = size_strata(np.array([1.0, 2, 3, 4, 5, 100]))
    assert names == ("1 to 2", "3", "4", "5 to 100")
    assert strata.tolist() == [0, 0, 1, 2, 3, 3]
    assert strata.dtype == np.int64


def test_equal_and_missing_sizes() -> None:
    names, strata = size_strata(np.array([np.nan, 2.5, 2.5, np.inf]))
    assert names == ("2.5", "size not given")
    assert strata.tolist() == [1, 0, 0, 1]
    assert size_strata(np.array([np.nan]))[0] == ("size not given",)
    assert size_strata(np.array([1.0]))[0] == ("1",)


@given(
    arrays(
        np.float64,
        st.integers(1, 40),
        elements=st.integers(0, 9).map(float) | st.just(np.nan),
    )
)
def test_strata_partition_and_keep_the_order_of_sizes(sizes_N: Float64Array) -> None:
    names, strata_N = size_strata(sizes_N)
    assert set(strata_N.tolist()) == set(range(len(names)))
    assert len(names) <= 5
    known = np.isfinite(sizes_N)
    order = np.argsort(sizes_N[known], kind="stable")
    assert (np.diff(strata_N[known][order]) >= 0).all()
    for size in np.unique(sizes_N[known]):
        assert np.unique(strata_N[sizes_N == size]).size == 1
