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
from tasks.reporting.overlays import candidate_overlay, compact_png_bytes, heat, png_bytes
from tasks.reporting.wording import judgement, number

HEAT_TOPS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Picture:
    """One picture of a row: its heading, alt text and PNG as a data URI."""

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
    score: str
    tone: str
    judged: str
    pictures: tuple[Picture, ...]


def heat_top(examples: Sequence[BoardExample]) -> float:
    """Smallest round range in which all but the largest 0.5 % of these boards' pixels fit.

    One range for all boards of a report, so that a bright spot means the same in every row.
    """
    if not examples:
        return HEAT_TOPS[-1]
    pooled = np.concatenate([example.difference_HW.ravel() for example in examples])
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
    board = f"board {example.image_id}"
    pictures = [
        _picture("Input", f"Input of {board}", png_bytes(example.input_HWC), example),
        _picture(
            "Reconstruction",
            f"Reconstruction of {board}: what it would look like as a normal",
            png_bytes(example.reconstruction_HWC),
            example,
        ),
        _picture(
            "Difference",
            f"Difference of input and reconstruction of {board}, {_worst_place(example)}",
            compact_png_bytes(heat(example.difference_HW, top)),
            example,
        ),
        _candidates(example, "Candidates", example.boxes_Q4, example.box_scores_Q),
    ]
    if example.masked_boxes_Q4 is not None:
        boxes_Q4, scores_Q = example.masked_boxes_Q4, example.masked_box_scores_Q
        pictures.append(_candidates(example, "Candidates with mask", boxes_Q4, scores_Q))
    tone, judged = judgement(example)
    return Row(anchor, example, number(example.score), tone, judged, tuple(pictures))


def data_uri(png: bytes) -> str:
    """PNG bytes as the source of an image that needs no request."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _candidates(
    example: BoardExample,
    heading: str,
    boxes_Q4: NDArray[np.int64],
    scores_Q: NDArray[np.floating[Any]] | None,
) -> Picture:
    overlay = candidate_overlay(example.input_HWC, boxes_Q4, scores_Q)
    alt = f"{heading} of board {example.image_id}: {len(boxes_Q4)} boxes drawn on the input"
    return _picture(heading, alt, compact_png_bytes(overlay), example)


def _picture(heading: str, alt: str, png: bytes, example: BoardExample) -> Picture:
    height, width = example.difference_HW.shape
    return Picture(heading, alt, data_uri(png), width, height)


def _worst_place(example: BoardExample) -> str:
    difference_HW = np.nan_to_num(example.difference_HW, nan=np.inf)
    top, left = np.unravel_index(int(difference_HW.argmax()), difference_HW.shape)
    return f"largest at row {top}, column {left}"


def _sortable(score: float) -> float:
    return math.inf if math.isnan(score) else score
