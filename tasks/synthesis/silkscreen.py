"""Silkscreen: designators, outlines of parts, the product's name; never on pads or marks."""

from __future__ import annotations

import cv2
import numpy as np

from tasks.synthesis.bare_board import SHIFT_BITS, fixed_point
from tasks.synthesis.frame import Frame
from tasks.synthesis.layout import Area, Layout, PlacedPart
from tasks.synthesis.parts import CHIPS, PartKind, turned_extent
from tasks.vocabulary.arrays import BoolArray, Float64Array, UInt8Array

FONT = cv2.FONT_HERSHEY_SIMPLEX
# Pixels of a Hershey capital at scale 1.
FONT_HEIGHT_PX = 22.0
LETTERS = 0.42


class Silkscreen:
    """White ink on the canvas, kept off what must be soldered or read."""

    def __init__(self, layout: Layout, frame: Frame) -> None:
        self.frame = frame
        self.unit_px = layout.unit_px
        self.ink_HW: UInt8Array = np.zeros(
            (frame.canvas_height, frame.canvas_width), dtype=np.uint8
        )
        self.kept_off_HW: BoolArray = np.ones(self.ink_HW.shape, dtype=np.bool_)
        outline = layout.outline
        top, left, bottom, right = (
            round(frame.canvas(side))
            for side in (outline.top, outline.left, outline.bottom, outline.right)
        )
        inset = round(0.25 * layout.unit_px * frame.supersampling)
        self.kept_off_HW[top + inset : bottom - inset, left + inset : right - inset] = False
        self.stroke = max(1, round(0.06 * layout.unit_px * frame.supersampling))

    def keep_off(self, area: Area, margin_px: float) -> None:
        """Let no ink fall on an area."""
        top, left, bottom, right = (
            max(0, round(self.frame.canvas(side)))
            for side in (
                area.top - margin_px,
                area.left - margin_px,
                area.bottom + margin_px,
                area.right + margin_px,
            )
        )
        self.kept_off_HW[top : bottom + 1, left : right + 1] = True

    def lines(self, points_K2: Float64Array, closed: bool = False) -> None:
        """Draw a polyline."""
        points = fixed_point(self.frame.canvas_points(points_K2))
        cv2.polylines(self.ink_HW, [points], closed, 255, self.stroke, cv2.LINE_AA, SHIFT_BITS)

    def write(self, text: str, x_px: float, y_px: float, height_px: float) -> bool:
        """Write text centred at a place if nothing is there yet."""
        scale = height_px * self.frame.supersampling / FONT_HEIGHT_PX
        thickness = max(1, round(0.16 * height_px * self.frame.supersampling))
        (width, height), _ = cv2.getTextSize(text, FONT, scale, thickness)
        left = round(self.frame.canvas(x_px) - width / 2)
        bottom = round(self.frame.canvas(y_px) + height / 2)
        place = (
            slice(max(bottom - height - 2, 0), bottom + 3),
            slice(max(left - 2, 0), left + width + 2),
        )
        if self.kept_off_HW[place].any() or self.ink_HW[place].any():
            return False
        cv2.putText(self.ink_HW, text, (left, bottom), FONT, scale, 255, thickness, cv2.LINE_AA)
        return True

    def finished(self) -> UInt8Array:
        """Return the ink, cleared where it must not be."""
        self.ink_HW[self.kept_off_HW] = 0
        return self.ink_HW


def draw_silkscreen(layout: Layout, frame: Frame, name: str) -> UInt8Array:
    """Draw the whole print: coverage `uint8 [H, W]` of the canvas."""
    silk = Silkscreen(layout, frame)
    unit_px = layout.unit_px
    for part, pad in layout.pads():
        x_px, y_px = part.x_px + pad.x * unit_px, part.y_px + pad.y * unit_px
        half_x_px, half_y_px = pad.width * unit_px / 2, pad.height * unit_px / 2
        area = Area(x_px - half_x_px, y_px - half_y_px, x_px + half_x_px, y_px + half_y_px)
        silk.keep_off(area, 0.06 * unit_px)
    for x_px, y_px in np.concatenate([layout.fiducials_xy, layout.holes_xy]):
        silk.keep_off(Area(x_px, y_px, x_px, y_px), 0.9 * unit_px)
    silk.keep_off(layout.label, 0.05 * unit_px)
    for part in layout.parts:
        outline_part(silk, part)
    if layout.logo is not None:
        draw_logo(silk, layout.logo, name)
    for part in layout.parts:
        name_part(silk, part)
    return silk.finished()


