"""The watched quantities over the inspected boards, with the certified range and the first alarms."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tasks.drift.evidence import CertifiedRange, Course
from tasks.drift.light import Watched
from tasks.drift.quantities import FLAGS
from tasks.vocabulary.arrays import Float64Array

_INK, _PLAIN, _BAD, _WARN, _BAND = "#1c242c", "#2a6fb0", "#b3261e", "#c98a00", "#d7e8d4"
# More dots than this are no longer seen one by one, and the file grows.
_MOST_DOTS = 3000


def drift_png(watched: Sequence[Watched]) -> bytes:
    """PNG: one strip a quantity; green band: certified range, red dots: outside, lines: first alarms."""
    watched = [one for one in watched if len(one.numbers_N)]
    rows = max(1, len(watched))
    canvas = Figure(figsize=(7.2, 0.5 + 1.2 * rows), dpi=90, layout="constrained")
    FigureCanvasAgg(canvas)
    strips = canvas.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for axes, one in zip(strips, watched, strict=False):
        _draw(axes, one)
    if not watched:
        strips[0].set_axis_off()
        strips[0].text(0.5, 0.5, "nothing to show yet", ha="center", va="center", fontsize=9)
    strips[-1].set_xlabel("inspected board, in the order of inspection", fontsize=8)
    return _small_png(canvas)


def _draw(axes: Axes, one: Watched) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.01)
    unit = f" ({one.quantity.unit})" if one.quantity.unit else ""
    axes.set_title(f"{one.quantity.words}{unit}", fontsize=8.5, loc="left", color=_INK, pad=3)
    if one.quantity.name == FLAGS.name:
        _draw_share(axes, one)
    elif one.certified is not None:
        _draw_values(axes, one, one.certified)
    _mark(axes, one.numbers_N, one.yellow, _WARN, "different")
    _mark(axes, one.numbers_N, one.red, _BAD, "red")


def _draw_values(axes: Axes, one: Watched, certified: CertifiedRange) -> None:
    every = max(1, -(-len(one.values_N) // _MOST_DOTS))
    numbers_N, values_N = one.numbers_N[::every], one.values_N[::every]
    outside_N = certified.outside(values_N)
    for chosen_N, colour in ((~outside_N, _PLAIN), (outside_N, _BAD)):
        axes.plot(numbers_N[chosen_N], values_N[chosen_N], ".", markersize=3, color=colour)
    low, high = axes.get_ylim()
    low = min(low, certified.low) if np.isfinite(certified.low) else low
    high = max(high, certified.high)
    margin = 0.06 * (high - low or 1.0)
    axes.set_ylim(low - margin, high + margin)
    bottom = certified.low if np.isfinite(certified.low) else low - margin
    axes.axhspan(bottom, certified.high, color=_BAND, zorder=0)


def _draw_share(axes: Axes, one: Watched) -> None:
    """Share among the boards so far, against the share that is ordinary."""
    shares_N = np.cumsum(one.values_N) / np.arange(1, len(one.values_N) + 1)
    axes.plot(one.numbers_N, shares_N, "-", linewidth=1.2, color=_PLAIN)
    most = one.certified.high if one.certified is not None else 1.0
    axes.axhspan(0.0, most, color=_BAND, zorder=0)
    axes.set_ylim(0.0, min(1.0, 1.15 * max(most, shares_N.max(initial=0.0))))


def _mark(
    axes: Axes, numbers_N: Float64Array, course: Course | None, colour: str, word: str
) -> None:
    if course is None or course.first is None:
        return
    place = float(numbers_N[course.first])
    axes.axvline(place, color=colour, linewidth=1.2, linestyle="--")
    axes.annotate(
        word, (place, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -2),
        textcoords="offset points", va="top", fontsize=8, color=colour,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
    )  # fmt: skip


def _small_png(canvas: Figure) -> bytes:
    buffer, small = io.BytesIO(), io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    with Image.open(buffer) as bitmap:
        bitmap.convert("RGB").quantize(64).save(small, format="PNG", optimize=True)
    return small.getvalue()
