"""The two drawings of an escape certificate: both distributions, and a rate with its interval.

Legend: U units (boards or parts).
"""

from __future__ import annotations

import numpy as np

from tasks.reporting import chart
from tasks.reporting.certificate_content import CertificateContent
from tasks.reporting.score_axis import ScoreAxis, score_axis
from tasks.reporting.wording import number
from tasks.vocabulary.arrays import Float64Array

_WIDTH, _LEFT, _RIGHT = 1000.0, 150.0, 70.0
_HALF, _RUG = 84.0, 13.0
_NEEDLES_AT_MOST = 2000  # beyond, needles are a grey bar and the page grows by megabytes
_TICKS = 9


def distributions(content: CertificateContent) -> str:
    """Histograms of defects (up) and good boards (down) over the score, the threshold across both.

    Each class has its own height scale, since a hundred defects would not be seen beside a million
    good boards. The flagged side is always the right one: where lower scores are worse the axis
    falls. Units without a score stand right of the axis.
    """
    axis = score_axis(np.concatenate((content.normal_U, content.abnormal_U)), content.threshold)
    scale = chart.Scale(float(axis.edges[0]), float(axis.edges[-1]), _LEFT, _WIDTH - _RIGHT)
    middle = 34.0 + _HALF + _RUG
    bottom = middle + _HALF + _RUG + 6.0
    x = scale(axis.threshold_at)
    marks = [
        chart.box(x, 22.0, _WIDTH - _RIGHT + 34.0 - x, bottom - 22.0, "zone"),
        *_class(content.abnormal_U, ("abnormal", "defective"), middle, -1.0, axis, scale),
        *_class(content.normal_U, ("normal", "good"), middle, 1.0, axis, scale),
        chart.line(_LEFT, middle, _WIDTH - _RIGHT, middle, "rule"),
        chart.line(x, 8.0, x, bottom, "threshold"),
        *_threshold_words(content, x),
        *_axis(content, axis, bottom, scale),
    ]
    said = (
        f"Distribution of {content.score_name} for defective and good boards, threshold "
        f"{_own(content, content.threshold)}; everything to its right is flagged."
    )
    return chart.figure("scores", _WIDTH, bottom + 48.0, said, marks)


def whisker(low: float, rate: float, high: float, widest: float) -> str:
    """Draw one rate with its interval on a scale from 0 to `widest`, as wide as its cell."""
    x = chart.Scale(0.0, max(widest, 1e-9), 6.0, 254.0)
    marks = [
        chart.line(x(0.0), 20.0, x(max(widest, 1e-9)), 20.0, "grid"),
        chart.line(x(low), 11.0, x(high), 11.0, "whisker chosen"),
        chart.line(x(low), 6.0, x(low), 16.0, "whisker chosen"),
        chart.line(x(high), 6.0, x(high), 16.0, "whisker chosen"),
        chart.dot(x(rate), 11.0, 5.0, "chosen"),
    ]
    said = f"{100 * rate:.1f} %, between {100 * low:.1f} and {100 * high:.1f} %"
    return chart.figure("", 260.0, 22.0, said, marks).replace('id="" ', "")


def _class(
    scores_U: Float64Array,
    words: tuple[str, str],
    middle: float,
    sign: float,
    axis: ScoreAxis,
    scale: chart.Scale,
) -> list[str]:
    kind, called = words
    finite_U = scores_U[np.isfinite(scores_U)]
    base = middle + sign * _RUG
    side = middle + sign * (_RUG + _HALF / 2.0)
    marks = [
        *_bars(axis.counts(finite_U), kind, called, base, sign, axis, scale),
        chart.text(0.0, side, f"{scores_U.size:,} {called}", f"label {kind}"),
    ]
    if finite_U.size <= _NEEDLES_AT_MOST:
        xs = [scale(float(place)) for place in axis.places(finite_U)]
        top = base + 1.0 if sign < 0.0 else middle + 2.0
        marks.append(chart.needles(xs, top, _RUG - 3.0, f"needle {kind}"))
    if kind == "abnormal":
        missed = [float(p) for p in axis.places(finite_U[finite_U < axis.threshold])]
        marks += [chart.dot(scale(p), base + 6.0, 4.5, "escape", "missed") for p in missed[:200]]
    if lost := scores_U.size - finite_U.size:
        marks.append(chart.text(_WIDTH, side, f"{lost:,} no score", "small", "end"))
    return marks


def _bars(
    counts: np.ndarray,
    kind: str,
    called: str,
    base: float,
    sign: float,
    axis: ScoreAxis,
    scale: chart.Scale,
) -> list[str]:
    tallest = max(1, int(counts.max(initial=0)))
    height = chart.Scale(0.0, float(tallest), 0.0, _HALF)
    marks = []
    for index in map(int, np.flatnonzero(counts)):
        left, right = scale(float(axis.edges[index])), scale(float(axis.edges[index + 1]))
        tall = max(height(float(counts[index])), 1.2)
        y = base if sign > 0.0 else base - tall
        shade = f"{kind} flagged" if axis.is_flagged_bin(index) else kind
        tip = f"{counts[index]:,} {called}"
        marks.append(chart.box(left + 0.5, y, right - left - 1.0, tall, shade, tip))
    end = base + sign * _HALF + (4.0 if sign > 0.0 else 9.0)
    marks.append(chart.text(_LEFT - 8.0, end, f"{tallest:,}", "small", "end"))
    return marks


def _threshold_words(content: CertificateContent, x: float) -> list[str]:
    words = f"threshold {_own(content, content.threshold)}"
    if x > _WIDTH - 330.0:
        return [chart.text(x - 8.0, 17.0, f"{words}, flagged →", "strong", "end")]
    passes = [] if x < 260.0 else [chart.text(x - 8.0, 17.0, "← passes", "small", "end")]
    return [*passes, chart.text(x + 8.0, 17.0, f"{words}, flagged →", "strong")]


def _axis(
    content: CertificateContent, axis: ScoreAxis, bottom: float, scale: chart.Scale
) -> list[str]:
    marks = [chart.line(_LEFT, bottom, _WIDTH - _RIGHT, bottom, "axis")]
    ticks = [
        (place, words if axis.levels is not None else f"{content.sign * place + 0.0:g}")
        for place, words in axis.ticks(_TICKS)
    ]
    for place, words in ticks:
        x = scale(place)
        marks.append(chart.line(x, bottom, x, bottom + 5.0, "axis"))
        marks.append(chart.text(x, bottom + 19.0, words, "small", "middle"))
    kind = (
        ", as a probability, stretched towards both ends (log-odds)"
        if axis.levels is not None
        else " (falls to the right: lower is worse)"
        if content.sign < 0.0
        else ""
    )
    name = f"{content.score_name}{kind}"
    return [
        *marks,
        chart.text((_LEFT + _WIDTH - _RIGHT) / 2, bottom + 39.0, name, "small", "middle"),
    ]


def _own(content: CertificateContent, score: float) -> str:
    return number(content.sign * score + 0.0)
