"""What the benchmark says of many measurements: pure functions, tested apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.vocabulary.arrays import Float64Array

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Outcome:
    """One board under one aligner: `error_px` is the true one, None where no pose was found."""

    error_px: float | None
    flagged: bool


def row_figures(outcomes: Sequence[Outcome], limit_px: float) -> dict[str, Any]:
    """Figures of some boards; median and worst error are those of the boards that pass."""
    passed = [one.error_px for one in outcomes if not one.flagged and one.error_px is not None]
    near = [one.error_px is not None and one.error_px <= limit_px for one in outcomes]
    return {
        "boards": len(outcomes),
        "median_px": float(np.median(passed)) if passed else None,
        "worst_px": max(passed, default=None),
        "flagged": sum(one.flagged for one in outcomes),
        "no_pose": sum(one.error_px is None for one in outcomes),
        "flagged_within_limit": sum(
            one.flagged and well for one, well in zip(outcomes, near, strict=True)
        ),
        "misregistered_unflagged": sum(
            not one.flagged and not well for one, well in zip(outcomes, near, strict=True)
        ),
    }


def case_figures(cases: Sequence[tuple[str, bool]]) -> dict[str, dict[str, int]]:
    """How many photographs of each wrong kind there were, and how many were flagged."""
    counted, flagged = Counter(name for name, _ in cases), Counter(n for n, bad in cases if bad)
    return {name: {"boards": counted[name], "flagged": flagged[name]} for name in counted}


def aligner_figures(
    rows: dict[str, list[Outcome]], cases: Sequence[tuple[str, bool]], limit_px: float
) -> dict[str, Any]:
    """All that is said of one aligner; a wrong photograph that passes counts as misregistered."""
    together = row_figures([one for outcomes in rows.values() for one in outcomes], limit_px)
    passed = sum(1 for _, flagged in cases if not flagged)
    together["misregistered_unflagged"] += passed
    return {
        **together,
        "limit_px": limit_px,
        "rows": {name: row_figures(outcomes, limit_px) for name, outcomes in rows.items()},
        "must_flag": case_figures(cases),
        "must_flag_passed": passed,
    }


def mapped_box(box: Box, pose_33: Float64Array) -> Box:
    """Smallest upright box around a box (top, left, bottom, right) under a pose of (x, y, 1)."""
    top, left, bottom, right = box
    # The last row and column lie half a px within the exclusive border.
    corners = [(x - 0.5, y - 0.5, 1.0) for x in (left, right) for y in (top, bottom)]
    moved_N3 = np.asarray(corners) @ pose_33.T
    xs, ys = (moved_N3[:, :2] / moved_N3[:, 2:] + 0.5).T
    return float(ys.min()), float(xs.min()), float(ys.max()), float(xs.max())


def overlapping(one: Box, other: Box) -> bool:
    """Whether two boxes share any area."""
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    return height > 0 and width > 0


def first_distinct(boxes: Iterable[Box], count: int) -> list[Box]:
    """The first boxes of a list in which one may occur often, each once."""
    return list(dict.fromkeys(boxes))[:count]


def unmasked_columns(columns: Sequence[str]) -> list[int]:
    """Positions of the metrics that do not rest on the weighting mask."""
    return [at for at, name in enumerate(columns) if not name.startswith("masked.")]


def commented(jpeg: bytes, text: str) -> bytes:
    """The same JPEG picture as another file: a comment segment behind the start marker."""
    if jpeg[:2] != b"\xff\xd8":
        raise ValueError("This is no JPEG file.")
    said = text.encode("ascii")
    return jpeg[:2] + b"\xff\xfe" + (len(said) + 2).to_bytes(2, "big") + said + jpeg[2:]
