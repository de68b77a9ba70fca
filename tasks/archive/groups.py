"""Boards that belong together: same panel, lot or serial number, or the same board twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tasks.vocabulary.arrays import Int64Array


def components(groups: Sequence[frozenset[str]]) -> Int64Array:
    """Number of the component of each board; boards that share a group, however far round, share it.

    A board without a group is alone.
    """
    columns: dict[str, int] = {}
    boards, named = [], []
    for board, names in enumerate(groups):
        for name in names:
            boards.append(board)
            named.append(len(groups) + columns.setdefault(name, len(columns)))
    return linked(len(groups) + len(columns), boards, named)[: len(groups)]


def linked(count: int, left: ArrayLike, right: ArrayLike) -> Int64Array:
    """Number of the component of each of `count` nodes, `left[i]` being linked with `right[i]`."""
    left, right = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    # Summed duplicates of a narrow type would wrap round to no link at all.
    links = coo_array((np.ones(len(left)), (left, right)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
