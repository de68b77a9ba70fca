"""What an evaluation says, in tables and sentences, from rows as the verbs leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.evaluate import EvaluateRequest
from flows.evaluations import Evaluation, summaries
from tasks.classification.settings import EvaluationSettings
from tasks.vocabulary.errors import InputError

COUNTS = {"n_normal": 100, "n_abnormal": 50, "n_groups": 140}


def point(false_calls: int, escapes: int) -> dict[str, Any]:
    caught = 50 - escapes
    return {
        "accuracy": (150 - false_calls - escapes) / 150,
        "precision": caught / (caught + false_calls) if caught + false_calls else None,
        "fpr": false_calls / 100,
        "fnr": escapes / 50,
        "false_calls": false_calls,
        "escapes": escapes,
        "tied_normals": 0,
    }


def published() -> dict[str, Any]:
    rows = [
        {"kind": "extra_trees", "standard": point(10, 9), "zfn": point(40, 0)},
        {"kind": "constant_score", "standard": point(0, 50), "zfn": point(100, 0)},
    ]
    return {"draws": 500, **COUNTS, "rows": rows, "winner": "extra_trees"}


def honest_row(kind: str, repeat: int, false_calls: int, escapes: int) -> dict[str, Any]:
    step = {
        "escape_fraction": 0.0,
        "false_calls": false_calls,
        "n_normal": 100,
        "false_call_rate": false_calls / 100,
        "escapes": escapes,
        "n_abnormal": 50,
        "tied_normals": 1,
    }
    ladder = [step, {**step, "escape_fraction": 0.02, "false_call_rate": 0.3, "escapes": 2}]
    return {"kind": kind, "repeat": repeat, "auroc": 0.9, "partial_auroc": 0.5, "ladder": ladder}


def honest() -> dict[str, Any]:
    rows = [
        honest_row(kind, repeat, 60 + 10 * repeat, repeat)
        for kind in ("extra_trees", "chosen")
        for repeat in range(2)
    ]
    return {
        "draws": 10,
        "folds": 5,
        "repeats": 2,
        "criterion": "auroc",
        **COUNTS,
        "rows": rows,
        "choices": [[0, 0, "extra_trees"]],
        "chosen_by": {"auroc": rows[:2], "false_calls_at_0": rows[2:]},
    }


def test_the_optimism_is_the_difference_of_both_protocols() -> None:
    made = Evaluation("line", {"published": published(), "honest": honest()}, 3.0, 2)
    said = made.sentences()
    assert "extra_trees is the best of 2" in said[0]
    assert "40.0 % false calls" in said[0]
    assert "65.0 % of 100 fresh normals (60.0 to 70.0 in single repeats" in said[1]
    assert "0.5 of 50 defects escape" in said[2]
    assert "+25.0 points" in said[2]
    assert made.machine_readable["summary"][0]["kind"] == "extra_trees"


def test_a_mean_of_repeats_is_no_larger_sample() -> None:
    one = summaries(honest())[-1]
    low, high = one.false_call_interval
    assert low < 0.56 < 0.74 < high  # exact limits of 65 of 100: .548 and .743
    assert one.accuracy == pytest.approx(1 - (65 + 0.5) / 150)


def test_tables_have_a_row_for_everybody_and_say_what_they_are() -> None:
    table_1, table_2 = Evaluation(
        "line", {"published": published(), "honest": honest()}, 3.0, 2
    ).tables()
    assert [row[0] for row in table_1.rows] == ["extra_trees *", "constant_score"]
    assert table_1.rows[1][2] == "-"  # nothing is flagged at one half: no precision
    assert all(len(row) == len(table_1.headings) for row in table_1.rows)
    assert all(len(row) == len(table_2.headings) for row in table_2.rows)
    assert "in 140 groups" in table_2.note
    assert "extra_trees 1" in table_2.note


def test_one_protocol_alone_says_nothing_about_the_other() -> None:
    assert len(Evaluation("line", {"honest": honest()}, 1.0, 1).sentences()) == 1
    assert (
        Evaluation("line", {"published": published()}, 1.0, 1).machine_readable["summary"] is None
    )


def test_the_price_of_other_criteria_is_told_where_there_was_a_choice() -> None:
    found = honest()
    others = [{**row, "kind": "naive_bayes"} for row in found["rows"][:2]]
    said = Evaluation(
        "x", {"honest": {**found, "rows": others + found["rows"]}}, 1.0, 1
    ).sentences()
    assert "AUROC 65.0 / 0.5, false calls at 0 % missed 65.0 / 0.5" in said[1]


def test_torn_groups_are_told() -> None:
    rows = [
        {"kind": "naive_bayes", "whole": 0.9, "torn": 0.9},
        {"kind": "extra_trees", "whole": 0.89, "torn": 0.95},
    ]
    (_, said) = Evaluation("x", {"honest": honest()}, 1.0, 1, {"rows": rows}).sentences()
    assert "+0.030 on average, most for extra_trees: 0.950 instead of 0.890" in said


def test_a_run_may_depart_from_the_settings_of_the_line() -> None:
    request = EvaluateRequest(Path("x"), members=("naive_bayes",), draws=3, repeats=1)
    found = request.evaluation(EvaluationSettings())
    assert [member.kind for member in found.members] == ["naive_bayes"]
    assert (found.published_draws, found.draws, found.outer.repeats) == (500, 3, 1)
    assert EvaluateRequest(Path("x")).evaluation(EvaluationSettings()) == EvaluationSettings()
    further = EvaluateRequest(Path("x"), members=("zfn_boosting",)).evaluation(EvaluationSettings())
    assert [member.kind for member in further.members] == ["zfn_boosting"]
    with pytest.raises(InputError, match="no classifier bayes"):
        EvaluateRequest(Path("x"), members=("bayes",)).evaluation(EvaluationSettings())
