"""Damaged, mixed-up and hostile directories are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from tasks.classification.classifiers import classifier_of
from tasks.classification.logistic_regression import CentredRegression
from tasks.classification.persistence import (
    MANIFEST,
    load_composite_score,
    save_composite_score,
)
from tasks.classification.settings import (
    PAPER_MEMBERS,
    AdaBoostSettings,
    ClassifierSettings,
    DecisionTreeSettings,
    ExtraTreesSettings,
    GradientBoostingSettings,
    LinearDiscriminantSettings,
    LogisticRegressionSettings,
    NaiveBayesSettings,
    NearestNeighboursSettings,
    QuadraticDiscriminantSettings,
    RandomForestSettings,
)
from tasks.classification.training import fit_classifier
from tasks.vocabulary.errors import InputError
from tests.classification.conftest import QUICK, Labelled

COLUMNS = tuple(f"metric{index}" for index in range(30))
FOREST = ExtraTreesSettings(trees=5)


@pytest.fixture
def saved(tumours: Labelled, tmp_path: Path) -> Path:
    directory = tmp_path / "saved"
    save_composite_score(fit_classifier(FOREST, QUICK, *tumours, COLUMNS), directory)
    return directory


@pytest.mark.parametrize("name", [MANIFEST, "extra_trees.skops"])
def test_every_changed_or_missing_file_is_found(saved: Path, name: str) -> None:
    whole = (saved / name).read_bytes()
    for position in (len(whole) // 7, len(whole) // 2):
        changed = bytes([whole[position] ^ 1])
        (saved / name).write_bytes(whole[:position] + changed + whole[position + 1 :])
        with pytest.raises(InputError):
            load_composite_score(saved)
    (saved / name).write_bytes(whole[:-40])
    with pytest.raises(InputError):
        load_composite_score(saved)
    (saved / name).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_composite_score(saved)


@pytest.mark.parametrize("content", ["", "[]", "{}", "7", "not json"])
def test_what_is_no_manifest_is_refused(saved: Path, content: str) -> None:
    (saved / MANIFEST).write_text(content)
    with pytest.raises(InputError):
        load_composite_score(saved)


def test_a_number_changed_by_hand_is_found(saved: Path) -> None:
    facts = json.loads((saved / MANIFEST).read_text())
    facts["scale"][0] *= 0.5
    (saved / MANIFEST).write_text(json.dumps(facts))
    with pytest.raises(InputError, match="was changed"):
        load_composite_score(saved)


def test_the_model_of_another_fit_is_refused(
    saved: Path, tumours: Labelled, tmp_path: Path
) -> None:
    other = QUICK.model_copy(update={"seed": 5})
    save_composite_score(fit_classifier(FOREST, other, *tumours, COLUMNS), tmp_path / "other")
    shutil.copy(tmp_path / "other" / "extra_trees.skops", saved)
    with pytest.raises(InputError, match="was changed"):
        load_composite_score(saved)


def test_other_columns_are_refused(saved: Path) -> None:
    load_composite_score(saved, COLUMNS)
    for others in (COLUMNS[::-1], COLUMNS[1:], ()):
        with pytest.raises(InputError, match="fitted on 30 metrics"):
            load_composite_score(saved, others)


def test_the_searched_parameters_are_kept(tumours: Labelled, tmp_path: Path) -> None:
    settings = QUICK.model_copy(update={"draws": 2})
    score = fit_classifier(LogisticRegressionSettings(), settings, *tumours, COLUMNS)
    save_composite_score(score, tmp_path / "score")
    assert load_composite_score(tmp_path / "score").searched == score.searched != {}


def test_types_that_are_not_allowed_are_refused(tumours: Labelled) -> None:
    tree = skops.io.dumps(DecisionTreeClassifier(max_depth=1).fit(*tumours))
    with pytest.raises(InputError, match="not allowed"):
        classifier_of(LogisticRegressionSettings()).read(tree, 30)
    with pytest.raises(InputError, match="is a DecisionTreeClassifier"):
        classifier_of(FOREST).read(tree, 30)


SKOPS = [one for one in PAPER_MEMBERS if classifier_of(one).file_name.endswith(".skops")]


@pytest.mark.parametrize("member", SKOPS, ids=lambda member: member.kind)
def test_an_estimator_that_was_never_fitted_is_refused(member: ClassifierSettings) -> None:
    classifier = classifier_of(member)
    estimator = classifier.estimator(seed=0)
    stored = estimator.plain() if isinstance(estimator, CentredRegression) else estimator
    with pytest.raises(InputError, match="never fitted"):
        classifier.read(skops.io.dumps(stored), 30)


TREES = (
    DecisionTreeSettings(),
    RandomForestSettings(trees=5),
    AdaBoostSettings(trees=5),
    GradientBoostingSettings(trees=5),
)


@pytest.mark.parametrize("member", TREES, ids=lambda member: member.kind)
def test_every_kind_of_tree_is_checked(member: ClassifierSettings, tumours: Labelled) -> None:
    classifier = classifier_of(member)
    estimator = classifier.estimator(seed=0).fit(*tumours)
    classifier.read(skops.io.dumps(estimator), 30)
    last = np.ravel(getattr(estimator, "estimators_", [estimator]))[-1]
    last.tree_.children_left[0] = 0
    with pytest.raises(InputError, match="points outside itself"):
        classifier.read(skops.io.dumps(estimator), 30)


def test_a_boosting_that_starts_from_something_else_is_refused(tumours: Labelled) -> None:
    classifier = classifier_of(TREES[-1])
    boosting = classifier.estimator(seed=0).set_params(init=LogisticRegression(C=1e-3))
    boosting.fit(MinMaxScaler().fit_transform(tumours[0]), tumours[1])
    with pytest.raises(InputError, match="starts from a LogisticRegression"):
        classifier.read(skops.io.dumps(boosting), 30)


def test_trees_of_another_kind_are_refused(tumours: Labelled) -> None:
    other = AdaBoostClassifier(ExtraTreeClassifier(max_depth=1), n_estimators=3, random_state=0)
    with pytest.raises(InputError, match="is a ExtraTreeClassifier"):
        classifier_of(TREES[2]).read(skops.io.dumps(other.fit(*tumours)), 30)


@pytest.mark.parametrize(
    ("member", "part", "value"),
    [
        (NaiveBayesSettings(), "var_", np.zeros((2, 30))),
        (NearestNeighboursSettings(), "_y", np.zeros(120, dtype=np.int64)),
        (NearestNeighboursSettings(), "weights", "luck"),
        (QuadraticDiscriminantSettings(), "scalings_", [np.zeros(30), np.zeros(30)]),
        (LinearDiscriminantSettings(), "intercept_", np.zeros(3)),
    ],
    ids=str,
)
def test_fitted_parts_that_do_not_fit_together_are_refused(
    tumours: Labelled, member: ClassifierSettings, part: str, value: object
) -> None:
    classifier = classifier_of(member)
    estimator = classifier.estimator(seed=0).fit(*tumours)
    classifier.read(skops.io.dumps(estimator), 30)
    setattr(estimator, part, value)
    with pytest.raises(InputError):
        classifier.read(skops.io.dumps(estimator), 30)


@pytest.mark.parametrize(
    ("part", "value"), [("children_left", 10**6), ("children_right", 0), ("feature", 30)]
)
def test_a_tree_that_points_outside_itself_is_refused(
    tumours: Labelled, part: str, value: int
) -> None:
    classifier = classifier_of(FOREST)
    forest = classifier.estimator(seed=0).fit(*tumours)
    classifier.read(skops.io.dumps(forest), 30)
    nodes = getattr(forest.estimators_[2].tree_, part)
    nodes[np.flatnonzero(forest.estimators_[2].tree_.feature >= 0)[0]] = value
    with pytest.raises(InputError, match="points outside itself"):
        classifier.read(skops.io.dumps(forest), 30)
