"""Do the candidates lie on the defects? Boxes of the truth against the worst candidates of each board."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from storage.stores import Stores
from tasks.alignment.poses import resizing
from tasks.batches import look_at
from tasks.instrument import Measurement
from tasks.jobs import Measuring
from tasks.progress import Listener, Progress
from tasks.synthesis.archive import TRUTH
from tasks.vocabulary.arrays import Float64Array
from tasks.workers import Poisoned, Workers
from tests.benchmarks.alignment.figures import Box, first_distinct, mapped_box, overlapping
from tests.benchmarks.alignment.learnt import Learnt

CANDIDATES, BATCH_IMAGES = 20, 8
Boxes = dict[str, list[Box]]


def found_defects(line: Learnt, archive: Path, workers: int, heard: Listener) -> dict[str, Any]:
    """Share of the defects that one of the worst candidates touches, with the mask and without."""
    seen: dict[str, Boxes] = {}
    look = partial(candidate_boxes, line.stores, line.measuring)
    with Workers(None, workers, BATCH_IMAGES) as started:
        for batch, boxes in started.map_batches(look, line.defects):
            if not isinstance(boxes, Poisoned):
                seen.update(zip(batch, boxes, strict=True))
            heard(Progress("candidates", len(seen), len(line.defects)))
    defects = true_boxes(line, archive)
    return {
        name: hits({one: boxes.get(name, []) for one, boxes in seen.items()}, defects)
        for name in ("masked", "unmasked")
    }


def candidate_boxes(
    stores: Stores, measuring: Measuring, image_ids: tuple[str, ...]
) -> list[Boxes]:
    """The worst candidates of each board, on mask times difference and on the bare difference."""
    return [_boxes(measured) for _, measured in look_at(stores, measuring, image_ids)]


def _boxes(measured: Measurement | str) -> Boxes:
    if isinstance(measured, str):
        return {}
    found = {"masked": measured.masked or measured.plain, "unmasked": measured.plain}
    return {
        name: first_distinct(map(_box, one.boxes_Q4.tolist()), CANDIDATES)
        for name, one in found.items()
    }


def _box(edges: Sequence[float]) -> Box:
    top, left, bottom, right = edges
    return top, left, bottom, right


def true_boxes(line: Learnt, archive: Path) -> dict[str, list[tuple[str, Box]]]:
    """Kind and box, in board px, of every defect of the abnormal development images."""
    images = json.loads((archive / TRUTH).read_text(encoding="utf-8"))["images"]
    rows = line.stores.images(line.measuring.line, line.measuring.images_fingerprint).rows()
    return {
        one: [
            (defect["kind"], mapped_box(_box(defect["box_photograph"]), _pose(line, rows[one])))
            for defect in images[line.names[one]]["defects"]
        ]
        for one in line.defects
    }


def _pose(line: Learnt, row: Any) -> Float64Array:
    """Photograph px to board px: as registered, or the plain change of size."""
    if "pose" in row.facts:
        return np.asarray(row.facts["pose"], dtype=np.float64).reshape(3, 3)
    photograph, side = line.settings.photograph, line.settings.alignment.side_px
    assert photograph.height_px is not None
    assert photograph.width_px is not None
    return resizing((photograph.height_px, photograph.width_px), (side, side))


def hits(
    candidates: Mapping[str, Sequence[Box]], defects: Mapping[str, Sequence[tuple[str, Box]]]
) -> dict[str, Any]:
    """How many defects a candidate touches; `by_chance` with the candidates of the next board."""
    ids = sorted(defects)
    beside = dict(zip(ids, [*ids[1:], *ids[:1]], strict=True))
    counted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    chance = 0
    for one in ids:
        for kind, box in defects[one]:
            counted[kind] += 1
            found[kind] += any(overlapping(box, each) for each in candidates.get(one, ()))
            chance += any(overlapping(box, each) for each in candidates.get(beside[one], ()))
    total = counted.total()
    return {
        "share": found.total() / total if total else None,
        "found": found.total(),
        "n": total,
        "candidates": CANDIDATES,
        "by_chance": chance / total if total else None,
        "by_kind": {kind: {"found": found[kind], "n": counted[kind]} for kind in sorted(counted)},
    }
