"""Zarr arrays inside an entry: written whole, read by rows, never updated.

Legend: N rows, the first axis; everything after it belongs to one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from obstore.exceptions import BaseError
from zarr.codecs import ZstdCodec

from storage.errors import CorruptEntryError, NotFoundError, StorageError, translate, translated
from storage.objects import Objects

# A block is read whole where at least one row in four is asked for: measured, zarr's own selection
# by a list of rows took 3 to 7 times as long on images of 1024 x 1024.
_WHOLE_FROM = 4


def write_array(objects: Objects, path: str, array: NDArray[Any], rows_per_chunk: int) -> None:
    """Write a non-empty array of numbers or booleans; NaN is the fill value of floats."""
    floating = array.dtype.kind == "f"
    with translated(f"writing {path}"):
        stored = zarr.create_array(
            objects.zarr_store(path),
            shape=array.shape,
            dtype=array.dtype,
            chunks=(min(rows_per_chunk, len(array)), *array.shape[1:]),
            # Nested default keys would make one folder for every axis of every chunk.
            chunk_key_encoding={"name": "default", "separator": "."},
            compressors=ZstdCodec(level=1),
            fill_value=float("nan") if floating else 0,
            # A black image is an image: chunks equal to the fill value are written too.
            config={"write_empty_chunks": True},
        )
        stored[...] = array


def read_rows(objects: Objects, path: str, rows: Sequence[int]) -> NDArray[Any]:
    """Rows of a committed array in the asked order.

    CorruptEntryError if the array is gone or cannot be decoded. A lost chunk reads as the fill
    value, hence the caller compares digests.
    """
    try:
        stored = zarr.open_array(objects.zarr_store(path), mode="r", zarr_format=3)
        first, last = min(rows, default=0), max(rows, default=-1)
        if _WHOLE_FROM * len(rows) >= last + 1 - first:
            return np.asarray(stored[first : last + 1])[[row - first for row in rows]]
        return np.stack([np.asarray(stored[row]) for row in rows])
    except (BaseError, OSError) as error:
        translation = translate(error, f"reading {path}")
        if isinstance(translation, NotFoundError):
            raise corrupt(path, str(error)) from error
        raise translation from error
    except (StorageError, MemoryError):
        raise
    # zarr and its codecs raise any built-in error for broken metadata and bytes: AttributeError,
    # TypeError, KeyError, RuntimeError and ValueError were seen.
    except Exception as error:
        raise corrupt(path, str(error)) from error


def corrupt(path: str, reason: str) -> CorruptEntryError:
    """Name what cannot be read, and the entry to remove: the folder above the data folder."""
    entry = path.partition("/data-")[0]
    lines = reason.strip().splitlines() or ["unknown reason"]
    return CorruptEntryError(
        f"{path} is corrupt: {lines[0].rstrip('.')}.",
        f"Remove the folder {entry} and run again; it is made anew.",
    )
