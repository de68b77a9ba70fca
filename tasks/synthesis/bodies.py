"""How parts look from above: a sprite for every type of part, its shadow included."""

from __future__ import annotations

import numpy as np

from tasks.synthesis import materials as m
from tasks.synthesis.drawing import (
    Drawing,
    Plane,
    Sprite,
    bevel,
    box_distance,
    disc_distance,
    folded,
    text_coverage,
)
from tasks.synthesis.parts import (
    LEAD_PITCH,
    PIN_PITCH,
    SOIC_PITCH,
    PartKind,
    PartType,
    extent,
)


def draw_part(
    part: PartType, quarter_turns: int, unit_px: float, supersampling: int, seed: int
) -> Sprite:
    """Draw a part as it lies on the board; `seed` chooses its grain."""
    left, top, right, bottom = extent(part)
    room = 2 * (0.5 * part.height + 0.15)
    drawing = Drawing(
        unit_px * (2 * max(-left, right) + room),
        unit_px * (2 * max(-top, bottom) + room),
        supersampling,
    )
    match part.kind:
        case PartKind.RESISTOR | PartKind.CAPACITOR | PartKind.INDUCTOR | PartKind.LED:
            draw_chip(drawing, part, unit_px)
        case PartKind.TANTALUM:
            draw_tantalum(drawing, part, unit_px)
        case PartKind.ELECTROLYTIC:
            draw_electrolytic(drawing, part, unit_px)
        case PartKind.CRYSTAL:
            draw_crystal(drawing, part, unit_px)
        case PartKind.CONNECTOR:
            draw_connector(drawing, part, unit_px)
        case _:
            draw_leaded(drawing, part, unit_px)
    drawing.grain(np.random.default_rng([seed, 7]), 2.5)
    return drawing.sprite(quarter_turns)


def body_shadow(drawing: Drawing, distance_HW: Plane, height_px: float) -> None:
    """Darken the board around a body: nearly even under a ring light, a touch more below right."""
    drawing.shade(distance_HW, 0.45 * height_px + 0.5, 0.5)
    offset = max(1, round(0.12 * height_px * drawing.supersampling))
    moved_HW = np.roll(distance_HW, (offset, offset), axis=(0, 1))
    moved_HW[:offset] = moved_HW[:, :offset] = height_px
    drawing.shade(moved_HW, 0.4 * height_px + 0.5, 0.3)


