"""Defects: the seven ways in which a board is spoilt here.

Every defect changes an assembly in place and tells which placements it touched, before and after;
only their canvas pixels can differ from those of the good board.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import assert_never

import numpy as np

from tasks.synthesis.assembly import Assembly
from tasks.synthesis.bodies import draw_part, draw_tombstone
from tasks.synthesis.design import BoardDesign
from tasks.synthesis.frame import Placement
from tasks.synthesis.layout import PACKAGE_NAMES, RESISTOR_VALUES, PlacedPart
from tasks.synthesis.parts import CHIPS, PartKind, PartType, chip
from tasks.synthesis.scratches import draw_scratch, visible_scratch
from tasks.synthesis.solder import draw_bridge, draw_empty_pad_solder, draw_starved_joint
from tasks.vocabulary.errors import InputError


class DefectKind(StrEnum):
    """What is wrong."""

    MISSING_PART = "missing_part"
    SHIFTED_PART = "shifted_part"
    TOMBSTONE = "tombstone"
    SOLDER_BRIDGE = "solder_bridge"
    INSUFFICIENT_SOLDER = "insufficient_solder"
    WRONG_PART = "wrong_part"
    SCRATCH = "scratch"


STANDING = (PartKind.RESISTOR, PartKind.CAPACITOR, PartKind.LED)
EXCHANGED = (*CHIPS, PartKind.SOIC, PartKind.QFP)
# How far solder may run between pads, in units, centre to centre.
LONGEST_BRIDGE = 0.75


def spoil(
    design: BoardDesign,
    assembly: Assembly,
    kind: DefectKind,
    spared: Sequence[str],
    rng: np.random.Generator,
) -> tuple[str, list[Placement]]:
    """Add one defect; return the part it struck ("" for a scratch) and all touched placements.

    Parts in `spared` are left alone. A design without a part that could have this defect is an
    `InputError`.
    """
    match kind:
        case DefectKind.MISSING_PART:
            return lose_part(design, assembly, victim(design, kind, spared, rng))
        case DefectKind.SHIFTED_PART:
            return shift_part(design, assembly, victim(design, kind, spared, rng), rng)
        case DefectKind.TOMBSTONE:
            return raise_part(design, assembly, victim(design, kind, spared, rng), rng)
        case DefectKind.SOLDER_BRIDGE:
            return bridge_pads(design, assembly, spared, rng)
        case DefectKind.INSUFFICIENT_SOLDER:
            return starve_joint(design, assembly, victim(design, kind, spared, rng), rng)
        case DefectKind.WRONG_PART:
            return exchange_part(design, assembly, victim(design, kind, spared, rng), rng)
        case DefectKind.SCRATCH:
            return scratch_board(design, assembly, rng)
        case _:
            assert_never(kind)


def victim(
    design: BoardDesign, kind: DefectKind, spared: Sequence[str], rng: np.random.Generator
) -> PlacedPart:
    """Choose the part that a defect strikes."""
    kinds: tuple[PartKind, ...] = tuple(k for k in PartKind if k is not PartKind.CONNECTOR)
    if kind is DefectKind.TOMBSTONE:
        kinds = STANDING
    elif kind is DefectKind.WRONG_PART:
        kinds = EXCHANGED
    candidates = [
        part
        for part in design.layout.parts
        if part.type.kind in kinds and part.designator not in spared
    ]
    if not candidates:
        raise no_room(kind)
    # Kinds first: chips outnumber packages, but packages have their defects, too.
    present = sorted({part.type.kind for part in candidates})
    chosen = present[int(rng.integers(len(present)))]
    alike = [part for part in candidates if part.type.kind is chosen]
    return alike[int(rng.integers(len(alike)))]


def no_room(kind: DefectKind) -> InputError:
    """Return the error of a design that cannot have a defect."""
    return InputError(
        f"The design has no part left that could show the defect {kind.value}.",
        "Ask for fewer defects on one board, or raise the design's density or size.",
    )


def joints_of(design: BoardDesign, part: PlacedPart) -> list[int]:
    """Find the numbers of a part's pads."""
    return [
        number for number, pad in enumerate(design.pads) if pad.part.designator == part.designator
    ]


