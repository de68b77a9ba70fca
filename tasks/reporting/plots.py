"""The figures of the report: score distributions, price ladder, training curves.

Legend: N images. Each figure is one SVG string; `score_distribution_png` is the small bitmap for
places that take no SVG.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from tasks.reporting import chart
from tasks.reporting.content import LadderRow, ScoredImages
from tasks.reporting.score_axis import ScoreAxis, score_axis
from tasks.reporting.wording import number, of_all, percent

Scores = NDArray[np.float64]

_WIDTH, _LEFT, _RIGHT = 1080.0, 182.0, 96.0
_HALF, _RUG = 78.0, 13.0
_TICKS, _CHARACTER = 12, 7.2  # a tick label's character is at most about 7 px wide
_NORMAL_COLOUR, _ABNORMAL_COLOUR = "#2a6fb0", "#c2500c"


Panels = Sequence[tuple[str, ScoredImages]]


@dataclass(frozen=True)
class _Frame:
    """What the panels of one distribution figure share: the score axis and its place in px."""

    axis: ScoreAxis

    @property
    def scale(self) -> chart.Scale:
        """Px of a place on the axis."""
        edges = self.axis.edges
        return chart.Scale(float(edges[0]), float(edges[-1]), _LEFT, _WIDTH - _RIGHT)

    def x(self, finite_N: Scores) -> list[float]:
        """Px of finite scores."""
        scale = self.scale
        return [scale(float(place)) for place in self.axis.places(finite_N)]


def shared_axis(
    panels: Panels, undecided_N: NDArray[np.floating[Any]], threshold: float
) -> ScoreAxis:
    """Build the axis on which all panels and the undecided stand."""
    return score_axis(np.concatenate([*(s.scores_N for _, s in panels), undecided_N]), threshold)


def score_distributions(
    panels: Panels, undecided_N: NDArray[np.floating[Any]], threshold: float
) -> str:
    """Mirrored histograms, abnormals above and normals below, every image once more as a needle.

    One panel per named set on one score axis with the threshold across all of them; an edge of the
    bins lies on the threshold, so no bar mixes verdicts. Scores without a finite number stand at
    the far right, since they are flagged. Undecided images, if any, are needles in a strip of their
    own.
    """
    open_N: Scores = np.asarray(undecided_N, dtype=np.float64)
    frame = _Frame(shared_axis(panels, open_N, threshold))
    marks: list[str] = []
    top = 66.0
    for name, scored in panels:
        marks += _panel(name, scored, top, frame)
        top += 2.0 * (_HALF + _RUG) + 62.0
    if len(open_N):
        marks += _undecided_strip(open_N, top, frame)
        top += 44.0
    below = [*_score_axis(top - 14.0, frame), *_verdict_zones(top - 14.0, frame)]
    words = "; ".join(f"{name}: {_counts_in_words(s, threshold)}" for name, s in panels)
    title = (
        f"Score distributions over the {frame.axis.name}, {frame.axis.threshold_words}. {words}."
    )
    return chart.figure("scores", _WIDTH, top + 34.0, title, [*below, *marks])


def _panel(name: str, scored: ScoredImages, top: float, frame: _Frame) -> list[str]:
    """One mirrored pair: abnormals grow up from their needles, normals grow down from theirs."""
    above, below = scored.abnormal, scored.normal
    tallest = max(1, *(int(frame.axis.counts(scores).max()) for scores in (above, below)))
    height = chart.Scale(0.0, float(tallest), 0.0, _HALF)
    middle = top + _HALF + _RUG
    return [
        chart.text(0.0, top - 16.0, name, "strong"),
        chart.line(_LEFT, middle, _WIDTH - _RIGHT, middle, "rule"),
        *_bars(above, "abnormal", middle - _RUG, -1.0, height, frame),
        *_bars(below, "normal", middle + _RUG, 1.0, height, frame),
        *_needles(above, "abnormal", middle - _RUG + 1.0, frame),
        *_needles(below, "normal", middle + 2.0, frame),
        *_side_words(above, ("abnormal", "escape", "escapes"), middle - 22.0, frame),
        *_side_words(below, ("normal", "false call", "false calls"), middle + 22.0, frame),
        chart.text(_LEFT - 8.0, middle - _RUG - _HALF + 8.0, f"{tallest} boards", "small", "end"),
        chart.text(_LEFT - 8.0, middle + _RUG + _HALF + 2.0, f"{tallest} boards", "small", "end"),
    ]


def _bars(
    scores_N: Scores, label: str, base: float, sign: float, height: chart.Scale, frame: _Frame
) -> list[str]:
    """Histogram bars; flagged ones carry the class `flagged`, whose colour is stronger."""
    marks, axis, scale = [], frame.axis, frame.scale
    for index in map(int, np.flatnonzero(counts := axis.counts(scores_N))):
        left, right = scale(float(axis.edges[index])), scale(float(axis.edges[index + 1]))
        tall = max(height(float(counts[index])), 1.2)  # a single image stays visible
        kind = f"{label} flagged" if axis.is_flagged_bin(index) else label
        y = base if sign > 0.0 else base - tall
        tip = f"{counts[index]} {label}, {axis.bin_words(index)}"
        marks.append(chart.box(left + 0.5, y, right - left - 1.0, tall, kind, tip))
    if lost := int((~np.isfinite(scores_N)).sum()):
        x, tip = _WIDTH - _RIGHT + 16.0, f"{lost} {label} without a finite score: flagged"
        tall = max(height(float(lost)), 1.2)
        y = base if sign > 0.0 else base - tall
        marks.append(chart.box(x, y, 14.0, tall, f"{label} flagged", tip))
        marks.append(chart.text(x + 18.0, base + 12.0 * sign + 4.0, f"{lost} no score", "small"))
    return marks


def _needles(scores_N: Scores, label: str, y: float, frame: _Frame) -> list[str]:
    """One needle per image; an abnormal under the threshold, an escape, gets a dot as well."""
    finite_N = scores_N[np.isfinite(scores_N)]
    marks = [chart.needles(frame.x(finite_N), y, _RUG - 3.0, f"needle {label}")]
    if label == "abnormal":
        escapes_N = finite_N[finite_N < frame.axis.threshold]
        for x, score in zip(frame.x(escapes_N), escapes_N, strict=True):
            tip = f"escape, score {number(float(score))}"
            marks.append(chart.dot(x, y + 5.0, 4.5, "escape", tip))
    return marks


def _side_words(
    scores_N: Scores, words: tuple[str, str, str], y: float, frame: _Frame
) -> list[str]:
    """Class, its count, and how many of them are judged wrongly, left of the axis."""
    label, single, several = words
    flagged = int((~np.isfinite(scores_N) | (scores_N >= frame.axis.threshold)).sum())
    wrong = flagged if label == "normal" else len(scores_N) - flagged
    return [
        chart.text(0.0, y, f"{len(scores_N):,} {label}", f"label {label}"),
        chart.text(0.0, y + 16.0, f"{wrong:,} {single if wrong == 1 else several}", "small"),
    ]


def _counts_in_words(scored: ScoredImages, threshold: float) -> str:
    escapes = int((np.isfinite(scored.abnormal) & (scored.abnormal < threshold)).sum())
    calls = int((~np.isfinite(scored.normal) | (scored.normal >= threshold)).sum())
    return (
        f"{escapes} of {len(scored.abnormal)} abnormal below the threshold, "
        f"{calls} of {len(scored.normal)} normal at or above it"
    )


def _undecided_strip(scores_N: Scores, top: float, frame: _Frame) -> list[str]:
    flagged = int((~np.isfinite(scores_N) | (scores_N >= frame.axis.threshold)).sum())
    finite_N = scores_N[np.isfinite(scores_N)]
    return [
        chart.text(0.0, top, f"{len(scores_N):,} undecided", "label"),
        chart.text(0.0, top + 16.0, f"{flagged:,} flagged", "small"),
        chart.needles(frame.x(finite_N), top - 8.0, 22.0, "needle undecided"),
    ]


def _score_axis(y: float, frame: _Frame) -> list[str]:
    marks = [chart.line(_LEFT, y, _WIDTH - _RIGHT, y, "axis")]
    ticks = [(frame.scale(place), words) for place, words in frame.axis.ticks(_TICKS)]
    labelled: list[tuple[float, float]] = []
    for x, words in (ticks[-1], ticks[0], *ticks[1:-1]):  # both ends keep their labels
        marks.append(chart.line(x, y, x, y + 5.0, "axis"))
        half = _CHARACTER * len(words) / 2.0
        if all(abs(x - other) > half + taken for other, taken in labelled):
            marks.append(chart.text(x, y + 19.0, words, "small", "middle"))
            labelled.append((x, half))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2.0
    return [*marks, chart.text(middle, y + 38.0, frame.axis.name, "small", "middle")]


def _verdict_zones(bottom: float, frame: _Frame) -> list[str]:
    """Shade what is flagged, and draw the threshold through every panel with its value on top."""
    x, right = frame.scale(frame.axis.threshold_at), _WIDTH - _RIGHT + 34.0
    near_right = x > _WIDTH - 420.0
    anchor, shift = ("end", -8.0) if near_right else ("start", 8.0)
    return [
        chart.box(x, 24.0, right - x, bottom - 24.0, "zone"),
        chart.line(x, 8.0, x, bottom, "threshold"),
        chart.text(x + shift, 17.0, frame.axis.threshold_words, "strong", anchor),
        chart.text(right, 17.0, "" if near_right else "flagged for a person →", "small", "end"),
        chart.text(x - 8.0, 17.0, "" if x < 270.0 or near_right else "← passes", "small", "end"),
    ]


def price_ladder(ladder: Sequence[LadderRow], n_abnormal: int) -> str:
    """False-call rate with its exact 95 % interval for every step of allowed escapes."""
    width, left, row = 620.0, 150.0, 52.0
    top_rate = max((step.high for step in ladder if math.isfinite(step.high)), default=1.0)
    x = chart.Scale(0.0, min(1.0, math.ceil(top_rate * 10.0 + 0.2) / 10.0), left, width - 30.0)
    bottom = 14.0 + row * len(ladder)
    marks = []
    for tick in x.ticks(5):
        marks.append(chart.line(x(tick), 8.0, x(tick), bottom, "grid"))
        marks.append(chart.text(x(tick), bottom + 18.0, f"{100 * tick:g} %", "small", "middle"))
    for index, step in enumerate(ladder):
        marks += _ladder_step(step, n_abnormal, 8.0 + row * (index + 0.5), x)
    axis = "good boards called falsely, with exact 95 % interval"
    marks.append(chart.text((left + width - 30.0) / 2.0, bottom + 38.0, axis, "small", "middle"))
    words = "; ".join(
        f"{step.misses} escapes: {of_all(step.false_calls, step.n_normal)} false calls"
        for step in ladder
    )
    return chart.figure("ladder", width, bottom + 46.0, f"Price ladder. {words}.", marks)


def _ladder_step(step: LadderRow, n_abnormal: int, y: float, x: chart.Scale) -> list[str]:
    kind = "mark chosen" if step.misses == 0 else "mark"
    escapes = "escape" if step.misses == 1 else "escapes"
    words = [
        chart.text(0.0, y - 2.0, f"{step.misses} {escapes}", "strong"),
        chart.text(0.0, y + 14.0, f"of {n_abnormal:,} defects", "small"),
    ]
    if not math.isfinite(step.false_call_rate):
        return [*words, chart.text(x.start, y + 4.0, "no normal to count", "small")]
    tip = f"{of_all(step.false_calls, step.n_normal)} = {percent(step.false_call_rate)}"
    dot_x = x(step.false_call_rate)
    return [
        *words,
        chart.line(x(step.low), y, x(step.high), y, f"whisker {kind}"),
        chart.line(x(step.low), y - 5.0, x(step.low), y + 5.0, f"whisker {kind}"),
        chart.line(x(step.high), y - 5.0, x(step.high), y + 5.0, f"whisker {kind}"),
        chart.dot(dot_x, y, 6.0, kind, tip),
        chart.text(dot_x, y - 11.0, percent(step.false_call_rate), "value", "middle"),
    ]


def training_curves(
    history: Sequence[Mapping[str, object]], best_step: int | None
) -> list[tuple[str, str]]:
    """One small curve per numeric entry of the history with its column name, quality first.

    Values that are not finite are left out of the curve; an entry without two finite values has
    none.
    """
    names = {name: None for record in history for name in record if name != "step"}
    first = ("validation_psnr_db", "perplexity", "used_codes")
    ordered = [n for n in first if n in names] + [n for n in names if n not in first]
    curves = []
    for name in ordered:
        points = _points(history, name)
        if len(points) >= 2:
            curves.append((name, _curve(name, points, best_step)))
    return curves


def _points(history: Sequence[Mapping[str, object]], name: str) -> list[tuple[float, float]]:
    points = []
    for index, record in enumerate(history):
        step, value = record.get("step", index), record.get(name)
        if not isinstance(value, int | float) or not isinstance(step, int | float):
            continue
        if math.isfinite(value):
            points.append((float(step), float(value)))
    return points


def _curve(name: str, points: list[tuple[float, float]], best_step: int | None) -> str:
    width, height, left, right, top, bottom = 330.0, 168.0, 44.0, 58.0, 12.0, 26.0
    values = [value for _, value in points]
    x = chart.Scale(points[0][0], points[-1][0], left, width - right)
    y = chart.Scale(min(values), max(values), height - bottom, top)
    last_x, last_y = x(points[-1][0]), y(values[-1])
    marks = [
        chart.line(left, height - bottom, width - right, height - bottom, "axis"),
        *(chart.line(left, y(tick), width - right, y(tick), "grid") for tick in y.ticks(3)),
        *(chart.text(left - 6.0, y(t) + 4.0, f"{t:g}", "small", "end") for t in y.ticks(3)),
        chart.polyline([(x(step), y(value)) for step, value in points], "curve"),
        chart.dot(last_x, last_y, 3.0, "curve-end", f"step {points[-1][0]:g}"),
        chart.text(last_x + 7.0, last_y + 4.0, f"{values[-1]:.4g}", "value"),
        chart.text(left, height - 8.0, f"step {points[0][0]:,.0f}", "small"),
        chart.text(width - right, height - 8.0, f"{points[-1][0]:,.0f}", "small", "end"),
    ]
    if best_step is not None and points[0][0] <= best_step <= points[-1][0]:
        marks.append(chart.line(x(best_step), top, x(best_step), height - bottom, "best"))
    ends = f"from {values[0]:.4g} to {values[-1]:.4g} over {len(points)} records"
    return chart.figure(f"curve-{name}", width, height, f"{name}: {ends}", marks)


def score_distribution_png(
    scored: ScoredImages, threshold: float, title: str = "Development, out-of-fold"
) -> bytes:
    """PNG of at most 40 kB: histograms, a needle per image, the threshold as a line.

    Images without a finite score are counted under the axis, since they have no place on it.
    """
    canvas = Figure(figsize=(7.2, 2.9), dpi=90, layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots()
    axis = score_axis(scored.scores_N, threshold)
    lost = int((~np.isfinite(scored.scores_N)).sum())
    _draw_histograms(axes, scored, axis)
    axes.set_title(title, loc="left", fontsize=9)
    flagged = f"; {lost} without a score: flagged" if lost else ""
    axes.set_xlabel(axis.name + flagged, fontsize=8)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    small = io.BytesIO()
    with Image.open(buffer) as bitmap:
        bitmap.convert("RGB").quantize(64).save(small, format="PNG", optimize=True)
    return small.getvalue()


def _draw_histograms(axes: Axes, scored: ScoredImages, axis: ScoreAxis) -> None:
    classes = (
        (scored.normal, "normal", _NORMAL_COLOUR, -0.05),
        (scored.abnormal, "abnormal", _ABNORMAL_COLOUR, -0.11),
    )
    for scores_N, name, colour, depth in classes:
        places_N = axis.places(scores_N[np.isfinite(scores_N)])
        label = f"{name} ({len(scores_N)})"
        axes.hist(places_N, bins=list(axis.edges), color=colour, alpha=0.55, label=label)
        depths_N = np.full(len(places_N), depth)
        (marks,) = axes.plot(places_N, depths_N, "|", color=colour, markersize=6.0)
        marks.set(transform=axes.get_xaxis_transform(), clip_on=False, markeredgewidth=0.6)
    if math.isfinite(axis.threshold):
        words = f"ZFN threshold {number(axis.threshold)}"
        axes.axvline(axis.threshold_at, color="#1c242c", linewidth=1.2, label=words)
    ticks = axis.ticks(8)
    axes.set_xticks([place for place, _ in ticks], [words for _, words in ticks])
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", pad=19, labelsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylabel("images", fontsize=8)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0))
