"""Tables that people write: CSV or Parquet, on this machine or in an object store."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

from tasks.archive.remote import file_system, is_remote, listing_error, local_path
from tasks.vocabulary.errors import InputError

_PARQUET = b"PAR1"


@dataclass(frozen=True)
class TablePlace:
    """Where a table lies, and how it is spoken of: `noun`, and the `setting` that names it."""

    path: str
    endpoint_url: str | None
    noun: str
    setting: str

    def refuse(self, what: str, remedy: str) -> NoReturn:
        """Raise the `InputError` that begins with the table's place."""
        raise InputError(f"The {self.noun} {self.path} {what}.", remedy)


@dataclass(frozen=True)
class Table:
    """The table's own names of its columns, and its rows by them; empty lines are no rows."""

    columns: tuple[str, ...]
    rows: Iterator[dict[str, Any]]


def read_table(place: TablePlace) -> Table:
    """Open a table; `,`, `;` or a tab separates the cells of CSV, whichever its first line has most of.

    Raises `InputError` where it cannot be read, or while its rows are taken where it is damaged;
    `UnreachableArchiveError` where an object store does not answer.
    """
    content = _content(place)
    if content.startswith(_PARQUET) or place.path.lower().endswith((".parquet", ".pq")):
        return _parquet(content, place)
    return _csv(content, place)


def text_of(value: object) -> str:
    """What a person reads in a cell, without spaces around it; "" where it is empty."""
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


def _content(place: TablePlace) -> bytes:
    if not is_remote(place.path):
        try:
            return local_path(place.path).read_bytes()
        except OSError as error:
            raise InputError(
                f"The {place.noun} {place.path} cannot be read ({error.strerror}).",
                f"Correct {place.setting}.",
            ) from error
    system, path = file_system(place.path, place.endpoint_url)
    try:
        content: bytes = system.cat_file(path)
    except Exception as error:  # drivers raise what their server's library raises
        raise listing_error(error, place.path) from error
    return content


def _csv(content: bytes, place: TablePlace) -> Table:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place.refuse(f"is not UTF-8 ({error})", "Save it as CSV in UTF-8.")
    header_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=header_line.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
    except csv.Error as error:
        _refuse_damaged(place, lines.line_num, error)
    if doubled := {name for name in header if header.count(name) > 1}:
        place.refuse(f"has two columns called {doubled.pop()}", "Rename one of them.")
    return Table(tuple(header), _csv_rows(lines, header, place))


def _csv_rows(lines: Any, header: list[str], place: TablePlace) -> Iterator[dict[str, Any]]:
    try:
        for cells in lines:
            if len(cells) == len(header):
                yield dict(zip(header, cells, strict=True))
            elif cells:
                what = f"has {len(cells)} cells in line {lines.line_num} and {len(header)} columns"
                place.refuse(what, "Quote what contains the separator; write every cell.")
    except csv.Error as error:
        _refuse_damaged(place, lines.line_num, error)


def _refuse_damaged(place: TablePlace, line: int, error: csv.Error) -> NoReturn:
    place.refuse(f"is damaged in line {line} ({error})", "Export it again.")


def _parquet(content: bytes, place: TablePlace) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        place.refuse(f"is no whole Parquet file ({error})", "Export it again.")
    names = tuple(table.column_names)
    columns = [table.column(at).to_pylist() for at in range(len(names))]
    return Table(
        names, (dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True))
    )
