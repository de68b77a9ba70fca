from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from tasks.reporting.content import BoardExample, ReportContent, ScoredImages, is_flagged
from tasks.vocabulary.errors import InputError


def test_passing_at_or_above_the_threshold_is_refused(
    content: ReportContent, make_board: Callable[..., BoardExample]
) -> None:
    for score in (content.threshold, 0.9, math.nan, math.inf):
        wrong = make_board(1, "abnormal", score, verdict="passed")
        with pytest.raises(InputError, match="said to pass"):
            dataclasses.replace(content, examples=(wrong,))


def test_threshold_that_is_no_number_is_refused(content: ReportContent) -> None:
    with pytest.raises(InputError, match="not a number"):
        dataclasses.replace(content, threshold=math.nan)


def test_pictures_of_other_pixels_are_refused(make_board: Callable[..., BoardExample]) -> None:
    with pytest.raises(InputError, match="shapes"):
        make_board(1, "normal", 0.1, difference_HW=np.zeros((8, 8)))


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [0, 1, -1]])
def test_scores_need_one_known_label_each(labels: list[int]) -> None:
    with pytest.raises(InputError):
        ScoredImages(np.array([0.1, 0.2, 0.3]), np.array(labels))


def test_no_number_is_flagged() -> None:
    assert is_flagged(math.nan, 0.5)
    assert is_flagged(math.inf, math.inf)
    assert is_flagged(-math.inf, 0.5)
    assert is_flagged(0.5, 0.5)
    assert not is_flagged(0.4999, 0.5)
