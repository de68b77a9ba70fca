"""What every inspection saw and said, for good: the memory in which a drift of the line is found.

Each run of an inspection leaves one immutable segment under the bundle that judged. A file's content is
judged once: the same bytes under the same bundle have the same verdict, so a second copy, a repeated or a
killed and repeated run add nothing to what is read. Two photographs of one board never share all bytes.
Only a file that could not be read at all is known by its path.

Segments follow one another by how many there were before them, not by the clock: a clock that is set back
changes no order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from storage.arrays import corrupt
from storage.fingerprints import content_digest, fingerprint
from storage.layout import inspection_entries
from storage.objects import Objects
from storage.receipts import Receipt, ReceiptBook, find_receipt, write_entry
from storage.tables import read_text_table, text_table

_TABLE = "rows.parquet"
_UNREAD = "unread:"


@dataclass(frozen=True)
class InspectedRow:
    """One judged file; None where a thing is not known or was not measured.

    `image` is the digest of the file, "" where it could not be read. `flagged` is what the threshold says,
    whatever a suspended certificate made of it; `inspected_at` and `captured_at` are ISO 8601. The rest
    is of the board image: residual of its registration in board px, mean and standard deviation of its
    grey levels (0 to 255), mean difference to its reconstruction (share of full scale).
    """

    image: str
    file: str
    inspected_at: str
    captured_at: str | None
    flagged: bool
    score: float | None
    reason: str | None
    residual_px: float | None
    brightness: float | None
    spread: float | None
    difference: float | None

    @property
    def identity(self) -> str:
        """What makes two rows of one bundle the same."""
        return self.image or f"{_UNREAD}{self.file}"


_COLUMNS = tuple(field.name for field in fields(InspectedRow))
_NUMBERS = ("score", "residual_px", "brightness", "spread", "difference")


@dataclass(frozen=True)
class Inspections:
    """All rows of one bundle, each once, in the order in which they were committed.

    `set_back` are the commits (time of one, time of the next) between which the clock was set back.
    """

    rows: tuple[InspectedRow, ...]
    set_back: tuple[tuple[str, str], ...]


class InspectionLog:
    """Inspections of one line by one bundle; append-only, safe among any number of writers."""

    def __init__(self, objects: Objects, line: str, bundle: str) -> None:
        self._objects = objects
        self._folder = inspection_entries(line, bundle)
        self._bundle = bundle
        self._book = ReceiptBook(objects, self._folder)

    def write(self, rows: Iterable[InspectedRow], at: str) -> Receipt | None:
        """Store what one run inspected; None where that is nothing.

        The key names the contents of the files, so the same run again changes nothing. `at` is the time
        of the commit, ISO 8601.
        """
        known: dict[str, InspectedRow] = {}
        for row in rows:
            known.setdefault(row.identity, row)
        distinct = list(known.values())
        if not distinct:
            return None
        names = tuple(row.identity for row in distinct)
        key = fingerprint({"bundle": self._bundle, "rows": sorted(names)})
        entry = f"{self._folder}/{key}"
        if committed := find_receipt(self._objects, entry):
            return committed
        table = text_table(_COLUMNS, [_texts(distinct, name) for name in _COLUMNS])
        receipt = Receipt(
            kind="inspections",
            key=key,
            location="",
            rows=names,
            digest=content_digest(table),
            fingerprint=self._bundle,
            inputs={"bundle": self._bundle},
            facts={"at": at, "after": len(self._objects.folders(self._folder))},
        )
        return write_entry(
            self._objects,
            entry,
            receipt,
            lambda location: self._objects.put(f"{location}/{_TABLE}", table),
        )

    def read(self) -> Inspections:
        """Everything; CorruptEntryError where a segment is not as it was written."""
        ordered = sorted(self._book.receipts(), key=_place)
        found: dict[str, InspectedRow] = {}
        for receipt in ordered:
            for row in self._rows(receipt):
                found.setdefault(row.identity, row)
        times = [str(receipt.facts["at"]) for receipt in ordered]
        back = tuple((was, then) for was, then in pairwise(times) if then < was)
        return Inspections(tuple(found.values()), back)

    def _rows(self, receipt: Receipt) -> Iterable[InspectedRow]:
        path = f"{receipt.location}/{_TABLE}"
        try:
            columns = read_text_table(self._objects.get(path), _COLUMNS)
        except (ValueError, LookupError) as error:
            raise corrupt(path, str(error)) from error
        for cells in zip(*columns, strict=True):
            yield _row(dict(zip(_COLUMNS, cells, strict=True)))


def _place(receipt: Receipt) -> tuple[int, str, str]:
    return int(str(receipt.facts["after"])), str(receipt.facts["at"]), receipt.key


def _texts(rows: list[InspectedRow], name: str) -> list[str | None]:
    """Numbers as the shortest text that reads back as the same bits."""
    values = [getattr(row, name) for row in rows]
    if name == "flagged":
        return ["yes" if value else "no" for value in values]
    return [None if value is None else str(value) for value in values]


def _row(cells: dict[str, str | None]) -> InspectedRow:
    known: dict[str, Any] = dict(cells)
    for name in _NUMBERS:
        text = cells[name]
        known[name] = None if text is None else float(text)
    # Whatever is not a plain 'no' is flagged.
    known["flagged"] = cells["flagged"] != "no"
    return InspectedRow(**known)
