"""Every refusal of the room in full: what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tasks.certification import bounds, figures, thresholds
from tasks.certification.attestation import LowestDefect, attest
from tasks.certification.certificates import certificate
from tasks.vocabulary.errors import InputError, NoSafeThresholdError, ZeroescapeError

NONE, ONE, TWO = np.zeros(0), np.zeros(1), np.zeros(2)
MIXED = np.array([0, 1])

_SHARE = "is not strictly between 0 and 1. Give a share."
_SHAPES = "Give one score and one label for each of at least one image."
_CLASSES = "Only one class is present. Give normal and abnormal images."
_NO_DEFECT = "There is no held-out defect, so nothing can be certified. Hold some out."


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda: bounds.escape_upper_bound(0, 9, 2.0), f"The confidence 2.0 {_SHARE}"),
        (lambda: bounds.exact_interval(0, 9, 2.0), f"The confidence 2.0 {_SHARE}"),
        (lambda: bounds.order_statistic(9, 2.0, 0.9), f"The escape rate 2.0 {_SHARE}"),
        (lambda: bounds.order_statistic(9, 0.1, 2.0), f"The confidence 2.0 {_SHARE}"),
        (lambda: bounds.confidence_per_look(2.0, 1), f"The confidence 2.0 {_SHARE}"),
        (
            lambda: bounds.confidence_per_look(0.9, 0),
            "0 looks at a certification set. Count this look: give 1 or more.",
        ),
        (lambda: bounds.exact_interval(3, 2, 0.9), "3 of 2 is no count. Give 0 <= k <= n."),
        (
            lambda: certificate(NONE, ONE, 0.5),
            "There is no held-out normal image. Hold some out.",
        ),
        (
            lambda: figures.partial_auroc(TWO, MIXED, 1.0),
            "The catch rate 1.0 is not in [0, 1). Give a share.",
        ),
        (
            lambda: figures.auroc(TWO, np.array([1])),
            f"Scores have shape (2,), labels (1,). {_SHAPES}",
        ),
        (
            lambda: figures.auroc(TWO, np.array([0, 2])),
            "A label is neither 0 nor 1. Use 1 for abnormal and 0 for normal.",
        ),
        (lambda: figures.auroc(TWO, np.array([1, 1])), _CLASSES),
        (
            lambda: thresholds.zfn_threshold(np.zeros((1, 2))),
            "Scores have shape (1, 2). Give one score per image.",
        ),
        (lambda: thresholds.zfn_threshold(ONE, -1), "-1 misses allowed. Give 0 or more."),
        (
            lambda: thresholds.price_of_misses(NONE, ONE),
            "There is no normal image. Give scores of normal images.",
        ),
    ],
)
def test_input_that_a_person_must_mend(asked: Callable[[], object], said: str) -> None:
    assert _refusal(asked, InputError) == said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            lambda: bounds.order_statistic(9, 0.025, 0.975),
            "9 defects cannot support an escape rate of at most 2.5 % with 97.5 % confidence: 146 "
            "are needed. Collect 137 more defects, or ask for a higher escape rate.",
        ),
        (
            lambda: attest(ONE, NONE, LowestDefect()),
            "There is no defect among the labels, so nothing can be claimed about escapes. Add "
            "scores of defective boards.",
        ),
        (lambda: certificate(ONE, NONE, 0.5), _NO_DEFECT),
        (
            lambda: certificate(ONE, ONE, np.inf),
            "The threshold is inf. Calibrate a finite one.",
        ),
        (
            lambda: thresholds.zfn_threshold(np.array([0.3, np.nan]), 1),
            "1 of 2 defects have a score, too few for a threshold that may miss 1: any cut would "
            "be as safe as passing everything. Collect at least 1 more labelled defects, or allow "
            "fewer misses.",
        ),
        (
            lambda: thresholds.zfn_threshold(np.array([-np.inf, 0.3])),
            "A defect has score -inf: no finite cut lies under it. Repair the score: a classifier "
            "gives finite ones.",
        ),
    ],
)
def test_thresholds_that_would_not_be_safe(asked: Callable[[], object], said: str) -> None:
    assert _refusal(asked, NoSafeThresholdError) == said


def _refusal(asked: Callable[[], object], kind: type[ZeroescapeError]) -> str:
    with pytest.raises(kind) as refused:
        asked()
    return str(refused.value)
