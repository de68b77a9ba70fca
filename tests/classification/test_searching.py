"""The search is drawn once, judged anywhere, and taken up where it ended."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tasks.classification.classifiers import classifier_of
from tasks.classification.examples import Examples, checked_examples
from tasks.classification.folds import splits
from tasks.classification.pipelines import Parameters, fitted
from tasks.classification.searching import (
    MemberFit,
    SearchProgress,
    best,
    candidates,
    evaluate,
    search,
    search_steps,
)
from tasks.classification.settings import (
    ClassifierSettings,
    ConstantScoreSettings,
    LogisticRegressionSettings,
    NaiveBayesSettings,
)
from tasks.vocabulary.errors import InputError
from tests.classification.conftest import MEMBERS, QUICK, Labelled

REGRESSION = LogisticRegressionSettings()
FIT = MemberFit(REGRESSION, QUICK, seed=0)


@pytest.fixture
def examples(tumours: Labelled) -> Examples:
    return checked_examples(tumours[0][:60, :8], tumours[1][:60])


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.kind)
def test_draws_repeat_and_lie_in_the_space(member: ClassifierSettings) -> None:
    drawn = candidates(member, 20, seed=3)
    assert drawn == candidates(member, 20, seed=3)
    assert candidates(member, 7, seed=3) == drawn[:7]
    space = classifier_of(member).search_space()
    assert len(drawn) == (20 if space else 0)
    assert all(set(one) == set(space) for one in drawn)
    if space:
        assert drawn != candidates(member, 20, seed=4)
    # Plain values: they are written as JSON beside the model.
    assert all(
        type(value) in (int, float, str, type(None)) for one in drawn for value in one.values()
    )


def test_the_figure_is_the_mean_over_folds(examples: Examples) -> None:
    expected = []
    for training, testing in splits(examples, QUICK.folds, 5):
        score = fitted(REGRESSION, QUICK, examples.part(training), {"C": 0.1}, 0)
        expected.append(
            roc_auc_score(examples.labels[testing], score.score(examples.table[testing]))
        )
    assert evaluate(FIT, QUICK, examples, 5, {"C": 0.1}) == pytest.approx(np.mean(expected))


def test_the_search_obeys_its_criterion(examples: Examples) -> None:
    by_price = QUICK.model_copy(update={"search_criterion": "false_calls_at_0"})
    figure = evaluate(FIT, by_price, examples, 0, {"C": 0.1})
    assert -1.0 <= figure <= 0.0
    assert figure != evaluate(FIT, QUICK, examples, 0, {"C": 0.1})


def test_of_equals_the_first_is_best_and_unfinished_searches_have_no_best() -> None:
    drawn: list[Parameters] = [{"C": 1.0}, {"C": 2.0}, {"C": 3.0}]
    assert best(drawn, [0.1, 0.5, 0.5]) == {"C": 2.0}
    assert best([], []) == {}
    with pytest.raises(InputError, match="Finish"):
        best(drawn, [0.1])


def test_a_search_goes_on_where_it_ended_and_judges_nothing_twice(examples: Examples) -> None:
    drawn = candidates(REGRESSION, 7, seed=0)
    steps = list(search_steps(FIT, drawn, QUICK, examples, 0, chunk=3))
    assert [len(step.figures) for step in steps] == [0, 3, 6, 7]
    stored = SearchProgress.from_json(steps[1].to_json())
    assert stored == steps[1]
    judged: list[object] = []

    def counting(function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterable[Any]:
        jobs = list(jobs)
        judged.extend(jobs)
        return map(function, jobs)

    *_, last = search_steps(FIT, drawn, QUICK, examples, 0, counting, stored, chunk=3)
    assert last == steps[-1]
    assert judged == list(drawn[3:])
    (done,) = search_steps(FIT, drawn, QUICK, examples, 0, counting, last)
    assert done == last
    assert best(drawn, last.figures) == search(
        REGRESSION, QUICK.model_copy(update={"draws": 7}), examples, 0
    )


def test_progress_of_another_search_is_refused(examples: Examples) -> None:
    drawn = candidates(REGRESSION, 2, seed=0)
    (start, *_) = search_steps(FIT, drawn, QUICK, examples, 0)
    moved = checked_examples(examples.table + 1.0, examples.labels)
    relabelled = checked_examples(examples.table, 1 - examples.labels)
    other_member = MemberFit(LogisticRegressionSettings(inverse_penalty=2.0), QUICK, 0)
    folded = QUICK.model_copy(update={"folds": 3})
    for arguments in (
        (FIT, drawn, QUICK, moved, 0),
        (FIT, drawn, QUICK, relabelled, 0),
        (FIT, drawn, QUICK, examples, 1),
        (FIT, drawn, folded, examples, 0),
        (FIT, drawn[::-1], QUICK, examples, 0),
        (other_member, drawn, QUICK, examples, 0),
    ):
        with pytest.raises(InputError, match="other images"):
            list(search_steps(*arguments, stored=start))
    too_long = SearchProgress(start.identity, (0.1, 0.2, 0.3))
    with pytest.raises(InputError):
        list(search_steps(FIT, drawn, QUICK, examples, 0, stored=too_long))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"identity": "a", "figures": ["b"]}'])
def test_what_is_no_progress_is_refused(content: str) -> None:
    with pytest.raises(InputError, match="no stored search"):
        SearchProgress.from_json(content)


def test_candidates_cross_processes_and_threads_change_nothing(examples: Examples) -> None:
    member = NaiveBayesSettings()
    fit = MemberFit(member, QUICK, 0)
    drawn = candidates(member, 5, 0)
    judge = partial(evaluate, fit, QUICK, examples, 0)
    copy = pickle.loads(pickle.dumps(judge))  # noqa: S301  # Dask sends jobs to its own workers
    assert [copy(one) for one in drawn] == [judge(one) for one in drawn]
    with ThreadPoolExecutor(3) as pool:
        *_, last = search_steps(fit, drawn, QUICK, examples, 0, pool.map, chunk=2)
    assert list(last.figures) == [judge(one) for one in drawn]


def test_a_member_without_a_space_is_not_searched(examples: Examples) -> None:
    settings = QUICK.model_copy(update={"draws": 5})
    assert search(ConstantScoreSettings(), settings, examples, 0) == {}
