"""The reference of a product line: built from its boards, kept as PNG and JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from tasks.alignment.aligners import refuse_misaligned, register
from tasks.alignment.fiducials import refuse_bare_marks
from tasks.alignment.frame import Reference as Reference
from tasks.alignment.frame import Window, mark_window, working_factor
from tasks.alignment.poses import inverse, shifting
from tasks.alignment.registration import MisalignedError, Registration
from tasks.alignment.resampling import (
    Reductions,
    grey,
    reduce_by_area,
    resize_by_area,
    warp,
    warp_by_area,
)
from tasks.alignment.residuals import refuse_untextured
from tasks.alignment.settings import FiducialAlignment, RegisteringSettings
from tasks.vocabulary.arrays import Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError

FACTS = "reference.json"
WORKING, BOARD, TEMPLATE = "working.png", "board.png", "mark-{}.png"
REBUILD = "Build the reference again."
# With fewer of the photographs agreeing, the first is no board to bring the others to.
LEAST_AGREEING = 0.5
SMALLEST_SIDE_PX = 96


def build_reference(photographs: Iterable[UInt8Array], settings: RegisteringSettings) -> Reference:
    """Build the reference: the first photograph, or the median of all that register to it.

    Every photograph is looked at once, in order, so that a generator needs the memory of one. An
    `InputError` says when there is none, when the first is too small, too plain or lacks a mark, or
    when fewer than half of the others can be brought to it.
    """
    rest = iter(photographs)
    first_HWC = next(rest, None)
    if first_HWC is None:
        raise InputError(
            "There is no photograph to make a reference of.",
            "Name a golden board in alignment.reference, or add normal boards.",
        )
    anchor = of_one(first_HWC, settings)
    layers = [anchor]
    count = 1
    for photograph_HWC in rest:
        count += 1
        try:
            registration = register(photograph_HWC, settings, anchor)
            refuse_misaligned(registration, settings)
        except MisalignedError:
            continue
        layers.append(_brought_to(anchor, photograph_HWC, registration, settings))
    if len(layers) - 1 < LEAST_AGREEING * (count - 1):
        raise InputError(
            f"Only {len(layers) - 1} of {count - 1} photographs can be brought to the first.",
            "Name a well-placed golden board in alignment.reference, or widen the aligner's search.",
        )
    return _median(layers) if len(layers) > 1 else anchor


def of_one(photograph_HWC: UInt8Array, settings: RegisteringSettings) -> Reference:
    """Make one photograph the reference."""
    height, width = photograph_HWC.shape[:2]
    if min(height, width) < SMALLEST_SIDE_PX:
        raise InputError(
            f"A reference photograph of {height} x {width} px is too small to register others to.",
            f"Use photographs of at least {SMALLEST_SIDE_PX} px a side, or alignment 'none'.",
        )
    factor = working_factor(height, width, settings.side_px)
    reference = Reference(
        height_px=height,
        width_px=width,
        factor=factor,
        working_HW=grey(Reductions(photograph_HWC).by(factor)),
        board_HWC=resize_by_area(photograph_HWC, settings.side_px),
        templates=tuple(
            grey(reduce_by_area(window.cut(photograph_HWC), window.factor))
            for window in _windows(settings, height, width)
        ),
    )
    refuse_bare_marks(reference.templates)
    refuse_untextured(reference)
    return reference


def _windows(settings: RegisteringSettings, height: int, width: int) -> list[Window]:
    if not isinstance(settings, FiducialAlignment):
        return []
    return [mark_window(mark, height, width) for mark in settings.marks]


def _brought_to(
    anchor: Reference,
    photograph_HWC: UInt8Array,
    registration: Registration,
    settings: RegisteringSettings,
) -> Reference:
    """What `of_one` makes of a photograph, in the anchor's frame."""
    to_anchor_33 = inverse(anchor.to_board_33) @ registration.pose_33
    to_working_33 = anchor.to_working_33
    photograph = Reductions(photograph_HWC)
    working_33 = to_working_33 @ to_anchor_33 @ inverse(to_working_33)
    return replace(
        anchor,
        working_HW=warp(anchor.working(photograph), working_33, anchor.working_hw),
        board_HWC=warp_by_area(photograph, registration.pose_33, settings.side_px, anchor.size_hw),
        templates=tuple(
            _template(photograph_HWC, window, to_anchor_33)
            for window in _windows(settings, *anchor.size_hw)
        ),
    )


def _template(photograph_HWC: UInt8Array, window: Window, to_anchor_33: Float64Array) -> UInt8Array:
    """Cut a mark out of a photograph that is not in the anchor's frame yet."""
    window_33 = shifting(-window.left, -window.top) @ to_anchor_33
    return reduce_by_area(
        grey(warp(photograph_HWC, window_33, (window.side, window.side))), window.factor
    )


def _median(layers: list[Reference]) -> Reference:
    return replace(
        layers[0],
        working_HW=_middle([layer.working_HW for layer in layers]),
        board_HWC=_middle([layer.board_HWC for layer in layers]),
        templates=tuple(
            _middle(list(cuts)) for cuts in zip(*(layer.templates for layer in layers), strict=True)
        ),
    )


def _middle(images: list[UInt8Array]) -> UInt8Array:
    """Median of images; of an even number, the lower of the two in the middle: no half grey levels."""
    stacked = np.stack(images)
    middle = (len(images) - 1) // 2
    return np.ascontiguousarray(np.partition(stacked, middle, axis=0)[middle])


def reference_files(reference: Reference) -> dict[str, bytes]:
    """Content of the files that keep a reference, by name; `load_reference` reads them."""
    pictures = {WORKING: _png(reference.working_HW), BOARD: _png(reference.board_HWC)}
    for number, template in enumerate(reference.templates):
        pictures[TEMPLATE.format(number)] = _png(template)
    facts = {
        "height_px": reference.height_px,
        "width_px": reference.width_px,
        "factor": reference.factor,
        "marks": len(reference.templates),
        # A PNG that is cut off may still decode, its lower part black.
        "sha256": {name: hashlib.sha256(png).hexdigest() for name, png in pictures.items()},
    }
    return {FACTS: json.dumps(facts, indent=1).encode(), **pictures}


def load_reference(folder: Path) -> Reference:
    """Read what `reference_files` wrote; a missing, changed or damaged file is an `InputError`."""
    try:
        facts = json.loads((folder / FACTS).read_bytes())
        digests = facts["sha256"]
        return Reference(
            height_px=int(facts["height_px"]),
            width_px=int(facts["width_px"]),
            factor=int(facts["factor"]),
            working_HW=_read_png(folder / WORKING, digests)[..., 0],
            board_HWC=_read_png(folder / BOARD, digests),
            templates=tuple(
                _read_png(folder / TEMPLATE.format(number), digests)[..., 0]
                for number in range(int(facts["marks"]))
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The alignment reference in {folder} cannot be read ({error}).", REBUILD
        ) from error


def _png(image: UInt8Array) -> bytes:
    """Encode grey or RGB losslessly."""
    is_colour = image.ndim == 3 and image.shape[2] == 3
    _, encoded = cv2.imencode(".png", image[..., ::-1] if is_colour else image)
    return bytes(encoded)


def _read_png(path: Path, digests: dict[str, str]) -> UInt8Array:
    """Decode to `uint8 [H, W, C]`; another content than was written is a `ValueError`."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digests[path.name]:
        raise ValueError(f"{path.name} is not what was written")
    image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path.name} is no picture")
    image_HWC = image[..., None] if image.ndim == 2 else image[..., ::-1]
    return np.ascontiguousarray(image_HWC, dtype=np.uint8)
