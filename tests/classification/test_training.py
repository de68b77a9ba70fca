"""Nothing fitted sees the image that it scores, and unusable tables are refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tasks.classification.paper_protocol import paper_protocol_scores
from tasks.classification.settings import (
    ClassificationSettings,
    ExtraTreesSettings,
    LogisticRegressionSettings,
)
from tasks.classification.training import fit_classifier, out_of_fold_scores
from tasks.vocabulary.errors import InputError, NoSafeThresholdError
from tests.classification.conftest import QUICK, Labelled

REGRESSION = LogisticRegressionSettings()
FOREST = ExtraTreesSettings(trees=20, min_samples_leaf=1)


def noise(images: int, metrics: int, seed: int) -> Labelled:
    generator = np.random.default_rng(seed)
    labels = (np.arange(images) % 3 == 0).astype(np.int64)
    return generator.standard_normal((images, metrics)), labels


def test_noise_looks_like_noise() -> None:
    areas = []
    for seed in range(5):
        table, labels = noise(60, 80, seed)
        scores = out_of_fold_scores(REGRESSION, QUICK, table, labels)
        areas.append(roc_auc_score(labels, scores))
    assert abs(np.mean(areas) - 0.5) < 0.1


def test_near_duplicates_leak_unless_they_are_grouped() -> None:
    boards = np.repeat([f"board {index}" for index in range(40)], 3)
    torn: list[float] = []
    whole: list[float] = []
    for seed in range(4):
        table, labels = noise(40, 10, seed)
        table, labels = np.repeat(table, 3, axis=0), np.repeat(labels, 3)
        for groups, areas in ((None, torn), (boards, whole)):
            scores = out_of_fold_scores(FOREST, QUICK, table, labels, groups_N=groups)
            areas.append(roc_auc_score(labels, scores))
    assert np.mean(torn) > 0.9
    assert np.mean(whole) < 0.75


def test_the_label_of_an_image_does_not_reach_its_own_score() -> None:
    """One repeat, two folds: a label moves the other fold's scores, never its own fold's."""
    table, labels = noise(40, 3, 2)
    groups = np.arange(40) // 20
    labels[:] = np.arange(40) % 2
    settings = ClassificationSettings(folds=2, repeats=1, smote=False)
    plain = out_of_fold_scores(REGRESSION, settings, table, labels, groups_N=groups)
    changed = table.copy()
    changed[:20] *= 3.0
    scaled = out_of_fold_scores(REGRESSION, settings, changed, labels, groups_N=groups)
    assert not np.array_equal(plain[20:], scaled[20:])
    # Scores of the changed half come from a fit on the other half, untouched: the same function.
    unchanged = fit_classifier(REGRESSION, settings, table[20:], labels[20:], "abc")
    np.testing.assert_array_equal(scaled[:20], unchanged.score(changed[:20]))
    np.testing.assert_array_equal(plain[:20], unchanged.score(table[:20]))


def test_values_beyond_the_fit_are_evidence() -> None:
    table, labels = noise(60, 2, 3)
    table[:, 0] += 4.0 * labels
    score = fit_classifier(REGRESSION, QUICK, table, labels, "ab")
    worst = np.array([[table[:, 0].max(), 0.0], [2 * table[:, 0].max(), 0.0]])
    assert score.score(worst)[1] > score.score(worst)[0]


def test_smote_acts_only_on_unequal_classes() -> None:
    table, labels = noise(60, 4, 4)
    with_smote, without = QUICK, QUICK.model_copy(update={"smote": False})
    equal = (np.arange(60) % 2).astype(np.int64)

    def scores(settings: ClassificationSettings, labels_N: np.ndarray) -> np.ndarray:
        return fit_classifier(REGRESSION, settings, table, labels_N, "abcd").score(table)

    np.testing.assert_array_equal(scores(with_smote, equal), scores(without, equal))
    assert scores(with_smote, labels).mean() > scores(without, labels).mean()


def test_smote_makes_do_with_few_neighbours_but_not_with_none() -> None:
    table, labels = noise(30, 4, 5)
    labels[:] = 0
    labels[:2] = 1
    fit_classifier(REGRESSION, QUICK, table, labels, "abcd")
    labels[1] = 0
    with pytest.raises(InputError, match="SMOTE needs two"):
        fit_classifier(REGRESSION, QUICK, table, labels, "abcd")


def test_too_few_members_of_a_class_for_the_folds() -> None:
    table, labels = noise(30, 4, 6)
    settings = QUICK.model_copy(update={"folds": 3})
    labels[:] = 0
    labels[:2] = 1
    with pytest.raises(InputError, match=r"2 abnormal images for 3 folds.*at least 1 more"):
        out_of_fold_scores(REGRESSION, settings, table, labels)
    labels[:12] = 1
    with pytest.raises(InputError, match="1 abnormal groups of images for 3 folds"):
        out_of_fold_scores(REGRESSION, settings, table, labels, groups_N=np.arange(30) // 12)


def test_without_an_abnormal_image_there_is_no_fit_at_all() -> None:
    table, _ = noise(30, 4, 7)
    normals = np.zeros(30, dtype=np.int64)
    with pytest.raises(NoSafeThresholdError):
        out_of_fold_scores(REGRESSION, QUICK, table, normals)
    with pytest.raises(NoSafeThresholdError):
        fit_classifier(REGRESSION, QUICK, table, normals, "abcd")
    with pytest.raises(InputError, match="normal"):
        fit_classifier(REGRESSION, QUICK, table, normals + 1, "abcd")


def test_unusable_tables_are_refused() -> None:
    table, labels = noise(30, 4, 8)
    holed = table.copy()
    holed[7, 2] = np.nan
    with pytest.raises(InputError, match="the first is row 7"):
        out_of_fold_scores(REGRESSION, QUICK, holed, labels)
    with pytest.raises(InputError, match="shape"):
        out_of_fold_scores(REGRESSION, QUICK, table, labels[:-1])
    with pytest.raises(InputError, match="neither 0 nor 1"):
        out_of_fold_scores(REGRESSION, QUICK, table, labels * 2)
    with pytest.raises(InputError, match="groups"):
        out_of_fold_scores(REGRESSION, QUICK, table, labels, groups_N=labels[:-1])
    with pytest.raises(InputError, match="3 distinct names for 4 columns"):
        fit_classifier(REGRESSION, QUICK, table, labels, "abca")


def test_the_papers_protocol_scores_every_image_and_repeats(tumours: Labelled) -> None:
    table, labels = tumours[0][:50], tumours[1][:50]
    settings = ClassificationSettings(folds=2, draws=2)
    scores = paper_protocol_scores(REGRESSION, settings, table, labels, n_jobs=2)
    assert roc_auc_score(labels, scores) > 0.9
    again = paper_protocol_scores(REGRESSION, settings, table, labels, n_jobs=1)
    np.testing.assert_array_equal(scores, again)
    with pytest.raises(NoSafeThresholdError):
        paper_protocol_scores(REGRESSION, settings, table, labels * 0)
