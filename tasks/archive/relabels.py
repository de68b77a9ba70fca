"""The relabel file: what persons say of single images, against the labels of the archive.

A CSV (or Parquet) table with the columns `image_id,label,who,why`; further ones do not matter. An image
is named by its file as the archive has it (`normal/b17.png`, never `b17.png` alone: two folders may hold
one) or by its image id, the SHA-256 of the file, of which the first 8 characters are enough where no other
image begins with them. A row without `who` and `why` is an unedited line of a prefilled list and says
nothing; a row with one of the two is an error, for nobody answers for it or nobody knows why.

No order of the rows matters: two that give one image different labels are an error, two that agree are
taken together.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, get_args

from tasks.archive.photograph import Label
from tasks.archive.settings import SourceSettings
from tasks.archive.tables import TablePlace, read_table, text_of
from tasks.vocabulary.errors import InputError

_COLUMNS = ("image_id", "label", "who", "why")
_LABELS: tuple[Label, ...] = get_args(Label)
_ID_PREFIX = re.compile(r"[0-9a-f]{8,64}")
_NAMED = 5


@dataclass(frozen=True)
class Relabel:
    """One row: the image as the file names it, its label, who says so and why; `row` counts from 1."""

    image: str
    label: Label
    who: str
    why: str
    row: int

    @property
    def by_id(self) -> bool:
        """Whether the image may be named by its id; a file may be called so, too."""
        return _ID_PREFIX.fullmatch(self.image.casefold()) is not None


class ImageNames:
    """Images by what a person calls them; several files may be one image (copies of it)."""

    def __init__(self, ids: Iterable[str], sources: Mapping[str, str]) -> None:
        """`sources`: image id by the name of a file."""
        self._sources = sources
        self._ids = sorted({*ids, *sources.values()})

    def of(self, called: str) -> frozenset[str]:
        """Ids of all images that this can mean: one, none, or several where it is ambiguous."""
        found = {self._sources[called]} if called in self._sources else set()
        prefix = called.casefold()
        if _ID_PREFIX.fullmatch(prefix):
            for image_id in self._ids[bisect_left(self._ids, prefix) :]:
                if not image_id.startswith(prefix):
                    break
                found.add(image_id)
        return frozenset(found)


@dataclass(frozen=True)
class Resolved:
    """Rows by the id of their image, and those that name none of the images that were asked for."""

    by_image: Mapping[str, Relabel]
    unknown: tuple[Relabel, ...]


@dataclass(frozen=True)
class RelabelFile:
    """All rows of a relabel file that say something."""

    path: str
    rows: tuple[Relabel, ...]

    @property
    def said(self) -> list[tuple[str, Label, str, str]]:
        """All that the file says, in the order of its text: two files that say the same are the same."""
        return sorted((row.image, row.label, row.who, row.why) for row in self.rows)

    @property
    def no_normals(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Files, and beginnings of image ids, that are called other than normal: none teaches normality."""
        rows = [row for row in self.rows if row.label != "normal"]
        ids = tuple(row.image.casefold() for row in rows if row.by_id)
        return frozenset(row.image for row in rows), ids

    def resolved(self, names: ImageNames) -> Resolved:
        """Which image each row is about.

        Raises `InputError` where a row can mean several images, and where two rows give one image
        different labels: which of them is right is for a person to say, and never the order of rows.
        """
        by_image: dict[str, list[Relabel]] = {}
        unknown = []
        for row in self.rows:
            ids = names.of(row.image)
            if len(ids) > 1:
                self._refuse_ambiguous(row, ids)
            for image_id in ids:
                rows = by_image.setdefault(image_id, [])
                rows.append(row)
                if rows[0].label != row.label:
                    self._refuse_disagreement(rows[0], row)
            if not ids:
                unknown.append(row)
        together = {image_id: _together(rows) for image_id, rows in by_image.items()}
        return Resolved(together, tuple(unknown))

    def refuse_unknown(self, rows: Iterable[Relabel]) -> None:
        """Raise `InputError` where there are any: what was to be corrected would silently stay wrong."""
        told = [f"{row.image} (row {row.row})" for row in rows]
        if not told:
            return
        named = ", ".join(told[:_NAMED])
        further = f" and {len(told) - _NAMED:,} more" if len(told) > _NAMED else ""
        raise InputError(
            f"The relabel file {self.path} names images that the line never had: {named}{further}.",
            "Name each by its file as the report shows it (normal/b17.png) or by at least 8 characters "
            "of its image id; or take the row out.",
        )

    def _refuse_ambiguous(self, row: Relabel, ids: frozenset[str]) -> NoReturn:
        listed = ", ".join(f"{image_id[:12]}..." for image_id in sorted(ids)[:_NAMED])
        raise InputError(
            f"In the relabel file {self.path}, {row.image} (row {row.row}) can be {len(ids)} images "
            f"({listed}).",
            "Give more characters of the image id.",
        )

    def _refuse_disagreement(self, first: Relabel, second: Relabel) -> NoReturn:
        raise InputError(
            f"In the relabel file {self.path}, rows {first.row} ({first.image}: {first.label}, "
            f"{first.who}) and {second.row} ({second.image}: {second.label}, {second.who}) disagree "
            "on one image.",
            "Keep the row that is right, or say undecided.",
        )


def read_relabels(path: str | None, source: SourceSettings) -> RelabelFile:
    """The relabel file of a line, none without a path; an object store answers where the archive's does.

    Raises `InputError` where it cannot be read, lacks a column, or a row that says something lacks a part
    or gives a label that there is not.
    """
    if path is None:
        return RelabelFile("", ())
    place = TablePlace(path, getattr(source, "endpoint_url", None), "relabel file", "relabels")
    table = read_table(place)
    if missing := [name for name in _COLUMNS if name not in table.columns]:
        there = f"only {', '.join(table.columns)}" if any(table.columns) else "it is empty"
        place.refuse(
            f"has no column {', '.join(missing)}, {there}",
            f"Its first line is: {','.join(_COLUMNS)}",
        )
    numbered = enumerate(table.rows, start=1)
    rows = (_row(cells, number, place) for number, cells in numbered)
    return RelabelFile(path, tuple(row for row in rows if row is not None))


def _row(cells: Mapping[str, Any], number: int, place: TablePlace) -> Relabel | None:
    image, label, who, why = (text_of(cells[name]) for name in _COLUMNS)
    if not who and not why:
        return None
    for name, cell in zip(_COLUMNS, (image, label, who, why), strict=True):
        if not cell:
            place.refuse(
                f"has no {name} in row {number} ({image or 'no image'})",
                "Fill in who says so and why, or leave both empty: then the row says nothing.",
            )
    known = next((one for one in _LABELS if one == label.casefold()), None)
    if known is None:
        what = f"has the label {label!r} in row {number} ({image})"
        place.refuse(what, f"Write {', '.join(_LABELS)}.")
    return Relabel(image, known, who, why, number)


def _together(rows: Sequence[Relabel]) -> Relabel:
    """One row that says what all of them say, in whatever order they came."""
    who, why = (
        "; ".join(sorted(texts)) for texts in ({r.who for r in rows}, {r.why for r in rows})
    )
    return replace(rows[0], who=who, why=why)
