"""Scores from CSV or Parquet, through Arrow: only the columns that are asked for are read.

The content tells the format, not the name of the file. Arrow is imported where it is used.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.attestation.columns import (
    checked_labels,
    coded,
    identity,
    moments,
    numbers,
    present_text,
    sample,
    unique_names,
)
from tasks.attestation.scores import Columns, ScoredSet
from tasks.vocabulary.arrays import Int64Array
from tasks.vocabulary.errors import InputError

_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_BLOCK_BYTES = 1 << 20


def read_scores(file: Path, columns: Columns, delimiter: str = ",") -> ScoredSet:
    """Read and check one file.

    InputError, with the remedy, for: no such file, an empty one, not UTF-8, columns that are missing
    (also because of another delimiter), labels that say neither good nor defective, scores that are
    no numbers, an id or path that occurs twice, a row without a group, times that cannot be read.
    """
    table = _table(file, columns.named(), delimiter)
    if table.num_rows == 0:
        raise InputError(f"{file} has no rows.", "Give a file with one row per scored image.")
    abnormal_N, words = checked_labels(table.column(columns.label), columns.label)
    ids = None if columns.id is None else unique_names(table.column(columns.id), columns.id)
    paths = None if columns.path is None else unique_names(table.column(columns.path), columns.path)
    groups_N = None
    if columns.group is not None:
        present_text(table.column(columns.group), columns.group)
        _, groups_N = coded(table.column(columns.group))
    families, family_N = _codes(table, columns.family)
    naming = dict.fromkeys(n for n in (columns.id, columns.path, columns.group) if n is not None)
    read = ScoredSet(
        scores_N=numbers(table.column(columns.score), columns.score),
        abnormal_N=abnormal_N,
        label_words=words,
        ids=ids,
        groups_N=groups_N,
        families=families,
        family_N=family_N,
        sizes_N=None if columns.size is None else numbers(table.column(columns.size), columns.size),
        paths=paths,
        sha256=_sha256(file),
        identities=tuple(identity(table.column(name)) for name in naming),
        # Names of groups return in other sets ('lot A'); those of single images should not.
        samples=tuple(
            digest
            for name in naming
            if name in (columns.id, columns.path)
            for digest in sample(table.column(name))
        ),
    )
    return _with_circumstances(read, table, columns)


def _with_circumstances(read: ScoredSet, table: Any, columns: Columns) -> ScoredSet:
    """Add when and in which lot the boards were made, where columns say so."""
    lots, lots_N = _codes(table, columns.lot)
    read = replace(read, lots=lots, lots_N=lots_N)
    if columns.time is None:
        return read
    times_N, are_dates = moments(table.column(columns.time), columns.time)
    return replace(read, times_N=times_N, are_dates=are_dates)


def _codes(table: Any, name: str | None) -> tuple[tuple[str, ...] | None, Int64Array | None]:
    return (None, None) if name is None else coded(table.column(name))


def _table(file: Path, names: Sequence[str], delimiter: str) -> Any:
    try:
        with file.open("rb") as opened:
            head = opened.read(4)
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror}.", "Give a CSV or Parquet file."
        ) from error
    if not head:
        raise InputError(f"{file} is empty.", "Give a file with a header and one row per image.")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(f"{file} is a spreadsheet or an archive.", "Save it as CSV (UTF-8).")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{file} is not UTF-8 but UTF-16 text.", "Save it as CSV (UTF-8).")
    return _parquet(file, names) if head == b"PAR1" else _csv(file, names, delimiter)


def _parquet(file: Path, names: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        _check_columns(file, names, pq.read_schema(file).names, "")
        return pq.read_table(file, columns=list(names))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error, "Write the Parquet file again.") from error


def _csv(file: Path, names: Sequence[str], delimiter: str) -> Any:
    """All columns as text: types guessed from the first rows would change with the rows."""
    import pyarrow as pa
    from pyarrow import csv

    if len(delimiter) != 1:
        raise InputError(f"The delimiter {delimiter!r}.", "Give one character.")
    parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    try:
        with csv.open_csv(file, parse_options=parsing) as opened:
            _check_columns(file, names, opened.schema.names, delimiter)
        wanted = csv.ConvertOptions(
            include_columns=list(names),
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
        )
        return csv.read_csv(file, parse_options=parsing, convert_options=wanted)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        _check_delimiter(file, delimiter)
        if "UTF8" in str(error) or isinstance(error, UnicodeDecodeError):
            raise InputError(f"{file} is not UTF-8 text.", "Save it as CSV (UTF-8).") from error
        raise _unreadable(file, error, "Mend the row, or give --delimiter.") from error


def _check_columns(
    file: Path, names: Sequence[str], present: Sequence[str], delimiter: str
) -> None:
    missing = [name for name in names if name not in present]
    twice = [name for name in names if list(present).count(name) > 1]
    if twice:
        raise InputError(f"{file} has more than one column {twice[0]!r}.", "Rename one of them.")
    if not missing:
        return
    if len(present) == 1:
        _refuse_delimiter(file, present[0], delimiter)
    near = difflib.get_close_matches(missing[0], present, 1, 0.5)
    shown = ", ".join(map(repr, present[:12])) + (" ..." if len(present) > 12 else "")
    raise InputError(
        f"{file} has no column {missing[0]!r}. It has {shown}.",
        f"Did you mean {near[0]!r}?" if near else "Name one of these.",
    )


def _check_delimiter(file: Path, delimiter: str) -> None:
    """Name the right delimiter where rows do not fit a header of one column, as with decimal commas."""
    with file.open("rb") as opened:
        header = opened.readline().decode("utf-8", "replace").strip()
    if delimiter not in header:
        _refuse_delimiter(file, header, delimiter)


def _refuse_delimiter(file: Path, header: str, delimiter: str) -> None:
    for other, called in _DELIMITERS.items():
        if other != delimiter and other in header:
            raise InputError(
                f"{file} seems to be separated by {called}: its only column is {header!r}.",
                f"Give --delimiter {'$' if other == chr(9) else ''}{other!r}.",
            )


def _unreadable(file: Path, error: Exception, remedy: str) -> InputError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"{file} cannot be read: {said.rstrip('.')}.", remedy)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
