from __future__ import annotations

import numpy as np
import pytest

from tasks.alignment.poses import resizing, shifting
from tasks.alignment.resampling import (
    Reductions,
    grey,
    reduce_by_area,
    resize_by_area,
    sampling,
    warp_by_area,
)
from tests.alignment.boards import Shot, photograph, true_pose

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("side", "board"), [(384, 384), (384, 192), (384, 300), (384, 130)])
def test_an_untouched_pose_is_the_plain_reduction(side: int, board: int) -> None:
    photograph_HWC = photograph(Shot())
    warped = warp_by_area(
        Reductions(photograph_HWC), resizing((side, side), (board, board)), board, (side, side)
    )
    plain = resize_by_area(photograph_HWC, board)
    assert np.abs(warped.astype(int) - plain).mean() < (0.01 if side % board == 0 else 2.0)


@pytest.mark.parametrize("board", [384, 250, 192, 90, 48])
def test_fine_stripes_do_not_alias(board: int) -> None:
    """Stripes of one px: shrunk below their width they are grey, never broad stripes.

    A third stripe more or less under one px is the 33 levels that area means leave as well.
    """
    stripes = np.zeros((768, 768, 1), np.uint8)
    stripes[:, ::2] = 200
    pose_33 = resizing((768, 768), (board, board)) @ shifting(0.4, 0.0)
    warped = warp_by_area(Reductions(stripes), pose_33, board, (768, 768))[4:-4, 4:-4]
    assert np.abs(warped.astype(int) - 100).max() <= 35
    # What taking single samples would have left.
    naive = stripes[np.ix_(np.arange(board) * 768 // board, np.arange(board) * 768 // board)]
    assert np.abs(naive.astype(int) - 100).max() == 100


def test_reduction_takes_means_and_cuts_a_remainder_off() -> None:
    image = RNG.integers(0, 256, (11, 14, 3), dtype=np.uint8)
    means = image[:8, :12].reshape(2, 4, 3, 4, 3).mean(axis=(1, 3))
    assert np.abs(reduce_by_area(image, 4).astype(float) - means).max() <= 0.5
    assert reduce_by_area(image, 1) is image
    assert grey(image).shape == (11, 14)


def test_reductions_are_made_once() -> None:
    reductions = Reductions(RNG.integers(0, 256, (8, 8, 1), dtype=np.uint8))
    assert reductions.by(2) is reductions.by(2)


@pytest.mark.parametrize("board", [192, 150, 90])
def test_a_moved_board_is_as_sharp_as_one_in_its_place(board: int) -> None:
    shot = Shot(shift_px=(2.5, -1.3), rotation_deg=0.7)
    pose_33 = resizing((384, 384), (board, board)) @ np.linalg.inv(true_pose(shot))
    warped = warp_by_area(Reductions(photograph(shot)), pose_33, board, (384, 384))
    wanted = resize_by_area(photograph(Shot()), board)
    margin = slice(board // 12, -board // 12)
    assert np.abs(warped.astype(int) - wanted)[margin, margin].mean() < 1.5


@pytest.mark.parametrize("step_px", np.linspace(0.3, 20, 40).tolist())
def test_samples_are_neither_far_apart_nor_many(step_px: float) -> None:
    factor, samples = sampling(step_px)
    assert step_px / factor / samples <= 1.31
    assert factor == 1 or factor <= step_px / 1.9
    assert samples <= 4
