"""Hit rates: how many true defects the worst boxes of their boards point at, and how many by chance.

Legend: K boxes, B boards, Q boxes of one board; a box is (top, left, bottom, right) in pixels, the last
two exclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
from scipy.stats import binomtest

from tasks.localisation.defects import Defect
from tasks.vocabulary.arrays import BoolArray, Int64Array

# A tenth and a half are the outer ones of the usual grades (Wang et al., ChestX-ray8, 2017). A half is
# what detectors trained on boxes are held to; nothing here ever saw a box.
LEAST_IOU = 0.1
UNNAMED = "unnamed"


class Rule(StrEnum):
    """When a box counts as pointing at a defect."""

    TOUCH = "touch"
    """The box holds a pixel of the defect."""
    CENTRE = "centre"
    """The middle of the box is a pixel of the defect: the pointing game (Zhang et al., 2018)."""
    IOU = "iou"
    """Box and box of the defect overlap by `LEAST_IOU` (intersection over union) or more."""


@dataclass(frozen=True, eq=False)
class Pointed:
    """What one board is accused of, worst first (`boxes_Q4`), and what was true of it."""

    boxes_Q4: Int64Array
    defects: tuple[Defect, ...]


@dataclass(frozen=True)
class HitRate:
    """How many of `n` defects were hit, 95 % limits of the share (Clopper and Pearson), and by kind.

    `by_chance` is the share that the boxes of the other boards hit, each of them tried on this one: what
    always lies at the same place earns nothing. None where there is no other board. `by_kind` gives
    (found, n).
    """

    found: int
    n: int
    low: float
    high: float
    by_chance: float | None
    by_kind: dict[str, tuple[int, int]]


def hit_rate(boards: Sequence[Pointed], worst: int, rule: Rule) -> HitRate:
    """How many defects at least one of the `worst` boxes of their board points at.

    Boards without a defect count for chance alone. No defect at all gives 0 of 0, between 0 and 1.
    """
    boxes_K4 = np.concatenate(
        [board.boxes_Q4[:worst].reshape(-1, 4) for board in boards] or [_NONE]
    )
    sizes = [min(len(board.boxes_Q4), worst) for board in boards]
    board_K = np.repeat(np.arange(len(boards)), sizes)
    found: dict[str, list[bool]] = {}
    chances = []
    for own, board in enumerate(boards):
        for defect in board.defects:
            hit_B = np.zeros(len(boards), np.bool_)
            hit_B[board_K[pointing(defect, boxes_K4, rule)]] = True
            found.setdefault(defect.kind or UNNAMED, []).append(bool(hit_B[own]))
            chances.append((int(hit_B.sum()) - int(hit_B[own])) / max(len(boards) - 1, 1))
    total, n = sum(map(sum, found.values())), len(chances)
    low, high = (0.0, 1.0) if n == 0 else binomtest(total, n).proportion_ci(0.95)
    return HitRate(
        found=total,
        n=n,
        low=float(low),
        high=float(high),
        by_chance=float(np.mean(chances)) if n and len(boards) > 1 else None,
        by_kind={kind: (sum(hits), len(hits)) for kind, hits in sorted(found.items())},
    )


def pointing(defect: Defect, boxes_K4: Int64Array, rule: Rule) -> BoolArray:
    """Which boxes `[K]` point at a defect."""
    match rule:
        case Rule.TOUCH:
            return np.asarray(defect.covered(boxes_K4) > 0)
        case Rule.CENTRE:
            # Of an even number of px the middle lies between two: the latter one.
            middles_K2 = (boxes_K4[:, :2] + boxes_K4[:, 2:]) // 2
            return np.asarray(defect.covered(np.hstack([middles_K2, middles_K2 + 1])) > 0)
        case Rule.IOU:
            return np.asarray(defect.overlap(boxes_K4) >= LEAST_IOU)
        case _:
            assert_never(rule)


def mean_best_iou(boards: Sequence[Pointed], worst: int) -> float | None:
    """Mean over defects of the best overlap (IoU) with one of the `worst` boxes; None without defects."""
    best = [
        float(defect.overlap(board.boxes_Q4[:worst]).max(initial=0.0))
        for board in boards
        for defect in board.defects
    ]
    return float(np.mean(best)) if best else None


_NONE = np.empty((0, 4), np.int64)
