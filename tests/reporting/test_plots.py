from __future__ import annotations

import dataclasses
import io
import itertools
import math
import re

import numpy as np
import pytest
from PIL import Image

from tasks.reporting import plots
from tasks.reporting.chart import Scale
from tasks.reporting.content import ReportContent, ScoredImages


def test_every_image_is_a_needle(content: ReportContent) -> None:
    svg = plots.score_distributions([("set", content.development)], np.empty(0), content.threshold)
    assert svg.count("v10.0") == len(content.development.scores_N)
    assert "ZFN threshold 0.25" in svg
    assert "0 of 60 abnormal below the threshold" in svg


def test_an_escape_is_marked_on_its_own() -> None:
    scored = ScoredImages(np.array([0.1, 0.8, 0.3]), np.array([1, 1, 0]))
    svg = plots.score_distributions([("set", scored)], np.empty(0), 0.5)
    assert svg.count('class="escape"') == 1
    assert "escape, score 0.1" in svg


def test_a_threshold_of_1e_5_is_not_at_the_edge() -> None:
    random = np.random.default_rng(2)
    scores = 1.0 / (1.0 + np.exp(-random.normal(0.0, 5.0, 200)))
    scored = ScoredImages(np.append(scores, 1.6553e-5), np.r_[random.integers(0, 2, 200), 1])
    svg = plots.score_distributions([("set", scored)], np.empty(0), 1.6553e-5)
    assert "ZFN threshold 1.66e-05 = 0.00166\u00a0%" in svg
    line = re.search(r'x1="([\d.]+)"[^>]* class="threshold"', svg)
    assert line is not None
    assert float(line[1]) > 200.0
    assert "log-odds" in svg
    tallest = max(float(h) for h in re.findall(r'height="([\d.]+)" class="(?:ab)?normal', svg))
    assert tallest == 78.0


def test_labels_of_a_long_axis_do_not_touch() -> None:
    scored = ScoredImages(np.array([1e-5, 0.0, 1.0, 1.0 - 1e-9]), np.array([1, 0, 1, 1]))
    svg = plots.score_distributions([("set", scored)], np.empty(0), 1e-5)
    said = re.findall(r'x="([\d.]+)" y="[\d.]+" text-anchor="middle" class="small">([^<]*%)<', svg)
    boxes = sorted((float(x) - 3.3 * len(w), float(x) + 3.3 * len(w)) for x, w in said)
    assert len(boxes) >= 8
    assert all(left[1] < right[0] for left, right in itertools.pairwise(boxes))


def test_ladder_names_every_step(content: ReportContent) -> None:
    svg = plots.price_ladder(content.ladder, 60)
    assert svg.count("<circle") == len(content.ladder)
    assert "3 escapes" in svg
    unknown = dataclasses.replace(
        content.ladder[0], n_normal=0, false_call_rate=math.nan, low=math.nan, high=math.nan
    )
    assert "no normal to count" in plots.price_ladder([unknown], 60)


def test_curves_skip_words_and_numbers_that_are_none() -> None:
    history = [
        {"step": 0, "loss": 1.0, "phase": "a", "perplexity": 5},
        {"step": 1, "loss": math.nan, "phase": "b", "perplexity": 6},
        {"step": 2, "loss": 0.5, "phase": "b", "late": 1.0},
    ]
    names = [name for name, _ in plots.training_curves(history, best_step=2)]
    assert names == ["perplexity", "loss"]
    assert plots.training_curves([], None) == []


@pytest.mark.parametrize("n", [1, 150, 3000])
def test_small_bitmap_stays_under_40_kb(n: int) -> None:
    random = np.random.default_rng(n)
    scored = ScoredImages(random.random(n), random.integers(0, 2, n))
    png = plots.score_distribution_png(scored, 0.3)
    assert len(png) < 40_000
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.size == (648, 261)


def test_small_bitmap_survives_infinite_scores() -> None:
    scored = ScoredImages(np.array([math.inf, math.nan]), np.array([0, 1]))
    assert plots.score_distribution_png(scored, math.inf).startswith(b"\x89PNG")


def test_ticks_are_round_and_inside() -> None:
    assert Scale(0.0, 1.0, 0.0, 10.0).ticks(5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert Scale(2.0, 2.0, 0.0, 10.0).ticks() == [2.0]
    assert Scale(0.0, 1.0, 5.0, 15.0)(7.0) == 15.0
