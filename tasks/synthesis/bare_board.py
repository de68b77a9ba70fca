"""The bare board: laminate, copper, soldermask, pads, vias, marks and silkscreen as one surface.

Legend: H height, W width of the canvas, C the channels of `materials`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.synthesis import materials as m
from tasks.synthesis.drawing import (
    Drawing,
    Sprite,
    bevel,
    box_distance,
    disc_distance,
    smooth_noise,
)
from tasks.synthesis.frame import Frame, Placement, paint, whole_canvas
from tasks.synthesis.layout import Area, Layout
from tasks.synthesis.routing import Routing
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array

SHIFT_BITS = 6
COPPER_RELIEF = 0.16


def bare_surface(
    layout: Layout, routing: Routing, silk_HW: UInt8Array, frame: Frame, seed: int
) -> UInt8Array:
    """Build the surface `uint8 [H, W, C]` that all boards of a design share."""
    rng = np.random.default_rng([seed, 3])
    copper_HW = copper_plan(layout, routing, frame)
    over_laminate, over_copper = m.MASKS[seed % len(m.MASKS)]
    surface_HWC = np.empty((*copper_HW.shape, m.SURFACE_CHANNELS), dtype=np.uint8)
    lay_mask(surface_HWC, copper_HW, over_laminate, over_copper)
    roughen(surface_HWC, copper_HW, layout.unit_px * frame.supersampling, rng)
    cut_outline(surface_HWC, layout, frame)
    canvas = whole_canvas(frame)
    for placement in fixtures(layout, routing, frame, over_copper):
        paint(surface_HWC, canvas, placement, frame)
    print_silk(surface_HWC, silk_HW)
    return surface_HWC


def copper_plan(layout: Layout, routing: Routing, frame: Frame) -> Float32Array:
    """Draw the copper under the mask, in [0, 1]: a poured plane, and traces in their clearances."""
    unit_px, factor = layout.unit_px, frame.supersampling
    plan_HW = np.zeros((frame.canvas_height, frame.canvas_width), dtype=np.uint8)
    outline = layout.outline
    inset_px = 0.35 * unit_px
    pour = Area(
        outline.left + inset_px,
        outline.top + inset_px,
        outline.right - inset_px,
        outline.bottom - inset_px,
    )
    draw_area(plan_HW, pour, 255, frame)
    clearance_px = 0.13 * unit_px
    for value, extra_px in ((0, 2 * clearance_px), (255, 0.0)):
        for points_K2, width_px in routing.traces:
            thickness = max(1, round((width_px + extra_px) * factor))
            points = fixed_point(frame.canvas_points(points_K2))
            cv2.polylines(plan_HW, [points], False, value, thickness, cv2.LINE_AA, SHIFT_BITS)
        for part, pad in layout.pads():
            x_px, y_px = part.x_px + pad.x * unit_px, part.y_px + pad.y * unit_px
            half_x_px = 0.5 * (pad.width * unit_px + extra_px)
            half_y_px = 0.5 * (pad.height * unit_px + extra_px)
            area = Area(x_px - half_x_px, y_px - half_y_px, x_px + half_x_px, y_px + half_y_px)
            draw_area(plan_HW, area, value, frame)
        discs = [(xy, 0.2 * unit_px + extra_px / 2) for xy in routing.vias_xy]
        if value == 0:
            discs += [(xy, 0.78 * unit_px) for xy in layout.fiducials_xy]
        for (x_px, y_px), radius_px in discs:
            centre = fixed_point(frame.canvas_points(np.array([[x_px, y_px]])))[0]
            radius = round(radius_px * factor * 2**SHIFT_BITS)
            cv2.circle(plan_HW, centre, radius, value, -1, cv2.LINE_AA, SHIFT_BITS)
    return plan_HW.astype(np.float32) / 255.0


def fixed_point(points_N2: Float64Array) -> NDArray[np.int32]:
    """Express canvas points as OpenCV draws them, in 1 / 2**SHIFT_BITS px."""
    fixed_N2: NDArray[np.int32] = np.rint(points_N2 * 2**SHIFT_BITS).astype(np.int32)
    return fixed_N2


def draw_area(plan_HW: UInt8Array, area: Area, value: int, frame: Frame) -> None:
    """Fill a rectangle of the plan."""
    corners = np.array(
        [
            [area.left, area.top],
            [area.right, area.top],
            [area.right, area.bottom],
            [area.left, area.bottom],
        ]
    )
    points = fixed_point(frame.canvas_points(corners))
    cv2.fillConvexPoly(plan_HW, points, value, cv2.LINE_AA, SHIFT_BITS)


def lay_mask(
    surface_HWC: UInt8Array,
    copper_HW: Float32Array,
    over_laminate: m.Material,
    over_copper: m.Material,
) -> None:
    """Coat everything with soldermask, lighter over copper."""
    below = (*over_laminate[:3], 0, 0, 255 * over_laminate.gloss, 255 * over_laminate.roughness)
    above = (*over_copper[:3], 0, 0, 255 * over_copper.gloss, 255 * over_copper.roughness)
    for channel, (low, high) in enumerate(zip(below, above, strict=True)):
        surface_HWC[..., channel] = np.float32(low) + np.float32(high - low) * copper_HW


def roughen(
    surface_HWC: UInt8Array, copper_HW: Float32Array, unit: float, rng: np.random.Generator
) -> None:
    """Give the mask its relief over copper edges, its orange peel, and the weave that shows through."""
    height, width = copper_HW.shape
    smooth_HW = cv2.GaussianBlur(copper_HW, (0, 0), max(0.05 * unit, 0.7))
    peel_HW = smooth_noise(rng, height, width, 0.35 * unit)
    for channel, axis in ((m.TILT_X, 1), (m.TILT_Y, 0)):
        relief_HW = np.gradient(smooth_HW, axis=axis) * np.float32(-COPPER_RELIEF * unit)
        relief_HW += np.gradient(peel_HW, axis=axis) * np.float32(0.006 * unit)
        surface_HWC[..., channel] = np.clip(m.FLAT + m.FULL_TILT * relief_HW, 1, 255)
    weave_HW = weave(height, width, 0.42 * unit, rng)
    # Copper hides the weave, and has its own slow stains.
    tone_HW = (1.0 - copper_HW) * weave_HW
    tone_HW += np.float32(0.8) * smooth_noise(rng, height, width, 2.5 * unit)
    tone_HW += rng.standard_normal((height, width), dtype=np.float32)
    for channel in range(3):
        toned_HW = surface_HWC[..., channel] + np.float32(1.3) * tone_HW
        surface_HWC[..., channel] = np.clip(toned_HW, 0, 255)


def weave(height: int, width: int, period: float, rng: np.random.Generator) -> Float32Array:
    """Draw the glass cloth in the laminate: bundles over and under each other, slightly wavy."""
    down_HW, across_HW = np.mgrid[0:height, 0:width].astype(np.float32)
    turn = np.float32(2 * np.pi / period)
    wave_HW = smooth_noise(rng, height, width, 8 * period)
    phase_HW = turn * across_HW + np.float32(0.5) * wave_HW
    other_HW = turn * down_HW - np.float32(0.5) * wave_HW
    cloth: Float32Array = np.float32(3.2) * np.sin(phase_HW) * np.sin(other_HW)
    return cloth


def cut_outline(surface_HWC: UInt8Array, layout: Layout, frame: Frame) -> None:
    """Leave the carrier outside the routed outline, and a pale rim of laminate along it."""
    outline = layout.outline
    distance_HW = outline_distance(outline, frame, 0.5 * layout.unit_px)
    rim_px = 0.1 * layout.unit_px
    shadow_HW = np.clip(1.0 - (distance_HW - rim_px) / (0.5 * layout.unit_px), 0.0, 1.0) ** 2
    grain = np.random.default_rng(5).standard_normal(distance_HW.shape, dtype=np.float32)
    rim_HW = np.clip(0.5 - (distance_HW - rim_px) * frame.supersampling, 0.0, 1.0)
    board_HW = np.clip(0.5 - distance_HW * frame.supersampling, 0.0, 1.0)
    carrier = surface_bytes(m.CARRIER)
    rim = surface_bytes(m.LAMINATE_EDGE)
    for channel in range(m.SURFACE_CHANNELS):
        outside_HW = np.full_like(distance_HW, carrier[channel])
        if channel < 3:
            outside_HW = (outside_HW + 1.2 * grain) * (1.0 - 0.6 * shadow_HW)
        outside_HW += (rim[channel] - outside_HW) * rim_HW
        outside_HW += (surface_HWC[..., channel] - outside_HW) * board_HW
        surface_HWC[..., channel] = np.clip(outside_HW + 0.5, 0, 255)


def surface_bytes(material: m.Material) -> tuple[float, ...]:
    """Return the seven channels of a flat material."""
    gloss, roughness = 255 * material.gloss, 255 * material.roughness
    return (*material[:3], m.FLAT, m.FLAT, gloss, roughness)


def outline_distance(outline: Area, frame: Frame, radius_px: float) -> Float32Array:
    """Signed distance to the board's outline over the whole canvas, in design px."""
    factor, border_px = frame.supersampling, frame.border_px
    columns = np.arange(frame.canvas_width, dtype=np.float32)
    rows = np.arange(frame.canvas_height, dtype=np.float32)
    x_W = (columns - (factor - 1) / 2) / factor - border_px
    y_H = (rows - (factor - 1) / 2) / factor - border_px
    return box_distance(
        (x_W - np.float32((outline.left + outline.right) / 2))[None],
        (y_H - np.float32((outline.top + outline.bottom) / 2))[:, None],
        outline.right - outline.left,
        outline.bottom - outline.top,
        radius_px,
    )


