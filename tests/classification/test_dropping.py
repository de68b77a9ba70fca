"""Laws of metric dropping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.classification.dropping import MetricDropping
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

# Small integers: constants, copies and opposites turn up often.
TABLES = arrays(
    np.float64,
    st.tuples(st.integers(3, 12), st.integers(1, 8)),
    elements=st.integers(-2, 2).map(float),
)
LIMITS = st.sampled_from([0.5, 0.8, 0.95])


def kept_by(table_NM: Float64Array, limit: float = 0.95) -> Int64Array:
    return MetricDropping(limit).fit(table_NM).kept_K


def correlation(table_NM: Float64Array, first: int, second: int) -> float:
    return abs(float(np.corrcoef(table_NM[:, first], table_NM[:, second])[0, 1]))


@given(TABLES, LIMITS)
def test_what_is_kept_varies_and_repeats_nothing_and_what_is_dropped_does(
    table_NM: Float64Array, limit: float
) -> None:
    assume((np.ptp(table_NM, axis=0) > 0).any())
    kept = kept_by(table_NM, limit).tolist()
    for column in range(table_NM.shape[1]):
        constant = np.ptp(table_NM[:, column]) == 0
        earlier = [other for other in kept if other < column]
        nearest = 0.0
        if not constant:
            nearest = max((correlation(table_NM, other, column) for other in earlier), default=0.0)
        if column in kept:
            assert not constant
            assert nearest <= limit + 1e-9
        else:
            assert constant or nearest > limit - 1e-9


@given(TABLES, LIMITS)
def test_an_appended_column_displaces_no_older_one(table_NM: Float64Array, limit: float) -> None:
    older = table_NM[:, :-1]
    assume(older.shape[1] > 0)
    assume((np.ptp(older, axis=0) > 0).any())
    kept = kept_by(table_NM, limit)
    np.testing.assert_array_equal(kept[kept < older.shape[1]], kept_by(older, limit))


def test_the_first_of_two_copies_and_of_two_opposites_is_kept() -> None:
    rising = np.arange(10.0)
    other = rising**2 % 7
    table = np.column_stack(
        [np.full(10, 3.0), rising, 5 - 2 * rising, other, rising + 1e-3 * other]
    )
    assert kept_by(table).tolist() == [1, 3]
    assert kept_by(table[:, ::-1]).tolist() == [0, 1]


def test_a_metric_whose_only_twin_was_dropped_stays() -> None:
    generator = np.random.default_rng(3)
    first, third = generator.standard_normal((2, 5000))
    table = np.column_stack([first, first + third, third])
    assert correlation(table, 0, 1) == pytest.approx(0.707, abs=0.02)
    assert kept_by(table, 0.6).tolist() == [0, 2]


def test_scale_and_size_of_a_metric_do_not_matter() -> None:
    table = np.random.default_rng(4).standard_normal((30, 12))
    table[:, 6:] = table[:, :6] + 0.1 * table[:, 6:]
    scales = 10.0 ** np.arange(-150, 150, 25)
    np.testing.assert_array_equal(kept_by(table * scales), kept_by(table))


def test_the_rounding_of_a_sum_is_no_variation() -> None:
    noisy = np.full(20, 1e9)
    noisy[::2] += 1e-7
    assert kept_by(np.column_stack([noisy, np.arange(20.0)])).tolist() == [1]


def test_transform_selects_the_kept_columns() -> None:
    table = np.column_stack([np.zeros(4), np.arange(4.0)])
    np.testing.assert_array_equal(MetricDropping().fit(table).transform(table), table[:, [1]])


def test_a_table_without_variation_is_refused() -> None:
    with pytest.raises(InputError, match="No metric varies"):
        MetricDropping().fit(np.ones((5, 3)))
