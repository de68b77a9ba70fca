"""The labelled rows that a fit learns from, checked once at the border.

Legend: N images, M metrics; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

Groups = NDArray[Any]
"""One sortable name per image, integers or strings: panel, lot, serial, near-duplicates."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled rows: `table` float64 [N, M], finite; `labels` int64 [N], both classes present.

    `groups` [N], if given, names what must stay on one side of every split.
    """

    table: Float64Array
    labels: Int64Array
    columns: tuple[str, ...]
    groups: Groups | None

    def part(self, indices: Int64Array) -> Examples:
        """Take some of the images; splits see to it that both classes remain."""
        groups = None if self.groups is None else self.groups[indices]
        return Examples(self.table[indices], self.labels[indices], self.columns, groups)


def checked_examples(
    table_NM: Float64Array,
    labels_N: Int64Array,
    columns: Sequence[str] | None = None,
    groups_N: Groups | None = None,
) -> Examples:
    """Refuse what cannot be fitted; columns without names are numbered.

    InputError for mismatched shapes, repeated names, unknown labels, missing values and no normal
    image; NoSafeThresholdError without an abnormal one: normals alone would teach to pass all.
    """
    table, labels = np.asarray(table_NM, dtype=np.float64), np.asarray(labels_N)
    if table.ndim != 2 or labels.shape != table.shape[:1]:
        raise InputError(
            f"The table has shape {table.shape}, the labels {labels.shape}.",
            "Give one row of metrics and one label per image.",
        )
    names = tuple(map(str, range(table.shape[1]))) if columns is None else tuple(columns)
    groups = None if groups_N is None else np.asarray(groups_N)
    if len(names) != table.shape[1] or len(set(names)) < len(names):
        raise InputError(
            f"{len(set(names))} distinct names for {table.shape[1]} columns.", "Name each one once."
        )
    if groups is not None and groups.shape != labels.shape:
        raise InputError(f"The groups have shape {groups.shape}.", "Give one per image.")
    _check_values(table, labels)
    return Examples(table, labels.astype(np.int64), names, groups)


def _check_values(table_NM: Float64Array, labels_N: Int64Array) -> None:
    if not np.isin(labels_N, (0, 1)).all():
        raise InputError("A label is neither 0 nor 1.", "Use 1 for abnormal and 0 for normal.")
    broken = np.flatnonzero(~np.isfinite(table_NM).all(axis=1))
    if broken.size > 0:
        raise InputError(
            f"{broken.size} images have metrics without a value, the first is row {broken[0]}.",
            "Leave these images out of the fit; when scored they are flagged.",
        )
    if not (labels_N == 1).any():
        raise NoSafeThresholdError(
            "No image is labelled abnormal, so nothing separates.", "Label some defects first."
        )
    if not (labels_N == 0).any():
        raise InputError("No image is labelled normal.", "Add normal images to the table.")
