"""Nothing of an outer testing part reaches what judges it; the figures are what they say."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.classification.developing import Trial, developed
from tasks.classification.examples import Examples, checked_examples
from tasks.classification.honest_figures import CHOSEN, FoldTrial, honest_report
from tasks.classification.honest_protocol import honest_protocol, outer_jobs, run
from tasks.classification.settings import (
    ClassificationSettings,
    ClassifierSettings,
    ConstantScoreSettings,
    LogisticRegressionSettings,
    NaiveBayesSettings,
    NearestNeighboursSettings,
    ProtocolSettings,
)
from tasks.vocabulary.errors import InputError, NoSafeThresholdError
from tests.classification.conftest import LEARNERS, Labelled

MEMBERS = (LogisticRegressionSettings(), NaiveBayesSettings())
INNER = ClassificationSettings(members=MEMBERS, folds=2, draws=2)
OUTER = ProtocolSettings(folds=3, repeats=2)


@pytest.fixture(scope="module")
def examples(tumours: Labelled) -> Examples:
    return checked_examples(tumours[0][:60, :6], tumours[1][:60])


def with_row(examples: Examples, image: int, values: list[float]) -> Examples:
    table = examples.table.copy()
    table[image] = values
    return replace(examples, table=table)


@settings(max_examples=15, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6),
    place=st.integers(0, 10),
    position=st.integers(0, 11),
)
def test_a_testing_row_changes_nothing_that_was_fitted(
    examples: Examples, values: list[float], place: int, position: int
) -> None:
    job = outer_jobs(OUTER, INNER, examples)[position]
    changed = with_row(examples, int(job.testing[place]), values)
    before, after = run(INNER, examples, job), run(INNER, changed, job)
    assert after.fingerprint == before.fingerprint
    assert after.trial == before.trial
    assert np.delete(after.scores, place).tolist() == np.delete(before.scores, place).tolist()


@pytest.mark.parametrize("member", LEARNERS, ids=lambda member: member.kind)
def test_no_member_leaks_and_the_fingerprint_sees_the_training_part(
    examples: Examples, member: ClassifierSettings
) -> None:
    job = outer_jobs(OUTER, INNER.model_copy(update={"members": (member,)}), examples)[0]
    quick = INNER.model_copy(update={"draws": 0})
    before = run(quick, examples, job)
    tested = with_row(examples, int(job.testing[0]), [7.0] * 6)
    assert run(quick, tested, job).fingerprint == before.fingerprint
    trained = with_row(examples, int(job.training[0]), [7.0] * 6)
    assert run(quick, trained, job).fingerprint != before.fingerprint


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 19), min_size=60, max_size=60), st.integers(0, 99))
def test_groups_never_cross(examples: Examples, names: list[int], seed: int) -> None:
    grouped = replace(examples, groups=np.array([f"panel {name}" for name in names]))
    outer = ProtocolSettings(folds=3, repeats=1, seed=seed)
    try:
        jobs = outer_jobs(outer, INNER, grouped)
    except InputError:
        return  # these groups cannot fill three folds with both classes
    assert grouped.groups is not None
    for job in jobs:
        assert not set(grouped.groups[job.training]) & set(grouped.groups[job.testing])
        assert sorted([*job.training, *job.testing]) == list(range(60))


def test_each_repeat_tests_each_image_once_with_both_classes(examples: Examples) -> None:
    jobs = outer_jobs(OUTER, INNER, examples)
    assert len(jobs) == OUTER.repeats * OUTER.folds * len(MEMBERS)
    for repeat in range(OUTER.repeats):
        parts = [job.testing for job in jobs if job.repeat == repeat and job.member == MEMBERS[0]]
        assert sorted(np.concatenate(parts)) == list(range(60))
        assert all(len(set(examples.labels[part])) == 2 for part in parts)
    assert any((jobs[0].testing != job.testing).any() for job in jobs if job.repeat == 1)


def test_jobs_cross_processes_in_any_order(examples: Examples) -> None:
    jobs = outer_jobs(OUTER, INNER, examples)[:4]
    runner = pickle.loads(pickle.dumps(partial(run, INNER, examples)))  # noqa: S301
    backwards = [runner(pickle.loads(pickle.dumps(job))) for job in jobs[::-1]][::-1]  # noqa: S301
    assert backwards == [run(INNER, examples, job) for job in jobs]


def fold(number: int, kind: str, inner: list[float], outer: list[float]) -> FoldTrial:
    """Four images of each class; fold 0 tests the even ones."""
    parts = (tuple(range(1, 8, 2)), tuple(range(0, 8, 2)))
    training, testing = parts if number == 0 else parts[::-1]
    return FoldTrial(
        0, number, training, testing, Trial(kind, {}, tuple(inner)), tuple(outer), kind
    )


def test_counts_come_from_inner_thresholds_and_fresh_images() -> None:
    labels = np.repeat([0, 1], 4)  # images 0 to 3 normal; each part has two of each
    results = [
        fold(0, "a", [0.1, 0.2, 0.5, 0.9], [0.4, 0.5, 0.3, 0.8]),
        fold(1, "a", [0.1, 0.2, 0.6, 0.9], [0.7, 0.1, 0.6, 0.9]),
        fold(0, "b", [0.5, 0.6, 0.1, 0.9], [0.0, 0.0, 1.0, 1.0]),
        fold(1, "b", [0.1, 0.2, 0.6, 0.9], [0.0, 0.6, 1.0, 1.0]),
    ]
    report = honest_report(results, labels, "auroc", (0.0, 0.5))
    (row,) = report.of("a")
    # Fold 0: threshold .5, misses .3, flags and ties .5. Fold 1: threshold .6, flags .7.
    assert (row.ladder[0].escapes, row.ladder[0].false_calls) == (1, 2)
    assert (row.ladder[0].n_abnormal, row.ladder[0].n_normal) == (4, 4)
    assert row.ladder[0].tied_normals == 1
    assert row.ladder[0].false_call_rate == 0.5
    assert row.ladder[0].escape_rate == 0.25
    # Half of two inner defects may escape: thresholds .9.
    assert (row.ladder[1].escapes, row.ladder[1].false_calls) == (3, 0)
    # In hindsight, fresh defects are .3, .8, .6, .9 and normals .4, .5, .7, .1.
    assert (row.hindsight[0].escapes, row.hindsight[0].false_calls) == (0, 3)
    assert row.auroc == pytest.approx((0.5 + 0.75) / 2)
    # Fold 0 chooses a (b is bad inside, good outside); fold 1 has equals and takes the first.
    assert report.choices == ((0, 0, "a"), (0, 1, "a"))
    (chosen,) = report.of(CHOSEN)
    assert chosen.ladder == row.ladder
    assert chosen.hindsight == ()


def test_unfinished_protocols_have_no_report() -> None:
    labels = np.repeat([0, 1], 4)
    one = fold(0, "a", [0.1, 0.2, 0.5, 0.9], [0.4, 0.5, 0.3, 0.8])
    other = fold(1, "a", [0.1, 0.2, 0.6, 0.9], [0.7, 0.1, 0.6, 0.9])
    for results in ([one], [one, other, other]):
        with pytest.raises(InputError, match="Finish all jobs"):
            honest_report(results, labels, "auroc")


def test_a_constant_score_flags_everything_and_says_that_it_ties(examples: Examples) -> None:
    constant = INNER.model_copy(update={"members": (ConstantScoreSettings(),)})
    report = honest_protocol(OUTER, constant, examples)
    for row in report.rows:
        step = row.ladder[0]
        assert (step.false_call_rate, step.escapes) == (1.0, 0)
        assert step.tied_normals == step.n_normal
        assert row.auroc == 0.5


@pytest.mark.slow
def test_noise_gets_no_flattering_figure() -> None:
    generator = np.random.default_rng(0)
    noise = checked_examples(generator.standard_normal((120, 5)), np.arange(120) % 2)
    members = (*MEMBERS, NearestNeighboursSettings())
    inner = ClassificationSettings(members=members, folds=3, draws=3)
    report = honest_protocol(ProtocolSettings(folds=3, repeats=3), inner, noise)
    assert abs(np.mean([row.auroc for row in report.of(CHOSEN)]) - 0.5) < 0.08
    assert np.mean([row.ladder[0].false_call_rate for row in report.of(CHOSEN)]) > 0.9


def test_the_delivered_score_is_the_same_procedure(examples: Examples) -> None:
    found = developed(INNER, examples)
    assert [trial.kind for trial in found.trials] == [member.kind for member in MEMBERS]
    trial = next(one for one in found.trials if one.kind == found.choice.kind)
    defects = np.sort(trial.scores_N[examples.labels == 1])
    assert found.threshold == defects[0]
    assert developed(INNER, examples, rank=3).threshold == defects[2]
    assert found.score.member.kind == found.choice.kind
    assert found.score.searched == trial.searched
    assert json.dumps(dict(trial.searched))
    with pytest.raises(NoSafeThresholdError):
        developed(INNER, examples, rank=61)
