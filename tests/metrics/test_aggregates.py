from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.metrics import aggregates
from tasks.metrics.aggregates import AGGREGATES, aggregate, quartiles
from tasks.vocabulary.arrays import Float64Array


def test_names_and_values_of_a_row_worked_out_by_hand() -> None:
    assert AGGREGATES == ("sum", "maximum", "minimum", "mean", "q1", "median", "q3")
    found = aggregate(np.array([[4.0, 1.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0]]))
    assert found.tolist() == [[10, 4, 1, 2.5, 1.75, 2.5, 3.25], [20, 5, 5, 5, 5, 5, 5]]


@settings(deadline=None)
@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=20),
        elements=st.floats(-1e3, 1e3),
    )
)
def test_aggregates_are_in_order_and_do_not_see_the_order_of_values(
    values_RN: Float64Array,
) -> None:
    found = dict(zip(AGGREGATES, aggregate(values_RN).T, strict=True))
    ordered = [found[name] for name in ("minimum", "q1", "median", "q3", "maximum")]
    assert (np.diff(ordered, axis=0) >= 0).all()
    np.testing.assert_allclose(found["sum"], values_RN.shape[1] * found["mean"], atol=1e-6)
    np.testing.assert_allclose(aggregate(values_RN[:, ::-1]), aggregate(values_RN), atol=1e-9)


def test_float32_values_are_summed_in_float64() -> None:
    values = np.full((1, 1_000_003), 0.1, dtype=np.float32)
    assert aggregate(values)[0, 0] == np.float64(np.float32(0.1)) * 1_000_003


LARGE = aggregates.SORTED_WHOLE + 1
GENERATOR = np.random.default_rng(0)
EVEN = GENERATOR.random((2, 3 * LARGE))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "values_RN",
    [
        *(EVEN[:, :count] for count in (1, 2, 3, 250, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE)),
        EVEN**9,
        EVEN - 0.5,
        np.where(EVEN < 0.7, 0.0, EVEN),
        np.round(EVEN, 1),
        np.full_like(EVEN, 0.1),
        np.where(EVEN < 0.999, 0.3, 0.3 + 1e-6),
        EVEN * 1e-35,
    ],
    ids=lambda values_RN: str(values_RN.shape[1]),
)
def test_quartiles_are_those_of_numpy_bit_by_bit(
    values_RN: Float64Array, dtype: type[np.floating]
) -> None:
    values_RN = values_RN.astype(dtype)
    expected = np.quantile(values_RN, (0.25, 0.5, 0.75), axis=1).T
    assert np.array_equal(quartiles(values_RN), expected)


@pytest.mark.parametrize("count", [9, 3 * LARGE])
@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_seen_in_the_sum(count: int, unknown: float) -> None:
    values_RN = EVEN[:1, :count].copy()
    values_RN[0, 5] = unknown
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(aggregate(values_RN)[0, 0])
