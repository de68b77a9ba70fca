"""Do the two roads to a candidate agree? The same boards, boxes and reconstructions on both.

Legend: U distinct boxes of one board, K laid boxes, Q candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.batches import instrument
from tasks.candidates.search import search
from tasks.candidates.settings import ExactRoad, FastRoad, Road
from tasks.extract import features_fingerprint
from tasks.instrument import Instrument
from tasks.jobs import Measuring
from tasks.progress import Listener, Progress
from tasks.score_sheet import ids_of
from tasks.standardise import standardise
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from tasks.workers import Poisoned, Workers
from tests.benchmarks.alignment.figures import Box, first_distinct
from tests.benchmarks.alignment.learnt import Learnt
from tests.benchmarks.alignment.localisation import hits, true_boxes

# The offline backbone at 2 x 2 positions a patch; the paper's Inception-v3 sees 8 x 8 at 299 px.
ROADS: dict[str, Road] = {
    "fast": FastRoad(standardised=False),
    "fast, standardised": FastRoad(standardised=True),
    "exact": ExactRoad(patch_px=64),
}
WORST = 20


@dataclass(frozen=True)
class Known:
    """Distances that were measured before, by box: what a road would say, without walking it again."""

    boxes_U4: Int64Array
    distances_U: Float64Array

    @property
    def both(self) -> tuple[Int64Array, Float64Array]:
        """All boxes `[U, 4]` and their distances `[U]`."""
        return self.boxes_U4, self.distances_U

    def distances(self, boxes_K4: Int64Array) -> Float64Array:
        """Look the boxes up; one that was never measured is a KeyError."""
        known = dict(zip(map(tuple, self.boxes_U4.tolist()), self.distances_U, strict=True))
        return np.array([known[tuple(box)] for box in boxes_K4.tolist()])


@dataclass(frozen=True)
class Walked:
    """What every road says of one board: candidates without and with the mask, and rank agreement."""

    candidates: dict[str, list[Int64Array]]
    ranks: dict[str, dict[str, float]]


def on_roads(line: Learnt, workers: Workers) -> dict[str, Measuring]:
    """The line's instrument on every road; the scales are learnt from the normals of its mask."""
    raw = on_road(line, ROADS["fast"], None)
    normals = ids_of(line.snapshot, Role.MASK)
    scales = standardise.fn(line.stores, raw, normals, workers)
    return {name: on_road(line, road, scales.key) for name, road in ROADS.items()}


def on_road(line: Learnt, road: Road, scales_key: str | None) -> Measuring:
    """The line's instrument on another road; everything else of it stays."""
    standardised = isinstance(road, FastRoad) and road.standardised
    known = line.measuring.instrument
    measured = replace(
        known,
        candidates=line.settings.candidates.model_copy(update={"road": road}),
        scales_key=scales_key if standardised else None,
    )
    images = line.measuring.images_fingerprint
    return Measuring(measured, line.settings.line, images, features_fingerprint(measured, images))


def compared(
    line: Learnt,
    measuring: Mapping[str, Measuring],
    archive: Path | None,
    boards: int,
    workers: Workers,
    heard: Listener,
) -> dict[str, Any]:
    """Agreement of the fast roads with the exact one, and the defects that each road finds."""
    ids = line.defects[:boards]
    walked: dict[str, Walked] = {}
    for batch, outcome in workers.map_batches(partial(walk, line.stores, measuring), ids):
        if not isinstance(outcome, Poisoned):
            walked.update(zip(batch, outcome, strict=True))
        heard(Progress("roads", len(walked), len(ids), line.settings.line))
    agreement = {name: _agreement(list(walked.values()), name) for name in ROADS}
    if archive is not None:
        boxes = {one: true for one, true in true_boxes(line, archive).items() if one in walked}
        for name in ROADS:
            agreement[name]["defects_found"] = {
                place: hits(
                    {one: _worst(w.candidates[name][at]) for one, w in walked.items()}, boxes
                )
                for at, place in enumerate(("unmasked", "masked"))
            }
    return {"boards": len(walked), "by_road": agreement}


