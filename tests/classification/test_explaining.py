"""Explanations of out-of-fold scores come from fits that never saw the image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from tasks.classification.developing import out_of_fold
from tasks.classification.examples import checked_examples
from tasks.classification.explaining import explained_out_of_fold
from tasks.classification.settings import (
    ClassificationSettings,
    ClassifierSettings,
    LogisticRegressionSettings,
)
from tests.classification.conftest import MEMBERS, Labelled

ROWS = np.array([7, 3, 90, 41])


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.kind)
def test_the_scores_are_the_out_of_fold_scores_to_the_bit(
    member: ClassifierSettings, tumours: Labelled
) -> None:
    settings = ClassificationSettings(folds=3, repeats=2)
    examples = checked_examples(*tumours, groups_N=np.arange(120) // 2)
    expected = out_of_fold(member, settings, {}, examples, settings.seed)
    found = explained_out_of_fold(member, settings, {}, examples, ROWS)
    np.testing.assert_array_equal(found.scores_R, expected[ROWS])
    assert found.contributions_RM.shape == (4, 30)
    assert np.isfinite(found.contributions_RM).all()


def test_an_image_does_not_explain_itself(tumours: Labelled) -> None:
    """A fit that had seen the image's label would explain it otherwise."""
    table, labels = tumours
    settings = ClassificationSettings(folds=3, smote=False)
    member = LogisticRegressionSettings()
    row = np.array([5])
    examples = checked_examples(table, labels)
    before = explained_out_of_fold(member, settings, {}, examples, row)
    moved = table.copy()
    moved[5] += 3 * table.std(axis=0)
    after = explained_out_of_fold(member, settings, {}, checked_examples(moved, labels), row)
    # Linear in the image itself with unchanged coefficients: the fit did not move with it.
    score = before.contributions_RM.sum(), after.contributions_RM.sum()
    shift = logit(after.scores_R[0]) - logit(before.scores_R[0])
    assert score[1] - score[0] == pytest.approx(shift, rel=1e-9)


def test_only_folds_with_a_wanted_image_are_fitted_and_heard_of(tumours: Labelled) -> None:
    settings = ClassificationSettings(folds=5)
    heard: list[tuple[int, int]] = []
    explained_out_of_fold(
        LogisticRegressionSettings(),
        settings,
        {"C": 0.5},
        checked_examples(*tumours),
        np.array([5]),
        lambda done, total: heard.append((done, total)),
    )
    assert heard == [(0, 1)]


def test_nothing_asked_is_nothing_fitted(tumours: Labelled) -> None:
    found = explained_out_of_fold(
        LogisticRegressionSettings(),
        ClassificationSettings(),
        {},
        checked_examples(*tumours),
        np.array([], dtype=np.int64),
    )
    assert found.contributions_RM.shape == (0, 30)
