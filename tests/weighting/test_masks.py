from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError
from tasks.weighting.masks import weighting_mask

differences = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.floats(0, 1, width=32, allow_subnormal=False),
)


@settings(deadline=None)
@given(differences)
def test_the_mask_spans_zero_to_one_and_falls_as_the_mean_difference_rises(
    differences_NHW: Float32Array,
) -> None:
    mean_HW = differences_NHW.mean(axis=0, dtype=np.float64)
    assume(np.ptp(mean_HW) > 0)
    mask_HW = weighting_mask(differences_NHW)
    assert mask_HW.dtype == np.float32
    assert mask_HW.shape == differences_NHW.shape[1:]
    assert mask_HW.min() == 0
    assert mask_HW.max() == 1
    by_difference = mask_HW.ravel()[np.argsort(mean_HW.ravel(), kind="stable")]
    assert (np.diff(by_difference) <= 0).all()


@settings(deadline=None)
@given(differences, st.integers(0, 99))
def test_the_order_of_the_normals_does_not_matter(differences_NHW: Float32Array, seed: int) -> None:
    assume(np.ptp(differences_NHW.mean(axis=0, dtype=np.float64)) > 1e-6)
    order = np.random.default_rng(seed).permutation(len(differences_NHW))
    np.testing.assert_allclose(
        weighting_mask(differences_NHW), weighting_mask(differences_NHW[order]), atol=1e-6
    )


def test_a_mask_worked_out_by_hand() -> None:
    differences_NHW = np.array([[[0.0, 0.2], [0.4, 0.8]], [[0.0, 0.2], [0.4, 0.0]]], np.float32)
    np.testing.assert_allclose(weighting_mask(differences_NHW), [[1.0, 0.5], [0.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize(
    ("differences_NHW", "remedy"),
    [
        (np.zeros((0, 4, 4)), "Set aside normal images"),
        (np.zeros((4, 4)), "Set aside normal images"),
        (np.full((3, 4, 4), 0.3), "Run without a mask"),
        (np.array([[[0.1, np.nan]]]), "absolute differences"),
        (np.array([[[0.1, -0.2]]]), "absolute differences"),
    ],
)
def test_nothing_to_learn_from_is_refused_with_a_remedy(
    differences_NHW: Float32Array, remedy: str
) -> None:
    with pytest.raises(InputError, match=remedy):
        weighting_mask(differences_NHW.astype(np.float32))
