"""Whether a challenger may take the champion's place, with the reasons in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.gating.paired import PairedChange
from tasks.gating.settings import GateSettings


@dataclass(frozen=True)
class JudgedDefect:
    """One known defect with the score of each bundle, None without one, and the threshold of each."""

    image_id: str
    name: str
    champion_score: float | None
    champion_threshold: float
    challenger_score: float | None
    challenger_threshold: float


@dataclass(frozen=True)
class Comparison:
    """What champion and challenger say of the same images, each at its own frozen threshold.

    | field | meaning |
    | --- | --- |
    | `false_calls` | on good boards that both judged |
    | `defects` | known defects that both judged |
    | `defects_set_threshold` | of these, how many the challenger's threshold was set on |
    | `lost` | caught by the champion, missed by the challenger |
    | `won` | missed by the champion, caught by the challenger |
    | `unseen` | a loss cannot be excluded: one of the two cannot be asked |
    | `left_out` | why images were not compared, and how many |
    """

    false_calls: PairedChange
    defects: int
    defects_set_threshold: int
    lost: tuple[JudgedDefect, ...] = ()
    won: tuple[JudgedDefect, ...] = ()
    unseen: tuple[JudgedDefect, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Decision:
    """`passes` says whether the gate opens by itself; `obstacles` are the reasons why it does not."""

    passes: bool
    reasons: tuple[str, ...]
    obstacles: tuple[str, ...] = field(default=())


def decided(
    settings: GateSettings,
    comparison: Comparison | None,
    escape_upper: float | None,
    objections: Sequence[str] = (),
) -> Decision:
    """Decide; any doubt keeps the champion, and a person decides.

    `comparison` is None where there is nothing to compare with: then the contract and the
    `objections` alone decide. These come from elsewhere, such as a person's rollback from this very
    bundle. `escape_upper` is the certified bound, None where it is not known; it is used only if the
    settings have a contract.
    """
    obstacles: list[str] = [*objections]
    reasons: list[str] = []
    if comparison is not None:
        _defects(comparison, reasons, obstacles)
        _false_calls(comparison.false_calls, settings, reasons, obstacles)
        reasons += [f"Not compared: {count} images: {why}" for why, count in comparison.left_out]
    _contract(settings, escape_upper, reasons, obstacles)
    if not settings.automatic:
        obstacles.append("This line promotes nothing by itself (promotion.automatic is false).")
    return Decision(not obstacles, (*obstacles, *reasons), tuple(obstacles))


def _defects(found: Comparison, reasons: list[str], obstacles: list[str]) -> None:
    if found.lost:
        obstacles.append(
            f"{counted(len(found.lost), 'defect')} that the champion catches would be missed: "
            f"{named(found.lost)}."
        )
    if found.unseen:
        obstacles.append(
            f"{counted(len(found.unseen), 'defect')} may be lost, because one of the two cannot be asked "
            f"about what the other says: {named(found.unseen)}."
        )
    if found.defects == 0:
        obstacles.append("There is no known defect that both were asked about.")
        return
    if not found.lost:
        own = found.defects_set_threshold
        reasons.append(
            f"No defect that the champion catches is missed, of {found.defects} that both were asked "
            f"about; the challenger's threshold was set on {own} of them, which proves nothing for these."
        )
    if found.won:
        reasons.append(
            f"{counted(len(found.won), 'defect')} that the champion misses would be caught: "
            f"{named(found.won)}."
        )


def _false_calls(
    found: PairedChange, settings: GateSettings, reasons: list[str], obstacles: list[str]
) -> None:
    if found.n == 0:
        obstacles.append("There is no good board that both were asked about.")
        return
    reasons.append(
        f"Of {found.n} good boards the champion flags {found.champion}, the challenger "
        f"{found.challenger}: {per_thousand(found.change)} per 1,000 boards (from "
        f"{per_thousand(found.low)} to {per_thousand(found.high)}, each limit with "
        f"{100 * found.confidence:g} % confidence; exact paired test p = {found.p_two_sided:.2g})."
    )
    allowed = settings.false_call_worsening
    is_better = found.p_better <= 1.0 - settings.confidence and found.change < 0
    if found.high > allowed and not is_better:
        obstacles.append(
            f"False calls may be up to {per_thousand(found.high)} per 1,000 boards; "
            f"{1000 * allowed:g} more are allowed."
        )


def _contract(
    settings: GateSettings, escape_upper: float | None, reasons: list[str], obstacles: list[str]
) -> None:
    contract = settings.escape_rate
    if contract is None:
        return
    if escape_upper is None or math.isnan(escape_upper):
        obstacles.append("The contract asks for a bound on escapes, and there is no certificate.")
        return
    said = (
        f"certified: at most {100 * escape_upper:.3g} % of defects escape; the contract allows "
        f"{100 * contract:g} %."
    )
    if escape_upper <= contract:
        reasons.append(f"Within the contract, {said}")
    else:
        obstacles.append(f"Outside the contract, {said}")


_SHOWN = 10


def named(defects: Sequence[JudgedDefect]) -> str:
    """Their names; of very many the first ones and how many more."""
    names = [defect.name for defect in defects]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def counted(count: int, noun: str) -> str:
    """`1 defect`, `2 defects`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def per_thousand(change: float) -> str:
    """A change of a rate as boards in a thousand: `12 more`, `3 fewer`, `0 more`."""
    count = round(1000 * change)
    return f"{abs(count)} {'fewer' if count < 0 else 'more'}"
