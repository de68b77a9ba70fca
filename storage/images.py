"""Aligned images of a line, in immutable segments.

Legend: N images, H height, W width, C channels. Stored images are uint8; one image is one chunk, so
that any image is read alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from storage.arrays import corrupt, read_rows, write_array
from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.fingerprints import array_digest, fingerprint
from storage.layout import image_entries
from storage.objects import Objects
from storage.receipts import Json, Receipt, ReceiptBook, write_entry

UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageRow:
    """One image: content digest of its source file, the file's path, and facts about it."""

    image_id: str
    source: str
    facts: Mapping[str, Json] = field(default_factory=dict)


class _Place(NamedTuple):
    receipt: Receipt
    position: int


@dataclass
class _Index:
    """Where every image is; of an image in two segments, the segment of the lower key.

    It grows by what is new: workers ask before every batch, and an index made anew each time would
    cost an archive the square of its length.
    """

    segments: set[str] = field(default_factory=set)
    places: dict[str, _Place] = field(default_factory=dict)
    rows: dict[str, ImageRow] = field(default_factory=dict)

    def add(self, receipt: Receipt) -> None:
        sources: Any = receipt.facts["sources"]
        facts: Any = receipt.facts["row_facts"]
        described = zip(receipt.rows, sources, facts, strict=True)
        for position, (image_id, source, row_facts) in enumerate(described):
            known = self.places.get(image_id)
            if known is None or receipt.key < known.receipt.key:
                self.places[image_id] = _Place(receipt, position)
                self.rows[image_id] = ImageRow(image_id, source, row_facts)
        self.segments.add(receipt.key)


class ImageStore:
    """All images of one line under one fingerprint of what made them (alignment, size)."""

    def __init__(self, objects: Objects, line: str, fingerprint: str) -> None:
        self.line = line
        self.fingerprint = fingerprint
        self._objects = objects
        self._folder = image_entries(line, fingerprint)
        self._book = ReceiptBook(objects, self._folder)
        self._known = _Index()

    def write_segment(
        self,
        images_NHWC: UInt8Array,
        rows: Sequence[ImageRow],
        inputs: Mapping[str, str] | None = None,
        facts: Mapping[str, Json] | None = None,
    ) -> Receipt:
        """Store a batch of images; a second writer of the same ids changes nothing.

        The key is the fingerprint of the ids in their order; `facts` about the segment are kept
        beside the store's own, which win where a name is the same. InvalidEntryError for other than
        uint8 [N, H, W, C] with one row an image, for N = 0 and for an id that occurs twice.
        """
        _check(images_NHWC, rows)
        ids = tuple(row.image_id for row in rows)
        digests = [array_digest(image) for image in images_NHWC]
        key = fingerprint(ids)
        receipt = Receipt(
            kind="images",
            key=key,
            location="",
            rows=ids,
            digest=fingerprint(digests),
            fingerprint=self.fingerprint,
            inputs=dict(inputs or {}),
            facts={
                **(facts or {}),
                "shape": list(images_NHWC.shape[1:]),
                "digests": digests,
                "sources": [row.source for row in rows],
                "row_facts": [dict(row.facts) for row in rows],
            },
        )

        def write(location: str) -> None:
            write_array(self._objects, f"{location}/images", images_NHWC, rows_per_chunk=1)

        return write_entry(self._objects, f"{self._folder}/{key}", receipt, write)

    def rows(self) -> Mapping[str, ImageRow]:
        """All committed images by id; of an image in two segments, the segment of the lower key.

        Read-only, and it may grow at the next call.
        """
        return MappingProxyType(self._index().rows)

    def missing(self, image_ids: Sequence[str]) -> list[str]:
        """Those of the asked ids that are not committed, in the asked order."""
        places = self._index().places
        return [image_id for image_id in image_ids if image_id not in places]

    def read(self, image_ids: Sequence[str]) -> UInt8Array:
        """Images `uint8 [N, H, W, C]` in the asked order, each compared with its digest.

        NotFoundError if one is not committed, CorruptEntryError that names the image if one is no
        longer what was written, InvalidEntryError if images of different shapes are asked for.
        """
        places = self._index().places
        absent = [image_id for image_id in image_ids if image_id not in places]
        if absent:
            raise NotFoundError(
                f"{len(absent)} of {len(image_ids)} images are not in {self._folder}, "
                f"the first is {absent[0]}.",
                "Ingest them first.",
            )
        chosen = [places[image_id] for image_id in image_ids]
        shapes = {_shape(place.receipt) for place in chosen}
        if len(shapes) > 1:
            raise InvalidEntryError(f"Images of the shapes {sorted(shapes)}.", "Read them apart.")
        images_NHWC = np.empty((len(chosen), *(shapes.pop() if shapes else (0, 0, 0))), np.uint8)
        asked: dict[str, list[int]] = {}
        for at, place in enumerate(chosen):
            asked.setdefault(place.receipt.key, []).append(at)
        for targets in asked.values():
            receipt = chosen[targets[0]].receipt
            positions = [chosen[at].position for at in targets]
            images_NHWC[targets] = self._verified(receipt, positions)
        return images_NHWC

    def _index(self) -> _Index:
        receipts = self._book.receipts()
        if self._known.segments - {receipt.key for receipt in receipts}:
            self._known = _Index()  # somebody removed a segment
        for receipt in receipts:
            if receipt.key not in self._known.segments:
                self._known.add(receipt)
        return self._known

    def _verified(self, receipt: Receipt, positions: list[int]) -> UInt8Array:
        path = f"{receipt.location}/images"
        try:
            images_NHWC = read_rows(self._objects, path, positions)
        except CorruptEntryError:
            # One by one, only to say which image it is.
            images_NHWC = np.stack([self._one(receipt, position) for position in positions])
        digests: Any = receipt.facts["digests"]
        for image, position in zip(images_NHWC, positions, strict=True):
            if array_digest(image) != digests[position]:
                raise corrupt(
                    path, f"image {receipt.rows[position]} has changed since it was written"
                )
        return images_NHWC

    def _one(self, receipt: Receipt, position: int) -> UInt8Array:
        path = f"{receipt.location}/images"
        try:
            image: UInt8Array = read_rows(self._objects, path, [position])[0]
        except CorruptEntryError as error:
            raise corrupt(
                path, f"image {receipt.rows[position]} cannot be decoded ({error.what})"
            ) from error
        return image


def _shape(receipt: Receipt) -> tuple[int, ...]:
    shape: Any = receipt.facts["shape"]
    return tuple(shape)


def _check(images_NHWC: UInt8Array, rows: Sequence[ImageRow]) -> None:
    if images_NHWC.dtype != np.uint8 or images_NHWC.ndim != 4 or 0 in images_NHWC.shape:
        raise InvalidEntryError(
            f"Images are {images_NHWC.dtype} {images_NHWC.shape}.",
            "Give a non-empty uint8 array [N, H, W, C].",
        )
    if len(rows) != len(images_NHWC):
        raise InvalidEntryError(
            f"{len(rows)} rows for {len(images_NHWC)} images.", "Give one row an image."
        )
    if len({row.image_id for row in rows}) != len(rows):
        raise InvalidEntryError(
            "One image occurs twice in a segment.", "Leave the repeated source file out."
        )
