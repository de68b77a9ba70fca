"""Photographs of boards, each with the truth about it.

Legend: H height, W width, C channels (RGB), 33 a matrix that acts on (x, y, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tasks.synthesis.assembly import Assembly, assemble, occlude_fiducials, paint_region
from tasks.synthesis.defects import DefectKind, spoil
from tasks.synthesis.design import BoardDesign
from tasks.synthesis.frame import Frame, Region, footprint, whole_canvas
from tasks.synthesis.lighting import Light, fall_of_light, ring_light, shade
from tasks.synthesis.poses import draw_pose, moved_points, photograph_canvas
from tasks.synthesis.serials import serial_number
from tasks.synthesis.settings import PerturbationSettings
from tasks.vocabulary.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError

# Grey levels by which a pixel must differ from the good board to belong to a defect.
LEAST_CHANGE = 3
# A defect must change two design px this much to count as visible at all.
PLAIN_CHANGE = 30
# What varies from board to board draws from its own stream, so that a defect changes nothing else.
ASSEMBLY, POSE, LIGHT, OPTICS, OCCLUSION, DEFECTS = range(10, 16)
SPOIL_ATTEMPTS = 8

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Defect:
    """One defect and where it shows; boxes are (top, left, bottom, right), the last two exclusive.

    `designator` is the struck part, "" for a scratch. `box_design` holds every changed pixel of the
    ideal board, `box_photograph` those of this photograph, blur included, cut to its borders.
    `size_px` is the root of the changed area, in design px.
    """

    kind: DefectKind
    designator: str
    box_design: Box
    box_photograph: Box
    size_px: float


@dataclass(frozen=True)
class SyntheticPhotograph:
    """What the camera delivered, and everything that is true of it.

    `pose_33` maps design px to photograph px. `fiducials_xy` are the marks' true centres in the
    photograph; `occluded` the numbers of those that are covered.
    """

    pixels_HWC: UInt8Array
    pose_33: Float64Array
    serial: str
    defects: tuple[Defect, ...]
    fiducials_xy: Float64Array
    occluded: tuple[int, ...]


def render_board(
    design: BoardDesign,
    number: int,
    defects: Sequence[DefectKind] = (),
    perturbation: PerturbationSettings | None = None,
) -> SyntheticPhotograph:
    """Photograph board `number` of a design; the same arguments give the same bytes.

    `number` decides all that varies from board to board; defects change nothing outside their boxes.
    A negative number, or a defect that no part of the design can have, is an `InputError`.
    """
    if number < 0:
        raise InputError(f"There is no board number {number}.", "Number boards from 0.")
    perturbation = perturbation or PerturbationSettings()
    streams = {
        stream: np.random.default_rng([design.settings.seed, number, stream])
        for stream in (ASSEMBLY, POSE, LIGHT, OPTICS, OCCLUSION, DEFECTS)
    }
    serial = serial_number(design.settings.seed, number)
    light = ring_light(perturbation.lighting, streams[LIGHT])
    assembly = assemble(design, serial, perturbation, streams[ASSEMBLY])
    count = perturbation.occluded_fiducials
    occluded = occlude_fiducials(assembly, design, count, streams[OCCLUSION])
    pose_33 = draw_pose(perturbation, design.frame, streams[POSE])
    blur_sigma_px = float(perturbation.blur_sigma_px * streams[OPTICS].uniform())
    whole = whole_canvas(design.frame)
    canvas_HW3 = shade(paint_region(design, assembly, whole), light)
    found = spoil_canvas(design, assembly, canvas_HW3, defects, light, streams[DEFECTS])
    truths = tuple(
        truth(kind, designator, changed, area, pose_33, blur_sigma_px, design.frame)
        for kind, designator, changed, area in found
    )
    photograph_HW3 = photograph_canvas(canvas_HW3, pose_33, design.frame)
    pixels_HWC = expose(photograph_HW3, light, blur_sigma_px, perturbation, streams[OPTICS])
    fiducials_xy = moved_points(pose_33, design.fiducials_xy)
    return SyntheticPhotograph(pixels_HWC, pose_33, serial, truths, fiducials_xy, occluded)


def spoil_canvas(
    design: BoardDesign,
    assembly: Assembly,
    canvas_HW3: UInt8Array,
    defects: Sequence[DefectKind],
    light: Light,
    rng: np.random.Generator,
) -> list[tuple[DefectKind, str, Region, int]]:
    """Add defects to the shaded canvas, in place: kind, part, changed region and its changed pixels."""
    found = []
    struck: list[str] = []
    for kind in defects:
        designator, region, changed_HW = spoil_visibly(
            design, assembly, canvas_HW3, kind, struck, light, rng
        )
        struck.append(designator)
        rows, columns = np.nonzero(changed_HW)
        changed = Region(
            region.top + int(rows.min()),
            region.left + int(columns.min()),
            region.top + int(rows.max()) + 1,
            region.left + int(columns.max()) + 1,
        )
        found.append((kind, designator, changed, len(rows)))
    return found


def spoil_visibly(
    design: BoardDesign,
    assembly: Assembly,
    canvas_HW3: UInt8Array,
    kind: DefectKind,
    struck: Sequence[str],
    light: Light,
    rng: np.random.Generator,
) -> tuple[str, Region, BoolArray]:
    """Add one defect, again if nothing of it shows: part, touched region, changed pixels in it.

    Defects of one board may touch, yet each is found by what it alone changed.
    """
    for _ in range(SPOIL_ATTEMPTS):
        designator, touched = spoil(design, assembly, kind, struck, rng)
        region = footprint(touched[0], design.frame)
        for placement in touched[1:]:
            region = region.joined(footprint(placement, design.frame))
        region = region.within(whole_canvas(design.frame))
        spoilt_HW3 = shade(paint_region(design, assembly, region), light)
        good_HW3 = canvas_HW3[region.top : region.bottom, region.left : region.right]
        change_HW = cv2.absdiff(spoilt_HW3, good_HW3).max(axis=2)
        if (change_HW >= PLAIN_CHANGE).sum() >= 2 * design.frame.supersampling**2:
            good_HW3[...] = spoilt_HW3
            return designator, region, change_HW >= LEAST_CHANGE
    raise InputError(
        f"The defect {kind.value} stayed hidden under parts {SPOIL_ATTEMPTS} times.",
        "Lower the design's density or draw the board larger.",
    )


def truth(
    kind: DefectKind,
    designator: str,
    changed: Region,
    pixels: int,
    pose_33: Float64Array,
    blur_sigma_px: float,
    frame: Frame,
) -> Defect:
    """Express a changed canvas region in design px and in photograph px."""
    factor, border_px = frame.supersampling, frame.border_px
    top, left = changed.top / factor - border_px, changed.left / factor - border_px
    bottom, right = changed.bottom / factor - border_px, changed.right / factor - border_px
    # Edges lie half a pixel before the centres that a pose moves.
    corners_42 = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - 0.5
    moved_42 = moved_points(pose_33, corners_42) + 0.5
    reach_px = 1.0 + 3.0 * blur_sigma_px
    limits_2 = [frame.width_px, frame.height_px]
    low_2 = np.clip(np.floor(moved_42.min(axis=0) - reach_px), 0, limits_2)
    high_2 = np.clip(np.ceil(moved_42.max(axis=0) + reach_px), 0, limits_2)
    return Defect(
        kind,
        designator,
        (top, left, bottom, right),
        (float(low_2[1]), float(low_2[0]), float(high_2[1]), float(high_2[0])),
        float(np.sqrt(pixels) / factor),
    )


def expose(
    photograph_HW3: UInt8Array,
    light: Light,
    blur_sigma_px: float,
    perturbation: PerturbationSettings,
    rng: np.random.Generator,
) -> UInt8Array:
    """Take the picture: optics, the fall of light, the camera's noise."""
    height, width = photograph_HW3.shape[:2]
    exposed_HW3: Float32Array = photograph_HW3.astype(np.float32)
    if blur_sigma_px > 0.0:
        blurred_HW3 = cv2.GaussianBlur(exposed_HW3, (0, 0), blur_sigma_px)
        exposed_HW3 = np.asarray(blurred_HW3, dtype=np.float32)
    exposed_HW3 = exposed_HW3 * fall_of_light(height, width, light)
    if perturbation.noise_sigma > 0.0:
        noise_HW3 = rng.standard_normal(exposed_HW3.shape, dtype=np.float32)
        exposed_HW3 += np.float32(perturbation.noise_sigma) * noise_HW3
    return np.clip(np.rint(exposed_HW3), 0, 255).astype(np.uint8)
