from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.reporting.content import BoardExample
from tasks.reporting.scaling import (
    picture_note,
    shown,
    shown_boxes,
    shown_map,
    shown_picture,
    shown_size,
)
from tasks.vocabulary.errors import InputError


def test_sizes_keep_their_proportions() -> None:
    assert shown_size(512, 300) == (512, 300)
    assert shown_size(1024, 1024) == (512, 512)
    assert shown_size(600, 1200) == (256, 512)
    assert shown_size(1, 5000) == (1, 512)


def test_a_shown_pixel_is_the_mean_of_those_it_covers() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    blocks = picture.reshape(512, 2, 512, 2, 3).mean(axis=(1, 3))
    assert np.abs(shown_picture(picture) - blocks).max() <= 1.0
    grey = shown_picture(picture[:, :, :1])
    assert grey.shape == (512, 512)
    numbers = random.random((1024, 1024))
    np.testing.assert_allclose(
        shown_map(numbers), numbers.reshape(512, 2, 512, 2).mean(axis=(1, 3)), rtol=1e-5
    )


def test_what_was_not_measured_stays_so() -> None:
    numbers = np.zeros((1024, 1024))
    numbers[11, 20] = math.nan
    assert np.argwhere(np.isnan(shown_map(numbers))).tolist() == [[5, 10]]


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(600, 3000),
    width=st.integers(40, 3000),
    place=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
    side=st.integers(1, 30),
)
def test_a_shown_box_holds_its_box(
    height: int, width: int, place: tuple[float, float], side: int
) -> None:
    top, left = int(place[0] * (height - side)), int(place[1] * (width - side))
    box = np.array([[top, left, top + side, left + side]])
    tall, wide = shown_size(height, width)
    ((low_y, low_x, high_y, high_x),) = shown_boxes(box, height, width)
    assert 0 <= low_y < high_y <= tall
    assert 0 <= low_x < high_x <= wide
    assert low_y * height <= top * tall < (low_y + 1) * height
    assert (high_x - 1) * width < (left + side) * wide <= high_x * width


@pytest.mark.parametrize("box", [[-1, 0, 4, 4], [0, 0, 1025, 4], [4, 4, 4, 8]])
def test_scaling_hides_no_wrong_box(box: list[int]) -> None:
    with pytest.raises(InputError, match="outside"):
        shown_boxes(np.array([box]), 1024, 1024)


def test_small_boards_stay_as_they_are(make_board: Callable[..., BoardExample]) -> None:
    small = make_board(1, "normal", 0.1)
    assert shown(small) is small
    assert picture_note([small]) == ""
    assert "JPEG" in picture_note([make_board(1, "normal", 0.1, side=300)])
    assert "Boards of 1,024 px are shown at 512 px" in picture_note(
        [small, make_board(1, "normal", 0.1, side=1024)]
    )


def test_a_large_board_without_mask_scales(make_board: Callable[..., BoardExample]) -> None:
    large = shown(make_board(1, "normal", 0.1, side=1024, masked_boxes_Q4=None))
    assert large.difference_HW.shape == (512, 512)
    assert large.input_HWC.shape == (512, 512)
    assert large.masked_boxes_Q4 is None
    assert (large.boxes_Q4[:, 2:] > large.boxes_Q4[:, :2]).all()
