"""Where the parts of a design sit: fiducials, label, connectors, packages, then rows of chips.

Legend: R rows and C columns of a grid of free places, four cells to a unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.synthesis.parts import (
    CHIPS,
    DESIGNATOR_LETTERS,
    LEAD_PITCH,
    PIN_PITCH,
    SOIC_PITCH,
    Pad,
    PartKind,
    PartType,
    chip,
    pads,
    turned_extent,
    turned_pad,
)
from tasks.synthesis.settings import BoardDesignSettings
from tasks.vocabulary.arrays import BoolArray, Float64Array

CELLS_PER_UNIT = 4
RESISTOR_VALUES = ("103", "472", "221", "000", "104", "331", "512", "1R0", "683", "152")
PACKAGE_NAMES = ("ZE3204", "TPX74", "LM2904", "MX25L", "AVR128", "STX32", "DRV83", "PCA95")
ELECTROLYTIC_VALUES = ("47 25V", "100 16V", "220 6V3")
TANTALUM_VALUES = ("107", "226", "476")


@dataclass(frozen=True)
class PlacedPart:
    """A part at its nominal place, in design px."""

    designator: str
    type: PartType
    x_px: float
    y_px: float
    quarter_turns: int


@dataclass(frozen=True)
class Area:
    """A rectangle in design px."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Layout:
    """Every place on a board; `unit_px` is the length of a typical chip."""

    unit_px: float
    outline: Area
    label: Area
    logo: Area | None
    fiducials_xy: Float64Array
    holes_xy: Float64Array
    parts: tuple[PlacedPart, ...]

    def pads(self) -> list[tuple[PlacedPart, Pad]]:
        """All pads turned as they lie, still relative to their parts and in units."""
        return [
            (part, turned_pad(pad, part.quarter_turns))
            for part in self.parts
            for pad in pads(part.type)
        ]


class Floor:
    """The free places of a board while parts are placed."""

    def __init__(self, outline: Area, unit_px: float, rng: np.random.Generator) -> None:
        self.outline = outline
        self.unit_px = unit_px
        self.rng = rng
        self.cell_px = unit_px / CELLS_PER_UNIT
        rows = int((outline.bottom - outline.top) / self.cell_px)
        columns = int((outline.right - outline.left) / self.cell_px)
        self.taken_RC: BoolArray = np.zeros((rows, columns), dtype=np.bool_)

    def take(self, area: Area, margin_px: float) -> bool:
        """Take an area if it is free; with a margin that others must keep."""
        left = int(np.floor((area.left - margin_px - self.outline.left) / self.cell_px))
        top = int(np.floor((area.top - margin_px - self.outline.top) / self.cell_px))
        right = int(np.ceil((area.right + margin_px - self.outline.left) / self.cell_px))
        bottom = int(np.ceil((area.bottom + margin_px - self.outline.top) / self.cell_px))
        rows, columns = self.taken_RC.shape
        if left < 0 or top < 0 or right > columns or bottom > rows:
            return False
        if self.taken_RC[top:bottom, left:right].any():
            return False
        self.taken_RC[top:bottom, left:right] = True
        return True

    def find(self, width: float, height: float, margin: float, attempts: int = 60) -> Area | None:
        """Take a free rectangle of this size in units, anywhere."""
        for _ in range(attempts):
            x_px = self.rng.uniform(self.outline.left, self.outline.right - width * self.unit_px)
            y_px = self.rng.uniform(self.outline.top, self.outline.bottom - height * self.unit_px)
            right, bottom = x_px + width * self.unit_px, y_px + height * self.unit_px
            area = Area(float(x_px), float(y_px), float(right), float(bottom))
            if self.take(area, margin * self.unit_px):
                return area
        return None


def plan_layout(settings: BoardDesignSettings) -> Layout:
    """Place everything; a part that finds no room is left out."""
    shorter_px = min(settings.height_px, settings.width_px)
    unit_px = settings.chip_px or 0.78 * shorter_px**0.5
    margin_px = 0.03 * shorter_px
    outline = Area(
        margin_px, margin_px, settings.width_px - 1 - margin_px, settings.height_px - 1 - margin_px
    )
    floor = Floor(outline, unit_px, np.random.default_rng([settings.seed, 1]))
    fiducials_xy = place_fiducials(floor, settings.fiducials)
    holes_xy = place_holes(floor)
    label = place_label(floor)
    placer = Placer(floor)
    area = (outline.right - outline.left) * (outline.bottom - outline.top) / unit_px**2
    place_packages(placer, area, settings.density)
    logo = floor.find(3.4, 1.2, 0.1) if area > 300 else None
    place_chips(placer, area, settings.density)
    return Layout(unit_px, outline, label, logo, fiducials_xy, holes_xy, tuple(placer.parts))


