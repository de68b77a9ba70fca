"""What spoke for and against an image, family by family of metrics.

Legend: M metrics, R images, F families.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

Family = Literal["image", "pixel", "candidates", "mask", "memory", "places", "embedding", "system"]

_LEVELS: dict[str, Family] = {
    "image": "image",
    "pixel": "pixel",
    "patch": "candidates",
    "masked": "mask",
    "bank": "memory",
    "place": "places",
    "embedding": "embedding",
    "system": "system",
}
FAMILIES = tuple(_LEVELS.values())
"""Whole image, worst pixels, candidates, all that was taken once more through the mask; then what
features alone say: beside all normals, beside normals at the same place, and by themselves; last the
scores of a published system's own."""


def family_of(column: str) -> Family:
    """Give the family of a metric by the first part of its name; InputError for an unknown one."""
    first = column.partition(".")[0]
    if first not in _LEVELS:
        raise InputError(
            f"The metric {column} belongs to no family.",
            f"Its name should begin with one of {', '.join(_LEVELS)}.",
        )
    return _LEVELS[first]


def by_family(contributions_RM: Float64Array, columns: Sequence[str]) -> Float64Array:
    """Sum the metrics of each family: `[R, F]` in the order of `FAMILIES`; nothing gets lost."""
    families_M = np.array([FAMILIES.index(family_of(column)) for column in columns], dtype=int)
    sums_RF = np.zeros((len(contributions_RM), len(FAMILIES)))
    for family in range(len(FAMILIES)):
        sums_RF[:, family] = contributions_RM[:, families_M == family].sum(axis=1)
    return sums_RF


def loudest(
    contributions_M: Float64Array, columns: Sequence[str], count: int = 3
) -> tuple[tuple[str, float], ...]:
    """Give the metrics that added or took most, the largest first; those that are silent never."""
    order_M = np.argsort(-np.abs(contributions_M), kind="stable")[:count]
    return tuple((columns[m], float(contributions_M[m])) for m in order_M if contributions_M[m])
