"""A part narrows what is learnt from and never moves the outer folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.classification.developing import Trial
from tasks.classification.examples import Examples, checked_examples
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.honest_protocol import OuterJob, outer_jobs, run
from tasks.classification.parts import (
    Part,
    renumbered,
    with_both_classes,
    with_columns,
    with_fewer_defects,
)
from tasks.classification.settings import (
    ClassificationSettings,
    LogisticRegressionSettings,
    ProtocolSettings,
)
from tasks.vocabulary.errors import InputError
from tests.classification.conftest import Labelled

INNER = ClassificationSettings(members=(LogisticRegressionSettings(),), folds=2)
OUTER = ProtocolSettings(folds=3, repeats=1)


@pytest.fixture(scope="module")
def examples(tumours: Labelled) -> Examples:
    return checked_examples(tumours[0][:60, :6], tumours[1][:60], tuple("abcdef"))


@pytest.fixture
def job(examples: Examples) -> OuterJob:
    return outer_jobs(OUTER, INNER, examples)[1]


def test_everything_is_the_fold_itself(examples: Examples, job: OuterJob) -> None:
    narrowed, same = Part().of(examples, job)
    assert narrowed is examples
    assert run(INNER, narrowed, same) == run(INNER, examples, job)


def test_columns_are_those_of_a_table_that_never_had_others(
    examples: Examples, job: OuterJob
) -> None:
    narrowed, same = Part(columns=("e", "b")).of(examples, job)
    assert narrowed.columns == ("b", "e")
    alone = checked_examples(examples.table[:, [1, 4]], examples.labels, ("b", "e"))
    assert run(INNER, narrowed, same) == run(INNER, alone, job)


@pytest.mark.parametrize("columns", [(), ("a", "z")])
def test_no_columns_and_unknown_ones_are_refused(
    examples: Examples, columns: tuple[str, ...]
) -> None:
    with pytest.raises(InputError):
        with_columns(examples, columns)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_fewer_defects_are_a_subset_and_normals_stay(few: int, more: int, seed: int) -> None:
    labels_N = np.array([0, 1, 1] * 8)
    training = np.arange(0, 18)
    few, more = sorted((few, more))
    small, large = (with_fewer_defects(training, labels_N, count, [seed]) for count in (few, more))
    assert int(labels_N[small].sum()) == few
    assert set(small) <= set(large) <= set(training)
    assert set(small[labels_N[small] == 0]) == set(training[labels_N[training] == 0])


def test_other_draws_and_folds_take_other_defects(examples: Examples, job: OuterJob) -> None:
    first, second, third = (
        set(part.of(examples, one)[1].training)
        for part, one in (
            (Part(defects=4), job),
            (Part(defects=4, draw=1), job),
            (Part(defects=4), replace(job, repeat=5)),
        )
    )
    assert first != second
    assert first != third
    assert len(first) == len(second) == len(third)


def test_more_defects_than_there_are_cannot_be_drawn(examples: Examples, job: OuterJob) -> None:
    with pytest.raises(InputError, match="a training part has"):
        Part(defects=1000).of(examples, job)


def test_what_is_left_out_is_neither_learnt_nor_tested(examples: Examples, job: OuterJob) -> None:
    left = (int(job.training[0]), int(job.testing[2]))
    _, smaller = Part(without=left).of(examples, job)
    assert smaller.training.tolist() == job.training[1:].tolist()
    assert smaller.testing.tolist() == np.delete(job.testing, 2).tolist()
    done = run(INNER, examples, smaller)
    changed = examples.table.copy()
    changed[list(left)] = 1e6
    assert run(INNER, replace(examples, table=changed), smaller) == done


def fold(training: tuple[int, ...], testing: tuple[int, ...]) -> FoldTrial:
    trial = Trial("constant_score", {}, (0.5,) * len(training))
    return FoldTrial(0, 0, training, testing, trial, (0.5,) * len(testing), "")


def test_images_are_numbered_as_if_the_others_had_never_been() -> None:
    (found,) = renumbered([fold((0, 3, 5), (2, 4))], (1,), 6)
    assert (found.training, found.testing) == ((0, 2, 4), (1, 3))


def test_a_testing_part_must_keep_both_classes() -> None:
    labels_N = np.array([0, 1, 0, 1, 1, 0])
    trials = [fold((3, 4, 5), (0, 1, 2)), fold((0, 1, 2), (3, 4, 5))]
    assert with_both_classes(trials, labels_N, (0, 3))
    assert not with_both_classes(trials, labels_N, (1,))
