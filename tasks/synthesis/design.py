"""The design of a product: what all its boards share, drawn once and kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.synthesis.bare_board import bare_surface, fiducial_radius_px
from tasks.synthesis.bodies import draw_part
from tasks.synthesis.drawing import Sprite
from tasks.synthesis.frame import Frame, Placement, frame_for, settle
from tasks.synthesis.layout import Layout, PlacedPart, plan_layout
from tasks.synthesis.parts import Pad, PartType
from tasks.synthesis.routing import route_traces
from tasks.synthesis.settings import BoardDesignSettings
from tasks.synthesis.silkscreen import draw_silkscreen
from tasks.synthesis.solder import draw_joint
from tasks.vocabulary.arrays import Float64Array, UInt8Array


@dataclass(frozen=True)
class SolderedPad:
    """A pad of a part at its place on the board, and the good joint on it."""

    part: PlacedPart
    pad: Pad
    x_px: float
    y_px: float
    joint: Placement


@dataclass(frozen=True)
class BoardDesign:
    """A product: its layout and its drawings, the expensive part of rendering.

    `surface_HWC` is the bare board on the canvas of `frame`; `bodies` holds one sprite a designator.
    """

    settings: BoardDesignSettings
    frame: Frame
    layout: Layout
    surface_HWC: UInt8Array = field(repr=False)
    bodies: dict[str, Sprite] = field(repr=False)
    pads: tuple[SolderedPad, ...] = field(repr=False)

    @property
    def fiducials_xy(self) -> Float64Array:
        """Centres of the marks `[N, 2]` as (x, y) in design px."""
        return self.layout.fiducials_xy

    @property
    def fiducial_radius_px(self) -> float:
        """Radius of the marks' copper dots."""
        return fiducial_radius_px(self.layout.unit_px)

    @property
    def unit_px(self) -> float:
        """Length of a typical chip."""
        return self.layout.unit_px


def design_board(settings: BoardDesignSettings) -> BoardDesign:
    """Lay out, route and draw a product; the same settings give the same bytes."""
    frame = frame_for(settings.height_px, settings.width_px)
    layout = plan_layout(settings)
    routing = route_traces(layout, settings.seed)
    silk_HW = draw_silkscreen(layout, frame, f"ZE{settings.seed % 1000:03d}")
    surface_HWC = bare_surface(layout, routing, silk_HW, frame, settings.seed)
    surface_HWC.flags.writeable = False
    return BoardDesign(
        settings, frame, layout, surface_HWC, draw_bodies(layout, frame), place_pads(layout, frame)
    )


def draw_bodies(layout: Layout, frame: Frame) -> dict[str, Sprite]:
    """Draw every part; equal parts share one drawing."""
    drawn: dict[tuple[PartType, int], Sprite] = {}
    bodies = {}
    for number, part in enumerate(layout.parts):
        key = (part.type, part.quarter_turns)
        if key not in drawn:
            drawn[key] = draw_part(*key, layout.unit_px, frame.supersampling, number)
        bodies[part.designator] = drawn[key]
    return bodies


def place_pads(layout: Layout, frame: Frame) -> tuple[SolderedPad, ...]:
    """Find every pad's place and draw its joint; equal pads share one drawing."""
    unit_px = layout.unit_px
    joints: dict[Pad, Sprite] = {}
    placed = []
    for part, pad in layout.pads():
        shape = pad._replace(x=0.0, y=0.0)
        if shape not in joints:
            joints[shape] = draw_joint(shape, unit_px, frame.supersampling)
        x_px, y_px = part.x_px + pad.x * unit_px, part.y_px + pad.y * unit_px
        joint = settle(Placement(joints[shape], x_px, y_px), frame)
        placed.append(SolderedPad(part, pad, x_px, y_px, joint))
    return tuple(placed)
