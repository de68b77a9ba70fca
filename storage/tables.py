"""Tables of text as one Parquet object, whose rows are never believed where a byte has changed.

Arrow is imported where it is used: it would add 34 MB to every worker, and most of them open no table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

Column = Sequence[str | None]
_DIGEST = b"digest"


def text_table(names: Sequence[str], columns: Sequence[Column]) -> bytes:
    """Parquet file of columns of text, all of the same length; None is kept apart from ""."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [_array(column) for column in columns]
    digest = _digest(names, arrays).encode("ascii")
    fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
    table = pa.table(arrays, schema=pa.schema(fields, metadata={_DIGEST: digest}))
    sink = pa.BufferOutputStream()
    # Statistics would only repeat long names.
    pq.write_table(table, sink, compression="zstd", write_statistics=False)
    return bytes(sink.getvalue())


def read_text_table(content: bytes, names: Sequence[str] | None = None) -> list[list[str | None]]:
    """The columns of these names, of all without them.

    ValueError where it is no such table, or not as it was written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content), use_threads=False)
        names = table.column_names if names is None else names
        arrays = [table.column(name).combine_chunks() for name in names]
        stored = (table.schema.metadata or {}).get(_DIGEST, b"")
        whole = stored == _digest(names, arrays).encode("ascii")
    # A damaged header can ask for any amount of memory, or give another type of column.
    except (
        pa.ArrowException,
        OSError,
        LookupError,
        TypeError,
        AttributeError,
        MemoryError,
    ) as error:
        raise ValueError("it is no table of this kind") from error
    if not whole:
        raise ValueError("it has changed since it was written")
    return [_texts(array) for array in arrays]


def _array(column: Column) -> Any:
    """Text, or bytes where a file's name is no Unicode: lone surrogates stand for its raw bytes."""
    import pyarrow as pa

    try:
        return pa.array(column, pa.string())
    except UnicodeEncodeError:
        encoded = [None if text is None else _bytes(text) for text in column]
        return pa.array(encoded, pa.binary())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _texts(array: Any) -> list[str | None]:
    values: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    if str(array.type) == "string":
        return values
    return [None if data is None else data.decode("utf-8", "surrogatepass") for data in values]


def _digest(names: Sequence[str], arrays: Sequence[Any]) -> str:
    """Digest of names, lengths and bytes of every cell, so that no two tables share it."""
    digest = hashlib.sha256(repr(list(names)).encode("utf-8"))
    for array in arrays:
        digest.update(len(array).to_bytes(8, "little"))
        if not len(array):
            continue
        _, offsets, data = array.buffers()
        starts = np.frombuffer(offsets, dtype="<i4", count=len(array) + 1, offset=4 * array.offset)
        absent = array.is_null().to_numpy(zero_copy_only=False)
        digest.update(np.where(absent, -1, np.diff(starts)).astype("<i8").tobytes())
        digest.update(memoryview(data or b"")[starts[0] : starts[-1]])
    return digest.hexdigest()
