"""The light of a line: green, yellow or red, and why, in words.

Red: boards provably lie outside the certified range more often than the certified period allows and the
line tolerates. Yellow: something is measurably different, or cannot be watched; unknown is never green.

All quantities together keep the promised level: each has an equal share of it (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.drift.boards import Board
from tasks.drift.evidence import (
    CertifiedRange,
    Course,
    certified_range,
    certified_share,
    too_often,
    unlike,
)
from tasks.drift.period import CertifiedPeriod
from tasks.drift.quantities import FLAGS, QUANTITIES, Quantity
from tasks.drift.settings import DriftSettings
from tasks.drift.wording import (
    changed,
    flags_alike,
    ordinary,
    shifted,
    too_early,
    too_few,
    too_many_flags,
)
from tasks.vocabulary.arrays import BoolArray, Float64Array

Colour = Literal["green", "yellow", "red"]
_RANK: dict[Colour, int] = {"green": 0, "yellow": 1, "red": 2}
_SEED = 0
# Measured: where every board lies outside, the light turns red after 12 to 17 of them.
FEWEST_BOARDS = 20
# Where this share of boards may lie outside, next to nothing could turn the light red.
_WATCHES_NOTHING = 0.8


@dataclass(frozen=True)
class Finding:
    """What was found of one quantity; `board` and `at` are of the first alarm, None and "" without."""

    quantity: str
    colour: Colour
    sentence: str
    board: int | None = None
    at: str = ""


@dataclass(frozen=True, eq=False)
class Watched:
    """One quantity as it is drawn: boards by number, values, the certified range, the first red board.

    For the share of flagged boards, values are 0 or 1 and the range ends at the share that is ordinary.
    """

    quantity: Quantity
    numbers_N: Float64Array
    values_N: Float64Array
    certified: CertifiedRange | None
    red: Course
    yellow: Course | None


@dataclass(frozen=True, eq=False)
class Light:
    """The colour of a line, with all findings, the worst first, and what they were read from."""

    colour: Colour
    findings: tuple[Finding, ...]
    watched: tuple[Watched, ...]
    boards: int
    level: float

    @property
    def reason(self) -> str:
        """What is worst, in one sentence."""
        return self.findings[0].sentence

    @property
    def first_red(self) -> Finding | None:
        """The red finding that came first; None where nothing is red."""
        red = [found for found in self.findings if found.colour == "red"]
        return min(red, key=lambda found: found.board or 0, default=None)


def judge(
    period: CertifiedPeriod,
    boards: Sequence[Board],
    settings: DriftSettings,
    remarks: Sequence[str] = (),
) -> Light:
    """Judge a stream of boards, in the order of their inspection; `remarks` of others are yellow."""
    quantities = [one for one in QUANTITIES if one.name in period.values]
    tests = len(quantities) + 1
    pairs = [_values(one, period, boards, settings, tests) for one in quantities]
    pairs.append(_flags(period, boards, settings, tests))
    findings = [found for found, _ in pairs] + [Finding("", "yellow", said) for said in remarks]
    if len(boards) < FEWEST_BOARDS:
        findings.append(Finding("", "yellow", too_early(len(boards), FEWEST_BOARDS)))
    # What was found at a board comes before what could not be watched.
    findings.sort(key=lambda f: (-_RANK[f.colour], f.board is None, f.board or 0))
    watched = tuple(shown for _, shown in pairs if shown is not None)
    return Light(findings[0].colour, tuple(findings), watched, len(boards), settings.level)


def unknown(reason: str, boards: int, level: float) -> Light:
    """Yellow, because there is nothing to compare with."""
    return Light("yellow", (Finding("", "yellow", reason),), (), boards, level)


def _values(
    quantity: Quantity,
    period: CertifiedPeriod,
    boards: Sequence[Board],
    settings: DriftSettings,
    tests: int,
) -> tuple[Finding, Watched | None]:
    known = [board for board in boards if _is_watched(board, quantity)]
    values_N = np.array([board.values[quantity.name] for board in known], np.float64)
    certified_R = np.array(period.values[quantity.name], np.float64)
    level, warning = settings.level / tests, settings.warning_level / tests
    allowed = certified_range(
        certified_R, settings.range_share, level / 2, low_counts=quantity.low_counts
    )
    most = allowed.most_outside + settings.tolerance
    if most >= _WATCHES_NOTHING:
        return Finding(quantity.name, "yellow", too_few(quantity, len(certified_R))), None
    outside_N = allowed.outside(values_N)
    restart = settings.restart_boards
    red = too_often(outside_N, most, level / 2, restart)
    yellow = unlike(certified_R, values_N, warning, restart, _SEED)
    numbers_N = np.array([board.number for board in known], np.float64)
    shown = Watched(quantity, numbers_N, values_N, allowed, red, yellow)
    if red.first is not None:
        window = _window(red.first, restart)
        said = shifted(
            quantity,
            allowed,
            settings.tolerance,
            len(certified_R),
            known[window],
            _where(values_N[window], allowed),
        )
        return _alarm("red", quantity, said, known[red.first]), shown
    if yellow.first is not None:
        said = changed(quantity, known[yellow.first], len(certified_R), most)
        return _alarm("yellow", quantity, said, known[yellow.first]), shown
    said = ordinary(quantity, len(known), int(outside_N.sum()), len(certified_R))
    # Of few boards it is said once that they are few.
    unseen = not known and len(boards) >= FEWEST_BOARDS
    return Finding(quantity.name, "yellow" if unseen else "green", said), shown


def _flags(
    period: CertifiedPeriod, boards: Sequence[Board], settings: DriftSettings, tests: int
) -> tuple[Finding, Watched | None]:
    level = settings.level / tests
    good = certified_share(period.flagged, period.good, level / 2)
    most = good + (1.0 - good) * settings.defective_share
    counts = (period.flagged, period.good)
    if most >= _WATCHES_NOTHING:
        return Finding(FLAGS.name, "yellow", too_few(FLAGS, period.good)), None
    flagged_N: BoolArray = np.array([board.flagged for board in boards], np.bool_)
    red = too_often(flagged_N, most, level / 2, settings.restart_boards)
    numbers_N = np.array([board.number for board in boards], np.float64)
    allowed = CertifiedRange(-np.inf, most, most)
    shown = Watched(FLAGS, numbers_N, flagged_N.astype(np.float64), allowed, red, None)
    if red.first is None:
        said = flags_alike(int(flagged_N.sum()), len(boards), *counts, most)
        return Finding(FLAGS.name, "green", said), shown
    window = boards[_window(red.first, settings.restart_boards)]
    said = too_many_flags(window, *counts, most)
    return _alarm("red", FLAGS, said, boards[red.first]), shown


def _is_watched(board: Board, quantity: Quantity) -> bool:
    value = board.values.get(quantity.name)
    if value is None or not np.isfinite(value):
        return False
    return not (quantity.accepted_only and board.flagged)


def _window(first: int, restart: int) -> slice:
    """Rows that the alarm was read from."""
    return slice(first - first % restart, first + 1)


def _where(values_N: Float64Array, allowed: CertifiedRange) -> list[str]:
    """'below' or 'above' the certified range, '' within."""
    return [
        "below" if value < allowed.low else "above" if out else ""
        for value, out in zip(values_N, allowed.outside(values_N), strict=True)
    ]


def _alarm(colour: Colour, quantity: Quantity, said: str, board: Board) -> Finding:
    return Finding(quantity.name, colour, said, board.number, board.at)
