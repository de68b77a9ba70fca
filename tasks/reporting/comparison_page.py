"""A comparison with rivals as one HTML page: who is ahead, by how much, at what cost; no other file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.reporting import wording
from tasks.reporting.pages import style, template

_STYLES = ("report.css", "certificate.css", "comparison.css")


@dataclass(frozen=True)
class ComparisonContent:
    """The figures as JSON has them, and the paired standing of every method by name.

    `standings` are 'ahead', 'level' or 'behind' of the composite, '' for the composite itself.
    """

    title: str
    created_at: str
    figures: Mapping[str, Any]
    standings: Mapping[str, str]


@dataclass(frozen=True)
class Whisker:
    """A figure with its limits as shares in percent of the width that it is drawn on."""

    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Axis:
    """What one column of whiskers is drawn on; `zero` is where no difference lies, in percent."""

    least: float
    most: float
    zero: float | None = None

    def place(self, value: float) -> float:
        """Percent of the width, within the axis."""
        share = (value - self.least) / (self.most - self.least)
        return round(100.0 * min(max(share, 0.0), 1.0), 2)

    def whisker(self, value: float, low: float, high: float) -> Whisker:
        """Put a figure and its limits on the axis."""
        return Whisker(self.place(value), self.place(low), self.place(high))


def render_comparison(content: ComparisonContent) -> str:
    """One self-contained page in the style of the reports; every text of the content is escaped."""
    methods = content.figures["methods"]
    ours, *rivals = methods
    return template("comparison.html.j2").render(
        content=content,
        figures=content.figures,
        methods=methods,
        ours=ours,
        best=max(rivals, key=lambda one: one["auroc"], default=None),
        counts={name: list(content.standings.values()).count(name) for name in _WORDS},
        words=_WORDS,
        tones=_TONES,
        verdict=_verdict(content),
        auroc=axis_of(methods, "auroc"),
        paired=paired_axis(rivals),
        say=wording,
        style=style(*_STYLES),
    )


_WORDS = {"behind": "behind", "level": "level", "ahead": "ahead"}
_TONES = {"behind": "good", "level": "neutral", "ahead": "bad", "": "neutral"}


def _verdict(content: ComparisonContent) -> tuple[str, str]:
    """Tone and sentence: what a plant wants to know first. Names may hold commas."""
    ours = content.figures["methods"][0]
    subject = ours["name"] if "system" in ours else "The composite"
    ahead = [name for name, where in content.standings.items() if where == "ahead"]
    level = [name for name, where in content.standings.items() if where == "level"]
    if ahead:
        return "bad", f"{subject} is beaten by {'; '.join(ahead)}."
    if level:
        return "neutral", f"No rival is ahead; not told apart: {'; '.join(level)}."
    return "good", f"{subject} is ahead of every rival, each interval without 0."


def axis_of(methods: Iterable[Mapping[str, Any]], name: str) -> Axis:
    """An axis that holds all limits, to whole twentieths; it has a width even where all are 1."""
    found = list(methods)
    least = min(0.95, *(one[f"{name}_low"] for one in found))
    return Axis(max(0.0, int(least * 20) / 20), 1.0)


def paired_axis(rivals: Iterable[Mapping[str, Any]]) -> Axis:
    """An axis that holds all differences and 0."""
    spans = [one["paired"] for one in rivals]
    least = min([0.0, *(span["low"] for span in spans)])
    most = max([0.0, *(span["high"] for span in spans)])
    room = 0.05 * (most - least) or 0.01
    axis = Axis(least - room, most + room)
    return Axis(axis.least, axis.most, axis.place(0.0))