def place_fiducials(floor: Floor, count: int) -> Float64Array:
    """Place marks near the corners, one pulled in so that no half turn maps them on themselves."""
    inset = 1.15 * floor.unit_px
    width = floor.outline.right - floor.outline.left
    height = floor.outline.bottom - floor.outline.top
    places = [
        (inset, height - inset),
        (width - inset, inset + 0.06 * height),
        (inset + 0.05 * width, inset),
        (width - inset - 0.12 * width, height - inset),
    ]
    corner_2 = np.array([floor.outline.left, floor.outline.top])
    chosen_N2: Float64Array = np.array(places[:count], dtype=np.float64) + corner_2
    reach = 0.75 * floor.unit_px
    for x_px, y_px in chosen_N2:
        floor.take(Area(x_px - reach, y_px - reach, x_px + reach, y_px + reach), 0.0)
    return chosen_N2


def place_holes(floor: Floor) -> Float64Array:
    """Drill mounting holes into the corners that the marks left free."""
    reach = 0.95 * floor.unit_px
    inset = 1.1 * floor.unit_px
    outline = floor.outline
    corners = [
        (x_px, y_px)
        for x_px in (outline.left + inset, outline.right - inset)
        for y_px in (outline.top + inset, outline.bottom - inset)
    ]
    found = [
        (x_px, y_px)
        for x_px, y_px in corners
        if floor.take(Area(x_px - reach, y_px - reach, x_px + reach, y_px + reach), 0.0)
    ]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def place_label(floor: Floor) -> Area:
    """Reserve the label with the serial number: a square matrix above a line of text."""
    found = floor.find(2.5, 3.1, 0.15, attempts=400)
    if found is not None:
        return found
    corner_x, corner_y = floor.outline.left + floor.unit_px, floor.outline.top + 3 * floor.unit_px
    return Area(corner_x, corner_y, corner_x + 2.5 * floor.unit_px, corner_y + 3.1 * floor.unit_px)