def draw_chip(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw a body between two metal terminations, and what its kind shows on top."""
    length, breadth = part.length * unit_px, part.breadth * unit_px
    x_HW, y_HW = drawing.x_HW, drawing.y_HW
    whole_HW = box_distance(x_HW, y_HW, length, breadth, 0.06 * unit_px)
    body_shadow(drawing, whole_HW, part.height * unit_px)
    # The wrapped metal ends: rounded edges that catch the ring light.
    drawing.fill(whole_HW, m.TERMINATION, bevel(whole_HW, 0.14 * unit_px, 0.75))
    share = {PartKind.RESISTOR: 0.64, PartKind.LED: 0.66}.get(part.kind, 0.56)
    between_HW = box_distance(x_HW, y_HW, share * length, breadth)
    edge = bevel(whole_HW, 0.12 * unit_px, 0.5)
    match part.kind:
        case PartKind.RESISTOR:
            drawing.fill(between_HW, m.CERAMIC)
            top_HW = box_distance(x_HW, y_HW, 0.66 * length, 0.84 * breadth, 0.03 * unit_px)
            drawing.fill(top_HW, m.RESISTOR_TOP, bevel(top_HW, 0.05 * unit_px, 0.3))
            drawing.cover(
                text_coverage(drawing, part.marking, 0.62 * breadth, 0.0, 0.0), m.RESISTOR_MARK
            )
        case PartKind.CAPACITOR:
            drawing.fill(between_HW, m.CAPACITORS[part.look % len(m.CAPACITORS)], edge)
        case PartKind.INDUCTOR:
            drawing.fill(between_HW, m.FERRITE, edge)
            coil_HW = np.abs(disc_distance(x_HW, y_HW, 0.26 * breadth)) - 0.06 * breadth
            drawing.fill(coil_HW, m.PLASTIC, opacity=0.8)
        case _:
            drawing.fill(between_HW, m.LED_BODY, edge)
            lens_HW = disc_distance(x_HW, y_HW, 0.34 * breadth)
            drawing.fill(lens_HW, m.LED_LENS, bevel(lens_HW, 0.34 * breadth, 0.8))


def draw_tantalum(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw a moulded yellow block, its stripe at the positive end, and metal tabs beneath."""
    length, breadth = part.length * unit_px, part.breadth * unit_px
    x_HW, y_HW = drawing.x_HW, drawing.y_HW
    tabs_HW = box_distance(x_HW, y_HW, 1.06 * length, 0.6 * breadth)
    body_HW = box_distance(x_HW, y_HW, 0.94 * length, breadth, 0.04 * unit_px)
    body_shadow(drawing, body_HW, part.height * unit_px)
    drawing.fill(tabs_HW, m.LEAD)
    edge = bevel(body_HW, 0.12 * unit_px, 0.55)
    drawing.fill(body_HW, m.TANTALUM, edge)
    stripe_HW = box_distance(x_HW + 0.35 * length, y_HW, 0.13 * length, 0.97 * breadth)
    drawing.fill(np.maximum(stripe_HW, body_HW), m.TANTALUM_STRIPE, edge)
    marking_HW = text_coverage(drawing, part.marking, 0.5 * breadth, 0.1 * length, 0.0)
    drawing.cover(marking_HW, m.TANTALUM_STRIPE)


def draw_electrolytic(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw an aluminium can on its base, the negative side black."""
    length = part.length * unit_px
    x_HW, y_HW = drawing.x_HW, drawing.y_HW
    base_HW = box_distance(x_HW, y_HW, length, length, 0.1 * length)
    corner_HW = ((np.abs(y_HW) + x_HW) - 0.84 * length) * np.float32(0.7071)
    base_HW = np.maximum(base_HW, corner_HW)
    body_shadow(drawing, base_HW, 0.6 * unit_px)
    drawing.fill(base_HW, m.PLASTIC, bevel(base_HW, 0.1 * unit_px, 0.5))
    can_HW = disc_distance(x_HW, y_HW, 0.47 * length)
    drawing.fill(can_HW, m.CAN, bevel(can_HW, 0.11 * length, 0.9))
    top_HW = disc_distance(x_HW, y_HW, 0.38 * length)
    drawing.fill(top_HW, m.CAN_TOP, bevel(top_HW, 0.05 * length, -0.35))
    segment_HW = np.maximum(top_HW, x_HW + 0.16 * length)
    drawing.fill(segment_HW, m.CAN_STRIPE)
    lines = part.marking.split()
    for row, line in enumerate(lines):
        y = (row - (len(lines) - 1) / 2) * 0.2 * length
        drawing.cover(text_coverage(drawing, line, 0.19 * length, 0.1 * length, y), m.CAN_STRIPE)


def draw_crystal(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw a stadium-shaped metal can."""
    length, breadth = part.length * unit_px, part.breadth * unit_px
    flange_HW = box_distance(drawing.x_HW, drawing.y_HW, length, breadth, 0.5 * breadth)
    body_shadow(drawing, flange_HW, part.height * unit_px)
    drawing.fill(flange_HW, m.CAN, bevel(flange_HW, 0.08 * unit_px, 0.6))
    lid_HW = flange_HW + np.float32(0.13 * unit_px)
    drawing.fill(lid_HW, m.CAN, bevel(lid_HW, 0.2 * unit_px, 0.85))
    marking_HW = text_coverage(drawing, part.marking, 0.34 * breadth, 0.0, 0.0)
    drawing.cover(0.8 * marking_HW, m.PLASTIC)


def draw_connector(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw a housing with a well of pins, and the pins bent down into their holes."""
    length, breadth = part.length * unit_px, part.breadth * unit_px
    x_HW, y_HW = drawing.x_HW, drawing.y_HW
    pin_HW = folded(x_HW, part.leads, PIN_PITCH * unit_px)
    housing_HW = box_distance(x_HW, y_HW, length, breadth, 0.08 * unit_px)
    body_shadow(drawing, housing_HW, 0.8 * unit_px)
    tail = 0.5 * unit_px
    tails_HW = box_distance(pin_HW, y_HW - 0.5 * (breadth + tail), 0.2 * unit_px, tail)
    drawing.fill(tails_HW, m.GOLD, bevel(tails_HW, 0.1 * unit_px, 0.5))
    drawing.fill(housing_HW, m.CONNECTOR_PLASTIC, bevel(housing_HW, 0.1 * unit_px, 0.6))
    well_HW = box_distance(x_HW, y_HW, length - 0.36 * unit_px, 0.56 * breadth)
    drawing.fill(well_HW, m.CONNECTOR_INSIDE)
    # Its walls shade the floor along the edges.
    depth_HW = np.clip(1.0 + well_HW / (0.2 * unit_px), 0.0, 1.0) * drawing.coverage(well_HW)
    drawing.cover(np.float32(0.55) * depth_HW, m.HOLE)
    pins_HW = box_distance(pin_HW, y_HW, 0.22 * unit_px, 0.22 * unit_px)
    drawing.fill(pins_HW, m.GOLD, bevel(pins_HW, 0.09 * unit_px, 0.8))


def draw_leads(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw gull-wing leads: a flat shoulder, a bright bend falling outward, a flat foot."""
    pitch = (LEAD_PITCH if part.kind is PartKind.QFP else SOIC_PITCH) * unit_px
    reach = 0.54 * unit_px
    sides = [(drawing.x_HW, drawing.y_HW, part.breadth, 1)]
    if part.kind is PartKind.QFP:
        sides.append((drawing.y_HW, drawing.x_HW, part.length, 0))
    for along_HW, across_HW, breadth, axis in sides:
        lead_HW = folded(along_HW, part.leads, pitch)
        edge = breadth * unit_px / 2
        height_HW = np.abs(across_HW) - (edge + reach / 2 - 0.05 * unit_px)
        shape_HW = box_distance(lead_HW, height_HW, 0.4 * pitch, reach + 0.1 * unit_px)
        run_HW = (np.abs(across_HW) - edge) / reach
        fall_HW = 0.8 * np.exp(-(((run_HW - 0.38) / 0.17) ** 2)) + 0.25 * (run_HW > 0.92)
        outward_HW = np.sign(across_HW) * fall_HW
        round_HW = 0.45 * lead_HW / (0.2 * pitch)
        tilt = (round_HW, outward_HW) if axis == 1 else (outward_HW, round_HW)
        drawing.shade(shape_HW, 0.09 * unit_px, 0.4)
        drawing.fill(shape_HW, m.LEAD, tilt)


def draw_transistor_leads(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw the three leads of a small transistor."""
    spread, edge = 0.33 * part.length * unit_px, part.breadth * unit_px / 2
    for x, side in ((-spread, 1), (spread, 1), (0.0, -1)):
        y = side * (edge + 0.12 * unit_px)
        lead_HW = box_distance(drawing.x_HW - x, drawing.y_HW - y, 0.2 * unit_px, 0.34 * unit_px)
        run_HW = (side * drawing.y_HW - edge) / (0.28 * unit_px)
        fall_HW = side * 0.8 * np.exp(-(((run_HW - 0.35) / 0.25) ** 2))
        drawing.fill(lead_HW, m.LEAD, (np.zeros_like(fall_HW), fall_HW))


def draw_leaded(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Draw a moulded package with its leads, its first-pin dimple and its marking."""
    length, breadth = part.length * unit_px, part.breadth * unit_px
    x_HW, y_HW = drawing.x_HW, drawing.y_HW
    body_HW = box_distance(x_HW, y_HW, length, breadth, 0.05 * unit_px)
    if part.kind is PartKind.QFP:
        corner_HW = (np.abs(x_HW) + np.abs(y_HW) - 0.97 * length) * np.float32(0.7071)
        body_HW = np.maximum(body_HW, corner_HW)
    body_shadow(drawing, body_HW, part.height * unit_px)
    if part.kind is PartKind.TRANSISTOR:
        draw_transistor_leads(drawing, part, unit_px)
    else:
        draw_leads(drawing, part, unit_px)
    drawing.fill(body_HW, m.PLASTIC, bevel(body_HW, 0.13 * unit_px, 0.7))
    draw_package_marks(drawing, part, unit_px)


def draw_package_marks(drawing: Drawing, part: PartType, unit_px: float) -> None:
    """Print the laser marking, and press the first-pin dimple into the lower left corner."""
    length, breadth = part.length * unit_px, part.breadth * unit_px
    lines = part.marking.split()
    if part.kind is PartKind.TRANSISTOR:
        drawing.cover(text_coverage(drawing, lines[0], 0.5 * breadth, 0.0, 0.0), m.PLASTIC_MARK)
        return
    radius = 0.16 * unit_px
    inset = 0.36 * unit_px
    dimple_HW = disc_distance(
        drawing.x_HW + length / 2 - inset, drawing.y_HW - breadth / 2 + inset, radius
    )
    drawing.fill(dimple_HW, m.PLASTIC, bevel(dimple_HW, radius, -0.6))
    step = 0.7 * breadth / (len(lines) + 1)
    longest = max(len(line) for line in lines)
    size = min(0.85 * step, 1.5 * length / longest * 0.95)
    for row, line in enumerate(lines):
        y = (row - (len(lines) - 1) / 2) * step - 0.03 * breadth
        drawing.cover(text_coverage(drawing, line, size, 0.03 * length, y), m.PLASTIC_MARK)


def draw_tombstone(
    part: PartType, quarter_turns: int, lean: float, unit_px: float, supersampling: int
) -> Sprite:
    """Draw a chip that stands on the end at -x: seen from above it is short, its free end on top.

    `lean` is 0 for upright, 1 for lying. Its shadow falls over the pad that let go.
    """
    breadth, thick = part.breadth * unit_px, part.height * unit_px
    seen = thick + lean * 0.8 * (part.length * unit_px - thick)
    drawing = Drawing(3.2 * unit_px * part.length, breadth + 1.4 * unit_px, supersampling)
    x_HW, y_HW = drawing.x_HW, drawing.y_HW
    body_HW = box_distance(x_HW, y_HW, seen, breadth, 0.06 * unit_px)
    drawing.shade(body_HW, 0.6 * unit_px * part.length, 0.6)
    colour = m.RESISTOR_TOP
    if part.kind is PartKind.CAPACITOR:
        colour = m.CAPACITORS[part.look % len(m.CAPACITORS)]
    elif part.kind is PartKind.LED:
        colour = m.LED_BODY
    drawing.fill(body_HW, colour, bevel(body_HW, 0.08 * unit_px, 0.5))
    # The free end: a bright metal face, toward the pad that it left.
    face_HW = box_distance(x_HW + (seen - thick) / 2, y_HW, thick, breadth, 0.06 * unit_px)
    drawing.fill(face_HW, m.TERMINATION, bevel(face_HW, 0.3 * thick, 0.75))
    return drawing.sprite(quarter_turns)
