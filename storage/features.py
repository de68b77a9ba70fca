"""Metrics of images, in immutable batches; each image has one row, whatever the batches were.

Legend: N images, M metrics, Q candidates. Values are float64; a row without an answer is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from storage.arrays import corrupt, read_rows, write_array
from storage.errors import InvalidEntryError, NotFoundError
from storage.fingerprints import array_digest, fingerprint
from storage.layout import feature_entries, valid_name
from storage.objects import Objects
from storage.receipts import Json, Receipt, ReceiptBook, write_entry

Float64Array = NDArray[np.float64]

OK = "ok"
# Measured: a million rows read in 5.5 s in chunks of 4,096 rows, in 345 s in chunks of one.
ROWS_PER_CHUNK = 4096


@dataclass(frozen=True)
class FeatureRow:
    """One image's row: 'ok' or the reason why there is no answer, and the batch that holds it."""

    image_id: str
    status: str
    batch: str


@dataclass(frozen=True)
class FeatureTable:
    """Values `float64 [N, M]` of the named columns, one row an image id, each with its status."""

    values_NM: Float64Array
    columns: tuple[str, ...]
    image_ids: tuple[str, ...]
    statuses: tuple[str, ...]


class _Place(NamedTuple):
    receipt: Receipt
    position: int
    status: str


class FeatureStore:
    """All metrics of one line under one fingerprint of what made them."""

    def __init__(self, objects: Objects, line: str, fingerprint: str) -> None:
        self.line = line
        self.fingerprint = fingerprint
        self._objects = objects
        self._folder = feature_entries(line, fingerprint)
        self._book = ReceiptBook(objects, self._folder)

    def write_batch(
        self,
        image_ids: Sequence[str],
        values_NM: NDArray[np.floating[Any]],
        columns: Sequence[str],
        statuses: Sequence[str],
        extras: Mapping[str, NDArray[Any]] | None = None,
        inputs: Mapping[str, str] | None = None,
        facts: Mapping[str, Json] | None = None,
    ) -> Receipt:
        """Store a batch of rows; a second writer of the same ids changes nothing.

        The key is the fingerprint of the ids in their order. A row whose status is not 'ok' is
        stored as NaN, whatever was given. `extras` are further arrays of numbers whose first axis
        is N. InvalidEntryError where lengths disagree, N or M is 0, or an id or column occurs
        twice.
        """
        _check(image_ids, values_NM, columns, statuses, extras or {})
        arrays: dict[str, NDArray[Any]] = {
            "values": _answers(values_NM, statuses),
            **{f"extras/{valid_name(name)}": array for name, array in (extras or {}).items()},
        }
        digests: dict[str, Json] = {name: array_digest(array) for name, array in arrays.items()}
        key = fingerprint(tuple(image_ids))
        receipt = Receipt(
            kind="features",
            key=key,
            location="",
            rows=tuple(image_ids),
            digest=fingerprint({"arrays": digests, "statuses": list(statuses)}),
            fingerprint=self.fingerprint,
            inputs=dict(inputs or {}),
            facts={
                **(facts or {}),
                "columns": list(columns),
                "statuses": list(statuses),
                "digests": digests,
            },
        )

        def write(location: str) -> None:
            for name, array in arrays.items():
                write_array(self._objects, f"{location}/{name}", array, ROWS_PER_CHUNK)

        return write_entry(self._objects, f"{self._folder}/{key}", receipt, write)

    def rows(self) -> dict[str, FeatureRow]:
        """All committed rows by image id, one an image."""
        return {
            image_id: FeatureRow(image_id, place.status, place.receipt.key)
            for image_id, place in self._places().items()
        }

    def missing(self, image_ids: Sequence[str]) -> list[str]:
        """Those of the asked ids that have no row, in the asked order; 'no answer' is a row."""
        places = self._places()
        return [image_id for image_id in image_ids if image_id not in places]

    def table(self, image_ids: Sequence[str]) -> FeatureTable:
        """Rows of the asked images in the asked order, each batch compared with its digest.

        NotFoundError if one has no row, CorruptEntryError if a batch is no longer what was
        written, InvalidEntryError if batches have different columns.
        """
        chosen = self._chosen(image_ids)
        columns = {_texts(place.receipt, "columns") for place in chosen}
        if len(columns) > 1:
            raise InvalidEntryError(
                f"Batches in {self._folder} have different columns.",
                "Let the names of the columns enter the fingerprint.",
            )
        names = columns.pop() if columns else ()
        values_NM = np.full((len(chosen), len(names)), np.nan)
        for targets, rows in self._blocks(chosen, "values"):
            values_NM[targets] = rows
        statuses = tuple(place.status for place in chosen)
        return FeatureTable(values_NM, names, tuple(image_ids), statuses)

    def extras(self, image_ids: Sequence[str], name: str) -> NDArray[Any]:
        """One of the further arrays, rows of the asked images in the asked order.

        NotFoundError if an image has no row or its batch no such array (or no image is asked for),
        InvalidEntryError if the rows differ in shape or dtype from batch to batch.
        """
        chosen = self._chosen(image_ids)
        blocks = self._blocks(chosen, f"extras/{valid_name(name)}")
        if len({(rows.dtype, rows.shape[1:]) for _, rows in blocks}) > 1:
            raise InvalidEntryError(
                f"Rows of {name!r} differ in shape or dtype.", "Read the batches apart."
            )
        if not blocks:
            raise NotFoundError(f"No image, no {name!r}.", "Ask for at least one image.")
        result = np.empty((len(chosen), *blocks[0][1].shape[1:]), blocks[0][1].dtype)
        for targets, rows in blocks:
            result[targets] = rows
        return result

    def _places(self) -> dict[str, _Place]:
        """One place an image: an answer before no answer, then the lower key."""
        places: dict[str, _Place] = {}
        for receipt in self._book.receipts():
            statuses = _texts(receipt, "statuses")
            for position, (image_id, status) in enumerate(zip(receipt.rows, statuses, strict=True)):
                known = places.get(image_id)
                if known is None or (known.status != OK and status == OK):
                    places[image_id] = _Place(receipt, position, status)
        return places

    def _chosen(self, image_ids: Sequence[str]) -> list[_Place]:
        places = self._places()
        absent = [image_id for image_id in image_ids if image_id not in places]
        if absent:
            raise NotFoundError(
                f"{len(absent)} of {len(image_ids)} images have no row in {self._folder}, "
                f"the first is {absent[0]}.",
                "Extract their features first.",
            )
        return [places[image_id] for image_id in image_ids]

    def _blocks(self, chosen: list[_Place], name: str) -> list[tuple[list[int], NDArray[Any]]]:
        """For each batch, where its rows go in the answer, and the rows."""
        asked: dict[str, list[int]] = {}
        for at, place in enumerate(chosen):
            asked.setdefault(place.receipt.key, []).append(at)
        return [
            (
                targets,
                self._verified(chosen[targets[0]].receipt, name)[
                    [chosen[at].position for at in targets]
                ],
            )
            for targets in asked.values()
        ]

    def _verified(self, receipt: Receipt, name: str) -> NDArray[Any]:
        digests: Any = receipt.facts["digests"]
        if name not in digests:
            raise NotFoundError(
                f"The batch {receipt.key} has no {name!r}.", f"It has {sorted(digests)}."
            )
        path = f"{receipt.location}/{name}"
        whole = read_rows(self._objects, path, range(len(receipt.rows)))
        if array_digest(whole) != digests[name]:
            raise corrupt(path, "it has changed since it was written")
        return whole


