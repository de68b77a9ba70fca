"""The seven aggregates that turn a set of values into scalars (VQGanoDIP, section 3.2).

Legend: R rows, N values of one row, T ranks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.vocabulary.arrays import Float64Array, Int64Array

# Frozen: stored tables and trained classifiers know metrics by these names.
AGGREGATES = ("sum", "maximum", "minimum", "mean", "q1", "median", "q3")

QUARTERS = np.array([0.25, 0.5, 0.75])
# A million pixels are not sorted for three of them.
SORTED_WHOLE = 1 << 12
BINS = 1 << 13
# Bins of a span below could not be told apart in float32.
SMALLEST_SPAN = 1e-30


def aggregate(values_RN: NDArray[np.floating]) -> Float64Array:
    """Sum, maximum, minimum, mean and quartiles of each row: `float64 [R, 7]` as in `AGGREGATES`.

    Quartiles are interpolated linearly between the two nearest values; no row is empty. A row with
    a value that is not finite has a sum that is not finite.
    """
    sums_R = values_RN.sum(axis=1, dtype=np.float64)
    columns = (
        sums_R,
        values_RN.max(axis=1),
        values_RN.min(axis=1),
        sums_R / values_RN.shape[1],
        *quartiles(values_RN).T,
    )
    return np.stack(columns, axis=1).astype(np.float64)


def quartiles(values_RN: NDArray[np.floating]) -> Float64Array:
    """First, second and third quartile of each row, `[R, 3]`: what `np.quantile` gives, bit by bit."""
    last = values_RN.shape[1] - 1
    places_3 = QUARTERS * last
    below_3 = np.floor(places_3).astype(np.int64)
    ranks_6 = np.concatenate([below_3, np.minimum(below_3 + 1, last)])
    if last < SORTED_WHOLE:
        ranked_R6 = np.sort(values_RN, axis=1)[:, ranks_6]
    else:
        ranked_R6 = np.stack([ranked(values_N, ranks_6) for values_N in values_RN])
    low_R3, high_R3 = ranked_R6[:, :3], ranked_R6[:, 3:]
    gap_R3, share_3 = high_R3 - low_R3, places_3 - below_3
    # Counted from the nearer of both, as numpy does.
    from_low_R3, from_high_R3 = low_R3 + gap_R3 * share_3, high_R3 - gap_R3 * (1 - share_3)
    return np.asarray(np.where(share_3 < 0.5, from_low_R3, from_high_R3), dtype=np.float64)


def ranked(values_N: NDArray[np.floating], ranks_T: Int64Array) -> NDArray[np.floating]:
    """Values at places `ranks_T` of the ascending order, without putting all in order.

    Values are counted in equal bins; those bins that hold a wanted rank are then looked into.
    """
    low, high = values_N.min(), values_N.max()
    if low == high:
        return values_N[ranks_T]
    span = float(high) - float(low)
    # Values that are not finite fall into no bins.
    if len(values_N) <= SORTED_WHOLE or not SMALLEST_SPAN < span < np.inf:
        return np.sort(values_N)[ranks_T]
    # Rounding keeps the order of values: none lies in a bin before that of a smaller one.
    bins_N = ((values_N - low) * ((BINS - 1) / span)).astype(np.int16)
    ends = np.cumsum(np.bincount(bins_N, minlength=BINS))
    bins_T = np.searchsorted(ends, ranks_T, side="right")
    found_T = np.empty(len(ranks_T), dtype=values_N.dtype)
    for wanted in np.unique(bins_T):
        inside, here_T = values_N[bins_N == wanted], bins_T == wanted
        found_T[here_T] = ranked(inside, ranks_T[here_T] - (ends[wanted] - len(inside)))
    return found_T
