"""How a member is chosen, and how much either criterion flatters the chosen one."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.choosing import choose
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

LABELS = np.array([0] * 10 + [1] * 10)


def scores_of(normal: list[float], abnormal: list[float]) -> np.ndarray:
    return np.array(normal + abnormal)


# One defect hides among the normals, all else is perfect: good AUROC, bad ZFN accuracy.
ONE_HARD = scores_of([0.2] * 10, [0.1] + [0.9] * 9)
# Everything is somewhat mixed, the hardest defect less so.
MIXED = scores_of([0.1] * 5 + [0.6] * 5, [0.5] * 10)


def test_the_criteria_look_at_different_things() -> None:
    candidates = {"mixed": MIXED, "one_hard": ONE_HARD}
    assert choose(candidates, LABELS).kind == "one_hard"
    choice = choose(candidates, LABELS, "zfn_accuracy")
    assert choice.kind == "mixed"
    assert choice.figures == (("mixed", 0.75), ("one_hard", 0.5))


def test_the_first_of_equals_is_taken() -> None:
    assert choose({"a": MIXED, "b": ONE_HARD, "c": ONE_HARD}, LABELS).kind == "b"


def test_an_image_without_a_score_is_flagged() -> None:
    broken = MIXED.copy()
    broken[0] = np.nan
    broken[-1] = np.inf
    choice = choose({"broken": broken}, LABELS, "zfn_accuracy")
    assert choice.figures == (("broken", 0.7),)
    assert choose({"broken": broken}, LABELS).figures[0][1] == pytest.approx(0.505 - 0.05, abs=0.06)


def test_nothing_is_chosen_from_nothing() -> None:
    with pytest.raises(InputError):
        choose({}, LABELS)
    with pytest.raises(InputError):
        choose({"a": MIXED[1:]}, LABELS)
    with pytest.raises(NoSafeThresholdError):
        choose({"a": MIXED}, LABELS * 0)
    with pytest.raises(InputError):
        choose({"a": MIXED}, LABELS * 0 + 1)


def test_auroc_flatters_its_winner_less_than_zfn_accuracy() -> None:
    """Twelve equally good classifiers, 174 images of each class: the winner's shown excess."""
    generator = np.random.default_rng(9)
    labels = np.repeat([0, 1], 174)
    excess: dict[str, list[float]] = {"auroc": [], "zfn_accuracy": []}
    for _ in range(20):
        candidates = {
            str(index): generator.standard_normal(348) + 3.0 * labels for index in range(12)
        }
        for criterion in ("auroc", "zfn_accuracy"):
            figures = np.array(
                [figure for _, figure in choose(candidates, labels, criterion).figures]
            )
            excess[criterion].append(figures.max() - figures.mean())
    assert np.mean(excess["auroc"]) < 0.02
    assert np.mean(excess["zfn_accuracy"]) > 0.05
