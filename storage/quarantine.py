"""Files that could not be taken in, why and what to do, and what persons decided on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.fingerprints import content_digest
from storage.layout import quarantine, quarantine_table
from storage.numbered import NumberedFiles, Record
from storage.objects import Objects
from storage.tables import read_text_table, text_table

_COLUMNS = ("source", "digest", "kind", "reason", "remedy", "made_by", "first_seen_at")
_Row = tuple[str, str | None, str, str, str, str, str]


@dataclass(frozen=True)
class QuarantineEntry:
    """One source file (its content digest where it could be read), why, and what to do about it.

    `made_by` names the settings and code that refused it, "" where they do not matter: the file need not
    be tried again while they stay. `first_seen_at` is an ISO 8601 time in UTC, set by the store. Two
    entries that differ in nothing else are the same.
    """

    source: str
    digest: str | None
    kind: str
    reason: str
    remedy: str
    made_by: str = field(default="", compare=False)
    first_seen_at: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """Name of the entry, made from everything but the time and what refused it."""
        facts = [self.source, self.digest, self.kind, self.reason, self.remedy]
        return content_digest(json.dumps(facts).encode("ascii"))


@dataclass(frozen=True)
class Release:
    """Decision of a person that the content of a quarantined file is to be taken in as it is."""

    number: int
    digest: str
    by: str
    note: str
    at: str


class QuarantineStore:
    """The quarantine of one line: a table of what is in it now, and all decisions ever made."""

    def __init__(self, objects: Objects, line: str) -> None:
        self.line = line
        self._objects = objects
        self._path = quarantine_table(line)
        self._decisions = NumberedFiles(objects, quarantine(line))

    def renew(self, entries: Iterable[QuarantineEntry], now: str) -> None:
        """Make the table exactly these entries, each once; one that was there keeps its first time.

        `now` is an ISO 8601 time in UTC, InvalidEntryError otherwise. A damaged table is made anew.
        """
        _refuse_other_than_utc(now)
        try:
            before = {row[:5]: row[6] for row in self._rows()}
        except CorruptEntryError:
            before = {}
        given = {(e.source, e.digest, e.kind, e.reason, e.remedy): e.made_by for e in entries}
        self._write([(*facts, made_by, before.get(facts, now)) for facts, made_by in given.items()])

    def entries(self) -> list[QuarantineEntry]:
        """All entries by source; CorruptEntryError where the table is not as it was written."""
        return [QuarantineEntry(*row) for row in self._rows()]

    def forget(self, keys: Iterable[str]) -> None:
        """Remove entries by key, until the next ingest looks again; unknown keys are no error."""
        forgotten = set(keys)
        self._write([row for row in self._rows() if QuarantineEntry(*row).key not in forgotten])

    def release(self, digest: str, by: str, note: str, at: str) -> Release:
        """Record that a person takes in this content as it is; a second release changes nothing.

        `at` is an ISO 8601 time in UTC. InvalidEntryError without a digest or a person: a file that
        cannot be read has no content to take in, and nobody answers for a decision of nobody.
        """
        return self._decide("release", Release(0, digest, by, note, at))

    def withdraw(self, digest: str, by: str, note: str, at: str) -> Release:
        """Take a release back, with the same facts; NotFoundError where there is none in force."""
        if digest not in self.released():
            raise NotFoundError(
                f"The content {digest} is not released.", "Look at the list of releases."
            )
        return self._decide("withdraw", Release(0, digest, by, note, at))

    def released(self) -> dict[str, Release]:
        """Releases in force by content digest: those that nobody took back."""
        return {
            digest: _release(record)
            for digest, record in self._last_decisions(self._decisions.numbers()).items()
            if record.content["act"] == "release"
        }

    def _decide(self, act: Literal["release", "withdraw"], decision: Release) -> Release:
        _refuse_other_than_utc(decision.at)
        if not decision.digest or not decision.by.strip():
            raise InvalidEntryError(
                "A decision without the content's digest or without a person.",
                "Name both; a file that could not be read has to be mended first.",
            )
        content: dict[str, Any] = {**asdict(decision), "act": act}
        del content["number"]

        def in_force(numbers: list[int]) -> Record | None:
            last = self._last_decisions(numbers).get(decision.digest)
            return last if last is not None and last.content["act"] == act else None

        return _release(self._decisions.append(content, in_force))

    def _last_decisions(self, numbers: Sequence[int]) -> dict[str, Record]:
        records = (self._decisions.record(number) for number in numbers)
        return {record.content["digest"]: record for record in records}

    def _rows(self) -> list[_Row]:
        try:
            columns: Any = read_text_table(self._objects.get(self._path), _COLUMNS)
        except NotFoundError:
            return []
        except ValueError as error:
            raise CorruptEntryError(
                f"{self._path} cannot be read: {error}.",
                "Ingest again; the table is made anew.",
            ) from error
        return list(zip(*columns, strict=True))

    def _write(self, rows: Sequence[_Row]) -> None:
        # None, the digest of what could not be read, does not compare.
        ordered = sorted(rows, key=lambda row: (row[0], row[1] or "", row[2:]))
        columns = list(zip(*ordered, strict=True)) or [()] * len(_COLUMNS)
        self._objects.put(self._path, text_table(_COLUMNS, columns))


def _release(record: Record) -> Release:
    content = record.content
    return Release(record.number, content["digest"], content["by"], content["note"], content["at"])


def _refuse_other_than_utc(time: str) -> None:
    try:
        offset = datetime.fromisoformat(time).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        raise InvalidEntryError(
            f"{time!r} is no time in UTC.", "Give it as 2026-11-20T08:30:00+00:00."
        )
