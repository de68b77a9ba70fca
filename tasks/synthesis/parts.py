"""The kinds of parts on a board: their pads, and how each looks from above.

All lengths are in units of the design's typical chip (`unit_px`) unless a name says px. A part is
described lying: its length runs along x; `quarter_turns` turn it clockwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class PartKind(StrEnum):
    """What a part is."""

    RESISTOR = "resistor"
    CAPACITOR = "capacitor"
    TANTALUM = "tantalum"
    INDUCTOR = "inductor"
    LED = "led"
    TRANSISTOR = "transistor"
    SOIC = "soic"
    QFP = "qfp"
    CRYSTAL = "crystal"
    ELECTROLYTIC = "electrolytic"
    CONNECTOR = "connector"


CHIPS = (
    PartKind.RESISTOR,
    PartKind.CAPACITOR,
    PartKind.TANTALUM,
    PartKind.INDUCTOR,
    PartKind.LED,
)
DESIGNATOR_LETTERS = {
    PartKind.RESISTOR: "R",
    PartKind.CAPACITOR: "C",
    PartKind.TANTALUM: "C",
    PartKind.INDUCTOR: "L",
    PartKind.LED: "D",
    PartKind.TRANSISTOR: "Q",
    PartKind.SOIC: "U",
    PartKind.QFP: "U",
    PartKind.CRYSTAL: "Y",
    PartKind.ELECTROLYTIC: "C",
    PartKind.CONNECTOR: "J",
}
LEAD_PITCH = 0.42
SOIC_PITCH = 0.5
PIN_PITCH = 0.72
# Breadth of a chip over its length, and how high it stands over the board.
PROPORTIONS = {
    PartKind.RESISTOR: (0.52, 0.25),
    PartKind.CAPACITOR: (0.54, 0.5),
    PartKind.TANTALUM: (0.6, 0.6),
    PartKind.INDUCTOR: (0.9, 0.7),
    PartKind.LED: (0.52, 0.4),
    PartKind.TRANSISTOR: (0.5, 0.4),
    PartKind.SOIC: (0.6, 0.5),
    PartKind.QFP: (1.0, 0.5),
    PartKind.CRYSTAL: (0.4, 0.5),
    PartKind.ELECTROLYTIC: (1.0, 1.6),
    PartKind.CONNECTOR: (0.3, 1.4),
}


class Pad(NamedTuple):
    """A pad in units, from the part's centre; `outward_x/y` points away from the part."""

    x: float
    y: float
    width: float
    height: float
    outward_x: int
    outward_y: int
    drilled: bool = False


@dataclass(frozen=True)
class PartType:
    """One type of part: `length` and `breadth` of its body, leads not counted.

    `leads` is the number along one side of the body (or pins in a row of a connector), 0 for chips.
    `look` chooses among the variants of a kind; `marking` is printed on it.
    """

    kind: PartKind
    length: float
    breadth: float
    leads: int = 0
    look: int = 0
    marking: str = ""

    @property
    def height(self) -> float:
        """How high it stands over the board."""
        return PROPORTIONS[self.kind][1] * min(self.length, 1.2)


def chip(kind: PartKind, length: float, look: int = 0, marking: str = "") -> PartType:
    """Describe a part with two terminations."""
    return PartType(kind, length, length * PROPORTIONS[kind][0], 0, look, marking)


def pads(part: PartType) -> tuple[Pad, ...]:
    """All pads of a lying part, in order around it."""
    match part.kind:
        case PartKind.SOIC:
            return soic_pads(part)
        case PartKind.QFP:
            return qfp_pads(part)
        case PartKind.TRANSISTOR:
            return transistor_pads(part)
        case PartKind.CONNECTOR:
            return connector_pads(part)
        case PartKind.ELECTROLYTIC:
            return two_pads(part.length * 0.36, 0.62 * part.length, 0.34 * part.length)
        case PartKind.CRYSTAL:
            return two_pads(part.length * 0.5, 0.5 * part.breadth, 0.6 * part.breadth)
        case _:
            width = 0.34 * part.length + 0.12
            return two_pads(part.length * 0.5 + 0.02, width, part.breadth * 1.06)


def two_pads(x: float, width: float, height: float) -> tuple[Pad, ...]:
    """One pad at each end."""
    return (Pad(-x, 0.0, width, height, -1, 0), Pad(x, 0.0, width, height, 1, 0))


def gull_wing(offset: float, along: float, pitch: float, side: int) -> Pad:
    """One pad below (side 1) or above (side -1) the body, `offset` from its middle line."""
    return Pad(along, side * offset, 0.6 * pitch, 0.62, 0, side)


def soic_pads(part: PartType) -> tuple[Pad, ...]:
    """Two rows, above and below."""
    places = [(number - (part.leads - 1) / 2) * SOIC_PITCH for number in range(part.leads)]
    offset = part.breadth / 2 + 0.36
    below = [gull_wing(offset, along, SOIC_PITCH, 1) for along in places]
    above = [gull_wing(offset, along, SOIC_PITCH, -1) for along in reversed(places)]
    return tuple(below + above)


def qfp_pads(part: PartType) -> tuple[Pad, ...]:
    """Four rows, one a side, counter-clockwise from the lower left."""
    places = [(number - (part.leads - 1) / 2) * LEAD_PITCH for number in range(part.leads)]
    offset = part.breadth / 2 + 0.36
    below = [gull_wing(offset, along, LEAD_PITCH, 1) for along in places]
    above = [gull_wing(offset, along, LEAD_PITCH, -1) for along in reversed(places)]
    rows = [*below]
    rows += [Pad(pad.y, -pad.x, pad.height, pad.width, pad.outward_y, 0) for pad in below]
    rows += above
    rows += [Pad(pad.y, -pad.x, pad.height, pad.width, pad.outward_y, 0) for pad in above]
    return tuple(rows)


def transistor_pads(part: PartType) -> tuple[Pad, ...]:
    """Two pads below, one above."""
    offset = part.breadth / 2 + 0.2
    spread = 0.33 * part.length
    return (
        Pad(-spread, offset, 0.3, 0.42, 0, 1),
        Pad(spread, offset, 0.3, 0.42, 0, 1),
        Pad(0.0, -offset, 0.3, 0.42, 0, -1),
    )


def connector_pads(part: PartType) -> tuple[Pad, ...]:
    """One row of drilled pads behind the housing."""
    size = 0.66 * PIN_PITCH
    places = [(number - (part.leads - 1) / 2) * PIN_PITCH for number in range(part.leads)]
    offset = part.breadth / 2 + 0.42
    return tuple(Pad(along, offset, size, size * 1.25, 0, 1, drilled=True) for along in places)


def turned_pad(pad: Pad, quarter_turns: int) -> Pad:
    """Turn a pad clockwise about its part's centre."""
    for _ in range(quarter_turns % 4):
        pad = Pad(-pad.y, pad.x, pad.height, pad.width, -pad.outward_y, pad.outward_x, pad.drilled)
    return pad


def extent(part: PartType) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of body and pads of a lying part."""
    boxes = [(-part.length / 2, -part.breadth / 2, part.length / 2, part.breadth / 2)]
    boxes += [
        (p.x - p.width / 2, p.y - p.height / 2, p.x + p.width / 2, p.y + p.height / 2)
        for p in pads(part)
    ]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def turned_extent(part: PartType, quarter_turns: int) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of body and pads as the part lies on the board."""
    left, top, right, bottom = extent(part)
    for _ in range(quarter_turns % 4):
        left, top, right, bottom = -bottom, left, -top, right
    return left, top, right, bottom
