"""The paper's protocol gives Table 1's columns, repeats, and is as optimistic as it is."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification.paper_protocol import (
    PublishedFit,
    left_out_scores,
    paper_protocol,
    paper_protocol_scores,
    paper_row,
    paper_winner,
    prepared,
)
from tasks.classification.settings import (
    ClassificationSettings,
    ConstantScoreSettings,
    LogisticRegressionSettings,
    NaiveBayesSettings,
)
from tasks.classification.training import out_of_fold_scores
from tasks.vocabulary.errors import InputError
from tests.classification.conftest import LEARNERS, QUICK, Labelled

REGRESSION = LogisticRegressionSettings()


def test_a_row_has_the_papers_columns() -> None:
    labels = np.repeat([0, 1], 5)
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.3, 0.7, 0.8, 0.9, 1.0])
    row = paper_row("any", {}, scores, labels)
    std, zfn = row.standard, row.zfn
    assert (std.accuracy, std.precision) == (0.8, 0.8)
    assert (std.false_positive_rate, std.false_negative_rate) == (0.2, 0.2)
    assert (zfn.threshold, zfn.accuracy, zfn.precision) == (0.3, 0.7, 5 / 8)
    assert (zfn.false_positive_rate, zfn.false_negative_rate) == (0.6, 0.0)
    assert zfn.tied_normals == 1


def test_every_member_gets_a_row_and_the_best_zfn_accuracy_wins(tumours: Labelled) -> None:
    members = (ConstantScoreSettings(), REGRESSION, NaiveBayesSettings())
    settings = ClassificationSettings(folds=2, draws=3, members=members)
    rows = paper_protocol(settings, tumours[0][:40], tumours[1][:40])
    assert [row.kind for row in rows] == [member.kind for member in members]
    assert rows[0].zfn.false_positive_rate == 1.0
    assert rows[0].zfn.tied_normals == rows[0].zfn.n_normal
    assert set(rows[1].parameters) == {"C"}
    assert all(row.zfn.false_negative_rate == 0.0 for row in rows)
    assert paper_winner(rows).zfn.accuracy == max(row.zfn.accuracy for row in rows)
    assert paper_winner(rows[:1] * 2) is rows[0]
    with pytest.raises(InputError):
        paper_winner(())


def test_images_can_be_left_out_piece_by_piece(tumours: Labelled) -> None:
    table, labels = tumours[0][:16], tumours[1][:16]
    examples = prepared(QUICK, table, labels)
    fit = PublishedFit(REGRESSION, QUICK)
    pieces = [left_out_scores(fit, examples, {}, part) for part in (range(9), range(9, 16))]
    whole = paper_protocol_scores(REGRESSION, QUICK, table, labels)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_the_left_out_label_is_not_seen_but_its_row_shaped_the_scaling(tumours: Labelled) -> None:
    table, labels = tumours[0][:30].copy(), tumours[1][:30]
    plain = paper_protocol_scores(REGRESSION, QUICK, table, labels)
    table[0] = table[0] * 50.0
    moved = paper_protocol_scores(REGRESSION, QUICK, table, labels)
    # The optimism that the honest protocol ends: all scores move with one row's scale.
    assert (plain[1:] != moved[1:]).all()


@pytest.mark.slow
@pytest.mark.slow
def test_all_members_run_on_few_images_and_noise_looks_better_than_it_is() -> None:
    generator = np.random.default_rng(0)
    table, labels = generator.standard_normal((36, 8)), (np.arange(36) % 2).astype(np.int64)
    settings = ClassificationSettings(folds=2, draws=2, members=LEARNERS)
    rows = paper_protocol(settings, table, labels)
    assert [row.kind for row in rows] == [member.kind for member in LEARNERS]
    quick = settings.model_copy(update={"draws": 0})
    honest = [
        np.mean((out_of_fold_scores(one, quick, table, labels) >= 0.5) == labels)
        for one in LEARNERS
    ]
    assert max(row.standard.accuracy for row in rows) > np.mean(honest)
