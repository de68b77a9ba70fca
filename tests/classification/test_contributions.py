"""What every member promises about contributions: they add up, row by row, to its score."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.preprocessing import MinMaxScaler

from tasks.classification.classifiers import classifier_of
from tasks.classification.linear import CENTRE, LinearModel
from tasks.classification.members import Model
from tasks.classification.persistence import load_composite_score, save_composite_score
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import (
    AdaBoostSettings,
    ClassifierSettings,
    ConstantScoreSettings,
    DecisionTreeSettings,
    LogisticRegressionSettings,
    NaiveBayesSettings,
    NearestNeighboursSettings,
    QuadraticDiscriminantSettings,
    RandomForestSettings,
)
from tasks.classification.training import fit_classifier
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError
from tests.classification.conftest import LEARNERS, MEMBERS, QUICK, Labelled, small

COLUMNS = tuple(f"image.metric{index}" for index in range(30))

Fit = Callable[[ClassifierSettings], CompositeScore]
every_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.kind)


def unsquashed(scores: Float64Array) -> Float64Array:
    tails = np.minimum(scores, 1.0 - scores)
    return np.where(scores < 0.5, -1.0, 1.0) * (0.5 / tails - 1.0)


SCALES: dict[str, Callable[[Float64Array], Float64Array]] = {
    **dict.fromkeys(("decision_tree", "random_forest", "extra_trees", "ada_boost"), np.asarray),
    **dict.fromkeys(("lightgbm", "gradient_boosting", "xgboost", "zfn_boosting"), logit),
    **dict.fromkeys(("logistic_regression", "linear_discriminant"), logit),
    **dict.fromkeys(("naive_bayes", "quadratic_discriminant"), unsquashed),
    "constant_score": np.asarray,
}
"""From scores to the scale on which a member's docstring says that it adds up."""


@pytest.fixture(scope="module")
def fit(tumours: Labelled) -> Fit:
    """Fit each member once: a composite score never changes."""
    return functools.cache(lambda member: fit_classifier(member, QUICK, *tumours, COLUMNS))


def fitted_on(
    member: ClassifierSettings, table: Float64Array, labels: NDArray[np.integer[Any]]
) -> Model:
    classifier = classifier_of(member)
    return classifier.model(classifier.estimator(0).fit(table, labels))


@pytest.mark.parametrize(
    "member", [one for one in MEMBERS if one.kind in SCALES], ids=lambda member: member.kind
)
def test_contributions_and_one_constant_make_the_score(
    member: ClassifierSettings, fit: Fit, tumours: Labelled
) -> None:
    score = fit(member)
    values = SCALES[member.kind](score.score(tumours[0]))
    rest = values - score.contributions(tumours[0]).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=2e-5 * max(1.0, np.abs(values).max()))


def test_only_neighbours_do_not_add_up_to_their_score() -> None:
    assert {member.kind for member in MEMBERS} - set(SCALES) == {"nearest_neighbours"}


@pytest.mark.parametrize("power", [1, 2])
def test_neighbours_add_up_to_the_gap_of_distances(power: int, tumours: Labelled) -> None:
    table, labels = MinMaxScaler().fit_transform(tumours[0]), tumours[1]
    classifier = classifier_of(NearestNeighboursSettings(neighbours=3))
    estimator = classifier.estimator(0).set_params(p=power).fit(table[:80], labels[:80])
    model = classifier.model(estimator)
    for row, found in zip(table[80:], model.contributions(table[80:]), strict=True):
        distances = (np.abs(table[:80] - row) ** power).sum(axis=1)
        normal, abnormal = (np.sort(distances[labels[:80] == c])[:3].mean() for c in (0, 1))
        assert found.sum() == pytest.approx(normal - abnormal)
    sums = model.contributions(table[80:]).sum(axis=1)
    assert np.corrcoef(sums, model.scores(table[80:]))[0, 1] > 0.8


@every_member
def test_dropped_metrics_get_zero_and_the_width_is_the_tables(
    member: ClassifierSettings, fit: Fit, tumours: Labelled
) -> None:
    score = fit(member)
    found = score.contributions(tumours[0])
    assert found.shape == tumours[0].shape
    assert found.dtype == np.float64
    assert not np.delete(found, score.kept, axis=1).any()
    assert 0 < score.kept.size < 30
    assert found.any() == (member.kind != "constant_score")
    assert score.contributions(tumours[0][:0]).shape == (0, 30)
    with pytest.raises(InputError, match="shape"):
        score.contributions(tumours[0][:, 1:])


