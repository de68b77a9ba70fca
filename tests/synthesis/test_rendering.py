from __future__ import annotations

import cv2
import numpy as np
import pytest

from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.poses import moved_points
from tasks.synthesis.rendering import SyntheticPhotograph, render_board
from tasks.synthesis.serials import matrix_modules, serial_number
from tasks.synthesis.settings import (
    UNPERTURBED,
    BoardDesignSettings,
    LightingSettings,
    PerturbationSettings,
)
from tasks.vocabulary.arrays import Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError

MOVED = UNPERTURBED.model_copy(update={"shift_px": 6.0, "rotation_deg": 3.0, "scale": 0.02})


def centroid(pixels_HWC: UInt8Array, near_xy: Float64Array, design: BoardDesign) -> Float64Array:
    """Centroid of the copper dot next to a place, weighted by what exceeds its opening."""
    reach = 0.5 * design.unit_px
    top, left = (int(np.floor(place - reach)) for place in near_xy[::-1])
    side = int(np.ceil(2 * reach)) + 2
    red_HW = pixels_HWC[top : top + side, left : left + side, 0].astype(np.float64)
    y_HW, x_HW = np.mgrid[top : top + side, left : left + side]
    distance_HW = np.hypot(x_HW - near_xy[0], y_HW - near_xy[1])
    ring_HW = (distance_HW < reach) & (distance_HW > design.fiducial_radius_px + 1)
    weight_HW = np.clip(red_HW - np.median(red_HW[ring_HW]) - 12, 0, None) * (distance_HW < reach)
    sums_2 = np.array([(weight_HW * x_HW).sum(), (weight_HW * y_HW).sum()])
    middle_2: Float64Array = sums_2 / weight_HW.sum()
    return middle_2


def outside(difference_HW: UInt8Array, photograph: SyntheticPhotograph) -> UInt8Array:
    """Differences that lie in no defect's box."""
    rest_HW = difference_HW.copy()
    for defect in photograph.defects:
        top, left, bottom, right = (int(side) for side in defect.box_photograph)
        rest_HW[top:bottom, left:right] = 0
    return rest_HW


def difference(first: SyntheticPhotograph, second: SyntheticPhotograph) -> UInt8Array:
    """Largest difference over the channels, per pixel."""
    apart_HWC = first.pixels_HWC.astype(np.int16) - second.pixels_HWC
    largest_HW: UInt8Array = np.abs(apart_HWC).max(axis=2).astype(np.uint8)
    return largest_HW


def test_the_same_number_gives_the_same_bytes(design: BoardDesign) -> None:
    kinds = (DefectKind.SCRATCH, DefectKind.MISSING_PART)
    first, second = (render_board(design, 3, kinds) for _ in range(2))
    np.testing.assert_array_equal(first.pixels_HWC, second.pixels_HWC)
    np.testing.assert_array_equal(first.pose_33, second.pose_33)
    assert first.defects == second.defects


def test_a_photograph_has_the_size_of_the_design(design: BoardDesign) -> None:
    pixels_HWC = render_board(design, 0).pixels_HWC
    assert pixels_HWC.shape == (160, 190, 3)
    assert pixels_HWC.dtype == np.uint8
    assert pixels_HWC.std() > 30


def test_without_perturbation_only_the_label_differs(design: BoardDesign) -> None:
    first, second = (render_board(design, number, (), UNPERTURBED) for number in (0, 1))
    np.testing.assert_array_equal(first.pose_33, np.eye(3))
    changed_HW = difference(first, second) > 0
    area = design.layout.label
    assert changed_HW.any()
    changed_HW[
        int(area.top) - 1 : int(area.bottom) + 2, int(area.left) - 1 : int(area.right) + 2
    ] = False
    assert not changed_HW.any()


@pytest.mark.parametrize("number", range(3))
def test_the_marks_are_where_the_pose_says(design: BoardDesign, number: int) -> None:
    ideal = render_board(design, number, (), UNPERTURBED)
    moved = render_board(design, number, (), MOVED)
    assert np.abs(moved.pose_33 - np.eye(3)).max() > 0.5
    expected_N2 = moved_points(moved.pose_33, design.fiducials_xy)
    np.testing.assert_allclose(moved.fiducials_xy, expected_N2)
    for place_xy, moved_xy in zip(design.fiducials_xy, expected_N2, strict=True):
        assert np.abs(centroid(ideal.pixels_HWC, place_xy, design) - place_xy).max() < 0.05
        assert np.abs(centroid(moved.pixels_HWC, moved_xy, design) - moved_xy).max() < 0.05


