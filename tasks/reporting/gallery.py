"""Board examples as the page shows them: data URIs with alt texts, in one common range."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.reporting.content import BoardExample, Label
from tasks.reporting.overlays import (
    candidate_overlay,
    compact_png_bytes,
    heat,
    jpeg_bytes,
    png_bytes,
)
from tasks.reporting.scaling import LOSSLESS_PX, shown, shown_map
from tasks.reporting.wording import judgement, number

HEAT_TOPS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Picture:
    """One picture of a row: its heading, alt text and data URI; the size is the board's own."""

    heading: str
    alt: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Row:
    """One board of the page: its pictures and what is said above them."""

    anchor: str
    example: BoardExample
    name: str
    score: str
    tone: str
    judged: str
    pictures: tuple[Picture, ...]


def heat_top(examples: Sequence[BoardExample]) -> float:
    """Smallest round range in which all but the largest 0.5 % of these boards' shown pixels fit.

    One range for all boards of a report, so that a bright spot means the same in every row.
    """
    if not examples:
        return HEAT_TOPS[-1]
    pooled = np.concatenate([shown_map(example.difference_HW).ravel() for example in examples])
    worst = float(np.nanquantile(pooled, 0.995))
    return next((top for top in HEAT_TOPS if worst <= top), HEAT_TOPS[-1])


def rows(examples: Sequence[BoardExample], label: Label, top: float) -> list[Row]:
    """Boards of one label, hardest first: abnormals by rising score, others by falling score."""
    chosen = [
        (index, example)
        for index, example in enumerate(examples)
        if example.label == label and not example.sets_threshold
    ]
    sign = 1.0 if label == "abnormal" else -1.0
    chosen.sort(key=lambda pair: (sign * _sortable(pair[1].score), pair[0]))
    return [row(example, f"board-{index}", top) for index, example in chosen]


def row(example: BoardExample, anchor: str, top: float) -> Row:
    """Build one board's pictures, from its input to its candidates with and without mask."""
    name = file_name(example)
    board, small = f"board {name}", shown(example)
    place = _worst_place(example)
    parts = [
        ("Input", f"Input of {board}", small.input_HWC, False),
        (
            "Reconstruction",
            f"Reconstruction of {board}: what it would look like as a normal",
            small.reconstruction_HWC,
            False,
        ),
        (
            "Difference",
            f"Difference of input and reconstruction of {board}, {place}",
            heat(small.difference_HW, top),
            True,
        ),
        _candidates(small, board, "Candidates", small.boxes_Q4, small.box_scores_Q),
    ]
    if small.masked_boxes_Q4 is not None:
        boxes_Q4, scores_Q = small.masked_boxes_Q4, small.masked_box_scores_Q
        parts.append(_candidates(small, board, "Candidates with mask", boxes_Q4, scores_Q))
    height, width = example.difference_HW.shape
    pictures = tuple(
        Picture(heading, alt, embedded(array, compact), width, height)
        for heading, alt, array, compact in parts
    )
    tone, judged = judgement(example)
    return Row(anchor, example, name, number(example.score), tone, judged, pictures)


def file_name(example: BoardExample) -> str:
    """Last part of the source path, by which people know a board; its id where there is none."""
    return example.source_name.rpartition("/")[2].strip() or example.image_id[:12]


def embedded(array: NDArray[np.uint8], compact: bool = True) -> str:
    """Picture as the source of an image that needs no request: PNG if small, else JPEG.

    `compact` lets a PNG of many colours come down to 256 of them.
    """
    if max(array.shape[:2]) > LOSSLESS_PX:
        return _data_uri("jpeg", jpeg_bytes(array))
    return _data_uri("png", compact_png_bytes(array) if compact else png_bytes(array))


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _candidates(
    small: BoardExample,
    board: str,
    heading: str,
    boxes_Q4: NDArray[np.int64],
    scores_Q: NDArray[np.floating[Any]] | None,
) -> tuple[str, str, NDArray[np.uint8], bool]:
    overlay = candidate_overlay(small.input_HWC, boxes_Q4, scores_Q)
    alt = f"{heading} of {board}: {len(boxes_Q4)} boxes drawn on the input"
    return heading, alt, overlay, True


def _worst_place(example: BoardExample) -> str:
    difference_HW = np.nan_to_num(example.difference_HW, nan=np.inf)
    top, left = np.unravel_index(int(difference_HW.argmax()), difference_HW.shape)
    return f"largest at row {top}, column {left}"


def _sortable(score: float) -> float:
    return math.inf if math.isnan(score) else score