def fixtures(
    layout: Layout, routing: Routing, frame: Frame, over_copper: m.Material
) -> list[Placement]:
    """Place what the mask leaves open: pads, vias, mounting holes, fiducials."""
    unit_px, factor = layout.unit_px, frame.supersampling
    placements = []
    drawn: dict[tuple[float, float, bool], Sprite] = {}
    for part, pad in layout.pads():
        key = (pad.width, pad.height, pad.drilled)
        if key not in drawn:
            drawn[key] = draw_pad(*key, unit_px, factor)
        x_px, y_px = part.x_px + pad.x * unit_px, part.y_px + pad.y * unit_px
        placements.append(Placement(drawn[key], x_px, y_px))
    vias = [draw_via(over_copper, unit_px, factor, tented) for tented in (True, True, False)]
    for number, (x_px, y_px) in enumerate(routing.vias_xy):
        placements.append(Placement(vias[number % 3], x_px, y_px))
    hole = draw_mounting_hole(unit_px, factor)
    placements += [Placement(hole, x_px, y_px) for x_px, y_px in layout.holes_xy]
    mark = draw_fiducial(unit_px, factor)
    placements += [Placement(mark, x_px, y_px) for x_px, y_px in layout.fiducials_xy]
    return placements


def draw_pad(
    width: float, height: float, drilled: bool, unit_px: float, supersampling: int
) -> Sprite:
    """Draw a pad in its opening of the mask: a rim of laminate, then tinned copper."""
    gap_px = 0.05 * unit_px
    width_px, height_px = width * unit_px, height * unit_px
    drawing = Drawing(width_px + 4 * gap_px, height_px + 4 * gap_px, supersampling)
    pad_HW = box_distance(drawing.x_HW, drawing.y_HW, width_px, height_px, 0.06 * unit_px)
    drawing.fill(pad_HW - np.float32(gap_px), m.LAMINATE, opacity=0.6)
    drawing.fill(pad_HW, m.TINNED, bevel(pad_HW, 0.06 * unit_px, 0.4))
    if drilled:
        drawing.fill(disc_distance(drawing.x_HW, drawing.y_HW, 0.28 * width_px), m.HOLE)
    return drawing.sprite()


