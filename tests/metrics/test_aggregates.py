from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.metrics.aggregates import AGGREGATES, aggregate
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
