"""One tool's scores and labels, checked: what every later step may rely on.

Legend: N images (rows of the file), in the order of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True)
class Columns:
    """Which columns of the file say what; `path` leads to a picture of the image."""

    score: str
    label: str
    id: str | None = None
    group: str | None = None
    family: str | None = None
    size: str | None = None
    path: str | None = None
    time: str | None = None
    lot: str | None = None

    def named(self) -> tuple[str, ...]:
        """Every column that was asked for, once."""
        given = (
            self.score,
            self.label,
            self.id,
            self.group,
            self.family,
            self.size,
            self.path,
            self.time,
            self.lot,
        )
        return tuple(dict.fromkeys(name for name in given if name is not None))


@dataclass(frozen=True, eq=False)
class ScoredSet:
    """The rows of a file.

    `scores_N` in the tool's own direction, NaN where there is no finite score; `families` and the
    rest are None where no column was named. `groups_N` numbers the groups. `label_words` counts how
    every word of the label column was read. `sha256` is that of the file's bytes; `identities`
    recognise the same boards again, whatever their scores and labels (one digest per column that
    names boards; none where no column does), `samples` sets that overlap with these (`columns.sample`).
    `times_N` are seconds since 1970 where `are_dates`, else the numbers of the file, NaN where missing;
    `lots_N` numbers `lots`.
    """

    scores_N: Float64Array
    abnormal_N: BoolArray
    label_words: Sequence[tuple[str, bool, int]]
    ids: Sequence[str] | None
    groups_N: Int64Array | None
    families: Sequence[str] | None
    family_N: Int64Array | None
    sizes_N: Float64Array | None
    paths: Sequence[str] | None
    sha256: str
    identities: tuple[str, ...]
    samples: tuple[str, ...]
    times_N: Float64Array | None = None
    are_dates: bool = False
    lots: Sequence[str] | None = None
    lots_N: Int64Array | None = None
