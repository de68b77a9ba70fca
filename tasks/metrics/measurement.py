"""One image's row of metrics.

Legend: H/W image height and width, M metrics, Q candidates of one setting (without mask, with mask),
K distinct boxes of both, R rows of patch metrics.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np

from tasks.metrics.aggregates import aggregate
from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.cutting import cut_patches
from tasks.metrics.errors import MetricWithoutValueError
from tasks.metrics.pairs import PatchPairs
from tasks.metrics.rows import (
    ChannelMetric,
    ImageMetric,
    MemoryMetric,
    MetricRow,
    PatchMetric,
    SampleMetric,
)
from tasks.metrics.table import column_names, masked_rows, offered_rows, patch_rows
from tasks.vocabulary.arrays import Float32Array, Float64Array
from tasks.vocabulary.errors import InputError


def measure(
    comparison: Comparison,
    plain: Suspects,
    masked: Suspects | None = None,
    mask_HW: Float32Array | None = None,
) -> Float64Array:
    """All metrics of one image: `float64 [M]`, named and ordered as `column_names` tells.

    `masked` are the candidates found on `mask_HW * difference`; both or neither are given. A metric
    without a finite value is a `MetricWithoutValueError` that names it; suspects that do not fit
    the image are an `InputError`.
    """
    if (masked is None) != (mask_HW is None):
        raise InputError("Mask and masked candidates come together.", "Pass both or neither.")
    offered = comparison.capabilities
    settings = [(offered_rows(offered), comparison.difference_HW, plain)]
    if masked is not None and mask_HW is not None:
        weighted_HW = weighted(comparison.difference_HW, mask_HW)
        settings.append((masked_rows(offered), weighted_HW, masked))
    # What is not finite becomes an error that names the metric, below, not a warning here.
    with np.errstate(all="ignore"):
        pairs, places = cut_patches(comparison, *(suspects for *_, suspects in settings))
        values_RK = patch_values(pairs)
        parts = [
            measure_rows(rows, comparison, difference_HW, suspects, values_RK.take(place_Q, axis=1))
            for (rows, difference_HW, suspects), place_Q in zip(settings, places, strict=True)
        ]
    metrics_M = np.concatenate(parts)
    unusable = np.flatnonzero(~np.isfinite(metrics_M))
    if unusable.size:
        names = column_names(offered, masked is not None, comparison.perceived)
        raise MetricWithoutValueError(names[int(unusable[0])])
    return metrics_M


def weighted(difference_HW: Float32Array, mask_HW: Float32Array) -> Float32Array:
    """Multiply a difference by a mask, both `[H, W]`; shapes that differ are an `InputError`."""
    if mask_HW.shape != difference_HW.shape:
        raise InputError(
            f"A mask {mask_HW.shape} meets a difference {difference_HW.shape}.",
            "Learn the mask from images of the same product line.",
        )
    return (mask_HW * difference_HW).astype(np.float32, copy=False)


def patch_values(pairs: PatchPairs) -> Float64Array:
    """All patch metrics of all pairs, `[R, K]`, in the order of `patch_rows`."""
    return np.stack([row.function(pairs) for row in patch_rows()])


def measure_rows(
    rows: tuple[MetricRow, ...],
    comparison: Comparison,
    difference_HW: Float32Array,
    suspects: Suspects,
    values_RQ: Float64Array,
) -> Float64Array:
    """Compute the columns of some rows of the table on one difference and its suspects.

    `values_RQ`: what `patch_values` gives for these suspects.
    """
    aggregates = dict(zip(patch_rows(), aggregate(values_RQ), strict=True))
    columns: list[Float64Array] = []
    for row in rows:
        match row:
            case ImageMetric():
                columns.append(np.array([row.function(comparison)], dtype=np.float64))
            case SampleMetric():
                columns.append(aggregate(row.function(difference_HW, suspects)[None])[0])
            case PatchMetric():
                columns.append(aggregates[row])
            case MemoryMetric() | ChannelMetric():
                columns.append(row.function(comparison).ravel())
            case _:
                assert_never(row)
    return np.concatenate(columns)
