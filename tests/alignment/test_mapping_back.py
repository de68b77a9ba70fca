"""A patch drawn on a photograph, looked for on its board image, and mapped back."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.alignment.aligners import align
from tasks.alignment.poses import inverse, outlines, resizing, upright_boxes
from tasks.alignment.resampling import Reductions, warp_by_area
from tasks.alignment.settings import NoAlignment
from tasks.vocabulary.arrays import Float64Array, UInt8Array
from tests.alignment.boards import SIDE_PX, Shot, photograph, true_pose

BOX = (150, 200, 174, 232)


def struck(shot: Shot) -> tuple[UInt8Array, UInt8Array]:
    """A photograph and the same with a brighter patch in `BOX`."""
    plain = photograph(shot) // 2
    spoilt = plain.copy()
    spoilt[BOX[0] : BOX[2], BOX[1] : BOX[3]] += 100
    return plain, spoilt


def seen_box(plain: UInt8Array, spoilt: UInt8Array) -> Float64Array:
    """Edges, to a part of a px, of what an upright patch changed; blur moves none of them."""
    change_HW = (spoilt.astype(float) - plain).mean(axis=2)
    low, high = [], []
    for profile in (change_HW.sum(axis=1), change_HW.sum(axis=0)):
        middle = np.average(np.arange(len(profile)) + 0.5, weights=profile)
        length = profile.sum() / profile[int(middle)]
        low.append(middle - length / 2)
        high.append(middle + length / 2)
    return np.array([*low, *high])


@pytest.mark.parametrize("side_px", [384, 192, 150])
def test_a_resized_patch_is_where_the_mapped_box_says(side_px: int) -> None:
    plain, spoilt = struck(Shot())
    settings = NoAlignment(side_px=side_px)
    boards = [align(one, settings, None).board_HWC for one in (plain, spoilt)]
    pose_33 = resizing((SIDE_PX, SIDE_PX), (side_px, side_px))
    found_4 = seen_box(*boards)
    np.testing.assert_allclose(
        found_4, upright_boxes(outlines(pose_33, np.array([BOX])))[0], atol=0.1
    )
    back_4 = upright_boxes(outlines(inverse(pose_33), found_4[None]))[0]
    np.testing.assert_allclose(back_4, BOX, atol=0.2)


@pytest.mark.parametrize("side_px", [384, 192])
def test_a_registered_patch_is_where_the_mapped_box_says(side_px: int) -> None:
    shot = Shot(shift_px=(7.3, -4.6), scale=1.015)
    plain, spoilt = struck(shot)
    pose_33 = resizing((SIDE_PX, SIDE_PX), (side_px, side_px)) @ inverse(true_pose(shot))
    size_hw = (SIDE_PX, SIDE_PX)
    boards = [warp_by_area(Reductions(one), pose_33, side_px, size_hw) for one in (plain, spoilt)]
    found_4 = seen_box(*boards)
    np.testing.assert_allclose(
        found_4, upright_boxes(outlines(pose_33, np.array([BOX])))[0], atol=0.1
    )
    back_4 = upright_boxes(outlines(inverse(pose_33), found_4[None]))[0]
    np.testing.assert_allclose(back_4, BOX, atol=0.2)


def test_a_turned_patch_has_the_middle_of_its_outline() -> None:
    shot = Shot(shift_px=(3.4, 5.8), rotation_deg=9.0)
    plain, spoilt = struck(shot)
    pose_33 = inverse(true_pose(shot))
    boards = [
        warp_by_area(Reductions(one), pose_33, SIDE_PX, (SIDE_PX, SIDE_PX))
        for one in (plain, spoilt)
    ]
    change_HW = (boards[1].astype(float) - boards[0]).mean(axis=2)
    y, x = np.indices(change_HW.shape) + 0.5
    middle_2 = [np.average(x, weights=change_HW), np.average(y, weights=change_HW)]
    outline_42 = outlines(pose_33, np.array([BOX]))[0]
    np.testing.assert_allclose(middle_2, outline_42.mean(axis=0), atol=0.05)