def _texts(receipt: Receipt, name: str) -> tuple[str, ...]:
    texts: Any = receipt.facts[name]
    return tuple(texts)


def _answers(values_NM: NDArray[np.floating[Any]], statuses: Sequence[str]) -> Float64Array:
    answers_NM = np.array(values_NM, dtype=np.float64)
    answers_NM[[status != OK for status in statuses]] = np.nan
    return answers_NM


def _check(
    image_ids: Sequence[str],
    values_NM: NDArray[np.floating[Any]],
    columns: Sequence[str],
    statuses: Sequence[str],
    extras: Mapping[str, NDArray[Any]],
) -> None:
    n, m = len(image_ids), len(columns)
    if values_NM.dtype.kind != "f" or values_NM.shape != (n, m) or 0 in (n, m):
        raise InvalidEntryError(
            f"Values are {values_NM.dtype} {values_NM.shape} for {n} images and {m} columns.",
            "Give a non-empty floating array [images, columns].",
        )
    if len(statuses) != n or not all(statuses):
        raise InvalidEntryError(
            f"{len(statuses)} statuses for {n} images, or an empty one.",
            "Give 'ok' or the reason for each image.",
        )
    if len(set(image_ids)) != n or len(set(columns)) != m:
        raise InvalidEntryError("An image or a column occurs twice.", "Give each once.")
    for name, array in extras.items():
        if array.dtype.kind not in "biuf" or array.ndim == 0 or len(array) != n or not array.size:
            raise InvalidEntryError(
                f"{name!r} is {array.dtype} {array.shape} for {n} images.",
                "Give a non-empty array of numbers whose first axis is the images.",
            )