@every_member
def test_a_row_is_explained_alone_as_in_company(
    member: ClassifierSettings, fit: Fit, tumours: Labelled
) -> None:
    score = fit(member)
    alone = [score.contributions(row[None])[0] for row in tumours[0][:5]]
    np.testing.assert_array_equal(score.contributions(tumours[0])[:5], alone)


@every_member
def test_a_row_without_a_score_has_no_explanation_and_leaves_the_others_alone(
    member: ClassifierSettings, fit: Fit, tumours: Labelled
) -> None:
    score = fit(member)
    table = tumours[0][:4].copy()
    table[1, score.kept[0]], table[2, score.kept[-1]] = np.nan, 1e300
    found = score.contributions(table)
    assert np.isnan(found[1:3]).all()
    np.testing.assert_array_equal(found[[0, 3]], score.contributions(tumours[0][[0, 3]]))


@every_member
def test_a_column_without_influence_gets_zero_and_the_one_that_decides_the_most(
    member: ClassifierSettings,
) -> None:
    generator = np.random.default_rng(5)
    table = generator.random((150, 6))
    table[:, 4] = 0.25
    labels = (table[:, 2] > 0.6).astype(np.int64)
    found = fitted_on(member, table, labels).contributions(table)
    assert found.shape == (150, 6)
    np.testing.assert_allclose(found[:, 4], 0.0, atol=1e-12)
    if member.kind != "constant_score":
        assert np.abs(found).mean(axis=0).argmax() == 2
        assert found[labels == 1, 2].mean() > 0 > found[labels == 0, 2].mean()


@every_member
def test_a_loaded_score_explains_exactly_like_the_saved_one(
    member: ClassifierSettings, fit: Fit, tumours: Labelled, tmp_path: Path
) -> None:
    score = fit(member)
    save_composite_score(score, tmp_path)
    loaded = load_composite_score(tmp_path, COLUMNS)
    np.testing.assert_array_equal(loaded.contributions(tumours[0]), score.contributions(tumours[0]))


def test_a_tree_gets_its_shapley_values() -> None:
    """Two columns, three leaves: worked out by hand from the definition."""
    table = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10, dtype=np.float64)
    labels = (table.sum(axis=1) == 2).astype(np.int64)
    member = DecisionTreeSettings(min_samples_leaf=1)
    model = fitted_on(member, table, labels)
    no, yes = 1 / 12, 11 / 12
    neither = model.scores(np.array([[0.0, 0.0]]))[0]
    low = 1 / 22
    assert neither == pytest.approx(low)
    # Values of no column, the root's, the other one, both.
    first = int(model.tree.tree_.feature[0])  # type: ignore[attr-defined]
    v_none, v_root = (low + (no + yes) / 2) / 2, (no + yes) / 2
    v_leaf, v_both = (low + yes) / 2, yes
    root = ((v_root - v_none) + (v_both - v_leaf)) / 2
    leaf = ((v_leaf - v_none) + (v_both - v_root)) / 2
    found = model.contributions(np.array([[1.0, 1.0]]))[0]
    possible = ([root, leaf], [leaf, root])
    np.testing.assert_allclose(found, possible[first], rtol=1e-6)


def test_a_forest_gets_what_the_explainer_makes_of_the_library_model(tumours: Labelled) -> None:
    import shap  # imported by the contributions before, without its warnings

    classifier = classifier_of(RandomForestSettings(trees=20))
    estimator = classifier.estimator(0).fit(*tumours)
    reference = shap.TreeExplainer(estimator).shap_values(tumours[0][:20])[:, :, 1]
    found = classifier.model(estimator).contributions(tumours[0][:20])
    np.testing.assert_allclose(found, reference, atol=1e-9)


