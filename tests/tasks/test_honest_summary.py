"""One line of figures per method: means over rounds, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.developing import Trial
from tasks.classification.honest_figures import FoldTrial
from tasks.honest_summary import Judging, as_rounds

LABELS_N = np.array([0, 0, 0, 0, 1, 1, 1, 1])
HALVES = ((0, 1, 4, 5), (2, 3, 6, 7))


def trials(
    scores: tuple[float, ...], kind: str = "naive_bayes", repeat: int = 0
) -> list[FoldTrial]:
    """Each half tested once; what an image scores it scored in training, too."""
    return [
        FoldTrial(
            repeat,
            fold,
            HALVES[1 - fold],
            testing,
            Trial(kind, {}, tuple(scores[image] for image in HALVES[1 - fold])),
            tuple(scores[image] for image in testing),
            "",
        )
        for fold, testing in enumerate(HALVES)
    ]


JUDGING = Judging(LABELS_N, "auroc", (0.0, 0.5))
#          normal              abnormal
SCORES = (0.1, 0.45, 0.2, 0.7, 0.4, 0.9, 0.6, 0.8)


def test_figures_are_counted_by_hand() -> None:
    found = JUDGING.summary(trials(SCORES))
    # At one half: normal 3 is called, defect 4 is missed.
    assert found["std_accuracy"] == pytest.approx(1 - 2 / 8)
    zero = found["fpr_at_fn"]["0"]
    # Half 0 at 0.6 misses 0.4 and calls none; half 1 at 0.4 calls 0.7 and misses none.
    assert (zero["rate"], zero["escapes_fresh"], zero["n_normal"]) == (1 / 4, 1, 4)
    assert found["zfn_accuracy"] == pytest.approx(1 - 2 / 8)
    # Pooled, 0.4 is the lowest defect: 0.45 and 0.7 lie above it.
    assert zero["hindsight"] == 2 / 4
    assert zero["low"] < zero["rate"] < zero["high"]
    assert found["auroc"] == pytest.approx((3 / 4 + 3 / 4) / 2)
    assert found["rounds"] == 1


def test_images_without_an_answer_are_flagged() -> None:
    found = Judging(LABELS_N, "auroc", (0.0,), flagged=(2, 2)).summary(trials(SCORES))
    zero = found["fpr_at_fn"]["0"]
    assert (zero["rate"], zero["n_normal"], zero["n_abnormal"]) == (3 / 6, 6, 6)
    assert found["std_accuracy"] == pytest.approx(1 - (2 + 2) / 12)


def test_among_members_the_training_part_chooses() -> None:
    blind = trials((0.5,) * 8, "constant_score")
    found = JUDGING.summary([*blind, *trials(SCORES)])
    alone = JUDGING.summary(trials(SCORES))
    assert found["std_accuracy"] == alone["std_accuracy"]
    assert found["auroc"] == alone["auroc"]
    assert found["fpr_at_fn"]["0"]["hindsight"] is None
    kinds = {one.trial.kind for one in JUDGING.chosen([*blind, *trials(SCORES)])}
    assert kinds == {"naive_bayes"}


def test_draws_are_rounds_of_their_own() -> None:
    turned = tuple(1.0 - score for score in SCORES)
    rounds = as_rounds([trials(SCORES), trials(turned)])
    assert sorted({one.repeat for one in rounds}) == [0, 1]
    found = JUDGING.summary(rounds)
    assert found["rounds"] == 2
    assert found["auroc"] == pytest.approx(0.5)
    assert found["auroc_sd"] == pytest.approx(0.25)


def test_what_is_left_out_is_counted_no_more() -> None:
    judging = JUDGING.without((0, 7))
    assert judging.labels_N.tolist() == [0, 0, 0, 1, 1, 1]
