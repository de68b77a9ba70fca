"""Rows of a rival become scores of the same folds, and only the training part decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tasks.classification.examples import checked_examples
from tasks.classification.folds import splits
from tasks.classification.honest_figures import honest_report
from tasks.classification.network_settings import NetworkSettings
from tasks.classification.rivalry import (
    Learnt,
    Part,
    Rows,
    best_cut,
    by_classifier,
    by_columns,
    by_network,
    network_scores,
    ordinary_accuracy,
)
from tasks.classification.settings import (
    ClassificationSettings,
    ExtraTreesSettings,
    LogisticRegressionSettings,
)
from tasks.classification.siamese import fitted_network
from tasks.classification.training import held_out_parts
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

LABELS = np.repeat([0, 1], 30).astype(np.int64)
FAST = ClassificationSettings(members=(LogisticRegressionSettings(),), folds=2)
MEMBER = LogisticRegressionSettings()
FEW_TREES = (LogisticRegressionSettings(), ExtraTreesSettings(trees=10))
JUDGEMENTS: tuple[Learnt, ...] = ("classifier", "stack")


def rows_of(*columns: Float64Array) -> Rows:
    names = tuple(f"{at // 2}/{at % 2}" for at in range(len(columns)))
    return Rows(np.column_stack(columns), LABELS, names)


def parts(repeats: int = 1) -> list[Part]:
    examples = checked_examples(np.zeros((LABELS.size, 1)), LABELS)
    return [
        Part(repeat, fold, *split)
        for repeat in range(repeats)
        for fold, split in enumerate(splits(examples, 3, repeat))
    ]


def noisy(seed: int, signal: float = 1.0) -> Float64Array:
    return signal * LABELS + np.random.default_rng(seed).normal(size=LABELS.size)


def test_a_direct_score_is_its_column_and_a_missing_one_is_flagged() -> None:
    column = noisy(0)
    column[[2, 40]] = np.nan
    for one in by_columns("rival", "direct", rows_of(column), parts()):
        expected = np.where(np.isnan(column), np.inf, column)
        assert_array_equal(one.scores, expected[list(one.testing)])
        assert_array_equal(one.trial.scores_N, expected[list(one.training)])


def test_several_columns_are_no_direct_score() -> None:
    with pytest.raises(InputError, match="2 columns"):
        by_columns("rival", "direct", rows_of(noisy(0), noisy(1)), parts())


def test_the_best_column_is_that_of_the_training_part_whatever_testing_images_say() -> None:
    part = parts()[0]
    weak, strong = noisy(1, 0.5), noisy(2, 2.0)
    # On the testing part alone the weak column is perfect.
    weak[part.testing] = LABELS[part.testing]
    strong[part.testing] = -LABELS[part.testing]
    (found,) = by_columns("rival", "best_column", rows_of(weak, strong), [part])
    assert_array_equal(found.scores, strong[part.testing])


def test_published_golden_samples_are_chosen_in_hindsight_group_by_group() -> None:
    columns = [noisy(1, 0.1), noisy(2, 2.0), noisy(3, 1.5), noisy(4, 0.0)]
    found = by_columns("golden", "best_of_groups", rows_of(*columns), parts(2))
    assert [(one.repeat, one.fingerprint) for one in found[::3]] == [
        (0, "0/1"),
        (1, "0/1"),
        (2, "1/0"),
        (3, "1/0"),
    ]
    report = honest_report(found, LABELS, "auroc")
    assert len(report.of("golden")) == 4


@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_neither_labels_nor_rows_of_testing_images_reach_what_is_fitted(
    judgement: Learnt,
) -> None:
    rows = rows_of(noisy(1), noisy(2), noisy(3))
    part = parts()[0]
    labels, table = LABELS.copy(), rows.table.copy()
    labels[part.testing], table[part.testing[1:]] = 1 - labels[part.testing], 99.0
    changed = replace(rows, labels=labels, table=table)
    before, after = (
        by_classifier("rival", judgement, MEMBER, FAST, one, part, stacked=FEW_TREES)
        for one in (rows, changed)
    )
    assert after.trial == before.trial
    assert after.scores[0] == before.scores[0]
    assert before.trial.kind == "rival"
    assert len(before.scores) == part.testing.size


def test_a_stack_joins_the_bank_with_what_both_members_say() -> None:
    # The bank knows one half of the defects, the features the other.
    half = np.arange(LABELS.size) % 2 == 0
    bank, feature = noisy(1, 0.0), noisy(2, 0.0)
    bank[half & (LABELS == 1)] += 6.0
    feature[~half & (LABELS == 1)] += 6.0
    rows, every = rows_of(bank, feature, noisy(3, 0.0)), parts()
    stacked = [
        by_classifier("stack", "stack", MEMBER, FAST, rows, one, stacked=FEW_TREES) for one in every
    ]
    alone = by_columns("bank", "direct", rows_of(bank), every)
    means = {
        found[0].trial.kind: honest_report(found, LABELS, "auroc").rows[0].auroc
        for found in (stacked, alone)
    }
    assert means["stack"] > means["bank"] + 0.05


def test_an_image_without_a_row_is_flagged_and_taught_to_nobody() -> None:
    rows, part = rows_of(noisy(1), noisy(2)), parts()[0]
    gone = [int(part.training[0]), int(part.testing[0])]
    table = rows.table.copy()
    table[gone] = np.nan
    found = by_classifier(
        "rival", "classifier", ExtraTreesSettings(trees=5), FAST, replace(rows, table=table), part
    )
    assert found.scores[0] == np.inf
    assert found.trial.scores[0] == np.inf
    assert np.isfinite(found.scores[1:]).all()
    assert found.training == tuple(part.training.tolist())


def test_the_best_cut_is_the_best_of_all_cuts() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = np.round(rng.normal(size=LABELS.size) + LABELS, 1)
        scores[rng.integers(0, LABELS.size, 3)] = np.inf
        cut = best_cut(scores, LABELS)
        every = [-np.inf, *np.unique(scores), np.inf]
        best = max(np.mean((~(scores < one)) == (LABELS == 1)) for one in every)
        assert np.mean((~(scores < cut)) == (LABELS == 1)) == best


def test_the_ordinary_accuracy_of_a_score_is_that_of_its_training_cut() -> None:
    column = noisy(0, 3.0)
    found = by_columns("rival", "direct", rows_of(column), parts(2))
    right = []
    for one in found:
        training, testing = list(one.training), list(one.testing)
        cut = best_cut(column[training], LABELS[training])
        right.append(np.sum((column[testing] >= cut) == (LABELS[testing] == 1)))
    assert ordinary_accuracy(found, LABELS, None) == pytest.approx(sum(right) / 120)
    assert ordinary_accuracy(found, LABELS, np.inf) == 0.5


NETWORK = NetworkSettings(filters=4, epochs=8, batch_size=8, learning_rate=1e-2)


def mapped(*signals: float) -> Rows:
    """Maps of one side, one channel and one row, a position for each signal."""
    columns = [noisy(at, signal) for at, signal in enumerate(signals)]
    names = tuple(f"input/0/0/{at}" for at in range(len(columns)))
    return Rows(np.column_stack(columns), LABELS, names)


def test_a_network_learns_from_the_training_part_alone() -> None:
    rows, part = mapped(3.0, 0.0), parts()[0]
    labels, table = LABELS.copy(), rows.table.copy()
    labels[part.testing], table[part.testing[1:]] = 1 - labels[part.testing], 99.0
    changed = replace(rows, labels=labels, table=table)
    before, after = (by_network("net", NETWORK, FAST, one, part) for one in (rows, changed))

    assert after.trial == before.trial
    assert after.fingerprint == before.fingerprint
    assert after.scores[0] == before.scores[0]
    assert before.trial.kind == "net"


def test_training_images_of_a_network_are_scored_by_networks_that_did_not_see_them() -> None:
    rows, part = mapped(3.0, 0.0), parts()[0]
    found = by_network("net", NETWORK, FAST, rows, part).trial.scores_N
    learnt = checked_examples(np.zeros((part.training.size, 1)), LABELS[part.training])
    for seed, inner, held_out in held_out_parts(FAST, learnt, FAST.seed):
        seen, fresh = part.training[inner], part.training[held_out]
        network = fitted_network(NETWORK, rows.table[seen], LABELS[seen], rows.columns, seed)
        assert_array_equal(found[held_out], network.score(rows.table[fresh]))


def test_a_network_flags_images_without_maps_and_takes_the_mean_of_repeats() -> None:
    rows, part = mapped(3.0, 0.0), parts()[0]
    rows.table[[part.training[0], part.testing[0]]] = np.nan
    found = by_network("net", NETWORK, FAST.model_copy(update={"repeats": 2}), rows, part)

    assert found.trial.scores[0] == found.scores[0] == np.inf
    assert np.isfinite(found.scores[1:]).all()
    assert np.isfinite(found.trial.scores[1:]).all()
    assert ((found.trial.scores_N[1:] > 0) & (found.trial.scores_N[1:] < 1)).all()


def test_a_network_refuses_a_training_part_of_one_class() -> None:
    part = parts()[0]
    normal = replace(part, training=part.training[LABELS[part.training] == 0])
    with pytest.raises(InputError, match="no defect"):
        by_network("net", NETWORK, FAST, mapped(3.0), normal)


def test_a_network_that_saw_no_defect_calls_everything_good() -> None:
    rows, part = mapped(3.0, 0.0), parts()[0]
    rows.table[part.testing[0]] = np.nan
    normal = replace(part, training=part.training[LABELS[part.training] == 0])
    scores = network_scores(NETWORK, FAST, rows, normal)
    assert scores[0] == np.inf
    assert not scores[1:].any()


def test_scores_of_one_network_are_those_of_the_whole_judgement() -> None:
    rows, part = mapped(3.0, 0.0), parts()[0]
    whole = by_network("net", NETWORK, FAST, rows, part)
    assert_array_equal(network_scores(NETWORK, FAST, rows, part), whole.scores)
