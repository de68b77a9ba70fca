"""Drawings of a study: families of metrics, the learning curve, the ladder without doubtful labels.

The figures are the JSON object that the study wrote; nothing is drawn that it does not say. Lengths are
in SVG user units (px at full size); rates are shares of images, shown in percent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tasks.reporting import chart

_WIDTH, _LEFT, _MIDDLE, _GAP, _ROW = 1000.0, 230.0, 590.0, 60.0, 24.0
_HEADINGS = {
    "all": "",
    "only": "One family alone",
    "without": "All without one",
    "adding": "One after another",
}
_PANEL_WIDTH, _PANEL_HEIGHT = 330.0, 235.0
_SAME = "0.02"
_FARTHEST = -0.1


class Point(NamedTuple):
    """One place of a curve with its span; x and y in units of the figure."""

    x: float
    y: float
    low: float
    high: float
    words: str


class Curve(NamedTuple):
    """Points from left to right and what the curve is called at its end."""

    points: tuple[Point, ...]
    name: str = ""


def families_chart(found: Mapping[str, Any]) -> str:
    """Draw AUROC of each set of families minus that of all metrics, and false calls at 2 %."""
    methods = found["methods"]
    spans = [one["paired"] for one in methods if one["paired"]]
    # One family that tells nothing alone would press all others together: its value is written.
    lowest = max(_FARTHEST, min([-0.02, *(one["low"] for one in spans)]))
    highest = max([0.01, *(one["high"] for one in spans)])
    to_all = chart.Scale(lowest, highest, _LEFT, _MIDDLE)
    steps = [one["fpr_at_fn"][_SAME] for one in methods]
    calls = chart.Scale(0.0, max(step["high"] for step in steps), _MIDDLE + _GAP, _WIDTH - 40.0)
    marks, y, kind = [], 44.0, "all"
    for one, step in zip(methods, steps, strict=True):
        if one["kind"] != kind:
            kind, y = one["kind"], y + 34.0
            marks.append(chart.text(0.0, y - 20.0, _HEADINGS[kind], "strong"))
        marks += _method(one, step, y, to_all, calls)
        y += _ROW
    grid = [
        *_ticks(to_all, 26.0, y - 12.0, "{:+.2f}", "AUROC minus that of all metrics"),
        *_ticks(calls, 26.0, y - 12.0, "{:.0%}", "false calls at 2 % escapes in training"),
        chart.line(to_all(0.0), 26.0, to_all(0.0), y - 12.0, "threshold"),
    ]
    said = "AUROC and false calls of each set of metric families, with 95 % limits"
    return chart.figure("families-chart", _WIDTH, y + 34.0, said, [*grid, *marks])


def curve_charts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Draw heading and figure of AUROC, false calls at the same escapes, and fresh escapes."""
    points, n_all = found["points"], found["points"][-1]["defects"]
    x = chart.Scale(math.log(points[0]["defects"]), math.log(max(n_all, 2)), 48.0, 300.0)
    places = [(x(math.log(one["defects"])), f"{one['defects']}") for one in points]
    drawn = [("AUROC, ± one standard deviation over rounds", _aurocs(points, places))]
    if all(one["fpr_at_fn"][_SAME]["hindsight"] is not None for one in points):
        rates = [one["fpr_at_fn"][_SAME] for one in points]
        none = [one["fpr_at_fn"]["0"]["hindsight"] for one in points]
        curves = [
            _curve(places, [one["hindsight"] for one in rates], "2 %"),
            _curve(places, none, "none"),
        ]
        drawn.append(
            ("False calls at the same fresh escapes", _panel("curve-calls", curves, 0.0, 1.0))
        )
    zero = [one["fpr_at_fn"]["0"] for one in points]
    missed = [one["escapes_fresh"] / one["n_abnormal"] for one in zero]
    top = max(0.05, *missed) * 1.15
    drawn.append(
        (
            "Fresh defects that pass the zero-escape threshold",
            _panel("curve-escapes", [_curve(places, missed, "")], 0.0, top),
        )
    )
    return drawn


