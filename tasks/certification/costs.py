"""What a threshold costs and risks in use: repeats of the study, boards, operators.

Every figure is a product or a closed form of what was measured; both factors are meant to be shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.vocabulary.errors import InputError


def chance_of_escape(n: int, fresh: int, rank: int = 1) -> float:
    """Give the chance that a repeat with `fresh` new defects sees at least one escape.

    For the `rank`-th smallest score of `n` defects as threshold, over all such studies: the miss
    rate p is Beta(k, n - k + 1), hence 1 - E[(1 - p)^m] = 1 - C(n, k) / C(n + m, k) with k =
    `rank`; for k = 1 it is m / (n + m), one half where the repeat is as large as the study.
    """
    if not 1 <= rank <= n:
        raise InputError(f"There is no {rank}-th smallest of {n} defects.", "Give 1 <= rank <= n.")
    _check_fresh(fresh)
    none = math.fsum(math.log1p(-fresh / (n + fresh - at)) for at in range(rank))
    return -math.expm1(none)


def worst_chance_of_escape(escape_upper: float, fresh: int) -> float:
    """Bound the chance that `fresh` new defects see an escape: 1 - (1 - bound)^m.

    For a threshold that was fixed beforehand; it holds with the confidence of `escape_upper`.
    """
    _check_share(escape_upper, "bound")
    _check_fresh(fresh)
    if escape_upper == 1.0:
        return 1.0 if fresh else 0.0
    return -math.expm1(fresh * math.log1p(-escape_upper))


def false_calls_per_thousand(false_call_rate: float, prevalence: float = 0.0) -> float:
    """Multiply out the false calls in 1,000 boards, of which `prevalence` are defective."""
    _check_share(false_call_rate, "false-call rate")
    _check_share(prevalence, "prevalence")
    return 1000.0 * (1.0 - prevalence) * false_call_rate


@dataclass(frozen=True)
class OperatorTime:
    """Seconds of review that an average board costs: at today's flag rate, here, and their gap."""

    flag_rate_today: float
    flag_rate_here: float
    seconds_today: float
    seconds_here: float
    seconds_saved: float


def operator_time(
    false_call_rate: float, prevalence: float, flag_rate_today: float, review_seconds: float
) -> OperatorTime:
    """Price the review on the real mix of boards: review seconds x flag rate, today and here.

    Every defective board counts as flagged here, so the cost is never understated. A negative
    saving says that the threshold costs more than today's.
    """
    _check_share(false_call_rate, "false-call rate")
    _check_share(prevalence, "prevalence")
    _check_share(flag_rate_today, "flag rate of today")
    if not (math.isfinite(review_seconds) and review_seconds > 0.0):
        raise InputError(f"A review of {review_seconds} s.", "Give the seconds of one review.")
    here = prevalence + (1.0 - prevalence) * false_call_rate
    return OperatorTime(
        flag_rate_today=flag_rate_today,
        flag_rate_here=here,
        seconds_today=review_seconds * flag_rate_today,
        seconds_here=review_seconds * here,
        seconds_saved=review_seconds * (flag_rate_today - here),
    )


def _check_fresh(fresh: int) -> None:
    if fresh < 0:
        raise InputError(f"{fresh} fresh defects.", "Give 0 or more.")


def _check_share(value: float, name: str) -> None:
    if not 0.0 <= value <= 1.0:
        raise InputError(f"The {name} {value} is no share.", "Give a value in [0, 1].")
