"""Files that could not be taken in, with the reason and the remedy, until a person has looked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from storage.errors import CorruptEntryError, NotFoundError
from storage.fingerprints import fingerprint
from storage.layout import quarantine, valid_name
from storage.objects import Objects


@dataclass(frozen=True)
class QuarantineEntry:
    """One source file (its content digest where it could be read), why, and what to do about it."""

    source: str
    digest: str | None
    reason: str
    remedy: str
    kind: str

    @property
    def key(self) -> str:
        """Name of the entry, made from its content."""
        return fingerprint(asdict(self))


class QuarantineStore:
    """All quarantined files of one line."""

    def __init__(self, objects: Objects, line: str) -> None:
        self.line = line
        self._objects = objects
        self._folder = quarantine(line)

    def add(self, entry: QuarantineEntry) -> str:
        """Store an entry and return its key; the same entry is stored once."""
        text = json.dumps(asdict(entry), sort_keys=True, indent=1).encode("ascii")
        self._objects.put_new(self._path(entry.key), text)
        return entry.key

    def entries(self) -> list[QuarantineEntry]:
        """All entries by source; one that another process clears meanwhile is left out."""
        found = []
        for path in self._objects.files(self._folder):
            try:
                found.append(QuarantineEntry(**json.loads(self._objects.get(path))))
            except NotFoundError:
                continue
            except (ValueError, TypeError) as error:
                raise CorruptEntryError(f"{path} is no entry: {error}.", "Remove it.") from error
        return sorted(found, key=lambda entry: (entry.source, entry.key))

    def clear(self, keys: Iterable[str]) -> None:
        """Remove entries by key; one that is not there is no error."""
        self._objects.delete(self._path(key) for key in keys)

    def _path(self, key: str) -> str:
        return f"{self._folder}/{valid_name(key)}.json"