def ratio_charts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Draw F1, precision and recall on defects over the share of defects, a line for each network."""
    methods = found["methods"]
    most = max([0.01, *(point["ratio"] for point in methods[0]["points"])])
    x = chart.Scale(0.0, most, 48.0, 240.0)
    places = [(x(point["ratio"]), f"{100 * point['ratio']:g}%") for point in methods[0]["points"]]
    drawn = []
    for figure, words in (("f1", "F1"), ("precision", "Precision"), ("recall", "Recall")):
        curves = [
            _curve(places, [point[figure] for point in one["points"]], one["kind"])
            for one in methods
        ]
        drawn.append((f"{words} on defects", _panel(f"ratio-{figure}", curves, 0.0, 1.0)))
    return drawn


def ladder_chart(name: str, steps: Sequence[Mapping[str, Any]]) -> str:
    """Draw false calls at each step of the ladder over the number of labels taken out."""
    x = chart.Scale(0.0, max(1.0, len(steps) - 1.0), 48.0, 285.0)
    places = [(x(float(at)), str(one["removed"])) for at, one in enumerate(steps)]
    curves = [
        _curve(places, [one["fpr_at_fn"][step]["rate"] for one in steps], f"{float(step):.0%}")
        for step in steps[0]["fpr_at_fn"]
    ]
    return _panel(name, curves, 0.0, 1.0)


def missed_chart(labels: Mapping[str, Any]) -> str:
    """Draw the share of fresh defects that pass the zero-escape threshold, for both ways."""
    steps = labels["steps"]
    x = chart.Scale(0.0, max(1.0, len(steps) - 1.0), 48.0, 255.0)
    places = [(x(float(at)), str(one["removed"])) for at, one in enumerate(steps)]
    curves = [
        _curve(
            places,
            [
                one["fpr_at_fn"]["0"]["escapes_fresh"] / one["fpr_at_fn"]["0"]["n_abnormal"]
                for one in of
            ],
            words,
        )
        for of, words in ((steps, "taken out"), (labels["cleaned"], "not learnt"))
    ]
    top = max(0.05, *(point.y for curve in curves for point in curve.points)) * 1.15
    return _panel("ladder-missed", curves, 0.0, top)


def _method(
    one: Mapping[str, Any],
    step: Mapping[str, Any],
    y: float,
    to_all: chart.Scale,
    calls: chart.Scale,
) -> list[str]:
    words = f"{one['name']} ({one['columns']})"
    marks = [chart.text(0.0, y + 4.0, words)]
    paired = one["paired"] or {"difference": 0.0, "low": 0.0, "high": 0.0}
    tip = f"{one['name']}: AUROC {one['auroc']:.3f}"
    if paired["difference"] < to_all.low:
        words = f"← {paired['difference']:+.3f}"
        marks.append(chart.text(to_all.start, y + 4.0, words, "small"))
    else:
        marks += _span(paired["low"], paired["difference"], paired["high"], y, to_all, tip)
    tip = f"{one['name']}: {step['rate']:.1%}, {step['low']:.1%} to {step['high']:.1%}"
    return [*marks, *_span(step["low"], step["rate"], step["high"], y, calls, tip)]


def _span(low: float, at: float, high: float, y: float, x: chart.Scale, tip: str) -> list[str]:
    return [
        chart.line(x(low), y, x(high), y, "whisker chosen"),
        chart.dot(x(at), y, 4.5, "chosen", tip),
    ]


def _ticks(x: chart.Scale, top: float, bottom: float, words: str, name: str) -> list[str]:
    marks = [chart.text((x.start + x.end) / 2.0, 12.0, name, "small", "middle")]
    for tick in x.ticks(4):
        marks.append(chart.line(x(tick), top, x(tick), bottom, "grid"))
        marks.append(chart.text(x(tick), bottom + 17.0, words.format(tick), "small", "middle"))
    return marks


def _aurocs(points: Sequence[Mapping[str, Any]], places: Sequence[tuple[float, str]]) -> str:
    spread = [one["auroc_sd"] for one in points]
    curve = _curve(places, [one["auroc"] for one in points], "", spread)
    low = min(point.low for point in curve.points)
    high = max(point.high for point in curve.points)
    edge = max(0.005, 0.1 * (high - low))
    return _panel("curve-auroc", [curve], low - edge, min(1.0, high + edge))


def _curve(
    places: Sequence[tuple[float, str]],
    values: Sequence[float],
    name: str,
    spread: Sequence[float] | None = None,
) -> Curve:
    spans = spread or [0.0] * len(values)
    return Curve(
        tuple(
            Point(x, value, value - span, value + span, words)
            for (x, words), value, span in zip(places, values, spans, strict=True)
        ),
        name,
    )


def _panel(name: str, curves: Sequence[Curve], low: float, high: float) -> str:
    """Draw curves over the same places; each is named at its right end, names kept apart."""
    y = chart.Scale(low, high, _PANEL_HEIGHT - 26.0, 10.0)
    marks = []
    for tick in y.ticks(4):
        marks.append(chart.line(44.0, y(tick), 304.0, y(tick), "grid"))
        words = f"{tick:.2f}" if name == "curve-auroc" else f"{100 * tick:g}%"
        marks.append(chart.text(38.0, y(tick) + 4.0, words, "small", "end"))
    marks += [
        chart.text(point.x, _PANEL_HEIGHT - 6.0, point.words, "small", "middle")
        for point in _legible(curves[0].points)
    ]
    for curve in curves:
        marks.append(chart.polyline([(one.x, y(one.y)) for one in curve.points], "curve"))
        for one in curve.points:
            if one.high > one.low:
                marks.append(chart.line(one.x, y(one.low), one.x, y(one.high), "whisker chosen"))
            marks.append(chart.dot(one.x, y(one.y), 3.6, "chosen", f"{one.words}: {one.y:.3f}"))
    ends = _apart([y(curve.points[-1].y) + 4.0 for curve in curves])
    for curve, end in zip(curves, ends, strict=True):
        marks.append(chart.text(curve.points[-1].x + 9.0, end, curve.name, "small"))
    return chart.figure(
        name, _PANEL_WIDTH + 40.0, _PANEL_HEIGHT, f"{name}, {len(curves)} curves", marks
    )


def _legible(points: Sequence[Point], least: float = 26.0) -> list[Point]:
    """Leave out points whose words would run into those of the one before."""
    kept: list[Point] = []
    for one in points:
        if not kept or one.x - kept[-1].x >= least:
            kept.append(one)
    return kept


def _apart(heights: Sequence[float], least: float = 14.0) -> list[float]:
    """Move names down until each is clear of the one above it."""
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    placed = list(heights)
    for above, at in pairwise(order):
        placed[at] = max(placed[at], placed[above] + least)
    return placed
