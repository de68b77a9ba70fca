"""The seven aggregates that turn a set of values into scalars (VQGanoDIP, section 3.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.vocabulary.arrays import Float64Array

# Frozen: stored tables and trained classifiers know metrics by these names.
AGGREGATES = ("sum", "maximum", "minimum", "mean", "q1", "median", "q3")


def aggregate(values_RN: NDArray[np.floating]) -> Float64Array:
    """Sum, maximum, minimum, mean and quartiles of each row: `float64 [R, 7]` as in `AGGREGATES`.

    Quartiles are interpolated linearly between the two nearest values; no row is empty.
    """
    sums_R = values_RN.sum(axis=1, dtype=np.float64)
    quartiles_3R = np.quantile(values_RN, (0.25, 0.5, 0.75), axis=1)
    columns = (
        sums_R,
        values_RN.max(axis=1),
        values_RN.min(axis=1),
        sums_R / values_RN.shape[1],
        *quartiles_3R,
    )
    return np.stack(columns, axis=1).astype(np.float64)