def empty_joint(design: BoardDesign, number: int) -> Placement:
    """Return solder that set without a part."""
    pad = design.pads[number]
    sprite = draw_empty_pad_solder(pad.pad, design.unit_px, design.frame.supersampling)
    return Placement(sprite, pad.x_px, pad.y_px)


def lose_part(
    design: BoardDesign, assembly: Assembly, part: PlacedPart
) -> tuple[str, list[Placement]]:
    """Take a part away; domes of solder stay on its pads."""
    touched = [assembly.parts.pop(part.designator)]
    for number in joints_of(design, part):
        touched.append(assembly.joints[number])
        assembly.joints[number] = empty_joint(design, number)
        touched.append(assembly.joints[number])
    return part.designator, touched


def shift_part(
    design: BoardDesign, assembly: Assembly, part: PlacedPart, rng: np.random.Generator
) -> tuple[str, list[Placement]]:
    """Push and turn a part far beyond the tolerance."""
    good = assembly.parts[part.designator]
    leaded = part.type.kind not in CHIPS
    push_px = rng.uniform(0.16, 0.3 if leaded else 0.5) * design.unit_px
    direction = rng.uniform(0.0, 2 * np.pi)
    turn_deg = rng.choice([-1.0, 1.0]) * rng.uniform(1.0, 5.0 if leaded else 25.0)
    moved = replace(
        good,
        x_px=float(good.x_px + push_px * np.cos(direction)),
        y_px=float(good.y_px + push_px * np.sin(direction)),
        angle_deg=float(good.angle_deg + turn_deg),
    )
    assembly.parts[part.designator] = moved
    return part.designator, [good, moved]


def raise_part(
    design: BoardDesign, assembly: Assembly, part: PlacedPart, rng: np.random.Generator
) -> tuple[str, list[Placement]]:
    """Stand a chip up on one of its pads; the other keeps a dome of solder."""
    good = assembly.parts[part.designator]
    numbers = joints_of(design, part)
    rng.shuffle(numbers)
    stood, left = numbers
    pad = design.pads[stood]
    # Turned so that the raised end looks away from the pad that let go.
    turns = {(1, 0): 0, (0, 1): 1, (-1, 0): 2, (0, -1): 3}[pad.pad.outward_x, pad.pad.outward_y]
    lean = float(rng.uniform(0.1, 0.75))
    factor = design.frame.supersampling
    sprite = draw_tombstone(part.type, turns, lean, design.unit_px, factor)
    standing = Placement(sprite, pad.x_px, pad.y_px, float(rng.uniform(-8.0, 8.0)))
    touched = [good, standing, assembly.joints[left]]
    assembly.parts[part.designator] = standing
    assembly.joints[left] = empty_joint(design, left)
    return part.designator, [*touched, assembly.joints[left]]


def bridge_pads(
    design: BoardDesign, assembly: Assembly, spared: Sequence[str], rng: np.random.Generator
) -> tuple[str, list[Placement]]:
    """Let solder run between two neighbouring pads."""
    places_N2 = np.array([(pad.x_px, pad.y_px) for pad in design.pads]) / design.unit_px
    steps_NN2 = places_N2[None] - places_N2[:, None]
    close_NN = np.abs(steps_NN2).max(axis=2) < LONGEST_BRIDGE
    straight_NN = np.abs(steps_NN2).min(axis=2) < 0.1
    allowed_N = np.array([pad.part.designator not in spared for pad in design.pads])
    found_K2 = np.argwhere(np.triu(close_NN & straight_NN & allowed_N & allowed_N[:, None], k=1))
    if not len(found_K2):
        raise no_room(DefectKind.SOLDER_BRIDGE)
    first, second = (int(number) for number in found_K2[int(rng.integers(len(found_K2)))])
    step_2 = steps_NN2[first, second]
    upright = bool(abs(step_2[1]) > abs(step_2[0]))
    pad = design.pads[first].pad
    breadth = pad.width if upright else pad.height
    thickness = float(rng.uniform(0.2, 0.75)) * breadth
    # Toward the toes, where no body hides it.
    aside = 0.5 * (breadth - thickness) * rng.uniform(0.3, 1.0)
    middle_2 = (places_N2[first] + places_N2[second]) / 2
    middle_2 = middle_2 + aside * np.array([pad.outward_x, pad.outward_y])
    sprite = draw_bridge(
        float(np.abs(step_2).max()) * design.unit_px,
        thickness * design.unit_px,
        upright,
        design.frame.supersampling,
    )
    x_px, y_px = middle_2 * design.unit_px
    bridge = Placement(sprite, float(x_px), float(y_px))
    assembly.bridges.append(bridge)
    return design.pads[first].part.designator, [bridge]


