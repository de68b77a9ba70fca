"""Which files of an archive were seen, so that only new and changed ones are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

from storage.errors import NotFoundError
from storage.layout import file_ledger
from storage.objects import Objects
from storage.tables import read_text_table, text_table

_COLUMNS = ("name", "stamp", "digest")


class SeenFile(NamedTuple):
    """A file as it was when it was read: its stamp, and the digest of what was in it."""

    stamp: str
    digest: str


class FileLedger:
    """The files of one line by name. It is only a memory: without it, every file is read again."""

    def __init__(self, objects: Objects, line: str) -> None:
        self._objects = objects
        self._path = file_ledger(line)

    def known(self) -> dict[str, SeenFile]:
        """All files that were seen; none where the table is missing or not as it was written."""
        try:
            columns = read_text_table(self._objects.get(self._path), _COLUMNS)
        except (NotFoundError, ValueError):
            return {}
        names, stamps, digests = cast("list[list[str]]", columns)
        return dict(zip(names, map(SeenFile, stamps, digests), strict=True))

    def renew(self, files: Mapping[str, SeenFile]) -> None:
        """Make the table exactly these files; whoever reads meanwhile sees the old or the new one."""
        stamps = [seen.stamp for seen in files.values()]
        digests = [seen.digest for seen in files.values()]
        self._objects.put(self._path, text_table(_COLUMNS, [list(files), stamps, digests]))

    def forget(self, names: Iterable[str]) -> None:
        """Read these files again next time, whatever their stamp; unknown names are no error."""
        known, forgotten = self.known(), set(names)
        if forgotten & known.keys():
            kept = {name: seen for name, seen in known.items() if name not in forgotten}
            self.renew(kept)
