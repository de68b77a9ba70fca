"""How many defects of each family, or of each size, are caught, and how sure that is.

Legend: N images of defects, U units (see `units`), S strata.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.certification.bounds import escape_upper_bound
from tasks.certification.thresholds import flagged
from tasks.certification.units import Units
from tasks.vocabulary.arrays import Float64Array, Int64Array

_SIZE_BINS = 4


@dataclass(frozen=True)
class Recall:
    """Defects of one stratum: how many, how many were missed, and the rate caught at least."""

    name: str
    n: int
    missed: int
    recall: float
    recall_lower: float


def recalls(
    names: Sequence[str],
    strata_N: Int64Array,
    defective: Units,
    threshold: float,
    rank: int | None,
    confidence: float,
) -> tuple[Recall, ...]:
    """Give recall with its exact lower bound per stratum; `strata_N` numbers the `names`.

    A part belongs to every stratum of which it has an image, with the verdict on the whole part.
    Each bound holds alone, not all of them together. For a threshold of given `rank` the defects
    that set it are counted here too; every stratum has at most `rank - 1` of the misses, and the
    bound is that of its own `rank`-th smallest score, Beta(k, n - k + 1), whatever was counted.
    """
    pairs = np.unique(np.stack((strata_N, defective.unit_N)), axis=1)
    found = []
    for stratum, name in enumerate(names):
        scores_U = defective.scores_U[pairs[1, pairs[0] == stratum]]
        n, missed = scores_U.size, int(np.count_nonzero(~flagged(scores_U, threshold)))
        if n == 0:
            continue
        bounding = missed if rank is None else min(rank - 1, n)
        upper = escape_upper_bound(bounding, n, confidence)
        found.append(Recall(name, n, missed, 1.0 - missed / n, 1.0 - upper))
    return tuple(found)


def size_strata(sizes_N: Float64Array) -> tuple[tuple[str, ...], Int64Array]:
    """Cut sizes at their quartiles: names of the strata, smallest first, and each one's number.

    Sizes alone make the cuts, never scores, so the bounds stay exact. What has no finite size is
    a stratum of its own, the last.
    """
    known_N = np.isfinite(sizes_N)
    sizes_K = sizes_N[known_N]
    strata_N = np.zeros(sizes_N.size, dtype=np.int64)
    names: list[str] = []
    if sizes_K.size:
        shares = np.arange(1, _SIZE_BINS) / _SIZE_BINS
        cuts = np.unique(np.quantile(sizes_K, shares, method="higher"))
        bins_K = np.searchsorted(cuts, sizes_K, side="right")
        filled, strata_K = np.unique(bins_K, return_inverse=True)
        strata_N[known_N] = strata_K
        for stratum in range(filled.size):
            of_it = sizes_K[strata_K == stratum]
            names.append(_span(float(of_it.min()), float(of_it.max())))
    if not known_N.all():
        strata_N[~known_N] = len(names)
        names.append("size not given")
    return tuple(names), strata_N


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
