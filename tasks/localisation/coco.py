"""Suspected defects as COCO-style JSON, in px of the original photographs.

The format of https://cocodataset.org/#format-data: boxes are [x, y, width, height] and polygons
[x1, y1, x2, y2, ...], x to the right, y down, 0 at the outer edge of the first pixel. That is where boxes
begin in this project, too: nothing is shifted by half a px.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.localisation.region import PhotographedRegion, Region
from tasks.vocabulary.arrays import Float64Array

CATEGORY = {"id": 1, "name": "suspected defect", "supercategory": "defect"}


@dataclass(frozen=True)
class InspectedImage:
    """What inspection says of one file; size and regions are of the photograph as it is shown upright.

    A file that could not be read or aligned has no size and a `reason`.
    """

    file: str
    size_hw: tuple[int, int] | None
    verdict: str
    score: float | None
    reason: str | None
    regions: tuple[PhotographedRegion, ...]


def photographed(
    found: Sequence[Region], outlines_R42: Float64Array, boxes_R4: Float64Array
) -> tuple[PhotographedRegion, ...]:
    """Regions with the outlines `[R, 4, 2]` and boxes `[R, 4]` that their pose gave them."""
    return tuple(
        PhotographedRegion(
            region,
            tuple((float(x), float(y)) for x, y in outline_42),
            (float(box_4[0]), float(box_4[1]), float(box_4[2]), float(box_4[3])),
        )
        for region, outline_42, box_4 in zip(found, outlines_R42, boxes_R4, strict=True)
    )


def coco_document(
    inspected: Sequence[InspectedImage], line: str, threshold: float, version: str
) -> dict[str, Any]:
    """Images, one category, and an annotation for each region, worst first within its image.

    Beyond COCO: images carry `verdict` and `score` (null where it is not finite), annotations `score`,
    `candidates` (how many candidates or places it holds) and `board_bbox` ([x, y, width, height] in px of
    the board image). A file without an answer
    is no image, for it has no size; `info.without_answer` names it, so that nobody takes it for passed.
    """
    known = [one for one in inspected if one.size_hw is not None]
    annotated = [(at, each) for at, one in enumerate(known, start=1) for each in one.regions]
    return {
        "info": {
            "description": f"Suspected defects of {line}, found by zeroescape",
            "version": version,
            "line": line,
            "threshold": threshold,
            "without_answer": [
                {"file_name": one.file, "reason": one.reason, "verdict": one.verdict}
                for one in inspected
                if one.size_hw is None
            ],
        },
        "licenses": [],
        "images": [_image(at, one) for at, one in enumerate(known, start=1)],
        "categories": [dict(CATEGORY)],
        "annotations": [
            {"id": at, "image_id": image_id} | _annotation(each)
            for at, (image_id, each) in enumerate(annotated, start=1)
        ],
    }


def coco_results(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The regions of a document as a list of detections, as `loadRes` of pycocotools reads it."""
    kept = ("image_id", "category_id", "bbox", "score")
    return [{key: one[key] for key in kept} for one in document["annotations"]]


def _image(number: int, one: InspectedImage) -> dict[str, Any]:
    height, width = one.size_hw or (0, 0)
    return {
        "id": number,
        "file_name": one.file,
        "width": width,
        "height": height,
        "verdict": one.verdict,
        "score": one.score,
        "reason": one.reason,
    }


def _annotation(each: PhotographedRegion) -> dict[str, Any]:
    return {
        "category_id": CATEGORY["id"],
        "bbox": _xywh(each.box),
        "area": _area(each.outline),
        "segmentation": [[value for corner in each.outline for value in corner]],
        "iscrowd": 0,
        "score": each.region.score,
        "candidates": each.region.candidates,
        "board_bbox": _xywh(each.region.box),
    }


def _xywh(box: tuple[float, float, float, float]) -> list[float]:
    top, left, bottom, right = box
    return [left, top, right - left, bottom - top]


def _area(outline: tuple[tuple[float, float], ...]) -> float:
    """Area of a polygon (shoelace formula)."""
    turned = (*outline[1:], outline[0])
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(outline, turned, strict=True))) / 2
