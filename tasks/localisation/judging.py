"""How well boards were localised: hit rates of candidates (or suspect places) and regions, AU-PRO of heat.

Legend: H height, W width, Q candidates, U distinct boxes, R regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.localisation.defects import Defect, mask_of
from tasks.localisation.heat import blended, heat_map
from tasks.localisation.hits import HitRate, Pointed, Rule, hit_rate, mean_best_iou
from tasks.localisation.overlap import (
    LIMIT,
    HeatCounts,
    au_pro,
    counted,
    overlap_curve,
    pixel_auroc,
)
from tasks.localisation.places import PlaceMap
from tasks.localisation.regions import GAP_PX, distinct_candidates, regions
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array

# Of the worst boxes of a board, how many may try to hit: what a person looks at first, and at most.
CANDIDATES = (1, 20)
REGIONS = (1, 3)


@dataclass(frozen=True, eq=False)
class LocatedBoard:
    """What judging needs of one board: small enough to travel. Boxes come worst first."""

    candidates_U4: Int64Array
    regions_R4: Int64Array
    counts: HeatCounts
    defects: tuple[Defect, ...]


@dataclass(frozen=True)
class HitRow:
    """One hit rate: of the `worst` first of `what`, by `rule`."""

    what: str
    worst: int
    rule: Rule
    rate: HitRate


@dataclass(frozen=True)
class Localisation:
    """How well some boards were localised; JSON after `dataclasses.asdict`.

    `mean_iou` is the mean over defects of the best overlap with one of the worst regions. `au_pro` (up to
    the false-positive rate `limit`, over `pro_regions` connected components) and `pixel_auroc` are None
    where no defect has a pixel on its board.
    """

    boards: int
    defects: int
    hits: tuple[HitRow, ...]
    mean_iou: float | None
    pro_regions: int
    au_pro: float | None
    limit: float
    pixel_auroc: float | None


def located_board(
    boxes_Q4: Int64Array,
    scores_Q: Float64Array,
    difference_HW: Float32Array,
    defects: Sequence[Defect],
    gap_px: int = GAP_PX,
) -> LocatedBoard:
    """Localise one board and count its heat; the difference is the one that laid the candidates.

    A board that could not be measured has no box and a difference of 0 everywhere: all its defects count as
    missed. Heat is told apart to 11 bits (float16), which moves AU-PRO by less than 0.001.
    """
    height, width = difference_HW.shape
    heat_HW = blended(heat_map(boxes_Q4, scores_Q, height, width), difference_HW)
    return _located(boxes_Q4, scores_Q, heat_HW, defects, gap_px)


def placed_board(
    places: PlaceMap, height: int, width: int, defects: Sequence[Defect]
) -> LocatedBoard:
    """Localise one board of `height` x `width` px by place: suspect places stand for candidates."""
    boxes_Q4, distances_Q = places.worst(height, width)
    return _located(boxes_Q4, distances_Q, places.heat(height, width), defects, GAP_PX)


def _located(
    boxes_Q4: Int64Array,
    scores_Q: Float64Array,
    heat_HW: Float32Array,
    defects: Sequence[Defect],
    gap_px: int,
) -> LocatedBoard:
    height, width = heat_HW.shape
    found = regions(boxes_Q4, scores_Q, gap_px)
    return LocatedBoard(
        distinct_candidates(boxes_Q4, scores_Q)[0],
        np.array([region.box for region in found], np.int64).reshape(-1, 4),
        counted(heat_HW.astype(np.float16).astype(np.float32), mask_of(defects, height, width)),
        tuple(defects),
    )


def judge(boards: Sequence[LocatedBoard]) -> Localisation:
    """Judge boards together; normal ones (no defects) count as normal pixels and for chance."""
    by_candidates = [Pointed(board.candidates_U4, board.defects) for board in boards]
    by_regions = [Pointed(board.regions_R4, board.defects) for board in boards]
    asked = [("candidates", by_candidates, worst) for worst in CANDIDATES]
    asked += [("regions", by_regions, worst) for worst in REGIONS]
    counts = [board.counts for board in boards]
    shown = sum(one.regions for one in counts)
    return Localisation(
        boards=len(boards),
        defects=sum(len(board.defects) for board in boards),
        hits=tuple(
            HitRow(what, worst, rule, hit_rate(pointed, worst, rule))
            for what, pointed, worst in asked
            for rule in Rule
        ),
        mean_iou=mean_best_iou(by_regions, max(REGIONS)),
        pro_regions=shown,
        au_pro=au_pro(overlap_curve(counts)) if shown else None,
        limit=LIMIT,
        pixel_auroc=pixel_auroc(counts) if shown else None,
    )