def starve_joint(
    design: BoardDesign, assembly: Assembly, part: PlacedPart, rng: np.random.Generator
) -> tuple[str, list[Placement]]:
    """Leave too little solder on one pad of a part, sometimes on a few in a row."""
    numbers = joints_of(design, part)
    first = int(rng.integers(len(numbers)))
    count = int(rng.integers(1, 4)) if len(numbers) > 4 else 1
    touched = []
    for number in numbers[first : first + count]:
        pad = design.pads[number]
        share = float(rng.uniform(0.0, 0.4))
        sprite = draw_starved_joint(pad.pad, share, design.unit_px, design.frame.supersampling)
        starved = Placement(sprite, pad.x_px, pad.y_px)
        touched += [assembly.joints[number], starved]
        assembly.joints[number] = starved
    return part.designator, touched


def exchange_part(
    design: BoardDesign, assembly: Assembly, part: PlacedPart, rng: np.random.Generator
) -> tuple[str, list[Placement]]:
    """Put another part, or the right one the wrong way round, in a part's place."""
    good = assembly.parts[part.designator]
    wrong, turns = wrong_type(part, rng)
    seed = int(rng.integers(2**16))
    sprite = draw_part(wrong, turns, design.unit_px, design.frame.supersampling, seed)
    assembly.parts[part.designator] = replace(good, sprite=sprite)
    return part.designator, [good, assembly.parts[part.designator]]


def wrong_type(part: PlacedPart, rng: np.random.Generator) -> tuple[PartType, int]:
    """Choose what is mistaken for a part, and how it lies."""
    kind, turns = part.type.kind, part.quarter_turns
    reversed_turns = (turns + 2) % 4
    if kind in (PartKind.SOIC, PartKind.QFP):
        if rng.uniform() < 0.5:
            return part.type, reversed_turns
        names = [name for name in PACKAGE_NAMES if name not in part.type.marking]
        marking = f"{rng.choice(names)} {rng.integers(100, 999)}"
        return replace(part.type, marking=marking), turns
    if kind is PartKind.TANTALUM:
        return part.type, reversed_turns
    if kind is PartKind.RESISTOR and rng.uniform() < 0.5:
        values = [value for value in RESISTOR_VALUES if value != part.type.marking]
        return chip(kind, part.type.length, 0, str(rng.choice(values))), turns
    others = [other for other in (PartKind.RESISTOR, PartKind.CAPACITOR) if other is not kind]
    other = others[int(rng.integers(len(others)))]
    return chip(
        other, part.type.length, int(rng.integers(3)), str(rng.choice(RESISTOR_VALUES))
    ), turns


def scratch_board(
    design: BoardDesign, assembly: Assembly, rng: np.random.Generator
) -> tuple[str, list[Placement]]:
    """Scratch the mask where it can be seen."""
    path_K2, width_px = visible_scratch(design.layout, rng)
    sprite, x_px, y_px = draw_scratch(path_K2, width_px, design.frame.supersampling, rng)
    scratch = Placement(sprite, x_px, y_px)
    assembly.scratches.append(scratch)
    return "", [scratch]