def walk(
    stores: Stores, measuring: Mapping[str, Measuring], batch: tuple[str, ...]
) -> list[Walked]:
    """What a worker does: walk every road on each board of the batch."""
    images = next(iter(measuring.values()))
    images_NHWC = stores.images(images.line, images.images_fingerprint).read(batch)
    loaded = {name: instrument(stores.root, one.instrument) for name, one in measuring.items()}
    return [_walked(loaded, image_HWC) for image_HWC in images_NHWC]


def _walked(loaded: Mapping[str, Instrument], image_HWC: UInt8Array) -> Walked:
    any_road = next(iter(loaded.values()))
    differences = _differences(any_road.difference(image_HWC), any_road.mask_HW)
    known: dict[str, Known] = {}
    candidates: dict[str, list[Int64Array]] = {}
    scores: dict[str, Float64Array] = {}
    for name, one in loaded.items():
        asked = one.settings.candidates
        if asked.road.kind not in known:
            known[asked.road.kind] = Known(*one.box_distances(image_HWC))
        boxes_U4, distances_U = known[asked.road.kind].both
        found = search(differences, known[asked.road.kind], asked, one.scales)
        candidates[name] = [each.boxes_Q4 for each in found]
        scores[name] = one.scales.standardise(distances_U, boxes_U4) if one.scales else distances_U
    sides_U = boxes_U4[:, 2] - boxes_U4[:, 0]
    ranks = {name: _ranks(of_road, scores["exact"], sides_U) for name, of_road in scores.items()}
    return Walked(candidates, ranks)


def _differences(difference_HW: Float32Array, mask_HW: Float32Array | None) -> list[Float32Array]:
    if mask_HW is None:
        return [difference_HW, difference_HW]
    return [difference_HW, mask_HW * difference_HW]


def _ranks(of_road: Float64Array, exact: Float64Array, sides_U: Int64Array) -> dict[str, float]:
    """Spearman's rank correlation over all boxes, and within each size."""
    within = {
        f"{side} px": float(spearmanr(of_road[sides_U == side], exact[sides_U == side]).statistic)
        for side in np.unique(sides_U)
    }
    return {"all sizes": float(spearmanr(of_road, exact).statistic), **within}


def _agreement(walked: Sequence[Walked], name: str) -> dict[str, Any]:
    """Mean over boards: rank correlations, and how much of the exact road's candidates is shared."""
    ranks = {
        key: float(np.mean([one.ranks[name][key] for one in walked]))
        for key in walked[0].ranks[name]
    }
    shares = [
        (
            boxes_in_common(one.candidates[name][0], one.candidates["exact"][0]),
            area_in_common(one.candidates[name][0], one.candidates["exact"][0]),
        )
        for one in walked
    ]
    boxes, area = np.mean(shares, axis=0)
    return {"rank_correlation": ranks, "same_boxes": float(boxes), "same_area": float(area)}


def boxes_in_common(first_Q4: Int64Array, second_Q4: Int64Array) -> float:
    """Share of the distinct boxes of both that both kept."""
    first, second = (set(map(tuple, boxes.tolist())) for boxes in (first_Q4, second_Q4))
    return len(first & second) / len(first | second)


def area_in_common(first_Q4: Int64Array, second_Q4: Int64Array) -> float:
    """Intersection over union of the pixels that the candidates cover."""
    height, width = np.concatenate([first_Q4, second_Q4])[:, 2:].max(axis=0)
    covered = np.zeros((2, height, width), dtype=np.bool_)
    for at, boxes_Q4 in enumerate((first_Q4, second_Q4)):
        for top, left, bottom, right in np.unique(boxes_Q4, axis=0):
            covered[at, top:bottom, left:right] = True
    return float(covered.all(axis=0).sum() / covered.any(axis=0).sum())


def _worst(boxes_Q4: Int64Array) -> list[Box]:
    return first_distinct(
        [(top, left, bottom, right) for top, left, bottom, right in boxes_Q4.tolist()], WORST
    )
