"""Receipts: the only thing that makes an entry exist.

An entry is a folder with data in `data-<random>/` and, written last by create-if-absent, a
`receipt.json` that names that data folder. Readers go through receipts only: never a half.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from storage.errors import CorruptEntryError, NotFoundError, StorageError
from storage.layout import DATA_PREFIX, RECEIPT
from storage.objects import Objects
from storage.seals import sealed, unsealed

# Read-only containers, so that a caller's list[str] is Json as well; read back they are lists.
Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True)
class Receipt:
    """What was stored where, of which rows, with which digest, made by which settings.

    `kind` is the store ('images', 'features', 'models', ...), `key` the entry's name, `location`
    the data folder below the root, `rows` the image ids (none for artefacts without rows),
    `digest` that of the content and hence the same for every writer of the same content,
    `fingerprint` that of the settings and code, `inputs` digests by name of what it was made
    from. Times belong into `facts` and are the caller's.
    """

    kind: str
    key: str
    location: str
    rows: tuple[str, ...]
    digest: str
    fingerprint: str
    inputs: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Sealed JSON; `from_json` gives the equal receipt."""
        return sealed(asdict(self))

    @classmethod
    def from_json(cls, content: bytes) -> Receipt:
        """Receipt that was written; ValueError or TypeError if these bytes are not it."""
        fields = unsealed(content)
        return cls(**{**fields, "rows": tuple(fields["rows"])})


def find_receipt(objects: Objects, entry: str) -> Receipt | None:
    """Receipt of an entry, or None where nothing is committed.

    CorruptEntryError if there is a receipt that cannot be read: that is no 'not yet'.
    """
    try:
        content = objects.get(f"{entry}/{RECEIPT}")
    except NotFoundError:
        return None
    try:
        return Receipt.from_json(content)
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptEntryError(
            f"The receipt of {entry} cannot be read: {error}.",
            f"Remove the folder {entry} and run again.",
        ) from error


def write_entry(
    objects: Objects, entry: str, receipt: Receipt, write: Callable[[str], None]
) -> Receipt:
    """Write the data by `write(location)`, then commit; returns the receipt that counts.

    An entry that is committed already is left as it is and its receipt returned. Of several
    writers one wins; the others remove their own data and return the winner's receipt.
    """
    committed = find_receipt(objects, entry)
    if committed is not None:
        return committed
    # Random, so that no two writers ever share a file; the name means nothing to any result.
    location = f"{entry}/{DATA_PREFIX}{secrets.token_hex(8)}"
    try:
        write(location)
    except Exception:
        _discard(objects, location)
        raise
    placed = replace(receipt, location=location)
    objects.put_new(f"{entry}/{RECEIPT}", placed.to_json())
    # Read back even after 'somebody else was first': after a repeated request over a network that
    # somebody may be this very writer, and its data must then stay.
    winner = find_receipt(objects, entry)
    if winner is None:
        raise StorageError(f"The receipt of {entry} vanished.", "Find what removes it; run again.")
    if winner.location != location:
        _discard(objects, location)
    return winner


class ReceiptBook:
    """All committed receipts below a folder, each read once: what is committed never changes.

    A receipt counts only while its entry is still listed, so entries added or removed by other
    processes are seen at the next call.
    """

    def __init__(self, objects: Objects, folder: str) -> None:
        self._objects = objects
        self._folder = folder
        self._read: dict[str, Receipt] = {}

    def receipts(self) -> list[Receipt]:
        """Receipts in the order of their keys."""
        entries = self._objects.folders(self._folder)
        for entry in entries:
            if entry not in self._read:
                receipt = find_receipt(self._objects, entry)
                if receipt is not None:
                    self._read[entry] = receipt
        return [self._read[entry] for entry in entries if entry in self._read]


def _discard(objects: Objects, location: str) -> None:
    try:
        objects.delete_folder(location)
    except StorageError:
        # Only room is lost, as by what zarr may still be writing in other threads: without a
        # receipt nobody reads it, and sweeping takes it later.
        return
