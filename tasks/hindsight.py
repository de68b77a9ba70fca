"""Two bundles' verdicts on the past, side by side: what changes, by name and in numbers.

Legend: N boards. Verdicts at each bundle's own frozen threshold; a board without a score is flagged.
Good boards count once however many images they have (panel, lot, serial number, near-duplicates): one
flagged image is a false call. Of defects every image counts and is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tasks.archive.groups import components
from tasks.archive.roles import Role
from tasks.backfilling.wanted import Wanted, day_of
from tasks.certification.thresholds import flagged
from tasks.gating.paired import paired_change
from tasks.judging import Opinion
from tasks.past import Judge, Past, PastBoard
from tasks.vocabulary.arrays import BoolArray

# Each limit holds at 97.5 %, both together at 95 %.
_CONFIDENCE = 0.95
_DAYS_SHOWN = 31
_MONTH = len("2026-11")
CERTIFYING = "they certify, and not both bundles were certified: nobody has looked at them yet"
_LEFT_OUT = {
    "gone": "the archive no longer has the file, and the store no image of it",
    "not measured": "a bundle of other code never measured them",
}


@dataclass(frozen=True)
class Pair:
    """One board with both opinions and verdicts; `is_new` where neither bundle was made of it."""

    board: PastBoard
    image_id: str
    champion: Opinion
    challenger: Opinion
    champion_flags: bool
    challenger_flags: bool
    is_new: bool

    @property
    def change(self) -> str:
        """What becomes of the board with the challenger instead of the champion; "" for the same."""
        if self.champion_flags == self.challenger_flags:
            return ""
        kinds = {
            "abnormal": ("escape added", "escape saved"),
            "normal": ("false call saved", "false call added"),
        }
        kind = kinds.get(self.board.label, ("undecided passed", "undecided flagged"))
        return kind[int(self.challenger_flags)]


@dataclass(frozen=True)
class Hindsight:
    """All boards that both can be asked about, and those that they cannot, by reason."""

    pairs: tuple[Pair, ...]
    refused: tuple[tuple[str, str], ...]
    left_out: Counter[str]


def side_by_side(
    past: Past,
    champion: tuple[Judge, Sequence[Opinion]],
    challenger: tuple[Judge, Sequence[Opinion]],
) -> Hindsight:
    """Pair the opinions, board by board; copies of a board and boards nobody can judge are left out."""
    known = {row.image_id for row in past.snapshot.rows}
    learned = champion[0].learned | challenger[0].learned
    certified = champion[0].certified and challenger[0].certified
    first, second = (_flags(*one) for one in (champion, challenger))
    pairs: list[Pair] = []
    refused: list[tuple[str, str]] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    labels = _labels(past.boards, champion[1], challenger[1])
    for board, one, other, *verdicts in zip(
        past.boards, champion[1], challenger[1], first, second, strict=True
    ):
        image_id = one.image_id or other.image_id
        if image_id and (image_id in seen or (not board.image_id and image_id in known)):
            left_out["copies of boards that are counted"] += 1
            continue
        seen.add(image_id)
        if one.answer == other.answer == "refused":
            refused.append((board.name, other.why))
        elif silent := [o.answer for o in (one, other) if not o.is_askable]:
            left_out[_LEFT_OUT[silent[0]]] += 1
        elif board.role == Role.CERTIFICATION and not certified:
            left_out[CERTIFYING] += 1
        else:
            named = replace(board, label=labels.get(image_id, board.label))
            flags = bool(verdicts[0]), bool(verdicts[1])
            pairs.append(Pair(named, image_id, one, other, *flags, image_id not in learned))
    return Hindsight(tuple(pairs), tuple(refused), left_out)


def _labels(
    boards: Sequence[PastBoard], first: Sequence[Opinion], second: Sequence[Opinion]
) -> dict[str, str]:
    """Label of each image that only files tell of; "" where copies of it disagree, or none has any."""
    said: dict[str, set[str]] = {}
    for board, one, other in zip(boards, first, second, strict=True):
        if not board.image_id:
            said.setdefault(one.image_id or other.image_id, set()).add(board.label)
    return {
        image_id: labels.pop() if len(labels := found - {""}) == 1 else ""
        for image_id, found in said.items()
    }


def _flags(judge: Judge, opinions: Sequence[Opinion]) -> BoolArray:
    scores = [np.inf if one.score is None else one.score for one in opinions]
    return flagged(np.array(scores, dtype=np.float64), judge.bundle.threshold)


def figures_of(found: Hindsight, past: Past, wanted: Wanted) -> dict[str, Any]:
    """The comparison as JSON: counts, strata, time, changed verdicts hardest first."""
    labels = Counter(pair.board.label or "unlabelled" for pair in found.pairs)
    return {
        "period": {
            "since": None if wanted.since is None else wanted.since.isoformat(),
            "until": None if wanted.until is None else wanted.until.isoformat(),
            "where": [f"{column}={value}" for column, value in wanted.where],
            "words": wanted.words(),
        },
        "snapshot": past.snapshot.number,
        "boards": {
            "asked": len(past.boards),
            "compared": len(found.pairs),
            **{name: labels[name] for name in ("normal", "abnormal", "undecided", "unlabelled")},
            "without_image": len(found.refused),
            "without_day": past.without_day,
            "certification": sum(p.board.role == Role.CERTIFICATION for p in found.pairs),
        },
        "left_out": [{"why": why, "count": n} for why, n in sorted(found.left_out.items())],
        "strata": [
            _stratum(name, [pair for pair in found.pairs if chosen(pair)])
            for name, chosen in _STRATA.items()
        ],
        "undecided": _counted(
            p for p in found.pairs if p.board.label not in ("normal", "abnormal")
        ),
        "times": _times(found.pairs),
        "changes": _changes(found.pairs),
        "missed_by_both": [_named(pair) for pair in found.pairs if _missed_by_both(pair)],
        "refused": [{"name": name, "why": why} for name, why in found.refused],
    }


_STRATA: dict[str, Callable[[Pair], bool]] = {
    "new": lambda pair: pair.is_new,
    "learned": lambda pair: not pair.is_new,
    "all": lambda _: True,
}


def _stratum(name: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    """False calls with the exact paired limits of what is saved per 1,000 boards, and escapes."""
    good = [pair for pair in pairs if pair.board.label == "normal"]
    unit_N = components([pair.board.groups for pair in good])
    units = int(unit_N.max()) + 1 if good else 0
    verdicts = [p.champion_flags for p in good], [p.challenger_flags for p in good]
    flags = [np.bincount(unit_N[np.array(one, bool)], minlength=units) > 0 for one in verdicts]
    change = paired_change(flags[0], flags[1], 1.0 - (1.0 - _CONFIDENCE) / 2.0)
    defects = [pair for pair in pairs if pair.board.label == "abnormal"]
    return {
        "boards": name,
        "n_normal": change.n,
        "champion_false_calls": change.champion,
        "challenger_false_calls": change.challenger,
        "false_calls_saved": change.champion_only,
        "false_calls_added": change.challenger_only,
        "saved_per_1000": 0.0 - 1000.0 * change.change,
        "saved_per_1000_low": 0.0 - 1000.0 * change.high,
        "saved_per_1000_high": 0.0 - 1000.0 * change.low,
        "confidence": _CONFIDENCE,
        "p": change.p_two_sided,
        "n_abnormal": len(defects),
        "champion_misses": sum(not pair.champion_flags for pair in defects),
        "challenger_misses": sum(not pair.challenger_flags for pair in defects),
        "escapes_saved": sum(pair.change == "escape saved" for pair in defects),
        "escapes_added": sum(pair.change == "escape added" for pair in defects),
    }


def _counted(pairs: Iterable[Pair]) -> dict[str, int]:
    listed = list(pairs)
    return {
        "n": len(listed),
        "champion_flagged": sum(pair.champion_flags for pair in listed),
        "challenger_flagged": sum(pair.challenger_flags for pair in listed),
    }


def _times(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Boards and flags by day, by month where there are many days; boards without one come last."""
    days = {day_of(pair.board.captured_at) for pair in pairs} - {""}
    length = None if len(days) <= _DAYS_SHOWN else _MONTH
    by_time: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_time.setdefault(day_of(pair.board.captured_at)[:length], []).append(pair)
    ordered = sorted(by_time, key=lambda time: (time == "", time))
    return [{"time": time, **_counted(by_time[time])} for time in ordered]


