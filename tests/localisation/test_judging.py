from __future__ import annotations

import json
import pickle
from dataclasses import asdict

import numpy as np

from tasks.localisation.defects import Defect
from tasks.localisation.hits import Rule
from tasks.localisation.judging import (
    CANDIDATES,
    REGIONS,
    Localisation,
    LocatedBoard,
    judge,
    located_board,
)

SIDE = 48


def board(seed: int, kind: str | None, seen: bool = True) -> LocatedBoard:
    """Noise; where there is a defect, one that is seen or not."""
    rng = np.random.default_rng(seed)
    difference = (0.05 * rng.random((SIDE, SIDE))).astype(np.float32)
    y, x = rng.integers(0, SIDE - 10, 2)
    mask = np.zeros((SIDE, SIDE), np.bool_)
    defects = []
    if kind is not None:
        mask[y : y + 8, x : x + 8] = True
        defects = [Defect.of_mask(kind, mask)]
    other = rng.integers(0, SIDE - 4, (3, 2))
    boxes = np.concatenate([other, other + 4], axis=1)
    scores = rng.random(3)
    if seen and defects:
        difference[mask] += 0.5
        boxes = np.concatenate([[[y, x, y + 4, x + 4], [y + 2, x + 2, y + 8, x + 8]], boxes])
        scores = np.concatenate([[5.0, 4.0], scores])
    return located_board(boxes, scores, difference, defects)


def found(judged: Localisation, what: str, worst: int, rule: Rule) -> tuple[int, int]:
    row = next(r for r in judged.hits if (r.what, r.worst, r.rule) == (what, worst, rule))
    return row.rate.found, row.rate.n


def test_boards_are_judged_together() -> None:
    boards = [board(seed, "scratch") for seed in range(6)]
    boards += [board(seed, None) for seed in range(6, 9)]
    judged = judge(boards)
    assert (judged.boards, judged.defects, judged.pro_regions) == (9, 6, 6)
    assert len(judged.hits) == len(Rule) * (len(CANDIDATES) + len(REGIONS))
    assert found(judged, "candidates", 1, Rule.TOUCH) == (6, 6)
    assert found(judged, "regions", 1, Rule.IOU) == (6, 6)
    assert judged.mean_iou is not None
    assert judged.mean_iou > 0.5
    assert judged.au_pro is not None
    assert judged.au_pro > 0.9
    assert judged.pixel_auroc is not None
    assert judged.pixel_auroc > 0.95


def test_an_unmeasured_board_makes_everything_worse() -> None:
    boards = [board(seed, "scratch") for seed in range(4)]
    before = judge(boards)
    struck = boards[0].defects
    nothing = np.zeros((SIDE, SIDE), np.float32)
    unmeasured = located_board(np.empty((0, 4), np.int64), np.empty(0), nothing, struck)
    after = judge([*boards, unmeasured])
    assert found(after, "regions", 3, Rule.TOUCH) == (4, 5)
    assert before.au_pro is not None
    assert after.au_pro is not None
    assert after.au_pro < before.au_pro


def test_without_defects_there_is_no_area() -> None:
    judged = judge([board(1, None), board(2, None)])
    assert (judged.defects, judged.au_pro, judged.pixel_auroc, judged.mean_iou) == (0,) + (
        None,
    ) * 3


def test_a_board_travels_and_the_judgement_is_json() -> None:
    boards = [board(seed, "scratch") for seed in range(3)]
    travelled = [pickle.loads(pickle.dumps(one)) for one in boards]  # noqa: S301  # our own
    assert judge(travelled) == judge(boards)
    assert json.loads(json.dumps(asdict(judge(boards)), allow_nan=False))["defects"] == 3
