"""The axis that all figures of scores share: where a score stands, its bins, its tick labels.

Most composite scores are probabilities in heaps at 0 and 1, with a ZFN threshold of perhaps 1e-5: a
linear axis would hide all that matters in its two end pixels. Probabilities therefore stand at
their log-odds, labelled in per cent; any other score stands on a linear axis.

Legend: N images. A place is a coordinate on the axis: log10(p / (1 - p)), or the score itself.
Levels number the ticks of probabilities: ... -2 is 1 %, -1 is 10 %, 0 is 50 %, 1 is 90 %, 2 is 99 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.reporting import chart
from tasks.reporting.wording import MINUS, NO_BREAK, number, probability

Scores = NDArray[np.float64]

_BINS = 60
_FINEST = 6  # scores within 1e-6 of 0 or 1 stand at the end, unless the threshold lies there too
_LIMIT = 16  # doubles end at 1 - 1e-16
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, eq=False)
class ScoreAxis:
    """Bins from `edges[0]` to `edges[-1]`, one of whose edges is the threshold's own place.

    `levels` are the outermost ticks of a log-odds axis, None on a linear one; `beyond` says whether
    any score lies under the first or above the last of them.
    """

    threshold: float
    threshold_at: float
    edges: Scores
    levels: tuple[int, int] | None
    beyond: tuple[bool, bool]

    def places(self, scores_N: NDArray[np.floating[Any]]) -> Scores:
        """Places of finite scores, inside the edges and always on their own side of the threshold.

        The side is enforced, because a clamped or rounded place may not change a verdict.
        """
        scores_N = np.asarray(scores_N, dtype=np.float64)
        at_N = scores_N
        if self.levels is not None:
            ends = (_log_odds_of_level(self.levels[0]), _log_odds_of_level(self.levels[1]))
            at_N = np.clip(_log_odds(scores_N), *ends)
        at_N = np.clip(at_N, self.edges[0], self.edges[-1])
        just_below = np.nextafter(self.threshold_at, -math.inf)
        passes_N = scores_N < self.threshold
        placed: Scores = np.where(
            passes_N, np.minimum(at_N, just_below), np.maximum(at_N, self.threshold_at)
        )
        return placed

    def counts(self, scores_N: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Number of finite scores in every bin."""
        finite_N = scores_N[np.isfinite(scores_N)]
        return np.histogram(self.places(finite_N), bins=self.edges)[0].astype(np.int64)

    def is_flagged_bin(self, index: int) -> bool:
        """Whether the scores of this bin lie at or above the threshold."""
        return bool(self.edges[index] >= self.threshold_at)

    def bin_words(self, index: int) -> str:
        """Say the scores of a bin; the outermost reach to 0 and 1 where scores are clamped."""
        low, high = float(self.edges[index]), float(self.edges[index + 1])
        if self.levels is not None:
            low = 0.0 if index == 0 and self.beyond[0] else 1.0 / (1.0 + 10.0**-low)
            last = index == len(self.edges) - 2
            high = 1.0 if last and self.beyond[1] else 1.0 / (1.0 + 10.0**-high)
        return f"score {number(low)} to {number(high)}"

    def ticks(self, about: int) -> list[tuple[float, str]]:
        """About that many places with their labels; both ends of a log-odds axis are among them."""
        if self.levels is None:
            scale = chart.Scale(float(self.edges[0]), float(self.edges[-1]), 0.0, 1.0)
            return [(tick, f"{tick:g}") for tick in scale.ticks(about)]
        low, high = self.levels
        stride = max(1, math.ceil((high - low) / about))
        inner = [
            k for k in range(low + stride, high - stride + 1) if k % stride == 0 or stride == 1
        ]
        marks = {low: "≤" + NO_BREAK if self.beyond[0] else ""}
        marks |= dict.fromkeys(inner, "") | {high: "≥" + NO_BREAK if self.beyond[1] else ""}
        return [(_log_odds_of_level(k), mark + _level_words(k)) for k, mark in marks.items()]

    @property
    def name(self) -> str:
        """What stands under the axis."""
        kind = ", as a probability on a log-odds axis" if self.levels is not None else ""
        return f"composite score{kind}"

    @property
    def threshold_words(self) -> str:
        """Give the threshold as everywhere else and, on a log-odds axis, as the axis has it."""
        words = f"ZFN threshold {number(self.threshold)}"
        if self.levels is None or not 0.0 < self.threshold < 1.0:
            return words
        return f"{words} = {probability(self.threshold)}"

    @property
    def explanation(self) -> str:
        """Explain the axis in one sentence; a linear one needs none."""
        if self.levels is None:
            return ""
        ends = ", and scores beyond an end stand at that end, marked ≤ or ≥"
        return (
            f"The axis is stretched towards both ends (log-odds): 0.1{NO_BREAK}% to 1{NO_BREAK}% "
            f"takes as much room as 99{NO_BREAK}% to 99.9{NO_BREAK}%"
            f"{ends if any(self.beyond) else ''}."
        )


