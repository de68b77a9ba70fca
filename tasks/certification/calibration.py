"""The threshold in use: the lowest defect score, or the order statistic of a wanted escape rate.

Legend: N images of defects, U units (see `units`), K units up to the one that is the threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.certification.bounds import order_statistic
from tasks.certification.thresholds import zfn_threshold
from tasks.certification.units import Units
from tasks.vocabulary.arrays import Int64Array


class Calibration(NamedTuple):
    """A threshold, its `rank` among the defective units, and the images that set it.

    `rows_K` are the deciding images of the `rank` lowest units, lowest first: the last one is the
    threshold, those before it may be missed.
    """

    threshold: float
    rank: int
    rows_K: Int64Array


def calibrated(defective: Units, escape_rate: float | None, confidence: float) -> Calibration:
    """Take the lowest unit's score, or the highest that keeps `escape_rate` at `confidence`.

    The rank is the largest k with BinomCDF(k - 1; n, a) <= 1 - confidence over the n units. The
    promise is true only of units that served nothing else; see `order_statistic`.
    NoSafeThresholdError where n is too small (it says how many more are needed) or no finite cut
    exists.
    """
    scores_U = defective.scores_U
    rank = 1 if escape_rate is None else order_statistic(scores_U.size, escape_rate, confidence)
    threshold = zfn_threshold(scores_U, rank - 1)
    lowest_K = np.argsort(scores_U, kind="stable")[:rank]
    return Calibration(threshold, rank, defective.rows_U[lowest_K])