def body_area(part: PlacedPart, unit_px: float, margin_px: float) -> Area:
    """Find the body of a part, leads not counted, grown by a margin."""
    length, breadth = part.type.length, part.type.breadth
    if part.quarter_turns % 2:
        length, breadth = breadth, length
    half_x_px, half_y_px = length * unit_px / 2 + margin_px, breadth * unit_px / 2 + margin_px
    return Area(
        part.x_px - half_x_px, part.y_px - half_y_px, part.x_px + half_x_px, part.y_px + half_y_px
    )


def outline_part(silk: Silkscreen, part: PlacedPart) -> None:
    """Draw the outline that shows an operator where a part belongs."""
    unit_px = silk.unit_px
    area = body_area(part, unit_px, 0.1 * unit_px)
    corners = np.array(
        [
            [area.left, area.top],
            [area.right, area.top],
            [area.right, area.bottom],
            [area.left, area.bottom],
        ]
    )
    if part.type.kind in CHIPS:
        if part.quarter_turns % 2:
            silk.lines(corners[[0, 3]])
            silk.lines(corners[[1, 2]])
        else:
            silk.lines(corners[[0, 1]])
            silk.lines(corners[[3, 2]])
        return
    silk.lines(corners, closed=True)
    if part.type.kind in (PartKind.QFP, PartKind.SOIC):
        mark_first_pin(silk, part)
    # No designator is written on a body: nobody could read it.
    silk.keep_off(body_area(part, unit_px, -0.05 * unit_px), 0.0)


def mark_first_pin(silk: Silkscreen, part: PlacedPart) -> None:
    """Print a dot beside the first pin: lower left of the lying part."""
    unit_px = silk.unit_px
    x, y = -(part.type.length / 2 + 0.3), part.type.breadth / 2 + 0.3
    for _ in range(part.quarter_turns % 4):
        x, y = -y, x
    place_12 = np.array([[part.x_px + x * unit_px, part.y_px + y * unit_px]])
    centre = fixed_point(silk.frame.canvas_points(place_12))[0]
    radius = round(0.12 * unit_px * silk.frame.supersampling * 2**SHIFT_BITS)
    cv2.circle(silk.ink_HW, centre, radius, 255, -1, cv2.LINE_AA, SHIFT_BITS)


def name_part(silk: Silkscreen, part: PlacedPart) -> None:
    """Write the designator at the first free place beside the part."""
    unit_px = silk.unit_px
    left, top, right, bottom = (
        side * unit_px for side in turned_extent(part.type, part.quarter_turns)
    )
    height_px = LETTERS * unit_px
    reach_y_px, reach_x_px = 0.75 * height_px + 0.08 * unit_px, 0.5 * unit_px + 0.15 * unit_px
    places = [
        (part.x_px, part.y_px + top - reach_y_px),
        (part.x_px, part.y_px + bottom + reach_y_px),
        (part.x_px + right + reach_x_px, part.y_px),
        (part.x_px + left - reach_x_px, part.y_px),
    ]
    for x_px, y_px in places:
        if silk.write(part.designator, x_px, y_px, height_px):
            return


def draw_logo(silk: Silkscreen, area: Area, name: str) -> None:
    """Print the product's name beside a ring, as makers do."""
    unit_px = silk.unit_px
    y_px = (area.top + area.bottom) / 2
    angles = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
    ring_K2 = 0.42 * unit_px * np.column_stack([np.cos(angles), np.sin(angles)])
    centre = np.array([area.left + 0.5 * unit_px, y_px])
    silk.lines(ring_K2 + centre, closed=True)
    silk.lines(centre + unit_px * np.array([[-0.2, 0.0], [-0.05, 0.16], [0.22, -0.18]]))
    x_px = (area.left + unit_px + area.right) / 2
    silk.write(name, x_px, y_px, 0.5 * unit_px)
