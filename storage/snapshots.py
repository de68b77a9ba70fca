"""Snapshots: which images, with which label and role, a training or a certificate used."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.fingerprints import content_digest
from storage.layout import snapshot_rows, snapshots
from storage.numbered import NumberedFiles, Record
from storage.objects import Objects

_FACTS = ("family", "group", "captured_at", "label_before", "label_scored")


@dataclass(frozen=True, order=True)
class SnapshotRow:
    """One image: its id and source file, its label and its role (train, validation, ...).

    `family` of the defect, `group` with which it shares its role and `captured_at`; "" where unknown.
    `label_before` is the archive's own label, set only where a person changed it; `label_scored` the one
    under which its score was first seen, set only where it has another now, whoever changed it.
    """

    image_id: str
    source: str
    label: str
    role: str
    family: str = ""
    group: str = ""
    captured_at: str = ""
    label_before: str = ""
    label_scored: str = ""


@dataclass(frozen=True)
class Snapshot:
    """An immutable, numbered list of images, sorted by image id."""

    line: str
    number: int
    rows: tuple[SnapshotRow, ...]
    images_fingerprint: str
    roles_fingerprint: str


class SnapshotStore:
    """All snapshots of one line."""

    def __init__(self, objects: Objects, line: str) -> None:
        self.line = line
        self._objects = objects
        self._folder = snapshots(line)
        self._numbered = NumberedFiles(objects, self._folder)

    def commit(
        self, rows: Iterable[SnapshotRow], images_fingerprint: str, roles_fingerprint: str
    ) -> Snapshot:
        """Store the rows under the next number, or return the snapshot that has them already.

        The order of the rows does not matter. InvalidEntryError if there are none or an image
        occurs twice: it would be trained on and judged under two labels or roles.
        """
        ordered = tuple(sorted(rows))
        if not ordered or len({row.image_id for row in ordered}) != len(ordered):
            raise InvalidEntryError(
                f"A snapshot of {len(ordered)} rows that is empty or names an image twice.",
                "Give each image exactly one label and role.",
            )
        fields = [_fields(row) for row in ordered]
        text = json.dumps(fields, separators=(",", ":")).encode("ascii")
        digest = content_digest(text)
        content = {
            "images_fingerprint": images_fingerprint,
            "roles_fingerprint": roles_fingerprint,
            "rows": digest,
            "count": len(ordered),
        }
        # Rows first: a number never points to rows that are not there.
        self._objects.put(snapshot_rows(self.line, digest), text)

        def same(numbers: list[int]) -> Record | None:
            known = (self._numbered.record(number) for number in numbers)
            return next((record for record in known if record.content == content), None)

        number = self._numbered.append(content, same).number
        return Snapshot(self.line, number, ordered, images_fingerprint, roles_fingerprint)

    def latest(self, roles_fingerprint: str | None = None) -> Snapshot | None:
        """Newest snapshot, of these role settings if given; None if there is none yet."""
        for number in reversed(self._numbered.numbers()):
            own = self._numbered.record(number).content["roles_fingerprint"]
            if roles_fingerprint in (None, own):
                return self.read(number)
        return None

    def read(self, number: int) -> Snapshot:
        """Snapshot of this number; NotFoundError if there is none, CorruptEntryError if changed."""
        content = self._numbered.record(number).content
        path = snapshot_rows(self.line, content["rows"])
        try:
            text = self._objects.get(path)
        except NotFoundError as error:
            raise _corrupt(path, "is gone") from error
        if content_digest(text) != content["rows"]:
            raise _corrupt(path, "has changed since it was written")
        rows = tuple(SnapshotRow(**row) for row in json.loads(text))
        return Snapshot(
            self.line, number, rows, content["images_fingerprint"], content["roles_fingerprint"]
        )


def _fields(row: SnapshotRow) -> dict[str, str]:
    """What is stored of a row: unknown facts are left out, so rows without any stay what they were."""
    return {
        "image_id": row.image_id,
        "source": row.source,
        "label": row.label,
        "role": row.role,
        **{name: getattr(row, name) for name in _FACTS if getattr(row, name)},
    }


def _corrupt(path: str, reason: str) -> CorruptEntryError:
    return CorruptEntryError(
        f"{path} {reason}.", "Commit the same rows again, or restore it from a copy."
    )
