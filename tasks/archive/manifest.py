"""A table that says which photographs there are and what is known of each."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn, get_args

from tasks.archive.listing import list_remote, stamp_of
from tasks.archive.photograph import Facts, Label, Photograph, printable
from tasks.archive.remote import file_system, is_remote, listing_error, local_path
from tasks.archive.settings import ManifestColumn, ManifestSource
from tasks.vocabulary.errors import InputError

_FACTS = tuple(field.name for field in fields(Facts))
_PARQUET = b"PAR1"
Row = dict[str, str]
"""Values by our names of the columns; empty ones are left out."""


def manifest_photographs(source: ManifestSource) -> list[Photograph]:
    """A photograph for each row, whether its file is there or not; a row given twice counts once.

    Raises `InputError` where the table cannot be read, lacks the path column, or keeps no row.
    """
    content = _content(source)
    rows = list(_chosen(_renamed(_table(content, source.path), source), source))
    labels = _labels_of(rows, source)
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


def _content(source: ManifestSource) -> bytes:
    if not is_remote(source.path):
        try:
            return local_path(source.path).read_bytes()
        except OSError as error:
            raise InputError(
                f"The manifest {source.path} cannot be read ({error.strerror}).",
                "Correct source.path.",
            ) from error
    system, path = file_system(source.path, source.endpoint_url)
    try:
        content: bytes = system.cat_file(path)
    except Exception as error:  # drivers raise what their server's library raises
        raise listing_error(error, source.path) from error
    return content


def _table(content: bytes, place: str) -> Iterator[dict[str, Any]]:
    """The rows by the manifest's own names of the columns."""
    if content.startswith(_PARQUET) or place.lower().endswith((".parquet", ".pq")):
        return _parquet(content, place)
    return _csv(content, place)


def _csv(content: bytes, place: str) -> Iterator[dict[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(place, f"is not UTF-8 ({error})", "Save it as CSV in UTF-8.")
    header_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=header_line.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        if doubled := {name for name in header if header.count(name) > 1}:
            _refuse(place, f"has two columns called {doubled.pop()}", "Rename one of them.")
        for cells in lines:
            if len(cells) == len(header):
                yield dict(zip(header, cells, strict=True))
            elif cells:
                what = f"has {len(cells)} cells in line {lines.line_num} and {len(header)} columns"
                _refuse(place, what, "Quote what contains the separator; write every cell.")
    except csv.Error as error:
        _refuse(place, f"is damaged in line {lines.line_num} ({error})", "Export it again.")


def _parquet(content: bytes, place: str) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        _refuse(place, f"is no whole Parquet file ({error})", "Export it again.")
    names = table.column_names
    columns = [table.column(at).to_pylist() for at in range(len(names))]
    yield from (dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True))


def _renamed(table: Iterable[Mapping[str, Any]], source: ManifestSource) -> Iterator[Row]:
    """Rows by our names, as text; refuses a table without paths."""
    names = {ours: source.columns.get(ours, ours) for ours in get_args(ManifestColumn)}
    asked = {names[ours] for ours in ("path", *source.columns, *source.only)}
    for number, cells in enumerate(table, start=1):
        if missing := sorted(asked - cells.keys()):
            what = f"has no column {', '.join(missing)}, only {', '.join(map(str, cells))}"
            _refuse(source.path, what, "Add it, or name the manifest's own in source.columns.")
        row = {ours: _text(cells[theirs]) for ours, theirs in names.items() if theirs in cells}
        row["path"] = str(cells[names["path"]] or "")
        if not row["path"]:
            _refuse(source.path, f"has no path in row {number}", "Fill it, or remove the row.")
        if row.get("captured_at"):
            row["captured_at"] = _time(row["captured_at"], number, source.path)
        yield {ours: value for ours, value in row.items() if value}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:  # the second: not a number, an empty cell of pandas
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        # A column of whole numbers with an empty cell comes as floats.
        return str(int(value))
    return str(value).strip()


def _time(text: str, number: int, place: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        _refuse(
            place,
            f"has a captured_at in row {number} that is not ISO 8601 ({text})",
            "Write it as 2026-11-20T14:33:02.",
        )
    if time.tzinfo is not None:
        time = time.astimezone(UTC)
    return time.isoformat()


def _chosen(rows: Iterable[Row], source: ManifestSource) -> Iterator[Row]:
    empty = True
    for row in rows:
        if all(row.get(column) == value for column, value in source.only.items()):
            empty = False
            yield row
    if empty:
        which = ", ".join(f"{column} = {value}" for column, value in source.only.items())
        what = f"has no row with {which}" if which else "has no row"
        _refuse(source.path, what, "Fill it, or correct source.path and source.only.")


def _labels_of(rows: list[Row], source: ManifestSource) -> list[Label | None]:
    words: dict[str, Label] = {word.casefold(): "normal" for word in source.normal}
    words |= {word.casefold(): "abnormal" for word in source.abnormal}
    words |= {word.casefold(): "undecided" for word in source.undecided}
    labels = [words.get(row.get("label", "").casefold()) for row in rows]
    told = sorted({row["label"] for row in rows if "label" in row})
    if told and not any(labels):
        what = f"has labels that nobody explained ({', '.join(told[:5])})"
        _refuse(source.path, what, "Say in source.normal and source.abnormal what they mean.")
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


def _refuse(place: str, what: str, remedy: str) -> NoReturn:
    raise InputError(f"The manifest {place} {what}.", remedy)
