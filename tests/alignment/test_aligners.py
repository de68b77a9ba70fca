from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from tasks.alignment.aligners import align
from tasks.alignment.settings import NoAlignment
from tasks.vocabulary.arrays import UInt8Array

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))


@given(arrays(np.uint8, SHAPES), st.integers(1, 40))
def test_a_board_image_is_square_and_keeps_range_and_channels(
    photograph_HWC: UInt8Array, side_px: int
) -> None:
    board_HWC = align(photograph_HWC, NoAlignment(side_px=side_px))
    assert board_HWC.shape == (side_px, side_px, photograph_HWC.shape[2])
    assert board_HWC.dtype == np.uint8
    assert photograph_HWC.min() <= board_HWC.min()
    assert board_HWC.max() <= photograph_HWC.max()


@given(arrays(np.uint8, st.tuples(st.just(16), st.just(16), st.sampled_from([1, 3]))))
def test_the_right_size_is_left_alone(photograph_HWC: UInt8Array) -> None:
    board_HWC = align(photograph_HWC, NoAlignment(side_px=16))
    np.testing.assert_array_equal(board_HWC, photograph_HWC)


def test_halving_is_the_mean_of_four_pixels() -> None:
    photograph_HWC = np.array([[0, 100, 8, 8], [100, 0, 8, 8]] * 2, np.uint8)[..., None]
    board_HWC = align(photograph_HWC, NoAlignment(side_px=2))
    np.testing.assert_array_equal(board_HWC[..., 0], [[50, 8], [50, 8]])


def test_a_side_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        NoAlignment(side_px=0)
