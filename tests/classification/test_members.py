"""What single members promise beyond the conformance suite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.classification.classifiers import classifier_of
from tasks.classification.decision_values import separation, squashed
from tasks.classification.settings import (
    ClassifierSettings,
    DecisionTreeSettings,
    LightGbmSettings,
    NaiveBayesSettings,
    NearestNeighboursSettings,
    QuadraticDiscriminantSettings,
    ZfnBoostingSettings,
)
from tests.classification.conftest import Labelled


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, unique=True))
def test_squashing_keeps_the_order_and_never_reaches_zero(margins: list[float]) -> None:
    ordered = np.sort(margins)
    scores = squashed(ordered)
    assert (np.diff(scores) >= 0).all()
    assert ((scores > 0) & (scores < 1)).all()
    assert (scores[ordered >= 0] >= 0.5).all()
    assert (scores[ordered < -1e-9] < 0.5).all()


def test_squashing_tells_apart_what_the_logistic_function_does_not() -> None:
    far = squashed(np.array([-2e6, -1e6, -1001.0, -1000.0]))
    assert (np.diff(far) > 0).all()
    assert np.isnan(squashed(np.array([np.nan]))[0])


def test_separation_is_fishers_ratio() -> None:
    means = np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 5.0]])
    variances = np.array([[0.5, 1.0, 0.0], [0.5, 1.0, 0.0]])
    np.testing.assert_array_equal(separation(means, variances), [1.0, 0.0, 0.0])


def test_a_small_pure_leaf_claims_less_than_a_large_one() -> None:
    table = np.repeat([0.0, 1.0, 2.0], [40, 10, 3])[:, None]
    labels = np.repeat([0, 1, 0], [40, 10, 3])
    classifier = classifier_of(DecisionTreeSettings(min_samples_leaf=1))
    model = classifier.model(classifier.estimator(0).fit(table, labels))
    scores = model.scores(np.array([[0.0], [1.0], [2.0]]))
    np.testing.assert_allclose(scores, [1 / 42, 11 / 12, 1 / 5])


@pytest.mark.parametrize("votes", ["uniform", "distance"])
def test_neighbours_vote_first_and_distance_breaks_ties(votes: str, tumours: Labelled) -> None:
    table = (tumours[0] - tumours[0].mean(axis=0)) / tumours[0].std(axis=0)
    classifier = classifier_of(NearestNeighboursSettings(votes=votes))
    estimator = classifier.estimator(0).fit(table[:80], tumours[1][:80])
    shares = estimator.predict_proba(table[80:])[:, 1]
    scores = classifier.model(estimator).scores(table[80:])
    assert (np.abs(scores - (7 * shares + 0.5) / 8) <= 0.5 / 8 + 1e-9).all()
    assert np.unique(scores).size == scores.size > np.unique(np.round(shares, 9)).size


def test_a_row_equal_to_images_of_both_classes_is_suspect() -> None:
    table = np.array([[0.0], [0.0], [1.0], [1.0]])
    classifier = classifier_of(NearestNeighboursSettings(neighbours=1))
    model = classifier.model(classifier.estimator(0).fit(table, np.array([0, 1, 0, 1])))
    assert model.scores(np.array([[0.0]]))[0] >= 0.5


def test_naive_bayes_and_discriminant_give_their_libraries_log_odds(tumours: Labelled) -> None:
    table = (tumours[0] - tumours[0].mean(axis=0)) / tumours[0].std(axis=0)
    for member in (NaiveBayesSettings(), QuadraticDiscriminantSettings()):
        classifier = classifier_of(member)
        estimator = classifier.estimator(0).fit(table, tumours[1])
        if isinstance(member, NaiveBayesSettings):
            log_odds = np.diff(estimator.predict_joint_log_proba(table), axis=1)[:, 0]
        else:
            log_odds = estimator.decision_function(table)
        np.testing.assert_allclose(
            classifier.model(estimator).scores(table), squashed(log_odds), rtol=1e-6
        )


def test_a_discriminant_has_more_columns_than_images() -> None:
    generator = np.random.default_rng(0)
    table, labels = generator.random((20, 40)), np.arange(20) % 2
    classifier = classifier_of(QuadraticDiscriminantSettings())
    model = classifier.model(classifier.estimator(0).fit(table, labels))
    assert ((model.scores(table) >= 0.5) == (labels == 1)).all()


@pytest.mark.parametrize(
    "member",
    [LightGbmSettings(min_samples_leaf=30), ZfnBoostingSettings(min_samples_leaf=30)],
    ids=lambda member: member.kind,
)
def test_leaves_larger_than_half_the_images_give_one_score_to_all(
    member: ClassifierSettings,
) -> None:
    table, labels = np.random.default_rng(0).random((40, 3)), np.arange(40) % 2
    classifier = classifier_of(member)
    model = classifier.model(classifier.estimator(0).fit(table, labels))
    assert np.unique(model.scores(table)).size == 1
