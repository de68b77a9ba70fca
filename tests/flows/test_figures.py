"""What a finished run says for people and for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.figures import RunFigures

COUNTS = {"n_normal": 40, "n_abnormal": 174, "accuracy": 0.9}
STEP = {"escape_fraction": 0.0, "misses": 0, "false_calls": 12, "false_call_rate": 0.3}
THRESHOLD: dict[str, Any] = {
    "threshold": 0.25,
    "rank": 1,
    "escape_rate": None,
    "auroc": 0.9,
    "standard": COUNTS,
    "zfn": COUNTS | {"false_calls": 12, "escapes": 0},
    "in_use": COUNTS | {"false_calls": 12, "escapes": 0},
    "ladder": [STEP | {"low": 0.2, "high": 0.5}],
}
CERTIFICATE: dict[str, Any] = {
    "n_normal": 80,
    "n_abnormal": 60,
    "escapes": 0,
    "false_calls": 20,
    "escape_upper": 0.0375,
    "escape_upper_95": 0.0487,
    "confidence": 0.9,
    "looks": 2,
    "labels_changed": 3,
    "warnings": ["Size tells."],
    "sentence": "The sentence.",
}


def figures(**facts: Any) -> RunFigures:
    return RunFigures(
        "line", THRESHOLD | facts, CERTIFICATE, {}, {}, "extra_trees", "a.png", Path("report.html")
    )


def test_machines_get_what_a_reader_of_the_certificate_gets() -> None:
    found = figures().for_machines(1.0, 100.0)["certification"]
    assert found == {
        "n_normal": 80,
        "n_abnormal": 60,
        "escapes": 0,
        "false_calls": 20,
        "escape_upper_95": 0.0487,
        "confidence": 0.9,
        "looks": 2,
        "labels_changed": 3,
        "warnings": ["Size tells."],
    }


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "set by a.png, the hardest of 174 known defects"),
        (
            {
                "rank": 4,
                "escape_rate": 0.05,
                "in_use": COUNTS | {"false_calls": 5, "escapes": 3},
            },
            "set by a.png, number 4 from the hardest (for at most 5 % escapes) of 174 known defects "
            "(out-of-fold), at which 5 of 40 development normals are flagged.",
        ),
    ],
)
def test_the_threshold_says_which_defect_it_is(facts: dict[str, Any], said: str) -> None:
    assert any(said in sentence for sentence in figures(**facts).sentences())
