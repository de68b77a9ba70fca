"""Two bundles on the same boards: exact statements about the change of the false-call rate.

Legend: N good boards (what counts once), each judged by both. Only boards on which the two disagree
tell them apart: b that the champion alone flags, c that the challenger alone flags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from tasks.vocabulary.arrays import BoolArray
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class PairedChange:
    """False calls of champion and challenger on the same `n` good boards.

    | field | meaning |
    | --- | --- |
    | `champion`, `challenger` | boards that each flags |
    | `champion_only`, `challenger_only` | boards that one flags and the other passes |
    | `change` | challenger's rate minus champion's; negative is better |
    | `low`, `high` | limits of the true change, each one holds at `confidence` |
    | `p_two_sided` | exact McNemar test of 'no change' |
    | `p_better` | exact one-sided test of 'the challenger flags as many or more' |
    """

    n: int
    champion: int
    challenger: int
    champion_only: int
    challenger_only: int
    change: float
    low: float
    high: float
    p_two_sided: float
    p_better: float
    confidence: float


def paired_change(
    champion_N: BoolArray, challenger_N: BoolArray, confidence: float
) -> PairedChange:
    """Compare which of the same good boards each bundle flags.

    The test is exact: given that the two disagree on m boards, c is Binomial(m, 1/2) under 'no
    change' (McNemar). The limits are exact too and err to the safe side: the two shares of
    disagreement are each bounded by Clopper-Pearson at 1 - δ / 2 and subtracted, so that neither
    limit is wrong with more than δ = 1 - `confidence`. For n = 0 they are -1 and 1.
    InputError for lengths that differ and a confidence outside (0, 1).
    """
    champion_N, challenger_N = np.asarray(champion_N, bool), np.asarray(challenger_N, bool)
    if champion_N.ndim != 1 or champion_N.shape != challenger_N.shape:
        raise InputError(
            f"{champion_N.size} and {challenger_N.size} verdicts.", "Judge the same boards."
        )
    if not 0.0 < confidence < 1.0:
        raise InputError(f"The confidence {confidence} is no share.", "Give one in (0, 1).")
    n = champion_N.size
    b = int(np.count_nonzero(champion_N & ~challenger_N))
    c = int(np.count_nonzero(challenger_N & ~champion_N))
    tail = (1.0 - confidence) / 2.0
    return PairedChange(
        n=n,
        champion=int(np.count_nonzero(champion_N)),
        challenger=int(np.count_nonzero(challenger_N)),
        champion_only=b,
        challenger_only=c,
        change=(c - b) / n if n else 0.0,
        low=_lower(c, n, tail) - _upper(b, n, tail),
        high=_upper(c, n, tail) - _lower(b, n, tail),
        p_two_sided=min(1.0, 2.0 * at_most(min(b, c), b + c)),
        p_better=at_most(c, b + c),
        confidence=confidence,
    )


def at_most(k: int, m: int) -> float:
    """Probability that at most `k` of `m` fair coins show heads; 1 for no coin."""
    return float(special.bdtr(k, m, 0.5)) if m else 1.0


def _lower(k: int, n: int, tail: float) -> float:
    """Clopper-Pearson: the share is below it with probability `tail` at most."""
    return 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))


def _upper(k: int, n: int, tail: float) -> float:
    return 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1.0 - tail))
