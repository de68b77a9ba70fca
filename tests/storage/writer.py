"""A writer in a process of its own: `python -m tests.storage.writer WORK ROOT [NUMBERS...]`.

It prints one line for each acknowledged commit, after the commit.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from storage.errors import StorageFullError
from storage.images import ImageRow, UInt8Array
from storage.snapshots import SnapshotRow
from storage.stores import Stores

BATCH = 4
COLUMNS = ("a", "b", "c")


def ids_of(batch: int) -> list[str]:
    return [f"i{batch}-{n}" for n in range(BATCH)]


def images_of(batch: int) -> UInt8Array:
    return np.random.default_rng(batch).integers(0, 256, (BATCH, 16, 16, 3), dtype=np.uint8)


def values_of(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).normal(size=(BATCH, len(COLUMNS)))


def write_batch(stores: Stores, batch: int) -> None:
    rows = [ImageRow(each, f"/in/{each}.png") for each in ids_of(batch)]
    stores.images("line", "f").write_segment(images_of(batch), rows)
    stores.features("line", "f").write_batch(
        ids_of(batch), values_of(batch), COLUMNS, ["ok"] * BATCH
    )


def write_batches(stores: Stores, first: int, end: int) -> None:
    """What a verb does: skip what is committed, write the rest, acknowledge each."""
    for batch in range(first, end):
        if stores.features("line", "f").missing(ids_of(batch)):
            write_batch(stores, batch)
        print(batch, flush=True)


def promote_and_commit(stores: Stores, writer: int, rounds: int) -> None:
    for number in range(rounds):
        stores.registry.put("bundles", f"b{writer}-{number}", {"bundle.json": b"{}"})
        promoted = stores.registry.promote("line", f"b{writer}-{number}")
        row = SnapshotRow(f"i{writer}-{number}", "/in/x.png", "normal", "training")
        snapshot = stores.snapshots("line").commit([row], "f", "r")
        print(promoted, f"b{writer}-{number}", snapshot.number, row.image_id, flush=True)


def fill(stores: Stores, file_size_bytes: int) -> None:
    """Write until no file may grow that large; say which error came."""
    write_batch(stores, 0)
    print("committed 0", flush=True)
    if file_size_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_bytes, file_size_bytes))
    large = np.random.default_rng(1).integers(0, 256, (4, 512, 512, 3), dtype=np.uint8)
    try:
        for batch in range(1, 100):
            rows = [ImageRow(each, "/in") for each in ids_of(batch)]
            stores.images("line", "f").write_segment(large, rows)
            print(f"committed {batch}", flush=True)
    except StorageFullError as error:
        print(f"full: {error}", flush=True)


def main() -> None:
    work, root, *numbers = sys.argv[1:]
    stores, given = Stores(Path(root)), [int(number) for number in numbers]
    match work:
        case "batches":
            write_batches(stores, *given)
        case "numbers":
            promote_and_commit(stores, *given)
        case "fill":
            fill(stores, *given)


if __name__ == "__main__":
    main()
