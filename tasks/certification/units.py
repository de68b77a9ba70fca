"""What counts once: several images of one part make one unit, with the score that decides it.

Legend: N images (rows), U units. A group is whatever is independent: a board, a part, a lot. Where
one has good and defective images, it gives one unit of each class. NaN and infinite mean 'no
score', which is flagged at any threshold, hence the highest of all.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, assert_never

import numpy as np

from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

CaughtBy = Literal["every-image", "any-image"]
"""When a defective part counts as caught: if every image of it is flagged, or if any is."""


class Units(NamedTuple):
    """Units of one class.

    `scores_U` decide the verdicts (+inf: no score); `rows_U` are the images that gave them;
    `unit_N` is the unit of every image.
    """

    scores_U: Float64Array
    rows_U: Int64Array
    unit_N: Int64Array


def defective_units(
    scores_N: Float64Array, groups_N: Int64Array | None, caught_by: CaughtBy
) -> Units:
    """Units of defective images; without groups every image is one.

    `every-image` is the careful reading: one missed image makes the part an escape, so the lowest
    score decides. `any-image` is a station that stops the part at its first flagged image: the
    highest decides.
    """
    match caught_by:
        case "every-image":
            return _units(scores_N, groups_N, "lowest")
        case "any-image":
            return _units(scores_N, groups_N, "highest")
        case _:
            assert_never(caught_by)


def good_units(scores_N: Float64Array, groups_N: Int64Array | None) -> Units:
    """Units of good images: one flagged image makes a false call of the part, so the highest decides."""
    return _units(scores_N, groups_N, "highest")


def _units(
    scores_N: Float64Array, groups_N: Int64Array | None, deciding: Literal["lowest", "highest"]
) -> Units:
    scores_N = np.asarray(scores_N, dtype=np.float64)
    scores_N = np.where(np.isfinite(scores_N), scores_N, np.inf)
    if groups_N is None:
        each_N = np.arange(scores_N.size)
        return Units(scores_N, each_N, each_N)
    if groups_N.shape != scores_N.shape:
        raise InputError(
            f"{groups_N.size} groups for {scores_N.size} scores.", "Give one group per image."
        )
    names_U, unit_N = np.unique(groups_N, return_inverse=True)
    order_N = np.lexsort((scores_N, unit_N))
    side: Literal["left", "right"] = "left" if deciding == "lowest" else "right"
    at_U = np.searchsorted(unit_N[order_N], np.arange(names_U.size), side=side)
    rows_U = order_N[at_U if deciding == "lowest" else at_U - 1]
    return Units(scores_N[rows_U], rows_U, unit_N)