def draw_via(over_copper: m.Material, unit_px: float, supersampling: int, tented: bool) -> Sprite:
    """Draw a via: a ring and its hole, under mask if tented."""
    radius_px = 0.17 * unit_px
    drawing = Drawing(2.4 * radius_px, 2.4 * radius_px, supersampling)
    ring_HW = disc_distance(drawing.x_HW, drawing.y_HW, radius_px)
    hole_HW = disc_distance(drawing.x_HW, drawing.y_HW, 0.48 * radius_px)
    if tented:
        drawing.fill(ring_HW, over_copper, bevel(ring_HW, 0.3 * radius_px, 0.4))
        drawing.fill(hole_HW, over_copper, bevel(hole_HW, 0.5 * radius_px, -0.7))
        drawing.fill(hole_HW, m.HOLE, opacity=0.45)
    else:
        drawing.fill(ring_HW, m.GOLD)
        drawing.fill(hole_HW, m.HOLE)
    return drawing.sprite()


def draw_mounting_hole(unit_px: float, supersampling: int) -> Sprite:
    """Draw a plated hole through which the carrier shows."""
    radius_px = 0.85 * unit_px
    drawing = Drawing(2.2 * radius_px, 2.2 * radius_px, supersampling)
    ring_HW = disc_distance(drawing.x_HW, drawing.y_HW, radius_px)
    drawing.fill(ring_HW, m.GOLD, bevel(ring_HW, 0.1 * radius_px, 0.3))
    hole_HW = disc_distance(drawing.x_HW, drawing.y_HW, 0.62 * radius_px)
    drawing.fill(hole_HW, m.HOLE)
    return drawing.sprite()


def draw_fiducial(unit_px: float, supersampling: int) -> Sprite:
    """Draw a copper dot in a round opening of the mask."""
    opening_px = 0.68 * unit_px
    drawing = Drawing(2.2 * opening_px, 2.2 * opening_px, supersampling)
    drawing.fill(disc_distance(drawing.x_HW, drawing.y_HW, opening_px), m.LAMINATE, opacity=0.85)
    dot_HW = disc_distance(drawing.x_HW, drawing.y_HW, fiducial_radius_px(unit_px))
    drawing.fill(dot_HW, m.COPPER)
    return drawing.sprite()


def fiducial_radius_px(unit_px: float) -> float:
    """Return the radius of a fiducial's copper dot."""
    return 0.34 * unit_px


def print_silk(surface_HWC: UInt8Array, silk_HW: UInt8Array) -> None:
    """Print the white ink over mask and copper."""
    rows, columns = np.nonzero(silk_HW)
    share_N = silk_HW[rows, columns].astype(np.float32) / 255.0
    for channel, ink in enumerate(surface_bytes(m.SILK)):
        below_N = surface_HWC[rows, columns, channel].astype(np.float32)
        surface_HWC[rows, columns, channel] = below_N + (ink - below_N) * share_N
