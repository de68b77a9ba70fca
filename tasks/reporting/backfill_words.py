"""What a backfill found, in words: terminal, Prefect and page say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.reporting.wording import MINUS, NO_BREAK, counted, of_all, probability

CHANGE_WORDS = {
    "escape added": ("bad", "Known defects that only the champion catches"),
    "escape saved": ("good", "Known defects that only the challenger catches"),
    "false call added": ("caution", "Good boards that only the challenger flags"),
    "false call saved": ("good", "Good boards that only the champion flags"),
    "undecided passed": ("neutral", "Boards without a sure label that only the champion flags"),
    "undecided flagged": ("neutral", "Boards without a sure label that only the challenger flags"),
}
STRATUM_WORDS = {
    "new": "Boards that neither was made of",
    "learned": "Boards that one of them was made of",
    "all": "All boards",
}
_NAMED = 5


def verdict_of(figures: Mapping[str, Any]) -> tuple[str, str]:
    """Tone (good, bad, caution, neutral) and what a reader who reads one line reads."""
    if is_alone(figures):
        return "neutral", "There is no challenger: these are the champion's own verdicts."
    all_, new = stratum(figures, "all"), stratum(figures, "new")
    if lost := all_["escapes_added"]:
        said = counted(lost, "known defect")
        return "bad", f"The challenger misses {said} that the champion catches."
    if all_["n_abnormal"] == 0:
        return "caution", "No known defect is among these boards: nothing is known about escapes."
    won, fewer = all_["escapes_saved"], new["saved_per_1000_low"] > 0
    if won:
        more = "; it saves false calls, too" if fewer else ""
        said = counted(won, "known defect")
        return (
            "good",
            f"The challenger catches {said} that the champion misses, and loses none{more}.",
        )
    if fewer:
        return "good", "The challenger loses no known defect and flags fewer good boards."
    if new["saved_per_1000_high"] < 0:
        return "caution", "The challenger loses no known defect, but flags more good boards."
    return "caution", "The challenger loses no known defect; whether it saves false calls is open."


def sentences(figures: Mapping[str, Any]) -> list[str]:
    """Who was asked about what, escapes by name, false calls with their limits, what is not counted."""
    boards = figures["boards"]
    said = [
        f"{counted(boards['compared'], 'board')} {figures['period']['words']}: champion "
        f"{named(figures['champion'])}"
        + ("." if is_alone(figures) else f", challenger {named(figures['challenger'])}.")
    ]
    if not is_alone(figures):
        said += [escape_sentence(figures), *false_call_sentences(figures)]
    else:
        said.append(own_sentence(figures))
    apart = figures["undecided"]
    if apart["n"]:
        said.append(
            f"{counted(apart['n'], 'board')} without a sure label, counted nowhere else: the champion "
            f"flags {apart['champion_flagged']:,}, the challenger {apart['challenger_flagged']:,}."
        )
    return [*said, *notes(figures)]


def escape_sentence(figures: Mapping[str, Any]) -> str:
    """Escapes of one caught by the other, by name."""
    all_ = stratum(figures, "all")
    if all_["n_abnormal"] == 0:
        return "There is no known defect among these boards."
    added, saved = (names_of(figures, f"escape {which}") for which in ("added", "saved"))
    return (
        f"Of {counted(all_['n_abnormal'], 'known defect')} the champion misses "
        f"{all_['champion_misses']:,}, the challenger {all_['challenger_misses']:,}. Caught by the "
        f"champion alone: {_listed(added)}; by the challenger alone: {_listed(saved)}."
    )


def false_call_sentences(figures: Mapping[str, Any]) -> list[str]:
    """What is saved per 1,000 good boards, on new boards first, each with its exact limits."""
    said = []
    for name in ("new", "learned"):
        found = stratum(figures, name)
        if found["n_normal"] == 0:
            continue
        said.append(
            f"{STRATUM_WORDS[name]}: {saved_words(found)} false calls saved per 1,000 good boards "
            f"({limits_words(found)}); {found['false_calls_saved']:,} saved, "
            f"{found['false_calls_added']:,} added, of {counted(found['n_normal'], 'good board')} "
            f"(exact paired test p = {found['p']:.2g})."
        )
    return said or ["There is no good board among these."]


def own_sentence(figures: Mapping[str, Any]) -> str:
    """What the champion alone missed and flagged."""
    all_ = stratum(figures, "all")
    return (
        f"It misses {of_all(all_['champion_misses'], all_['n_abnormal'])} known defects and flags "
        f"{of_all(all_['champion_false_calls'], all_['n_normal'])} good boards."
    )


def notes(figures: Mapping[str, Any]) -> list[str]:
    """What a reader must know before deciding by these figures."""
    boards = figures["boards"]
    said = []
    if stratum(figures, "learned")["n_normal"] + stratum(figures, "learned")["n_abnormal"]:
        said.append(
            "What a bundle says of boards that it was made of flatters it: read the others."
        )
    if boards["certification"]:
        said.append(
            f"{counted(boards['certification'], 'board')} of these certify. The certificates count the "
            "looks at them; whoever chooses a bundle by these verdicts chooses on the certification set."
        )
    said += [
        f"The {who} was made with other code or weights: what it measured then is used, and nothing is "
        "measured anew with it."
        for who in ("champion", "challenger")
        if figures[who]["other_code"]
    ]
    if boards["without_day"]:
        said.append(
            f"{counted(boards['without_day'], 'board')} have no day in the archive and are in no period; "
            "without --since and --until they are compared, too."
        )
    if boards["without_image"]:
        said.append(
            f"{counted(boards['without_image'], 'file')} cannot be judged by either: in quarantine, or "
            "there after the next ingest."
        )
    left_out = figures["left_out"]
    return [
        *said,
        *(f"Left out: {counted(one['count'], 'board')}: {one['why']}." for one in left_out),
    ]


def is_alone(figures: Mapping[str, Any]) -> bool:
    """Whether the champion was compared with itself."""
    return bool(figures["champion"]["bundle"] == figures["challenger"]["bundle"])


def stratum(figures: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The row of figures of one part of the boards."""
    return next(dict(one) for one in figures["strata"] if one["boards"] == name)


def names_of(figures: Mapping[str, Any], change: str) -> list[str]:
    """Names of the boards with this change, the hardest first."""
    return [one["name"] for one in figures["changes"] if one["change"] == change]


def named(bundle: Mapping[str, Any]) -> str:
    """A bundle as a person knows it."""
    number = bundle["promotion"]
    how = f"promotion {number}" if number is not None else "never promoted"
    return f"{bundle['bundle'][:12]} ({bundle['classifier']}, {how})"


def saved_words(found: Mapping[str, Any]) -> str:
    """False calls saved per 1,000 boards, below 0 where there are more."""
    return signed(found["saved_per_1000"])


def limits_words(found: Mapping[str, Any]) -> str:
    """The exact limits of what is saved per 1,000 boards."""
    low, high = signed(found["saved_per_1000_low"]), signed(found["saved_per_1000_high"])
    return f"{100 * found['confidence']:g}{NO_BREAK}% limits {low} to {high}"


def signed(value: float) -> str:
    """Whole boards with a true minus sign."""
    whole = round(value)
    return f"{MINUS}{-whole:,}" if whole < 0 else f"{whole:,}"


def rate(count: int, total: int) -> str:
    """A share as a percentage, a dash where there is no board."""
    return probability(count / total) if total else "\u2013"


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
