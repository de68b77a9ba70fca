"""One board as it was really assembled: every joint, part and stain where it lies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tasks.synthesis import materials as m
from tasks.synthesis.design import BoardDesign
from tasks.synthesis.frame import Placement, Region, footprint, paint
from tasks.synthesis.serials import draw_label
from tasks.synthesis.settings import PerturbationSettings
from tasks.synthesis.solder import draw_blob
from tasks.vocabulary.arrays import UInt8Array


@dataclass
class Assembly:
    """What lies on the bare board, from below to above.

    `joints` are by number of the design's pad, `parts` by designator; a missing part has no entry.
    """

    scratches: list[Placement] = field(default_factory=list)
    label: list[Placement] = field(default_factory=list)
    joints: dict[int, Placement] = field(default_factory=dict)
    bridges: list[Placement] = field(default_factory=list)
    parts: dict[str, Placement] = field(default_factory=dict)
    covers: list[Placement] = field(default_factory=list)

    def placements(self) -> list[Placement]:
        """All of it in the order of painting."""
        return [
            *self.scratches,
            *self.label,
            *self.joints.values(),
            *self.bridges,
            *self.parts.values(),
            *self.covers,
        ]


def assemble(
    design: BoardDesign, serial: str, perturbation: PerturbationSettings, rng: np.random.Generator
) -> Assembly:
    """Assemble a good board within the line's tolerances."""
    assembly = Assembly()
    area = design.layout.label
    label = draw_label(serial, area, design.unit_px, design.frame.supersampling)
    centre = ((area.left + area.right) / 2, (area.top + area.bottom) / 2)
    assembly.label.append(Placement(label, *centre))
    variation = perturbation.solder_variation
    draws_N4 = rng.standard_normal((len(design.pads), 3)).clip(-2.5, 2.5)
    for number, (pad, (gain, lean_x, lean_y)) in enumerate(zip(design.pads, draws_N4, strict=True)):
        assembly.joints[number] = replace(
            pad.joint,
            tilt_gain=1.0 + 0.12 * variation * gain,
            lean_x=0.08 * variation * lean_x,
            lean_y=0.08 * variation * lean_y,
        )
    strays_N3 = rng.uniform(-1.0, 1.0, size=(len(design.layout.parts), 3))
    for part, (x, y, turn) in zip(design.layout.parts, strays_N3, strict=True):
        assembly.parts[part.designator] = Placement(
            design.bodies[part.designator],
            part.x_px + perturbation.placement_tolerance_px * x,
            part.y_px + perturbation.placement_tolerance_px * y,
            perturbation.placement_tolerance_deg * turn,
        )
    return assembly


def occlude_fiducials(
    assembly: Assembly, design: BoardDesign, count: int, rng: np.random.Generator
) -> tuple[int, ...]:
    """Smear something over `count` marks; returns which."""
    chosen = rng.permutation(len(design.fiducials_xy))[:count]
    for number in chosen:
        x_px, y_px = design.fiducials_xy[number]
        width, height = rng.uniform(1.3, 1.9, size=2) * design.unit_px
        smear = draw_blob(width, height, m.SMEAR, design.frame.supersampling)
        stray_x, stray_y = rng.uniform(-0.25, 0.25, size=2) * design.unit_px
        turn_deg = float(rng.uniform(0, 180))
        assembly.covers.append(Placement(smear, x_px + stray_x, y_px + stray_y, turn_deg))
    return tuple(sorted(int(number) for number in chosen))


def paint_region(design: BoardDesign, assembly: Assembly, region: Region) -> UInt8Array:
    """Paint one region of the board as assembled: the surface `uint8 [H, W, C]`."""
    surface_HWC = design.surface_HWC[region.top : region.bottom, region.left : region.right].copy()
    for placement in assembly.placements():
        if not footprint(placement, design.frame).within(region).empty:
            paint(surface_HWC, region, placement, design.frame)
    return surface_HWC
