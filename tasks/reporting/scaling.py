"""Boards as large as a page needs them: a report is read on a screen, not at 1,024 px a picture.

Legend: H height, W width, C channels, Q candidates. Boards of at most `LARGEST_PX` stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.reporting.content import BoardExample
from tasks.reporting.overlays import check_boxes, picture_array

LARGEST_PX = 512
LOSSLESS_PX = 256  # beyond, a dozen boards as PNG would be tens of megabytes

UInt8Array = NDArray[np.uint8]


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Height and width as shown: the longer side at most `LARGEST_PX`, in the same proportions."""
    longer = max(height, width)
    if longer <= LARGEST_PX:
        return height, width
    return max(1, round(height * LARGEST_PX / longer)), max(1, round(width * LARGEST_PX / longer))


def shown(example: BoardExample) -> BoardExample:
    """Scale pictures and candidates of a board, the latter before they are drawn."""
    height, width = example.difference_HW.shape
    if shown_size(height, width) == (height, width):
        return example
    masked_Q4 = example.masked_boxes_Q4
    return replace(
        example,
        input_HWC=shown_picture(example.input_HWC),
        reconstruction_HWC=shown_picture(example.reconstruction_HWC),
        difference_HW=shown_map(example.difference_HW),
        boxes_Q4=shown_boxes(example.boxes_Q4, height, width),
        masked_boxes_Q4=None if masked_Q4 is None else shown_boxes(masked_Q4, height, width),
    )


def shown_picture(picture_HWC: UInt8Array) -> UInt8Array:
    """Area mean of a uint8 picture `[H, W]`, `[H, W, 1]` or `[H, W, 3]`."""
    return np.asarray(_area_mean(Image.fromarray(picture_array(picture_HWC))))


def shown_map(map_HW: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Area mean of a map of numbers; one that holds a value that is no number is none either."""
    return np.asarray(_area_mean(Image.fromarray(np.asarray(map_HW, dtype=np.float32))))


def shown_boxes(boxes_Q4: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    """Smallest boxes of shown pixels that hold the given ones; at least one pixel each.

    Raises `InputError` for a box outside the board or empty, which scaling could hide.
    """
    boxes_Q4 = np.asarray(boxes_Q4, dtype=np.int64).reshape(-1, 4)
    check_boxes(boxes_Q4, height, width)
    sizes_2 = np.array([height, width])
    shown_2 = np.array(shown_size(height, width))
    low_Q2 = boxes_Q4[:, :2] * shown_2 // sizes_2
    high_Q2 = -(-boxes_Q4[:, 2:] * shown_2 // sizes_2)
    return np.concatenate([low_Q2, high_Q2], axis=1)


def picture_note(examples: Sequence[BoardExample]) -> str:
    """Say what the page's pictures have lost against the boards; nothing if nothing."""
    longest = max((max(example.difference_HW.shape) for example in examples), default=0)
    if longest <= LOSSLESS_PX:
        return ""
    if longest <= LARGEST_PX:
        return "Pictures of these boards are stored as JPEG; scores were taken from the originals."
    return (
        f"Boards of {longest:,} px are shown at {LARGEST_PX} px and stored as JPEG: every shown "
        "pixel is the mean of those it covers, so a fine fault looks fainter here than it was to "
        "the scores, which were taken from the originals. Candidates are drawn after scaling; rows "
        "and columns count pixels of the original."
    )


def _area_mean(picture: Image.Image) -> Image.Image:
    height, width = shown_size(picture.height, picture.width)
    if (height, width) == (picture.height, picture.width):
        return picture
    return picture.resize((width, height), Image.Resampling.BOX)
