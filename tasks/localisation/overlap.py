"""Per-region overlap (PRO): how much of every true defect a heat map shows, at which false alarms.

Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021, section 5.2, and "Uninformed Students",
CVPR 2020, section 4: for a threshold, the share of its pixels that are at or above it, averaged over all
connected components of all masks, against the share of all normal pixels of all images that are. Large
and small defects weigh the same. AU-PRO is the area under that curve up to a false-positive rate of 0.3,
divided by 0.3: 1 is perfect, half the limit (0.15) what no better than chance gives.

Legend: H height, W width, V distinct values of normal pixels, S pixels of regions, T points of the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tasks.vocabulary.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

LIMIT = 0.3
# Pixels that touch at a corner belong to one region, as in MVTec's own evaluation.
_NEIGHBOURS = np.ones((3, 3), np.bool_)


@dataclass(frozen=True, eq=False)
class HeatCounts:
    """All of one heat map that the curve needs; of a map rounded to float16 it is a hundredth in size.

    `values_V`: distinct heat of normal pixels, ascending, with `counts_V`; `heat_S` and `region_S`: heat of
    the pixels of true regions, and which of the image's `regions` each is in.
    """

    values_V: Float32Array
    counts_V: Int64Array
    heat_S: Float32Array
    region_S: Int64Array
    regions: int


class OverlapCurve(NamedTuple):
    """From no alarm to nothing but alarms: false-positive rate and mean overlap, both rising."""

    false_positive_rates_T: Float64Array
    overlaps_T: Float64Array


def counted(heat_HW: Float32Array, mask_HW: BoolArray) -> HeatCounts:
    """Count a heat map `[H, W]` against the true pixels of its image (none set: a normal image).

    Raises `InputError` where the two differ in shape or the heat is not finite.
    """
    if heat_HW.shape != mask_HW.shape or not np.isfinite(heat_HW).all():
        raise InputError(
            f"Heat of shape {heat_HW.shape} meets a mask of {mask_HW.shape}, or is not finite.",
            "Take both from the same board image.",
        )
    values_V, counts_V = np.unique(heat_HW[~mask_HW], return_counts=True)
    label_HW, regions = ndimage.label(mask_HW, _NEIGHBOURS)
    return HeatCounts(
        np.asarray(values_V, np.float32),
        np.asarray(counts_V, np.int64),
        np.asarray(heat_HW[mask_HW], np.float32),
        np.asarray(label_HW[mask_HW] - 1, np.int64),
        int(regions),
    )


def overlap_curve(images: Sequence[HeatCounts]) -> OverlapCurve:
    """The exact curve over all thresholds, pooled over all images, straight between two thresholds.

    Its corners are the distinct values of region pixels; between them only normal pixels join, at one
    overlap. Each image is sorted once. No region, or no normal pixel, is an `InputError`.
    """
    total, regions = sum(int(one.counts_V.sum()) for one in images), sum(o.regions for o in images)
    if total == 0 or regions == 0:
        raise InputError(
            f"There are {regions} true regions and {total} normal pixels: there is no curve.",
            "Give images with a true region, and with pixels outside of it.",
        )
    heat_S = np.concatenate([one.heat_S for one in images])
    weight_S = np.concatenate([_weights(one) for one in images]) / regions
    rising_T, place_S = np.unique(heat_S, return_inverse=True)
    gained_T = np.bincount(place_S, weight_S, minlength=len(rising_T))[::-1]
    reached_T = gained_T.cumsum()
    above_T, at_least_T = _normals(images, rising_T)
    rates = np.stack([above_T[::-1], at_least_T[::-1]], axis=1).ravel() / total
    overlaps = np.stack([reached_T - gained_T, reached_T], axis=1).ravel()
    return OverlapCurve(np.r_[0.0, rates, 1.0], np.r_[0.0, np.clip(overlaps, 0.0, 1.0), 1.0])


def au_pro(curve: OverlapCurve, limit: float = LIMIT) -> float:
    """Area under the curve up to a false-positive rate of `limit`, divided by it: in [0, 1]."""
    if not 0.0 < limit <= 1.0:
        raise InputError(f"The limit {limit} is no false-positive rate.", "Give one in (0, 1].")
    rates_T, overlaps_T = curve
    within = int(np.searchsorted(rates_T, limit, side="right"))
    # The last segment is cut where it crosses the limit; the curve ends at (1, 1).
    last = overlaps_T[-1] if within == len(rates_T) else np.interp(limit, rates_T, overlaps_T)
    rates = np.r_[rates_T[:within], limit]
    return float(np.trapezoid(np.r_[overlaps_T[:within], last], rates) / limit)


def pixel_auroc(images: Sequence[HeatCounts]) -> float:
    """Share of pairs of a defect's and a normal pixel in which the former is hotter; ties count half."""
    heat_S = np.concatenate([one.heat_S for one in images] or [np.empty(0, np.float32)])
    total = sum(int(one.counts_V.sum()) for one in images)
    if total == 0 or len(heat_S) == 0:
        raise InputError(
            "There are no pixels of both kinds to compare.",
            "Give images with a true region, and with pixels outside of it.",
        )
    rising_T, counts_T = np.unique(heat_S, return_counts=True)
    above_T, at_least_T = _normals(images, rising_T)
    below_T = total - (above_T + at_least_T) / 2
    return float((below_T * counts_T).sum() / (total * len(heat_S)))


def _weights(one: HeatCounts) -> Float64Array:
    """Of each region pixel: a share of its own region."""
    sizes = np.bincount(one.region_S, minlength=one.regions)
    return np.asarray(1.0 / sizes[one.region_S], np.float64)


def _normals(
    images: Sequence[HeatCounts], rising_T: Float32Array
) -> tuple[Float64Array, Float64Array]:
    """How many normal pixels of all images are above, and how many at or above, each value."""
    above_T, at_least_T = np.zeros(len(rising_T)), np.zeros(len(rising_T))
    for one in images:
        # From the value at each place on to the hottest.
        remaining = np.r_[one.counts_V[::-1].cumsum()[::-1], 0]
        above_T += remaining[np.searchsorted(one.values_V, rising_T, side="right")]
        at_least_T += remaining[np.searchsorted(one.values_V, rising_T, side="left")]
    return above_T, at_least_T
