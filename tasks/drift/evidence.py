"""Time-uniform tests of a stream of boards against the certified period, by MAPIE.

Two questions, each of which may be asked after every board for ever:

- *Is anything different?* Conformal p-values of each board among the certified and all earlier ones, bet
  against by the simple jumper martingale (Vovk, Gammerman, Shafer 2005, section 7.1). One bets on p, for a
  shift; one on |2p - 1|, which is as uniform, for a change of spread; the evidence is their mean. A stream
  that is exchangeable with the certified boards reaches 1/δ at any time with probability δ at most
  (Ville). It assumes independence, and finds whatever difference there is, however small.
- *Is it different enough to matter?* Risk monitoring (Podkopaev, Ramdas 2022): a lower confidence sequence
  (conjugate mixture, empirical Bernstein; Howard et al. 2021) of the share of boards outside the certified
  range, against the largest share that the certified boards allow, plus a tolerance. The sequence bounds
  the mean of the conditional risks, so neighbouring boards of the stream may resemble one another.

What was stable for long makes either slow: capital is lost, and a mean moves by 1/n. So both start anew
after a fixed number of boards, the k-th time at level δ/(k (k + 1)); these levels add up to δ.

Legend: N boards of the stream, R certified boards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.vocabulary.arrays import BoolArray, Float64Array


@dataclass(frozen=True, eq=False)
class Course:
    """How a test went: row of the first alarm, None without one, and a figure after each board.

    `figure_N` is the evidence as a share of what an alarm takes (1 is an alarm), in logarithms for bets.
    """

    first: int | None
    figure_N: Float64Array


@dataclass(frozen=True)
class CertifiedRange:
    """The middle range of a quantity in the certified period, and the share outside that it allows.

    `low` is -inf where only high values count. `most_outside` holds with the confidence it was made for.
    """

    low: float
    high: float
    most_outside: float

    def outside(self, values_N: Float64Array) -> BoolArray:
        """Which values lie outside; one that is not finite does."""
        inside_N: BoolArray = (values_N >= self.low) & (values_N <= self.high)
        return ~(inside_N & np.isfinite(values_N))


def certified_range(
    values_R: Float64Array, share: float, level: float, *, low_counts: bool
) -> CertifiedRange:
    """Range between order statistics, and an upper bound on the share of good boards outside it.

    Of R values j are cut off at each side that counts, about `(1 - share)` of them, at least one. The
    share outside is at worst Beta(cut off, R + 1 - cut off): exact for continuous values, safe for ties.
    """
    from scipy.stats import beta

    ordered_R = np.sort(values_R)
    sides = 2 if low_counts else 1
    each = max(1, int((1.0 - share) * (len(values_R) + 1) / sides))
    cut = each * sides
    if cut > len(values_R):
        return CertifiedRange(-math.inf, math.inf, 1.0)
    low = float(ordered_R[each - 1]) if low_counts else -math.inf
    high = float(ordered_R[-each])
    return CertifiedRange(low, high, float(beta.ppf(1.0 - level, cut, len(values_R) + 1 - cut)))


def certified_share(flagged: int, good: int, level: float) -> float:
    """Exact upper bound (Clopper-Pearson) on the share of good boards that is flagged; 1 without any."""
    from scipy.stats import binomtest

    if good == 0:
        return 1.0
    interval = binomtest(flagged, good, alternative="less").proportion_ci(1.0 - level, "exact")
    return float(interval.high)


def level_of_start(level: float, start: int) -> float:
    """Level of the test that starts for the `start`-th time, from 1; all of them add up to `level`."""
    return level / (start * (start + 1))


def unlike(
    certified_R: Float64Array, values_N: Float64Array, level: float, restart: int, seed: int
) -> Course:
    """Whether the stream is exchangeable with the certified boards; ties are broken by `seed`."""
    from mapie.exchangeability_testing import OnlineMartingaleTest

    known = np.concatenate([certified_R, values_N])
    ranks = OnlineMartingaleTest(warn=False, random_state=seed)
    figure_N = np.zeros(len(values_N))
    for row, value in enumerate(values_N):
        if row % restart == 0:
            shift, width = OnlineMartingaleTest(warn=False), OnlineMartingaleTest(warn=False)
            needed = -math.log(level_of_start(level, 1 + row // restart))
        p = ranks.compute_p_value(float(value), known[: len(certified_R) + row])
        capital = shift.update_simple_jumper_martingale(p)
        capital += width.update_simple_jumper_martingale(abs(2.0 * p - 1.0))
        figure_N[row] = math.log(max(capital / 2.0, 1e-300)) / needed
    return _course(figure_N)


def too_often(events_N: BoolArray, most: float, level: float, restart: int) -> Course:
    """Whether the share of events is above `most`; the reference has its own level in `most`."""
    from mapie.exchangeability_testing import RiskMonitoring

    figure_N = np.zeros(len(events_N))
    for begin in range(0, len(events_N), restart):
        part = events_N[begin : begin + restart].astype(np.int64)
        start = 1 + begin // restart
        # MAPIE spends half of its level on the reference, which has been paid for.
        monitor = RiskMonitoring(
            "predicted_positive_fraction",
            test_level=2.0 * level_of_start(level, start),
            threshold=most,
            warn=False,
        )
        monitor.update(part, part)
        figure_N[begin : begin + restart] = monitor.online_risk_lower_bound_sequence_history / most
    return _course(figure_N)


def _course(figure_N: Float64Array) -> Course:
    alarms = np.flatnonzero(figure_N > 1.0)
    return Course(int(alarms[0]) if alarms.size else None, figure_N)
