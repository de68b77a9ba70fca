from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np

from tasks.localisation.coco import (
    InspectedImage,
    coco_document,
    coco_results,
    photographed,
)
from tasks.localisation.region import PhotographedRegion, Region

SQUARE = ((10.0, 20.0), (30.0, 20.0), (30.0, 50.0), (10.0, 50.0))
DIAMOND = ((5.0, 0.0), (10.0, 5.0), (5.0, 10.0), (0.0, 5.0))


def suspected(outline: tuple[tuple[float, float], ...], score: float) -> PhotographedRegion:
    region = Region((1, 2, 4, 6), score, 2 * score, 3, 10)
    outline_42 = np.array(outline)
    low, high = outline_42.min(axis=0), outline_42.max(axis=0)
    box = np.array([[low[1], low[0], high[1], high[0]]])
    return photographed([region], outline_42[None], box)[0]


INSPECTED = [
    InspectedImage("a.png", (100, 200), "flagged", 0.9, None, (suspected(SQUARE, 5.0),)),
    InspectedImage("torn.png", None, "flagged", None, "The file is empty.", ()),
    InspectedImage(
        "b.png", (60, 80), "passed", 0.1, None, (suspected(DIAMOND, 3.0), suspected(SQUARE, 1.0))
    ),
]
DOCUMENT = coco_document(INSPECTED, "boards", threshold=0.5, version="1.2.3")


def test_what_a_machine_reads() -> None:
    assert DOCUMENT["info"]["line"] == "boards"
    assert (DOCUMENT["info"]["threshold"], DOCUMENT["info"]["version"]) == (0.5, "1.2.3")
    first = DOCUMENT["images"][0]
    assert (first["id"], first["file_name"], first["width"], first["height"]) == (
        1,
        "a.png",
        200,
        100,
    )
    assert (first["score"], first["verdict"]) == (0.9, "flagged")
    square = DOCUMENT["annotations"][0]
    assert square["bbox"] == [10.0, 20.0, 20.0, 30.0]
    assert square["board_bbox"] == [2, 1, 4, 3]
    assert square["segmentation"] == [[10.0, 20.0, 30.0, 20.0, 30.0, 50.0, 10.0, 50.0]]
    assert square["area"] == 600.0
    assert square["score"] == 5.0
    assert DOCUMENT["annotations"][1]["area"] == 50.0
    assert [one["image_id"] for one in DOCUMENT["annotations"]] == [1, 2, 2]


def test_a_file_without_an_answer_is_named_and_never_among_the_images() -> None:
    assert [one["file_name"] for one in DOCUMENT["images"]] == ["a.png", "b.png"]
    assert DOCUMENT["info"]["without_answer"] == [
        {"file_name": "torn.png", "reason": "The file is empty.", "verdict": "flagged"}
    ]


def test_it_is_strict_json() -> None:
    assert json.loads(json.dumps(DOCUMENT, allow_nan=False)) == DOCUMENT


def test_pycocotools_reads_it(tmp_path: Path) -> None:
    coco_tools = import_module("pycocotools.coco")
    masks = import_module("pycocotools.mask")
    place, results = tmp_path / "localisation.json", tmp_path / "results.json"
    place.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    results.write_text(json.dumps(coco_results(DOCUMENT)), encoding="utf-8")
    read = coco_tools.COCO(str(place))
    assert [read.imgs[at]["file_name"] for at in read.getImgIds()] == ["a.png", "b.png"]
    assert [each["score"] for each in read.loadAnns(read.getAnnIds(imgIds=[2]))] == [3.0, 1.0]
    assert read.loadCats(read.getCatIds())[0]["name"] == "suspected defect"
    drawn = read.annToRLE(read.anns[1])
    assert drawn["size"] == [100, 200]
    assert masks.area(drawn) == 600
    assert masks.toBbox(drawn).tolist() == [10.0, 20.0, 20.0, 30.0]
    detected = read.loadRes(str(results))
    assert sorted(each["bbox"] for each in detected.anns.values()) == sorted(
        each["bbox"] for each in DOCUMENT["annotations"]
    )
