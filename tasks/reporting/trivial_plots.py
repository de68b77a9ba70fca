"""What trivial properties alone separate, as one drawing: a row a property, raw and normalised.

A screening is the JSON object that the screening room writes: the page says nothing that it does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tasks.reporting import chart

_WIDTH, _LEFT, _RIGHT, _ROW = 1000.0, 340.0, 115.0, 27.0
_SHOWN = 8
_TAKEN_OUT = " (brightness and contrast taken out)"


class TrivialRow(NamedTuple):
    """One row of the drawing; each mark is AUROC, low and high, None where it has no answer."""

    words: str
    plain: tuple[float, float, float] | None
    normalised: tuple[float, float, float] | None = None
    is_composite: bool = False

    @property
    def best(self) -> float:
        """The higher of both AUROC."""
        return max(mark[0] for mark in (self.plain, self.normalised) if mark is not None)


def trivial_rows(screening: Mapping[str, Any]) -> tuple[TrivialRow, ...]:
    """The strongest properties, each once even if photograph and board have it, strongest first."""
    answered = {one["name"]: one for one in screening["properties"]}
    partners = {one["normalised"] for one in answered.values()}
    rows: dict[str, TrivialRow] = {}
    for one in answered.values():
        if one["name"] in partners:
            continue  # it is shown beside its raw property
        partner = answered.get(one["normalised"] or "")
        row = TrivialRow(_words(one), _mark(one), None if partner is None else _mark(partner))
        if one["form"] == "normalised":
            row = TrivialRow(_words(one), None, _mark(one))
        kind = one["name"].split(".")[1]
        if kind not in rows or rows[kind].best < row.best:
            rows[kind] = row
    return tuple(sorted(rows.values(), key=lambda row: -row.best)[:_SHOWN])


def together_rows(screening: Mapping[str, Any], composite: float | None) -> tuple[TrivialRow, ...]:
    """All properties of a kind together, out of fold, and the composite score that they are held to."""
    marks = {name: _mark(one) for name, one in screening["together"].items()}
    rows = [
        TrivialRow("all of the pixels", marks.get("raw"), marks.get("normalised")),
        TrivialRow("all of the files", marks.get("file")),
        TrivialRow("all together", marks.get("all")),
    ]
    rows = [row for row in rows if row.plain or row.normalised]
    if composite is not None and math.isfinite(composite):
        mark = (composite, composite, composite)
        rows.append(TrivialRow("for comparison: the score itself", mark, None, True))
    return tuple(rows)


def trivial_chart(screening: Mapping[str, Any], composite: float | None = None) -> str:
    """Draw AUROC from 0.5 to 1: properties alone, then together; the dashed line is the level."""
    alone, together = trivial_rows(screening), together_rows(screening, composite)
    x = chart.Scale(0.5, 1.0, _LEFT, _WIDTH - _RIGHT)
    gap = _ROW / 2.0 if alone and together else 0.0
    bottom = 26.0 + _ROW * (len(alone) + len(together)) + gap
    marks = []
    for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        marks.append(chart.line(x(tick), 20.0, x(tick), bottom, "grid"))
        marks.append(chart.text(x(tick), bottom + 17.0, f"{tick:g}", "small", "middle"))
    level = screening["level"]
    marks.append(chart.line(x(level), 16.0, x(level), bottom, "level"))
    marks.append(chart.text(x(level), 11.0, f"warning from {level:g}", "small", "middle"))
    y = 26.0 + _ROW / 2.0
    for row in alone:
        marks += _drawn(row, y, x)
        y += _ROW
    if gap:
        marks.append(
            chart.line(0.0, y - _ROW / 2.0 + gap / 2.0, _WIDTH, y - _ROW / 2.0 + gap / 2.0, "")
        )
    for row in together:
        marks += _drawn(row, y + gap, x)
        y += _ROW
    axis = "AUROC without direction: 0.5 is chance, 1 tells every defect from every good board"
    marks.append(
        chart.text((_LEFT + _WIDTH - _RIGHT) / 2.0, bottom + 36.0, axis, "small", "middle")
    )
    said = "; ".join(f"{row.words} {row.best:.2f}" for row in (*alone, *together))
    return chart.figure("trivial", _WIDTH, bottom + 44.0, f"AUROC of {said}.", marks)


def _drawn(row: TrivialRow, y: float, x: chart.Scale) -> list[str]:
    kind = "strong" if row.is_composite else "small"
    marks = [chart.text(_LEFT - 14.0, y + 4.5, row.words, kind, "end")]
    both = [
        (row.plain, "composite" if row.is_composite else "chosen"),
        (row.normalised, "hollow"),
    ]
    answers = [(mark, style) for mark, style in both if mark is not None]
    marks += [chart.line(x(low), y, x(high), y, "whisker") for (_, low, high), _ in answers]
    marks += [chart.dot(x(mark[0]), y, 5.0, style, _tip(mark)) for mark, style in answers]
    marks.append(chart.text(_WIDTH - _RIGHT + 12.0, y + 4.5, _two(row), "small"))
    return marks


def _tip(mark: tuple[float, float, float]) -> str:
    value, low, high = mark
    return f"{value:.3f}" + (f", {low:.2f} to {high:.2f}" if high > low else "")


def _two(row: TrivialRow) -> str:
    figures = [f"{mark[0]:.2f}" for mark in (row.plain, row.normalised) if mark is not None]
    return " / ".join(figures)


def _mark(one: Mapping[str, Any]) -> tuple[float, float, float]:
    low, high = one["interval"]
    return one["auroc"], low, high


def _words(one: Mapping[str, Any]) -> str:
    words: str = one["words"].removesuffix(_TAKEN_OUT)
    return words if one["category"] is None else f"{words}: {one['category'][:24]}"


def screening_sentences(screening: Mapping[str, Any]) -> list[str]:
    """What a stand-alone certificate says of its pictures, the period covered and the lots."""
    said = []
    if pictures := screening["pictures"]:
        text = f"{pictures['looked_at']:,} of {pictures['of']:,} pictures looked at"
        if pictures["unreadable"]:
            text += f", {pictures['unreadable']:,} unreadable ({pictures['reasons'][0]})"
        said.append(text)
    if period := screening["period"]:
        said.append(f"period {period['first']} to {period['last']}")
    said += [
        f"{lots['count']:,} {lots['kind']}s, {lots['one_class']:,} of them of one class"
        for lots in screening["lots"]
    ]
    if worst := screening["worst_lot"]:
        said.append(
            f"worst lot {worst['lot']}: {worst['missed']:,} of {worst['n_abnormal']:,} defects missed, "
            f"{worst['false_calls']:,} of {worst['n_normal']:,} good boards flagged"
        )
    return said


def trivial_words(screening: Mapping[str, Any], composite: float | None = None) -> Sequence[str]:
    """What there is to say where nothing is above the level, of groups, and beside the score."""
    said = []
    properties = screening["properties"]
    if not properties:
        said.append("No trivial property has an answer here: none of them varies in both classes.")
    elif not any(one["above"] for one in properties):
        said.append(
            f"No trivial property alone tells the classes apart: the best of {len(properties)} "
            f"reaches {properties[0]['auroc']:.2f} ({properties[0]['words']})."
        )
    if found := screening["together"].get("all"):
        said.append(_together_words(found, composite))
    return [*said, *screening["notes"]]


def _together_words(found: Mapping[str, Any], composite: float | None) -> str:
    said = f"All of them together reach AUROC {found['auroc']:.3f} out of fold"
    if composite is not None and math.isfinite(composite):
        said += f", the score itself {composite:.3f}"
        said += ": it tells no more than they do" if composite <= found["auroc"] else ""
    if found["leak"] is None:
        return f"{said}."
    torn = found["auroc_groups_ignored"]
    return f"{said}. Folds that tear groups apart would make it {torn:.3f} ({found['leak']:+.3f})."