def test_a_quadratic_discriminant_gets_its_shapley_values_over_all_orders() -> None:
    generator = np.random.default_rng(1)
    labels = np.arange(60) % 2
    table = generator.normal(size=(60, 3)) @ generator.normal(size=(3, 3)) + labels[:, None]
    model = fitted_on(QuadraticDiscriminantSettings(), table, labels)
    baseline, row = table.mean(axis=0), table[7]  # classes of equal size: priors of one half

    def value(columns: frozenset[int]) -> float:
        mixed = np.where([k in columns for k in range(3)], row, baseline)
        return float(unsquashed(model.scores(mixed[None]))[0])

    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    expected = np.zeros(3)
    for order in orders:
        for place, column in enumerate(order):
            before = frozenset(order[:place])
            expected[column] += (value(before | {column}) - value(before)) / len(orders)
    np.testing.assert_allclose(model.contributions(row[None])[0], expected, rtol=1e-6)


def test_naive_bayes_gives_each_columns_likelihood_ratio() -> None:
    table = np.random.default_rng(2).normal(size=(40, 2)) + (np.arange(40) % 2)[:, None]
    model = fitted_on(NaiveBayesSettings(), table, np.arange(40) % 2)
    alone = [fitted_on(NaiveBayesSettings(), table[:, [k]], np.arange(40) % 2) for k in (0, 1)]
    expected = [unsquashed(one.scores(table[:, [k]])) for k, one in enumerate(alone)]
    np.testing.assert_allclose(model.contributions(table), np.stack(expected, axis=1), atol=1e-2)


def test_a_linear_members_mean_image_is_explained_by_nothing(tumours: Labelled) -> None:
    table = MinMaxScaler().fit_transform(tumours[0])
    for member in LEARNERS:
        if member.kind in ("logistic_regression", "linear_discriminant"):
            model = fitted_on(member, table, tumours[1])
            found = model.contributions(table.mean(axis=0)[None])
            np.testing.assert_allclose(found, 0.0, atol=1e-12)


def test_a_regression_stored_without_its_mean_is_explained_from_the_middle(
    tumours: Labelled,
) -> None:
    table = MinMaxScaler().fit_transform(tumours[0])
    classifier = classifier_of(LogisticRegressionSettings())
    estimator = classifier.estimator(0).fit(table, tumours[1]).plain()
    delattr(estimator, CENTRE)
    old = classifier.read(LinearModel(estimator).content(), 30)
    assert not old.contributions(np.full((1, 30), 0.5)).any()


def test_votes_of_ada_boost_span_zero_to_one_without_ties_at_the_ends() -> None:
    """scikit-learn's decision function runs from -2 to 2; read as -1 to 1, half the images tied."""
    generator = np.random.default_rng(3)
    table = generator.normal(size=(200, 5))
    labels = (table.sum(axis=1) + generator.normal(size=200) > 0).astype(np.int64)
    model = fitted_on(small(AdaBoostSettings()), table, labels)
    scores = model.scores(table)
    votes = model.boosting.estimator_weights_ / model.boosting.estimator_weights_.sum()  # type: ignore[attr-defined]
    shares = sum(
        vote * tree.predict(table)
        for vote, tree in zip(votes, model.boosting.estimators_, strict=True)  # type: ignore[attr-defined]
    )
    np.testing.assert_allclose(scores, shares, atol=1e-12)
    assert ((scores > 0) & (scores < 1)).mean() > 0.9


@pytest.mark.slow
def test_the_room_imports_without_the_explainer() -> None:
    program = (
        "import sys, tasks.classification.classifiers, tasks.classification.persistence\n"
        "assert not {'shap', 'numba'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_explainer_runs_where_warnings_are_errors() -> None:
    program = (
        "import numpy as np\n"
        "from tasks.classification.classifiers import classifier_of\n"
        "from tasks.classification.settings import DecisionTreeSettings\n"
        "member = classifier_of(DecisionTreeSettings())\n"
        "table = np.random.default_rng(0).random((40, 2))\n"
        "tree = member.estimator(0).fit(table, (table[:, 0] > 0.5).astype(int))\n"
        "assert member.model(tree).contributions(table).any()\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_constant_adds_nothing() -> None:
    model = classifier_of(ConstantScoreSettings()).read(b"0.5", 4)
    np.testing.assert_array_equal(model.contributions(np.ones((3, 4))), np.zeros((3, 4)))