def _changes(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Changed verdicts, the gravest kind first, in each the hardest board first."""
    order = {kind: at for at, kind in enumerate(CHANGES)}
    changed = [pair for pair in pairs if pair.change]
    changed.sort(key=lambda pair: (order[pair.change], _hardness(pair), pair.board.name))
    return [{"change": pair.change, **_named(pair)} for pair in changed]


CHANGES = (
    "escape added",
    "escape saved",
    "false call added",
    "false call saved",
    "undecided passed",
    "undecided flagged",
)


def _hardness(pair: Pair) -> float:
    """Low for the hardest: the defect that scores lowest where it is missed, else the highest score."""
    escape = pair.board.label == "abnormal"
    deciding = pair.champion if pair.challenger_flags == escape else pair.challenger
    score = np.inf if deciding.score is None else deciding.score
    return float(score if escape else -score)


def _missed_by_both(pair: Pair) -> bool:
    is_missed = not pair.champion_flags and not pair.challenger_flags
    return pair.board.label == "abnormal" and is_missed


def _named(pair: Pair) -> dict[str, Any]:
    board = pair.board
    return {
        "name": board.name,
        "image_id": pair.image_id,
        "label": board.label,
        "role": board.role,
        "captured_at": board.captured_at,
        "new": pair.is_new,
        "champion": _verdict(pair.champion, pair.champion_flags),
        "challenger": _verdict(pair.challenger, pair.challenger_flags),
    }


def _verdict(opinion: Opinion, is_flagged: bool) -> dict[str, Any]:
    return {"score": opinion.score, "flagged": is_flagged, "why": opinion.why or None}