def score_axis(scores_N: NDArray[np.floating[Any]], threshold: float) -> ScoreAxis:
    """Choose the axis of all these scores: log-odds if every finite one lies in [0, 1]."""
    scores_N = np.asarray(scores_N, dtype=np.float64)
    finite_N = scores_N[np.isfinite(scores_N)]
    if not ((finite_N >= 0.0) & (finite_N <= 1.0)).all():
        return _linear(finite_N, threshold)
    levels = _levels(finite_N, threshold)
    low, high = _log_odds_of_level(levels[0]), _log_odds_of_level(levels[1])
    at_N = _log_odds(finite_N)
    beyond = (bool((at_N < low).any()), bool((at_N > high).any()))
    if not math.isfinite(threshold):
        return _binned(low, high, threshold, threshold, levels, beyond)
    place = float(np.clip(_log_odds(np.clip([threshold], 0.0, 1.0))[0], low, high))
    return _binned(low, high, threshold, place, levels, beyond)


def _linear(finite_N: Scores, threshold: float) -> ScoreAxis:
    values_N = np.append(finite_N, threshold) if math.isfinite(threshold) else finite_N
    low, high = float(values_N.min()), float(values_N.max())
    # Bins narrower than neighbouring floats are apart would have no width.
    if (high - low) / _BINS < 4.0 * float(np.spacing(max(abs(low), abs(high)))):
        margin = max(0.5, abs(low) * 1e-6)
        low, high = low - margin, high + margin
    return _binned(low, high, threshold, threshold, None, (False, False))


def _binned(
    low: float,
    high: float,
    threshold: float,
    place: float,
    levels: tuple[int, int] | None,
    beyond: tuple[bool, bool],
) -> ScoreAxis:
    """Lay bins from `low` to `high` so that an edge is the threshold, with a bin on either side.

    An infinite threshold stands at the end behind which nothing, or everything, is flagged.
    """
    step = (high - low) / _BINS
    if not math.isfinite(place):
        edges = np.linspace(low, high, _BINS + 1)
        at = float(edges[-1] if place > 0.0 else edges[0])
        return ScoreAxis(threshold, at, edges, levels, beyond)
    first = min(math.floor((low - place) / step + 1e-9), -1)
    last = max(math.ceil((high - place) / step - 1e-9), 1)
    edges = place + step * np.arange(first, last + 1, dtype=np.float64)
    return ScoreAxis(threshold, place, edges, levels, beyond)


def _levels(finite_N: Scores, threshold: float) -> tuple[int, int]:
    """Outermost ticks: around all scores not finer than 1e-6, always 10 % to 90 %, and beyond.

    Scores of exactly 0 and 1 get one more tick, so that they do not touch their neighbours; the
    threshold lies inside by at least a factor of two in odds.
    """
    inside_N = finite_N[(finite_N > 0.0) & (finite_N < 1.0)]
    low = min(-1, _level_below(float(inside_N.min(initial=0.5))))
    high = max(1, -_level_below(1.0 - float(inside_N.max(initial=0.5))))
    low, high = max(low, -_FINEST), min(high, _FINEST)
    low -= bool((finite_N == 0.0).any()) and low > -_FINEST
    high += bool((finite_N == 1.0).any()) and high < _FINEST
    if 0.0 < threshold < 1.0:
        low = min(low, _level_below(threshold / 2.0))
        high = max(high, -_level_below((1.0 - threshold) / 2.0))
    return low, high


def _level_below(p: float) -> int:
    """Highest level whose probability is at most `p`."""
    p = min(max(p, 1e-300), 1.0 - 10.0**-_LIMIT)
    if p < 0.5:
        return math.floor(math.log10(p) + 1e-9)
    return max(0, math.floor(-math.log10(1.0 - p) + 1e-9))


def _log_odds(scores_N: NDArray[np.floating[Any]]) -> Scores:
    with np.errstate(divide="ignore"):  # 0 and 1 are infinitely far and are clamped by the caller
        odds: Scores = np.log10(scores_N) - np.log1p(-scores_N) / math.log(10.0)
    return odds


def _log_odds_of_level(level: int) -> float:
    """Place of a tick, symmetric where 1 - p would lose all its digits."""
    if level == 0:
        return 0.0
    p = 10.0 ** -abs(level)
    return math.copysign(math.log10(p) - math.log1p(-p) / math.log(10.0), level)


def _level_words(level: int) -> str:
    """-3 as '0.1 %', 0 as '50 %', 3 as '99.9 %', -8 as '10⁻⁶ %'."""
    if level == 0:
        return f"50{NO_BREAK}%"
    exponent = 2 - abs(level)
    if exponent < 2 - _FINEST:
        far = f"10{str(exponent).translate(_SUPERSCRIPTS)}{NO_BREAK}%"
        return far if level < 0 else f"100{NO_BREAK}%{NO_BREAK}{MINUS}{NO_BREAK}{far}"
    share = 10.0**exponent
    return f"{share if level < 0 else 100.0 - share:.{max(0, -exponent)}f}{NO_BREAK}%"
