"""A table that says which photographs there are and what is known of each."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from tasks.archive.listing import list_remote, stamp_of
from tasks.archive.photograph import Facts, Label, Photograph, printable
from tasks.archive.remote import is_remote, local_path
from tasks.archive.settings import ManifestColumn, ManifestSource
from tasks.archive.tables import TablePlace, read_table, text_of

_FACTS = tuple(field.name for field in fields(Facts))
Row = dict[str, str]
"""Values by our names of the columns; empty ones are left out."""


def manifest_photographs(source: ManifestSource) -> list[Photograph]:
    """A photograph for each row, whether its file is there or not; a row given twice counts once.

    Raises `InputError` where the table cannot be read, lacks the path column, or keeps no row.
    """
    place = TablePlace(source.path, source.endpoint_url, "manifest", "source.path")
    rows = list(_chosen(_renamed(place, source), source, place))
    labels = _labels_of(rows, source, place)
    root = _root(source)
    stamps = _remote_stamps(rows, root, source.endpoint_url) if is_remote(root) else {}
    found: dict[tuple[str, Label | None], Photograph] = {}
    for row, label in zip(rows, labels, strict=True):
        location, name = _place(row["path"], root)
        # One file under two labels stays twice: the contradiction must come to light.
        if (location, label) not in found:
            stamp = stamps.get(location, "") if is_remote(location) else stamp_of(location)
            facts = Facts(**{key: row[key] for key in _FACTS if key in row})
            found[location, label] = Photograph(
                location, printable(name), label, stamp, facts, source.endpoint_url
            )
    return list(found.values())


def _renamed(place: TablePlace, source: ManifestSource) -> Iterator[Row]:
    """Rows by our names, as text; refuses a table without paths."""
    names = {ours: source.columns.get(ours, ours) for ours in get_args(ManifestColumn)}
    asked = {names[ours] for ours in ("path", *source.columns, *source.only)}
    for number, cells in enumerate(read_table(place).rows, start=1):
        if missing := sorted(asked - cells.keys()):
            what = f"has no column {', '.join(missing)}, only {', '.join(map(str, cells))}"
            place.refuse(what, "Add it, or name the manifest's own in source.columns.")
        row = {ours: text_of(cells[theirs]) for ours, theirs in names.items() if theirs in cells}
        row["path"] = str(cells[names["path"]] or "")
        if not row["path"]:
            place.refuse(f"has no path in row {number}", "Fill it, or remove the row.")
        if row.get("captured_at"):
            row["captured_at"] = _time(row["captured_at"], number, place)
        yield {ours: value for ours, value in row.items() if value}


def _time(text: str, number: int, place: TablePlace) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        place.refuse(
            f"has a captured_at in row {number} that is not ISO 8601 ({text})",
            "Write it as 2026-11-20T14:33:02.",
        )
    if time.tzinfo is not None:
        time = time.astimezone(UTC)
    return time.isoformat()


def _chosen(rows: Iterable[Row], source: ManifestSource, place: TablePlace) -> Iterator[Row]:
    empty = True
    for row in rows:
        if all(row.get(column) == value for column, value in source.only.items()):
            empty = False
            yield row
    if empty:
        which = ", ".join(f"{column} = {value}" for column, value in source.only.items())
        what = f"has no row with {which}" if which else "has no row"
        place.refuse(what, "Fill it, or correct source.path and source.only.")


def _labels_of(rows: list[Row], source: ManifestSource, place: TablePlace) -> list[Label | None]:
    words: dict[str, Label] = {word.casefold(): "normal" for word in source.normal}
    words |= {word.casefold(): "abnormal" for word in source.abnormal}
    words |= {word.casefold(): "undecided" for word in source.undecided}
    labels = [words.get(row.get("label", "").casefold()) for row in rows]
    told = sorted({row["label"] for row in rows if "label" in row})
    if told and not any(labels):
        what = f"has labels that nobody explained ({', '.join(told[:5])})"
        place.refuse(what, "Say in source.normal and source.abnormal what they mean.")
    return labels


def _root(source: ManifestSource) -> str:
    root = source.root if source.root is not None else posixpath.dirname(source.path)
    return root.rstrip("/") if is_remote(root) else str(local_path(root))


def _place(path: str, root: str) -> tuple[str, str]:
    """Location and name of a row's photograph."""
    if is_remote(path) or (is_remote(root) and not path.startswith("/")):
        location = path if is_remote(path) else f"{root}/{posixpath.normpath(path)}"
        return location, location.removeprefix(f"{root}/")
    if not path.startswith(("/", ".", "file://")) and "//" not in path and "/." not in path:
        # Nearly every row; a Path for each of 100,000 takes seconds.
        return f"{root}/{path}", path
    place = Path(root, path.removeprefix("file://"))
    name = str(place.relative_to(root)) if place.is_relative_to(root) else str(place)
    return str(place), name


def _remote_stamps(rows: list[Row], root: str, endpoint_url: str | None) -> dict[str, str]:
    """Stamps of the objects below the folder that all rows share: a listing, not a call for each."""
    relative = [posixpath.normpath(row["path"]) for row in rows if "://" not in row["path"]]
    below = [posixpath.dirname(path) for path in relative if not path.startswith("/")]
    if not below:
        return {}
    shared = posixpath.commonpath(below)
    listed = list_remote(f"{root}/{shared}".rstrip("/"), endpoint_url, ("",))
    return {file.location: file.stamp for folder in listed for file in folder.files}