class Placer:
    """Gives every placed part its designator."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.rng = floor.rng
        self.parts: list[PlacedPart] = []
        self.numbers: dict[str, int] = {}

    def add(self, part: PartType, x_px: float, y_px: float, quarter_turns: int) -> None:
        """Place a part on an area that is already taken."""
        letter = DESIGNATOR_LETTERS[part.kind]
        self.numbers[letter] = self.numbers.get(letter, 0) + 1
        designator = f"{letter}{self.numbers[letter]}"
        self.parts.append(PlacedPart(designator, part, x_px, y_px, quarter_turns))

    def try_anywhere(self, part: PartType, margin: float, quarter_turns: int | None = None) -> bool:
        """Place one part where there is room."""
        turns = int(self.rng.integers(4)) if quarter_turns is None else quarter_turns
        left, top, right, bottom = turned_extent(part, turns)
        area = self.floor.find(right - left, bottom - top, margin)
        if area is None:
            return False
        unit_px = self.floor.unit_px
        self.add(part, area.left - left * unit_px, area.top - top * unit_px, turns)
        return True


def place_packages(placer: Placer, area: float, density: float) -> None:
    """Place connectors at the edges, then everything with more than two ends, large first."""
    rng = placer.rng
    place_connectors(placer, max(1, round(area / 600)) if area > 250 else 0)
    for _ in range(round(density * max(1, area / 620))):
        leads = int(rng.choice([8, 11, 12, 16] if area > 500 else [7, 8]))
        side = leads * LEAD_PITCH + 0.5
        marking = f"{rng.choice(PACKAGE_NAMES)} {rng.integers(10, 99)}{rng.choice(list('ABCF'))}"
        marking += f" 26{rng.integers(10, 53)}"
        placer.try_anywhere(PartType(PartKind.QFP, side, side, leads, 0, marking), 0.3)
    for _ in range(round(density * area / 480) if area > 250 else 0):
        value = str(rng.choice(ELECTROLYTIC_VALUES))
        size = float(rng.choice([2.2, 2.8]))
        part = PartType(PartKind.ELECTROLYTIC, size, size, 0, 0, value)
        placer.try_anywhere(part, 0.2)
    for _ in range(round(density * max(1, area / 260))):
        leads = int(rng.choice([4, 4, 7, 8]))
        marking = f"{rng.choice(PACKAGE_NAMES)} {rng.integers(100, 999)}"
        part = PartType(PartKind.SOIC, leads * SOIC_PITCH + 0.1, 1.7, leads, 0, marking)
        placer.try_anywhere(part, 0.25)
    for _ in range(round(density * area / 700)):
        part = PartType(PartKind.CRYSTAL, 3.0, 1.2, 0, 0, f"{rng.integers(8, 27)}.000")
        placer.try_anywhere(part, 0.2)
    for _ in range(round(density * area / 110)):
        marking = f"{rng.choice(list('1A2WK'))}{rng.integers(1, 9)}"
        part = PartType(PartKind.TRANSISTOR, 1.1, 0.55, 3, 0, marking)
        placer.try_anywhere(part, 0.2)


def place_connectors(placer: Placer, count: int) -> None:
    """Place connectors along the edges, their pins toward the middle of the board."""
    outline, unit_px = placer.floor.outline, placer.floor.unit_px
    for number in range(count):
        pins = int(placer.rng.choice([4, 6, 8]))
        part = PartType(PartKind.CONNECTOR, pins * PIN_PITCH + 0.5, 1.5, pins)
        turns = (0, 2, 3, 1)[number % 4]
        left, top, right, bottom = (side * unit_px for side in turned_extent(part, turns))
        gap_px = 0.12 * unit_px
        for _ in range(30):
            x_px = float(placer.rng.uniform(outline.left - left, outline.right - right))
            y_px = float(placer.rng.uniform(outline.top - top, outline.bottom - bottom))
            if turns in (0, 2):
                y_px = (
                    outline.top + gap_px - top if turns == 0 else outline.bottom - gap_px - bottom
                )
            else:
                x_px = (
                    outline.left + gap_px - left if turns == 3 else outline.right - gap_px - right
                )
            place = Area(x_px + left, y_px + top, x_px + right, y_px + bottom)
            if placer.floor.take(place, 0.05 * unit_px):
                placer.add(part, x_px, y_px, turns)
                break


def random_chip(rng: np.random.Generator) -> PartType:
    """Choose a part with two ends, as often as boards have them."""
    kind = CHIPS[int(rng.choice(len(CHIPS), p=[0.4, 0.42, 0.06, 0.06, 0.06]))]
    match kind:
        case PartKind.RESISTOR:
            value = str(rng.choice(RESISTOR_VALUES))
            return chip(kind, float(rng.choice([0.8, 1.0, 1.0, 1.3])), 0, value)
        case PartKind.CAPACITOR:
            return chip(kind, float(rng.choice([0.7, 1.0, 1.0, 1.35])), int(rng.integers(3)))
        case PartKind.TANTALUM:
            return chip(kind, 1.7, 0, str(rng.choice(TANTALUM_VALUES)))
        case PartKind.INDUCTOR:
            return chip(kind, 1.5)
        case _:
            return chip(kind, 1.1)


def place_chips(placer: Placer, area: float, density: float) -> None:
    """Place chips in rows of equals, as layouts have them, until the area has its share."""
    rng, floor = placer.rng, placer.floor
    wanted = round(density * area / 8.5)
    placed = 0
    for _ in range(4 * wanted):
        if placed >= wanted:
            return
        part = random_chip(rng)
        turns = int(rng.integers(4))
        count = int(rng.choice([1, 2, 3, 4, 5])) if part.length < 1.4 else 1
        left, top, right, bottom = turned_extent(part, turns)
        step = part.breadth * 1.06 + 0.34
        along = (count - 1) * step
        rows_down = turns % 2 == 0
        width = right - left + (0.0 if rows_down else along)
        height = bottom - top + (along if rows_down else 0.0)
        found = floor.find(width, height, 0.2, attempts=25)
        if found is None:
            continue
        for number in range(count):
            x_px = found.left + (-left + (0 if rows_down else number * step)) * floor.unit_px
            y_px = found.top + (-top + (number * step if rows_down else 0)) * floor.unit_px
            placer.add(part, x_px, y_px, turns)
        placed += count
