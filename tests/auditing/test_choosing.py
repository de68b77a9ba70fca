"""Which labels are listed, and why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.auditing.choosing import Doubt, doubts_held_out, doubts_of_development
from tasks.vocabulary.errors import InputError

#                  0    1    2    3    4    5       6    7
SCORES = np.array([0.9, 0.2, 0.5, 0.3, 0.1, np.inf, 0.2, 0.6])
LABELS = np.array([1, 1, 1, 0, 0, 0, 0, 0])


def test_the_lowest_defects_and_the_highest_normals_above_the_cut() -> None:
    assert doubts_of_development(SCORES, LABELS, 0.2, 2) == (
        Doubt(1, "sets the threshold"),
        Doubt(2, "low defect"),
        Doubt(7, "false call"),
        Doubt(3, "false call"),
        Doubt(5, "no answer"),
    )


def test_a_normal_tied_with_the_cut_is_a_false_call_and_one_below_is_not() -> None:
    listed = doubts_of_development(SCORES, LABELS, 0.2, 9)
    assert [one.row for one in listed if one.reason == "false call"] == [7, 3, 6]


def test_defects_below_a_cut_that_allows_escapes_are_missed() -> None:
    listed = doubts_of_development(SCORES, LABELS, 0.5, 9)
    assert [(one.row, one.reason) for one in listed if LABELS[one.row]] == [
        (1, "missed defect"),
        (2, "sets the threshold"),
        (0, "low defect"),
    ]


def test_held_out_only_missed_defects_are_listed() -> None:
    assert doubts_held_out(SCORES, LABELS, 0.6, 1) == (
        Doubt(1, "missed defect"),
        Doubt(7, "false call"),
        Doubt(5, "no answer"),
    )
    assert doubts_held_out(SCORES, LABELS, 0.2, 9)[0].reason == "false call"


def test_where_no_defect_escapes_and_no_normal_is_called_nothing_is_in_doubt() -> None:
    scores, labels = np.array([0.1, 0.9]), np.array([0, 1])
    assert doubts_held_out(scores, labels, 0.5, 3) == ()
    assert doubts_of_development(scores, labels, 0.5, 3) == (Doubt(1, "low defect"),)


def test_a_defect_without_an_answer_is_no_low_defect() -> None:
    listed = doubts_of_development(np.array([np.nan, np.inf, 0.7]), np.array([1, 1, 1]), 0.7, 3)
    assert listed == (Doubt(2, "sets the threshold"), Doubt(0, "no answer"), Doubt(1, "no answer"))


def test_nothing_scored_is_nothing_listed() -> None:
    nothing = np.array([])
    assert doubts_of_development(nothing, nothing.astype(np.int64), 0.5, 3) == ()


@pytest.mark.parametrize(
    ("scores", "labels", "threshold", "count"),
    [
        (SCORES, LABELS[1:], 0.2, 2),
        (SCORES, LABELS + 1, 0.2, 2),
        (SCORES, LABELS, np.nan, 2),
        (SCORES, LABELS, 0.2, 0),
        (SCORES[:, None], LABELS, 0.2, 2),
    ],
)
def test_what_cannot_be_audited_is_refused(
    scores: np.ndarray, labels: np.ndarray, threshold: float, count: int
) -> None:
    for chosen in (doubts_of_development, doubts_held_out):
        with pytest.raises(InputError):
            chosen(scores, labels, threshold, count)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), max_size=30),
    st.floats(0, 1),
    st.integers(1, 40),
)
def test_no_image_is_listed_twice_and_more_is_only_longer(
    images: list[tuple[float, int]], threshold: float, count: int
) -> None:
    scores = np.array([score for score, _ in images])
    labels = np.array([label for _, label in images], dtype=np.int64)
    for chosen in (doubts_of_development, doubts_held_out):
        listed = chosen(scores, labels, threshold, count)
        assert len({one.row for one in listed}) == len(listed) <= 2 * count
        assert set(listed) <= set(chosen(scores, labels, threshold, count + 1))
