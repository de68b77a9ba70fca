"""What every member of the union promises."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import MinMaxScaler

from tasks.classification.classifiers import classifier_of
from tasks.classification.persistence import load_composite_score, save_composite_score
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import PAPER_MEMBERS, ClassifierSettings
from tasks.classification.training import fit_classifier, out_of_fold_scores
from tasks.vocabulary.errors import InputError
from tests.classification.conftest import LEARNERS, MEMBERS, QUICK, UNION, Labelled, small

COLUMNS = tuple(f"image.metric{index}" for index in range(30))

Fit = Callable[[ClassifierSettings], CompositeScore]


@pytest.fixture(scope="module")
def fit(tumours: Labelled) -> Fit:
    """Fit each member once: a composite score never changes."""
    return functools.cache(lambda member: fit_classifier(member, QUICK, *tumours, COLUMNS))


_FORESTS = ("random_forest", "extra_trees", "ada_boost", "gradient_boosting")
every_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.kind)
every_learner = pytest.mark.parametrize("member", LEARNERS, ids=lambda member: member.kind)


@every_learner
def test_scores_of_unseen_images_tell_the_classes_apart(
    member: ClassifierSettings, tumours: Labelled
) -> None:
    scores = out_of_fold_scores(member, QUICK, *tumours)
    assert scores.dtype == np.float64
    assert ((scores >= 0) & (scores <= 1)).all()
    assert roc_auc_score(tumours[1], scores) > 0.89
    # A hard defect with a score of exactly 0 would make a ZFN threshold flag everything.
    assert scores[tumours[1] == 1].min() > 0


def test_every_member_of_the_union_is_here() -> None:
    assert {type(member) for member in MEMBERS} == set(UNION)
    assert len(PAPER_MEMBERS) == len({member.kind for member in PAPER_MEMBERS}) == 12


@pytest.mark.parametrize("member", PAPER_MEMBERS, ids=lambda member: member.kind)
def test_one_half_is_the_ordinary_decision(member: ClassifierSettings, tumours: Labelled) -> None:
    classifier = classifier_of(small(member))
    scaled = MinMaxScaler().fit_transform(tumours[0])
    estimator = classifier.estimator(seed=0).fit(scaled[:60], tumours[1][:60])
    scores = classifier.model(estimator).scores(scaled)
    decided = estimator.predict(scaled) == 1
    # Exactly one half (a leaf of equal shares) is flagged, whatever the library takes it for.
    np.testing.assert_array_equal((scores >= 0.5)[scores != 0.5], decided[scores != 0.5])
    assert 0 < decided.sum() < len(decided)
    assert np.mean(scores == 0.5) < 0.2


@every_member
@pytest.mark.parametrize("factor", [1e-30, -1e3, 1e30, -1e30])
def test_scores_of_far_values_are_finite_shares(
    member: ClassifierSettings, fit: Fit, tumours: Labelled, factor: float
) -> None:
    scores = fit(member).score(tumours[0] * factor)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


@every_member
def test_scores_repeat_for_a_seed_whatever_the_number_of_threads(
    member: ClassifierSettings, tumours: Labelled
) -> None:
    twice = QUICK.model_copy(update={"repeats": 2})
    one = out_of_fold_scores(member, twice, *tumours, n_jobs=1)
    np.testing.assert_array_equal(out_of_fold_scores(member, twice, *tumours, n_jobs=3), one)


@every_learner
def test_another_seed_deals_other_folds(member: ClassifierSettings, tumours: Labelled) -> None:
    other = QUICK.model_copy(update={"seed": 1})
    scores = out_of_fold_scores(member, QUICK, *tumours)
    assert not np.array_equal(out_of_fold_scores(member, other, *tumours), scores)


@every_member
def test_a_row_scores_the_same_alone_and_in_company(
    member: ClassifierSettings, fit: Fit, tumours: Labelled
) -> None:
    score = fit(member)
    alone = [score.score(row[None])[0] for row in tumours[0][:20]]
    np.testing.assert_array_equal(score.score(tumours[0])[:20], alone)


@every_member
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, 1e300])
def test_a_row_without_a_usable_value_is_flagged_and_leaves_the_others_alone(
    member: ClassifierSettings, fit: Fit, tumours: Labelled, broken: float
) -> None:
    score = fit(member)
    table = tumours[0][:10].copy()
    table[3, score.kept[0]] = broken
    scores = score.score(table)
    assert scores[3] == np.inf
    np.testing.assert_array_equal(np.delete(scores, 3), np.delete(score.score(tumours[0][:10]), 3))


@every_member
def test_a_missing_value_in_a_dropped_metric_is_flagged_too(
    member: ClassifierSettings, fit: Fit, tumours: Labelled
) -> None:
    score = fit(member)
    (dropped, *_) = np.setdiff1d(np.arange(30), score.kept)
    table = tumours[0][:2].copy()
    table[0, dropped] = np.nan
    assert score.score(table)[0] == np.inf


@every_member
def test_a_table_of_other_width_is_refused_and_an_empty_one_is_not(
    member: ClassifierSettings, fit: Fit, tumours: Labelled
) -> None:
    score = fit(member)
    with pytest.raises(InputError, match="shape"):
        score.score(tumours[0][:, 1:])
    assert score.score(tumours[0][:0]).shape == (0,)


@every_learner
def test_influence_ranks_the_metric_that_decides(member: ClassifierSettings) -> None:
    generator = np.random.default_rng(5)
    table = generator.random((150, 6))
    table[:, 4] = table[:, 2]
    labels = (table[:, 2] > 0.6).astype(np.int64)
    influence = fit_classifier(member, QUICK, table, labels, "abcdef").influence()
    names, weights = zip(*influence, strict=True)
    assert names[0] == "c"
    assert set(names) == set("abcdf")
    assert sum(weights) == pytest.approx(1.0)
    assert list(weights) == sorted(weights, reverse=True)


@every_member
def test_a_loaded_score_equals_the_saved_one_exactly(
    member: ClassifierSettings, fit: Fit, tumours: Labelled, tmp_path: Path
) -> None:
    score = fit(member)
    save_composite_score(score, tmp_path / "score")
    loaded = load_composite_score(tmp_path / "score", COLUMNS)
    unseen = tumours[0] * np.random.default_rng(6).uniform(0.5, 2.0, tumours[0].shape)
    np.testing.assert_array_equal(loaded.score(unseen), score.score(unseen))
    assert loaded.influence() == score.influence()
    assert (loaded.member, loaded.columns) == (score.member, score.columns)
    assert not any(b"pickle" in path.name.encode() for path in (tmp_path / "score").iterdir())


@every_member
def test_a_score_crosses_processes(member: ClassifierSettings, fit: Fit, tumours: Labelled) -> None:
    score = fit(member)
    copy = pickle.loads(pickle.dumps(score))  # noqa: S301  # Dask sends models to its own workers
    np.testing.assert_array_equal(copy.score(tumours[0]), score.score(tumours[0]))


@every_member
def test_a_model_of_another_width_or_kind_is_refused(member: ClassifierSettings, fit: Fit) -> None:
    classifier = classifier_of(member)
    content = fit(member).model.content()
    with pytest.raises(InputError):
        classifier.read(b"not a model", 30)
    if member.kind != "constant_score":
        with pytest.raises(InputError, match="not"):
            classifier.read(content, 31)


@pytest.mark.parametrize(
    "member",
    [
        # Their candidates have hundreds of trees.
        pytest.param(member, marks=[pytest.mark.slow] * (member.kind in _FORESTS), id=member.kind)
        for member in MEMBERS
    ],
)
def test_a_search_stays_inside_its_space_and_repeats(
    member: ClassifierSettings, tumours: Labelled
) -> None:
    settings = QUICK.model_copy(update={"draws": 2})
    first = fit_classifier(member, settings, *tumours, COLUMNS, n_jobs=2)
    again = fit_classifier(member, settings, *tumours, COLUMNS, n_jobs=1)
    assert set(first.searched) == set(classifier_of(member).search_space())
    assert first.searched == again.searched
    np.testing.assert_array_equal(first.score(tumours[0]), again.score(tumours[0]))


def test_the_constant_score_has_no_influence(fit: Fit, tumours: Labelled) -> None:
    score = fit(MEMBERS[-1])
    assert (score.score(tumours[0]) == 0.5).all()
    assert {weight for _, weight in score.influence()} == {0.0}
