from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.localisation.defects import Defect, mask_of
from tasks.localisation.hits import Pointed, Rule, hit_rate, mean_best_iou, pointing
from tasks.vocabulary.arrays import BoolArray, Int64Array

SIDE = 24


def defect(top: int, left: int, bottom: int, right: int, kind: str | None = "scratch") -> Defect:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[top:bottom, left:right] = True
    return Defect.of_mask(kind, mask)


def boxes(*rows: tuple[int, int, int, int]) -> Int64Array:
    return np.array(rows, np.int64).reshape(-1, 4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_pixels_in_boxes_are_counted_as_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask: BoolArray = rng.random((SIDE, SIDE)) < 0.02
    found = Defect.of_mask(None, mask)
    corners = rng.integers(0, SIDE - 1, (20, 2))
    laid = np.concatenate([corners, corners + rng.integers(1, 9, (20, 2))], axis=1)
    expected = [int(mask[top:bottom, left:right].sum()) for top, left, bottom, right in laid]
    np.testing.assert_array_equal(found.covered(laid), expected)
    np.testing.assert_array_equal(mask_of([found], SIDE, SIDE), mask)


def test_the_three_rules_differ_where_they_should() -> None:
    ring = np.ones((9, 9), np.bool_)
    ring[2:7, 2:7] = False
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[4:13, 4:13] = ring
    struck = Defect.of_mask("ring", mask)
    laid = boxes((4, 4, 6, 6), (7, 7, 10, 10), (4, 4, 13, 13), (0, 0, 4, 4), (0, 0, 24, 24))
    assert pointing(struck, laid, Rule.TOUCH).tolist() == [True, False, True, False, True]
    assert pointing(struck, laid, Rule.CENTRE).tolist() == [True, False, False, False, True]
    assert pointing(struck, laid, Rule.IOU).tolist() == [False, True, True, False, True]
    np.testing.assert_allclose(struck.overlap(laid), [4 / 81, 9 / 81, 1.0, 0.0, 81 / 576])


def test_only_the_worst_boxes_count() -> None:
    board = Pointed(boxes((0, 0, 4, 4), (10, 10, 14, 14)), (defect(11, 11, 13, 13),))
    assert hit_rate([board], 1, Rule.TOUCH).found == 0
    assert hit_rate([board], 2, Rule.TOUCH).found == 1


def test_every_kind_is_counted_apart() -> None:
    boards = [
        Pointed(boxes((0, 0, 4, 4)), (defect(1, 1, 3, 3, "a"), defect(20, 20, 22, 22, "b"))),
        Pointed(boxes((0, 0, 4, 4)), (defect(9, 9, 12, 12, "a"), defect(0, 0, 2, 2, None))),
    ]
    rate = hit_rate(boards, 5, Rule.TOUCH)
    assert rate.by_kind == {"a": (1, 2), "b": (0, 1), "unnamed": (1, 1)}
    assert (rate.found, rate.n) == (2, 4)
    assert rate.low < 0.5 < rate.high


def test_candidates_that_always_lie_there_earn_nothing() -> None:
    everywhere = boxes((0, 0, 12, 12))
    boards = [Pointed(everywhere, (defect(1, 1, 3, 3),)) for _ in range(5)]
    rate = hit_rate(boards, 1, Rule.TOUCH)
    assert rate.found == 5
    assert rate.by_chance == 1.0


def test_chance_is_the_mean_over_all_other_boards() -> None:
    places = [(0, 0), (0, 6), (6, 0), (6, 6)]
    boards = [
        Pointed(boxes((y, x, y + 4, x + 4)), (defect(y, x, y + 4, x + 4),)) for y, x in places
    ]
    boards.append(Pointed(boxes((0, 0, 24, 24)), ()))
    rate = hit_rate(boards, 1, Rule.TOUCH)
    assert (rate.found, rate.n) == (4, 4)
    # Of the four other boards only the normal one, whose box is everywhere, hits.
    assert rate.by_chance == pytest.approx(0.25)


def test_a_defect_beyond_the_board_counts_as_missed() -> None:
    beyond = Defect.of_mask("scratch", np.zeros((SIDE, SIDE), np.bool_))
    board = Pointed(boxes((0, 0, 24, 24)), (beyond,))
    for rule in Rule:
        rate = hit_rate([board], 1, rule)
        assert (rate.found, rate.n, rate.by_chance) == (0, 1, None)
    assert mean_best_iou([board], 1) == 0.0


def test_a_board_without_a_box_misses_all_its_defects() -> None:
    rate = hit_rate([Pointed(boxes(), (defect(1, 1, 3, 3),))], 20, Rule.TOUCH)
    assert (rate.found, rate.n) == (0, 1)


def test_no_defect_says_nothing() -> None:
    for boards in ([], [Pointed(boxes((0, 0, 4, 4)), ())]):
        rate = hit_rate(boards, 1, Rule.TOUCH)
        assert (rate.found, rate.n, rate.low, rate.high) == (0, 0, 0.0, 1.0)
        assert mean_best_iou(boards, 1) is None


def test_the_best_overlap_is_the_mean_over_defects() -> None:
    boards = [
        Pointed(boxes((0, 0, 4, 4), (0, 0, 2, 4)), (defect(0, 0, 2, 4), defect(20, 20, 22, 22)))
    ]
    assert mean_best_iou(boards, 1) == pytest.approx(0.25)
    assert mean_best_iou(boards, 2) == pytest.approx(0.5)
