"""Is what is stored still what was written? Every digest and seal of a store, one path at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from storage.arrays import corrupt, read_rows
from storage.errors import CorruptEntryError, NotFoundError
from storage.fingerprints import array_digest, content_digest
from storage.layout import SNAPSHOTS, number_of
from storage.objects import Objects
from storage.receipts import Receipt, find_receipt
from storage.seals import unsealed
from storage.tables import read_text_table

# Images of 1,024 px in three colours: 50 MB.
_IMAGES_AT_ONCE = 16


def verify_entry(objects: Objects, path: str) -> None:
    """Compare every byte of a committed entry with its receipt; CorruptEntryError if one differs."""
    receipt = find_receipt(objects, path)
    if receipt is None:
        raise CorruptEntryError(f"{path} has no receipt.", f"Remove the folder {path}.")
    verify_data(objects, receipt)


def verify_data(objects: Objects, receipt: Receipt) -> None:
    """Compare the data that a receipt names with its digests; CorruptEntryError if they differ."""
    match receipt.kind:
        case "images":
            _verify_images(objects, receipt)
        case "features":
            _verify_features(objects, receipt)
        case "inspections":
            _verify_inspections(objects, receipt)
        case _:
            _verify_files(objects, receipt)


def verify_record(path: str, content: bytes) -> None:
    """Check numbered files, rows of snapshots and tables by what they carry; CorruptEntryError."""
    try:
        if number_of(path) is not None or path.endswith("/marked.json"):
            unsealed(content)
        elif path.startswith(f"{SNAPSHOTS}/"):
            digest = path.rpartition("/")[2].removesuffix(".json")
            if content_digest(content) != digest:
                raise ValueError("it has changed since it was written")
            json.loads(content)
        elif path.endswith(".parquet"):
            read_text_table(content)
    except ValueError as error:
        raise CorruptEntryError(
            f"{path} cannot be read: {error}.", "Restore it from a backup of the store."
        ) from error


def _verify_images(objects: Objects, receipt: Receipt) -> None:
    digests: Any = receipt.facts["digests"]
    path = f"{receipt.location}/images"
    for first in range(0, len(digests), _IMAGES_AT_ONCE):
        wanted = digests[first : first + _IMAGES_AT_ONCE]
        images_NHWC = read_rows(objects, path, range(first, first + len(wanted)))
        if [array_digest(image) for image in images_NHWC] != wanted:
            raise corrupt(path, "an image has changed since it was written")


def _verify_features(objects: Objects, receipt: Receipt) -> None:
    digests: Any = receipt.facts["digests"]
    for name, digest in digests.items():
        path = f"{receipt.location}/{name}"
        if array_digest(read_rows(objects, path, range(len(receipt.rows)))) != digest:
            raise corrupt(path, "it has changed since it was written")


def _verify_inspections(objects: Objects, receipt: Receipt) -> None:
    (path,) = objects.list(receipt.location) or (receipt.location,)
    try:
        content = objects.get(path)
    except NotFoundError as error:
        raise corrupt(path, "the file is gone") from error
    if content_digest(content) != receipt.digest:
        raise corrupt(path, "it has changed since it was written")


def _verify_files(objects: Objects, receipt: Receipt) -> None:
    for path, digest in _files(receipt):
        try:
            content = objects.get(path)
        except NotFoundError as error:
            raise corrupt(path, "the file is gone") from error
        if content_digest(content) != digest:
            raise corrupt(path, "it has changed since it was written")


def _files(receipt: Receipt) -> Iterator[tuple[str, str]]:
    digests: Any = receipt.facts["files"]
    for name, digest in digests.items():
        yield f"{receipt.location}/{name}", digest
