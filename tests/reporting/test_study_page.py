"""The page of a study says what its figures say, escapes every text, and asks for nothing."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tasks.reporting.study_content import StudyContent
from tasks.reporting.study_page import render_study
from tasks.reporting.study_plots import (
    curve_charts,
    families_chart,
    ladder_chart,
    missed_chart,
    ratio_charts,
)
from tests.reporting.study_figures import CURVE, FAMILIES, FOUND, LABELS, RATIOS


def content(found: dict[str, Any]) -> StudyContent:
    pictures = {"a" * 64: np.full((8, 8, 1), 90, np.uint8)} if "labels" in found else {}
    sentences = {part: [f"Sentence & of {part}."] for part in found}
    return StudyContent("<i>Cells</i>", {"line": "cells", **found}, sentences, pictures)


def test_the_page_says_what_the_figures_say() -> None:
    page = render_study(content(FOUND)).replace("\u00a0", " ")
    for said in (
        "Sentence &amp; of families.",
        "all without bank",
        "-0.300 <small>-0.310 to -0.290</small>",
        "10",
        "sets the threshold in 6 of 10 folds",
        "not in the label audit",
        "Not the headline.",
        "extra_trees; 2 \u00d7 5 outer folds over 100 normal and 50 abnormal development images",
    ):
        assert said in page
    assert page.count("data:image/jpeg;base64,") == 1
    assert page.count("<svg") == 10
    assert "0.900 <small>0.95 / 0.85</small>" in page
    assert "supervised &lt;network&gt;" in page
    assert "80 training images at every share" in page


def test_hostile_names_stay_names_and_nothing_is_fetched() -> None:
    page = render_study(content(FOUND))
    assert "<b>1</b>" not in page
    assert "<i>Cells" not in page
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


@pytest.mark.parametrize("part", FOUND)
def test_a_part_alone_is_a_whole_page(part: str) -> None:
    page = render_study(content({part: FOUND[part]}))
    others = {
        "families": "each family",
        "learning_curve": "further defects",
        "labels": "doubtful",
        "defect_ratios": "share of defects in training",
    }
    assert [name for name, words in others.items() if f" {words}" in page] == [part]


def test_what_lies_too_far_out_is_written_and_presses_nothing_together() -> None:
    drawn = families_chart(FAMILIES)
    assert drawn.count("← -0.300") == 3
    assert "bank alone: AUROC 0.930" in drawn


def test_curves_have_a_mark_for_every_point() -> None:
    drawn = dict(curve_charts(CURVE))
    assert [svg.count("<circle") for svg in drawn.values()] == [2, 4, 2]
    assert "40: 0.020" in drawn["Fresh defects that pass the zero-escape threshold"]
    chosen = {**CURVE, "points": [_without_hindsight(one) for one in CURVE["points"]]}
    assert len(curve_charts(chosen)) == 2


def _without_hindsight(point: dict[str, Any]) -> dict[str, Any]:
    steps = {name: {**step, "hindsight": None} for name, step in point["fpr_at_fn"].items()}
    return {**point, "fpr_at_fn": steps}


def test_the_ladder_has_a_line_a_step_and_the_missed_defects_are_beside_it() -> None:
    drawn = ladder_chart("l", LABELS["steps"])
    assert drawn.count("<polyline") == 4
    assert all(f">{name}<" in drawn for name in ("0%", "1%", "2%", "5%"))
    missed = missed_chart(LABELS)
    assert "2: 0.020" in missed
    assert "2: 0.180" in missed


def test_names_at_the_ends_of_lines_never_lie_on_each_other() -> None:
    drawn = ladder_chart("l", [LABELS["steps"][0]])
    heights = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>\d%<', drawn)]
    ends = sorted(heights[-4:])
    assert all(below - above >= 13.9 for above, below in pairwise(ends))


def test_the_ratio_charts_have_a_curve_for_each_network() -> None:
    charts = ratio_charts(RATIOS)
    assert [heading for heading, _ in charts] == [
        "F1 on defects",
        "Precision on defects",
        "Recall on defects",
    ]
    for _, svg in charts:
        assert svg.count("<polyline") == 2
        assert "siamese" in svg
        assert "50%" in svg


def test_ticks_that_lie_close_are_not_written_over_each_other() -> None:
    (_, svg), *_ = ratio_charts(
        {
            "methods": [
                {
                    **RATIOS["methods"][0],
                    "points": [
                        {**RATIOS["methods"][0]["points"][1], "ratio": ratio}
                        for ratio in (0.0, 0.05, 0.5)
                    ],
                }
            ]
        }
    )
    assert ">0%<" in svg
    assert ">5%<" not in svg
    assert ">50%<" in svg
