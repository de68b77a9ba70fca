"""The boards of the measure, kept in one file.

Legend: N boards, D defective boards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.vocabulary.arrays import BoolArray, UInt8Array

# A pixel belongs to the defect where any colour differs from the twin by more than resampling can.
LEAST_CHANGE = 8


@dataclass(frozen=True)
class Boards:
    """Board images, uint8; `masks_DHW` are the true defects, `kinds_D` their names.

    `settings` are the product line's own reconstruction settings, as JSON.
    """

    training_NHWC: UInt8Array
    validation_NHWC: UInt8Array
    normals_NHWC: UInt8Array
    defective_DHWC: UInt8Array
    twins_DHWC: UInt8Array
    masks_DHW: BoolArray
    kinds_D: list[str]
    settings: dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """How many boards of each part, the side of their images, and whether these are registered."""

    training: int = 200
    validation: int = 18
    normals: int = 40
    defective: int = 84
    side_px: int = 256
    aligned: bool = True


def defect_mask(spoilt: UInt8Array, good: UInt8Array) -> BoolArray:
    """`[.., H, W]`: the pixels that the defect changed."""
    change = np.abs(spoilt.astype(np.int16) - good.astype(np.int16)).max(axis=-1)
    return np.asarray(change >= LEAST_CHANGE)


def write_boards(path: Path, boards: Boards) -> None:
    """Write one compressed file; defective boards as what they add to their twins, mod 256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        training=packed(boards.training_NHWC),
        validation=packed(boards.validation_NHWC),
        normals=packed(boards.normals_NHWC),
        twins=packed(boards.twins_DHWC),
        added=boards.defective_DHWC - boards.twins_DHWC,
        texts=np.array([json.dumps({"kinds": boards.kinds_D, "settings": boards.settings})]),
    )


def read_boards(path: Path) -> Boards:
    """Read what `write_boards` wrote, without loss."""
    with np.load(path, allow_pickle=False) as file:
        texts = json.loads(str(file["texts"][0]))
        training, validation, normals, twins_DHWC = (
            unpacked(file[name]) for name in ("training", "validation", "normals", "twins")
        )
        defective_DHWC = twins_DHWC + file["added"]
    return Boards(
        training,
        validation,
        normals,
        defective_DHWC,
        twins_DHWC,
        defect_mask(defective_DHWC, twins_DHWC),
        texts["kinds"],
        texts["settings"],
    )


def packed(images_NHWC: UInt8Array) -> UInt8Array:
    """Colour planes as differences from the left neighbour, green taken off red and blue, mod 256."""
    planes_NHWC = images_NHWC.copy()
    planes_NHWC[..., ::2] -= images_NHWC[..., 1:2]
    planes_NHWC[:, :, 1:] -= planes_NHWC[:, :, :-1].copy()
    return np.ascontiguousarray(planes_NHWC.transpose(0, 3, 1, 2))


def unpacked(planes_NCHW: UInt8Array) -> UInt8Array:
    """Undo `packed`."""
    planes_NHWC = planes_NCHW.transpose(0, 2, 3, 1)
    images_NHWC = np.cumsum(planes_NHWC, axis=2, dtype=np.uint8)
    images_NHWC[..., ::2] += images_NHWC[..., 1:2]
    return np.ascontiguousarray(images_NHWC)
