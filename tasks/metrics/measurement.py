"""One image's row of metrics.

Legend: H/W image height and width, M metrics, Q candidates, R rows of the table.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np

from tasks.metrics.aggregates import aggregate
from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.cutting import cut_patches, patch_values
from tasks.metrics.errors import MetricWithoutValueError
from tasks.metrics.rows import ImageMetric, MetricRow, PatchMetric, SampleMetric
from tasks.metrics.table import column_names, masked_rows, offered_rows
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
    plain_rows = offered_rows(offered)
    # What is not finite becomes an error that names the metric, below, not a warning here.
    with np.errstate(all="ignore"):
        parts = [measure_rows(plain_rows, comparison, comparison.difference_HW, plain)]
        if masked is not None and mask_HW is not None:
            weighted_HW = weighted(comparison.difference_HW, mask_HW)
            parts.append(measure_rows(masked_rows(offered), comparison, weighted_HW, masked))
    metrics_M = np.concatenate(parts)
    unusable = np.flatnonzero(~np.isfinite(metrics_M))
    if unusable.size:
        names = column_names(offered, masked is not None)
        raise MetricWithoutValueError(names[int(unusable[0])])
    return metrics_M


def weighted(difference_HW: Float32Array, mask_HW: Float32Array) -> Float32Array:
    """Multiply a difference by a mask, both `[H, W]`; shapes that differ are an `InputError`."""
    if mask_HW.shape != difference_HW.shape:
        raise InputError(
            f"A mask {mask_HW.shape} meets a difference {difference_HW.shape}.",
            "Learn the mask from images of the same product line.",
        )
    return (mask_HW * difference_HW).astype(np.float32)


def measure_rows(
    rows: tuple[MetricRow, ...],
    comparison: Comparison,
    difference_HW: Float32Array,
    suspects: Suspects,
) -> Float64Array:
    """Compute the columns of some rows of the table on one difference and its suspects."""
    patch_rows = [row for row in rows if isinstance(row, PatchMetric)]
    pairs = cut_patches(comparison, suspects)
    values_RQ = np.stack([patch_values(row, pairs) for row in patch_rows])
    aggregates = dict(zip(patch_rows, aggregate(values_RQ), strict=True))
    columns: list[Float64Array] = []
    for row in rows:
        match row:
            case ImageMetric():
                columns.append(np.array([row.function(comparison)], dtype=np.float64))
            case SampleMetric():
                columns.append(aggregate(row.function(difference_HW, suspects)[None])[0])
            case PatchMetric():
                columns.append(aggregates[row])
            case _:
                assert_never(row)
    return np.concatenate(columns)
