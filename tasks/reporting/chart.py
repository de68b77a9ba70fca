"""Scales and marks of a chart as inline SVG: text stays text, the page gives the colours.

Hand-written rather than drawn by matplotlib, so that one file follows the reader's light or dark
theme, its texts can be searched, and a bar can carry its own tooltip. Lengths are in SVG user units
(px at full size).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Scale:
    """Maps values `low..high` to lengths `start..end`; values outside land at the nearer end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Length of one value."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """About that many round values inside the scale."""
        span = self.high - self.low
        if span <= 0.0:
            return [self.low]
        rough = span / about
        magnitude = 10.0 ** math.floor(math.log10(rough))
        step = next(s * magnitude for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * magnitude >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a place; `anchor` is start, middle or end."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Draw a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, kind: str, tip: str = "") -> str:
    """Draw a filled rectangle, with a tooltip where `tip` says something."""
    inside = f"<title>{escape(tip)}</title>" if tip else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" '
        f'height="{max(height, 0.0):.1f}" class="{kind}">{inside}</rect>'
    )


def dot(x: float, y: float, radius: float, kind: str, tip: str = "") -> str:
    """Draw a filled circle, with a tooltip where `tip` says something."""
    inside = f"<title>{escape(tip)}</title>" if tip else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="{kind}">{inside}</circle>'


def needles(xs: Iterable[float], y: float, height: float, kind: str) -> str:
    """Draw one thin upright line per value, as a single path: thousands of images stay small."""
    path = "".join(f"M{x:.1f} {y:.1f}v{height:.1f}" for x in xs)
    return f'<path d="{path}" class="{kind}"/>' if path else ""


def polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    """Draw an open line through the points."""
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="{kind}"/>'


def figure(name: str, width: float, height: float, title: str, marks: Iterable[str]) -> str:
    """Join marks to one SVG that screen readers call `title`; `name` is unique in the page."""
    return (
        f'<svg id="{escape(name)}" class="chart" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}" preserveAspectRatio="xMinYMin meet">{"".join(marks)}</svg>'
    )
