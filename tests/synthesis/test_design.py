from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.layout import Layout
from tasks.synthesis.parts import PartKind, PartType, chip, pads, turned_extent, turned_pad
from tasks.synthesis.settings import BoardDesignSettings


def covered(layout: Layout) -> int:
    """How many quarter-unit cells two parts share."""
    count = np.zeros((400, 400), dtype=np.int64)
    for part in layout.parts:
        sides = turned_extent(part.type, part.quarter_turns)
        left, top, right, bottom = (
            round(4 * side) + int(4 * origin / layout.unit_px)
            for side, origin in zip(
                sides, (part.x_px, part.y_px, part.x_px, part.y_px), strict=True
            )
        )
        count[max(top, 0) : bottom, max(left, 0) : right] += 1
    return int((count > 1).sum())


def test_the_same_settings_give_the_same_bytes(design: BoardDesign) -> None:
    again = design_board(design.settings)
    np.testing.assert_array_equal(again.surface_HWC, design.surface_HWC)
    assert again.layout.parts == design.layout.parts


def test_another_seed_is_another_product(design: BoardDesign) -> None:
    other = design_board(design.settings.model_copy(update={"seed": 5}))
    assert other.layout.parts != design.layout.parts


@pytest.mark.parametrize("side_px", [96, 150])
def test_the_smallest_boards_have_parts_marks_and_a_label(side_px: int) -> None:
    small = design_board(BoardDesignSettings(height_px=side_px, width_px=side_px, seed=1))
    kinds = {part.type.kind for part in small.layout.parts}
    assert len(small.layout.parts) >= 8
    assert kinds & {PartKind.SOIC, PartKind.QFP}
    assert small.fiducials_xy.shape == (3, 2)


def test_parts_do_not_lie_on_each_other(design: BoardDesign) -> None:
    assert len(design.layout.parts) > 20
    assert covered(design.layout) == 0


def test_no_half_turn_maps_the_marks_on_each_other(design: BoardDesign) -> None:
    size = np.array([design.settings.width_px - 1, design.settings.height_px - 1])
    for quarter_turns in range(1, 4):
        turned = design.fiducials_xy - size / 2
        for _ in range(quarter_turns):
            turned = turned[:, ::-1] * [-1, 1]
        apart = np.linalg.norm(turned[:, None] - (design.fiducials_xy - size / 2)[None], axis=2)
        assert apart.min(axis=1).max() > design.fiducial_radius_px


def test_a_quarter_turn_moves_pads_clockwise() -> None:
    left, right = (turned_pad(pad, 1) for pad in pads(chip(PartKind.RESISTOR, 1.0)))
    assert (left.outward_x, left.outward_y) == (0, -1)
    assert (right.outward_x, right.outward_y) == (0, 1)
    assert left.y < 0 < right.y


def test_four_sides_of_leads_have_as_many_pads() -> None:
    assert len(pads(PartType(PartKind.QFP, 4.0, 4.0, 8, 0, "X"))) == 32


@pytest.mark.parametrize(
    "wrong", [{"height_px": 95}, {"fiducials": 1}, {"density": 0.0}, {"colour": "green"}]
)
def test_settings_that_make_no_board_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BoardDesignSettings.model_validate(wrong)
