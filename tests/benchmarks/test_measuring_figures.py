"""The benchmark's own arithmetic: what its tables say must be true."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from tests.benchmarks.measuring.detection import (
    FIGURES,
    false_calls_at_zero_escapes,
    paired,
)
from tests.benchmarks.measuring.roads import Known, area_in_common, boxes_in_common
from tests.benchmarks.measuring.tables import figures, roads

BOXES = np.array([(0, 0, 4, 4), (0, 4, 4, 8), (0, 0, 4, 4)])


def test_boxes_and_areas_in_common_are_intersection_over_union() -> None:
    assert boxes_in_common(BOXES, BOXES) == area_in_common(BOXES, BOXES) == 1.0
    assert boxes_in_common(BOXES, BOXES[:1]) == area_in_common(BOXES, BOXES[:1]) == 0.5
    half = np.array([(0, 2, 4, 6)])
    assert boxes_in_common(BOXES[:1], half) == 0.0
    assert area_in_common(BOXES[:1], half) == pytest.approx(1 / 3)


def test_known_distances_are_looked_up_in_any_order() -> None:
    known = Known(BOXES[:2], np.array([3.0, 5.0]))
    assert known.distances(BOXES[[1, 0, 1]]).tolist() == [5.0, 3.0, 5.0]
    with pytest.raises(KeyError):
        known.distances(np.array([(1, 1, 2, 2)]))


def test_false_calls_at_zero_escapes_are_the_normals_from_the_lowest_defect_on() -> None:
    scores, labels = np.array([0.1, 0.4, 0.6, 0.4, 0.9]), np.array([0, 0, 0, 1, 1])
    assert false_calls_at_zero_escapes(scores, labels) == pytest.approx(2 / 3)


def test_a_paired_difference_is_narrower_than_its_sign_where_one_road_is_better() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    good = labels + generator.normal(0, 0.3, 120)
    poor = labels + generator.normal(0, 2.0, 120)
    same = paired(good, good, labels, FIGURES["auroc"])
    assert same == {"difference": 0.0, "low": 0.0, "high": 0.0}
    better = paired(good, poor, labels, FIGURES["auroc"])
    assert 0 < better["low"] < better["difference"] < better["high"]


def test_tables_show_every_figure() -> None:
    difference = {"difference": 0.01, "low": -0.02, "high": 0.04}
    figure = dict.fromkeys(FIGURES, 0.9)
    detection = {**figure, "exact_minus_this": dict.fromkeys(FIGURES, difference)}
    agreement = {
        "rank_correlation": {"all sizes": 0.5, "4 px": 0.2},
        "same_boxes": 0.15,
        "same_area": 0.43,
    }
    of_line = {
        "line": "line",
        "boards": 24,
        "by_road": {"fast": agreement | {"detection": detection}},
    }
    console = Console(width=120, record=True, file=StringIO())
    for table in [*roads({"roads_line": of_line}), *figures({"a": {"b": 1.5, "c": "x"}})]:
        console.print(table)
    shown = console.export_text()
    for text in ("24 boards", "0.15", "0.43", "+0.010 (-0.020 to +0.040)", "a / b", "1.5"):
        assert text in shown