def test_the_pose_is_true_of_the_whole_board(design: BoardDesign) -> None:
    """Taken back by its own pose a photograph fits the ideal one best: no shift fits better."""
    ideal_HWC = render_board(design, 2, (), UNPERTURBED).pixels_HWC.astype(np.float32)
    moved = render_board(design, 2, (), MOVED)
    inner = (slice(25, -25), slice(25, -25), slice(None))
    for axis in (0, 1):
        errors = []
        for aside_px in (-0.5, 0.0, 0.5):
            matrix_23 = moved.pose_33[:2].copy()
            matrix_23[axis, 2] += aside_px
            back_HWC = cv2.warpAffine(
                moved.pixels_HWC,
                matrix_23,
                ideal_HWC.shape[1::-1],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
            errors.append(float(np.square(back_HWC[inner] - ideal_HWC[inner]).mean()))
        below, here, above = errors
        lowest_px = 0.25 * (below - above) / (below - 2 * here + above)
        assert abs(lowest_px) < 0.03
        assert here < 0.7 * min(below, above)


def test_every_board_has_its_own_serial_number() -> None:
    serials = [serial_number(0, number) for number in range(500)]
    assert len(set(serials)) == 500
    unlike = matrix_modules(serials[0]) ^ matrix_modules(serials[1])
    assert 60 < unlike[1:-1, 1:-1].sum() < 140
    assert not unlike[:, 0].any()


@pytest.mark.parametrize("kind", list(DefectKind))
@pytest.mark.parametrize("number", range(3))
def test_a_defect_changes_its_box_and_nothing_else(
    design: BoardDesign, kind: DefectKind, number: int
) -> None:
    good, bad = render_board(design, number), render_board(design, number, (kind,))
    (defect,) = bad.defects
    changed_HW = difference(good, bad)
    top, left, bottom, right = (int(side) for side in defect.box_photograph)
    assert changed_HW[top:bottom, left:right].max() >= 20
    assert outside(changed_HW, bad).max() <= 3
    assert defect.kind is kind
    assert (
        0.0
        < defect.size_px**2
        <= np.prod(
            [
                defect.box_design[2] - defect.box_design[0],
                defect.box_design[3] - defect.box_design[1],
            ]
        )
    )
    assert (defect.designator == "") is (kind is DefectKind.SCRATCH)


def test_the_box_follows_the_pose(design: BoardDesign) -> None:
    still = render_board(design, 5, (DefectKind.WRONG_PART,), UNPERTURBED).defects[0]
    moved = render_board(design, 5, (DefectKind.WRONG_PART,), MOVED)
    defect = moved.defects[0]
    np.testing.assert_allclose(defect.box_design, still.box_design)
    top, left, bottom, right = defect.box_design
    middle_12 = np.array([[(left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5]])
    ((x, y),) = moved_points(moved.pose_33, middle_12)
    top, left, bottom, right = defect.box_photograph
    assert abs(x - (left + right - 1) / 2) <= 1.0
    assert abs(y - (top + bottom - 1) / 2) <= 1.0


def test_several_defects_strike_different_parts(design: BoardDesign) -> None:
    kinds = (DefectKind.MISSING_PART, DefectKind.SHIFTED_PART, DefectKind.WRONG_PART)
    bad = render_board(design, 1, kinds)
    assert [defect.kind for defect in bad.defects] == list(kinds)
    assert len({defect.designator for defect in bad.defects}) == 3
    assert outside(difference(render_board(design, 1), bad), bad).max() <= 3


def test_defects_come_in_many_sizes(design: BoardDesign) -> None:
    sizes = [
        render_board(design, number, (DefectKind.SCRATCH,), UNPERTURBED).defects[0].size_px
        for number in range(4)
    ]
    assert max(sizes) > 1.3 * min(sizes)


def test_good_boards_differ_mildly(design: BoardDesign) -> None:
    still = PerturbationSettings(shift_px=0, rotation_deg=0, scale=0)
    first, second = (render_board(design, number, (), still) for number in (0, 1))
    changed_HW = difference(first, second)
    assert 1.0 < changed_HW.mean() < 15.0


def test_an_occluded_mark_is_covered_and_named(design: BoardDesign) -> None:
    covering = UNPERTURBED.model_copy(update={"occluded_fiducials": 1})
    bare, covered = (render_board(design, 0, (), chosen) for chosen in (UNPERTURBED, covering))
    changed_HW = difference(bare, covered)
    assert bare.occluded == ()
    (number,) = covered.occluded
    for other, (x, y) in enumerate(design.fiducials_xy):
        change = int(changed_HW[round(y), round(x)])
        assert change > 20 if other == number else change == 0


def test_light_changes_brightness_as_told(design: BoardDesign) -> None:
    dim = UNPERTURBED.model_copy(
        update={"lighting": LightingSettings(gain=0.5, gradient=0, vignette=0, colour_cast=0)}
    )
    bright = render_board(design, 0, (), UNPERTURBED).pixels_HWC.mean()
    gains = [render_board(design, n, (), dim).pixels_HWC.mean() / bright for n in range(5)]
    assert min(gains) < 0.85
    assert max(gains) > 1.1


def test_what_cannot_be_rendered_is_refused() -> None:
    sparse = design_board(BoardDesignSettings(height_px=96, width_px=96, seed=1, density=0.1))
    with pytest.raises(InputError, match="Number boards from 0"):
        render_board(sparse, -1)
    with pytest.raises(InputError, match="missing_part"):
        render_board(sparse, 0, [DefectKind.MISSING_PART] * 40)
