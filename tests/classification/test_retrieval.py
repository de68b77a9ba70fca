"""F1 on defects, its best cut, families, and training parts with a share of defects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from tasks.classification.retrieval import (
    at_defect_ratio,
    best_f1_cut,
    flagged_at,
    images_at_every_ratio,
    of_families,
    retrieved,
)
from tasks.vocabulary.errors import InputError

LABELS = np.repeat([0, 1], [60, 30]).astype(np.int64)
EVERY = np.arange(LABELS.size)


@given(st.integers(0, 2**32 - 1))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    flagged_N = generator.random(LABELS.size) < generator.random()
    found = retrieved(flagged_N, LABELS)
    expected = precision_recall_fscore_support(
        LABELS, flagged_N, average="binary", zero_division=0.0
    )
    assert (found.precision, found.recall, found.f1) == pytest.approx(expected[:3])


def test_a_score_without_a_value_is_flagged() -> None:
    flagged_N = flagged_at(np.array([0.4, 0.5, np.inf, np.nan]), 0.5)
    assert flagged_N.tolist() == [False, True, True, True]


@given(st.integers(0, 2**32 - 1))
def test_no_cut_has_a_better_f1(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores_N = np.round(generator.normal(size=LABELS.size) + LABELS, 1)
    scores_N[generator.integers(LABELS.size)] = np.inf
    best = retrieved(flagged_at(scores_N, best_f1_cut(scores_N, LABELS)), LABELS).f1
    others = [retrieved(flagged_at(scores_N, cut), LABELS).f1 for cut in scores_N]
    assert best >= max(others)


def test_scores_that_are_all_flagged_have_a_cut() -> None:
    assert best_f1_cut(np.full(4, np.inf), np.array([0, 1, 0, 1])) == -np.inf


def test_families_share_the_precision_and_have_their_own_recall() -> None:
    labels_N = np.array([0, 0, 0, 1, 1, 1, 1])
    families = ("", "", "", "hole", "hole", "line", "")
    first = np.array([True, False, False, True, True, False, True])
    second = np.array([False, False, False, True, False, False, True])
    found = of_families([first, second], labels_N, families)

    assert list(found) == ["unknown", "hole", "line"]
    # Two repeats: 2.5 defects and 0.5 normals are flagged on average.
    assert {name: one["precision"] for name, one in found.items()} == dict.fromkeys(
        found, pytest.approx(2.5 / 3.0)
    )
    assert found["hole"] == {
        "n": 2,
        "recall": 0.75,
        "precision": pytest.approx(2.5 / 3.0),
        "f1": pytest.approx(2 * 0.75 * (2.5 / 3) / (0.75 + 2.5 / 3)),
    }
    assert found["line"]["f1"] == found["line"]["recall"] == 0.0
    assert found["unknown"]["recall"] == 1.0


def test_one_family_that_is_all_defects_has_the_f1_of_the_whole() -> None:
    flagged_N = np.random.default_rng(0).random(LABELS.size) < 0.5
    found = of_families([flagged_N], LABELS, ["" if one == 0 else "hole" for one in LABELS])
    assert found["hole"]["f1"] == pytest.approx(retrieved(flagged_N, LABELS).f1)


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.1, 0.3, 0.5])
def test_a_part_has_the_share_of_defects_and_the_same_size(ratio: float) -> None:
    images = images_at_every_ratio(EVERY, LABELS, (0.0, ratio))
    drawn = at_defect_ratio(EVERY, LABELS, ratio, images, (1, 2))
    assert drawn.size == images == np.unique(drawn).size
    assert int(LABELS[drawn].sum()) == int(ratio * images + 0.5)
    assert (np.diff(drawn) > 0).all()


def test_the_defects_of_a_smaller_ratio_are_among_those_of_a_larger() -> None:
    few, many = (at_defect_ratio(EVERY, LABELS, ratio, 60, (7,)) for ratio in (0.1, 0.5))
    assert set(few[LABELS[few] == 1]) < set(many[LABELS[many] == 1])
    assert set(many[LABELS[many] == 0]) < set(few[LABELS[few] == 0])
    other = at_defect_ratio(EVERY, LABELS, 0.5, 60, (8,))
    assert not np.array_equal(many, other)


def test_the_size_is_what_the_rarest_need_allows() -> None:
    assert images_at_every_ratio(EVERY, LABELS, (0.0, 0.5)) == 60
    assert images_at_every_ratio(EVERY, LABELS, (0.5,)) == 60
    assert images_at_every_ratio(EVERY, LABELS, (0.6,)) == 50
    with pytest.raises(InputError, match="31 images of label 1"):
        at_defect_ratio(EVERY, LABELS, 0.5, 62, (1,))
