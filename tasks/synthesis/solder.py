"""Solder from above: fillets on pads, what remains without a part, bridges between pads."""

from __future__ import annotations

import numpy as np

from tasks.synthesis import materials as m
from tasks.synthesis.drawing import Drawing, Plane, Sprite, bevel, box_distance, disc_distance
from tasks.synthesis.parts import Pad


def draw_joint(pad: Pad, unit_px: float, supersampling: int) -> Sprite:
    """Draw a good fillet: it climbs toward the part, falls to the toe, and is round at its rim."""
    drawing = Drawing((pad.width + 0.1) * unit_px, (pad.height + 0.1) * unit_px, supersampling)
    radius = 0.3 * min(pad.width, pad.height)
    width, height = pad.width * unit_px, pad.height * unit_px
    shape_HW = box_distance(drawing.x_HW, drawing.y_HW, width, height, radius * unit_px)
    rim_x_HW, rim_y_HW = bevel(shape_HW, 0.3 * min(width, height), 0.8)
    if pad.drilled:
        fall_HW = np.float32(0.15) * np.ones_like(shape_HW)
    else:
        run_HW = pad.outward_x * drawing.x_HW / width + pad.outward_y * drawing.y_HW / height
        # A concave fillet: steep at the part, flat toward the toe.
        fall_HW = 0.18 + 0.5 * np.clip(0.5 - run_HW, 0.0, 1.0) ** 1.5
    tilt_x_HW = rim_x_HW + pad.outward_x * fall_HW
    tilt_y_HW = rim_y_HW + pad.outward_y * fall_HW
    drawing.fill(shape_HW, m.SOLDER, (tilt_x_HW, tilt_y_HW))
    return drawing.sprite()


def draw_empty_pad_solder(pad: Pad, unit_px: float, supersampling: int) -> Sprite:
    """Draw reflowed solder that no part sat in: a smooth dome."""
    drawing = Drawing(pad.width * unit_px, pad.height * unit_px, supersampling)
    width, height = pad.width * unit_px, pad.height * unit_px
    dome_HW = box_distance(
        drawing.x_HW, drawing.y_HW, 0.94 * width, 0.94 * height, min(width, height)
    )
    tilt = dome_tilt(drawing, width, height, 0.75)
    drawing.fill(dome_HW, m.SOLDER, tilt)
    return drawing.sprite()


def draw_starved_joint(pad: Pad, share: float, unit_px: float, supersampling: int) -> Sprite:
    """Draw too little solder: bare, dull pad, wetted only over `share` of its length at the part."""
    drawing = Drawing(pad.width * unit_px, pad.height * unit_px, supersampling)
    width, height = pad.width * unit_px, pad.height * unit_px
    bare_HW = box_distance(drawing.x_HW, drawing.y_HW, width, height, 0.15 * min(width, height))
    drawing.fill(bare_HW, m.COPPER)
    run_HW = pad.outward_x * drawing.x_HW + pad.outward_y * drawing.y_HW
    length = width if pad.outward_x else height
    wetted_HW = np.maximum(bare_HW, run_HW + length * np.float32(0.5 - share))
    drawing.fill(wetted_HW, m.DULL_SOLDER, bevel(wetted_HW, 0.2 * min(width, height), 0.4))
    return drawing.sprite()


def draw_bridge(along_px: float, thickness_px: float, upright: bool, supersampling: int) -> Sprite:
    """Draw solder that ran from pad to pad: waisted like a drop between two fingers."""
    size = 2.2 * thickness_px
    across, down = (size, along_px) if upright else (along_px, size)
    drawing = Drawing(across + 2, down + 2, supersampling)
    run_HW = drawing.y_HW if upright else drawing.x_HW
    side_HW = drawing.x_HW if upright else drawing.y_HW
    waist_HW = 0.5 * thickness_px * (1.0 + 0.7 * (2 * run_HW / along_px) ** 2)
    shape_HW = np.maximum(np.abs(side_HW) - waist_HW, np.abs(run_HW) - along_px / 2)
    lean_HW = 0.8 * np.clip(side_HW / np.maximum(waist_HW, 1e-6), -1.0, 1.0)
    sink_HW = -0.35 * np.sign(run_HW) * np.abs(2 * run_HW / along_px)
    tilt = (lean_HW, sink_HW) if upright else (sink_HW, lean_HW)
    drawing.fill(shape_HW, m.SOLDER, tilt)
    return drawing.sprite()


def draw_blob(
    width_px: float, height_px: float, material: m.Material, supersampling: int
) -> Sprite:
    """Draw a drop of something with a soft rim: solder balls, flux, a smear of glue."""
    drawing = Drawing(1.2 * width_px, 1.2 * height_px, supersampling)
    squeezed_HW = drawing.y_HW * (width_px / height_px)
    shape_HW = disc_distance(drawing.x_HW, squeezed_HW, width_px / 2)
    drawing.fill(shape_HW, material, dome_tilt(drawing, width_px, height_px, 0.6))
    return drawing.sprite()


def dome_tilt(
    drawing: Drawing, width_px: float, height_px: float, steepness: float
) -> tuple[Plane, Plane]:
    """Normals of a dome over an ellipse."""
    return (
        steepness * 2 * drawing.x_HW / width_px,
        steepness * 2 * drawing.y_HW / height_px,
    )
