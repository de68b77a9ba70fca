"""One Arrow column as what it must be: numbers, labels, names, codes; or an error that names the row.

Rows are counted from 1, the header not among them. A cell is missing where it is null or blank.
"""

from __future__ import annotations

import hashlib
import heapq
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np

from tasks.attestation.labels import ABNORMAL_WORDS, NORMAL_WORDS, defective
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

_MISSING = ["", "na", "n/a", "nan", "null", "none", "-"]
_SHOWN = 3
_SAMPLE, _SAMPLED_AT_ONCE = 256, 1 << 18


def numbers(column: Any, name: str) -> Float64Array:
    """`[N]` floats, NaN where the cell is missing or not finite; InputError where it is other text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = _flat(column)
    if pa.types.is_boolean(flat.type) or pa.types.is_temporal(flat.type):
        raise InputError(f"The column {name!r} holds {flat.type}, no numbers.", "Name another.")
    if _is_text(flat.type):
        plain = pc.utf8_trim_whitespace(flat.cast(pa.string()))
        absent = pc.is_in(pc.utf8_lower(plain), pa.array(_MISSING))
        flat = pc.if_else(absent, pa.scalar(None, pa.string()), plain)
    try:
        values_N = pc.cast(flat, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        raise _no_number(flat, name) from error
    values_N = np.array(values_N, dtype=np.float64)
    values_N[~np.isfinite(values_N)] = np.nan
    return cast("Float64Array", values_N)


def moments(column: Any, name: str) -> tuple[Float64Array, bool]:
    """`[N]` seconds since 1970 and True for ISO 8601 times, or the numbers themselves and False.

    NaN where the cell is missing; times without an offset count as UTC. InputError where one cell is
    neither, or where the column mixes both.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = _flat(column)
    if pa.types.is_timestamp(flat.type) or pa.types.is_date(flat.type):
        micros = pc.cast(flat.cast(pa.timestamp("us", getattr(flat.type, "tz", None))), pa.int64())
        return np.asarray(pc.cast(micros, pa.float64()).to_numpy(zero_copy_only=False)) / 1e6, True
    if not _is_text(flat.type):
        return numbers(column, name), False
    words, codes_N = coded(column)
    plain = [word.strip() for word in words]
    if all(_is_number(word) for word in plain):
        return numbers(column, name), False
    values = [np.nan if word.lower() in _MISSING else _seconds(word) for word in plain]
    if None in values:
        code = values.index(None)
        row = int(np.argmax(codes_N == code)) + 1
        raise InputError(
            f"Row {row:,} of {name!r} is {plain[code]!r}, no time.",
            "Give ISO 8601, for example 2026-11-20T08:30:00+01:00, or numbers throughout.",
        )
    return np.asarray(values, dtype=np.float64)[codes_N], True


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return word.lower() in _MISSING
    return True


def _seconds(word: str) -> float | None:
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def checked_labels(column: Any, name: str) -> tuple[BoolArray, tuple[tuple[str, bool, int], ...]]:
    """`[N]` True = defective, and how every word was read with its count.

    InputError where any word says neither good nor defective: a guess could hide an escape.
    """
    words, codes_N = coded(column)
    known = [defective(word) for word in words]
    unknown = [code for code, meaning in enumerate(known) if meaning is None]
    if unknown:
        bad_N = np.isin(codes_N, unknown)
        row = int(np.argmax(bad_N)) + 1
        shown = ", ".join(repr(words[code]) for code in unknown[:_SHOWN])
        raise InputError(
            f"The label column {name!r} holds {shown}{' ...' if len(unknown) > _SHOWN else ''} "
            f"in {int(bad_N.sum()):,} rows, first in row {row:,}.",
            f"Use 0 or 1, or a word for good ({', '.join(sorted(NORMAL_WORDS))}) or defective "
            f"({', '.join(sorted(ABNORMAL_WORDS))}).",
        )
    meanings = np.array([bool(meaning) for meaning in known])
    counts = np.bincount(codes_N, minlength=len(words))
    read = tuple(zip(words, map(bool, meanings), map(int, counts), strict=True))
    return meanings[codes_N], read


def unique_names(column: Any, name: str) -> Sequence[str]:
    """`[N]` names of images; InputError where one is missing or occurs twice."""
    import pyarrow.compute as pc

    text = present_text(column, name)
    if pc.count_distinct(text).as_py() < len(text):
        counted = pc.value_counts(text)
        often = counted.filter(pc.greater(counted.field("counts"), 1))
        first = often.field("values")[0].as_py()
        raise InputError(
            f"{len(often):,} values of {name!r} occur more than once, {first!r} for example.",
            "Give every image one row; name what several images share with --group.",
        )
    return cast("Sequence[str]", text.to_numpy(zero_copy_only=False))


def present_text(column: Any, name: str) -> Any:
    """The column as Arrow text; InputError where a cell is missing."""
    import pyarrow.compute as pc

    text = _text(column)
    absent = pc.equal(pc.utf8_trim_whitespace(text), "")
    if missing := int(pc.sum(absent).as_py() or 0):
        row = pc.index(absent, True).as_py() + 1
        raise InputError(
            f"{missing:,} rows have no {name!r}, first row {row:,}.", "Fill it in for every row."
        )
    return text


def coded(column: Any) -> tuple[tuple[str, ...], Int64Array]:
    """Distinct texts in the order of their first row, and `[N]` their numbers."""
    encoded = _text(column).dictionary_encode()
    codes_N = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return tuple(encoded.dictionary.to_pylist()), codes_N


def identity(column: Any) -> str:
    """Digest of the values whatever their order: the same boards give the same digest."""
    import pyarrow as pa

    ordered = _text(column).cast(pa.large_string()).sort()
    digest = hashlib.sha256(len(ordered).to_bytes(8, "little"))
    _, offsets, data = ordered.buffers()
    starts = np.frombuffer(offsets, dtype="<i8", count=len(ordered) + 1, offset=8 * ordered.offset)
    digest.update(np.diff(starts).tobytes())
    digest.update(memoryview(data or b"")[starts[0] : starts[-1]])
    return digest.hexdigest()


def sample(column: Any) -> tuple[str, ...]:
    """Digests of the 256 values with the lowest checksums, by which overlapping sets are recognised.

    Two sets that have 2 % of all their boards in common share one but in one of 170 cases, with 5 %
    in one of 500,000; sets that differ by a few boards share nearly all.
    """
    text, lowest = _text(column), dict[str, int]()
    for start in range(0, len(text), _SAMPLED_AT_ONCE):
        values = text[start : start + _SAMPLED_AT_ONCE].to_pylist()
        lowest |= {value: zlib.crc32(value.encode("utf-8")) for value in values}
        kept = heapq.nsmallest(_SAMPLE, ((crc, value) for value, crc in lowest.items()))
        lowest = {value: crc for crc, value in kept}
    return tuple(sorted(hashlib.sha256(value.encode("utf-8")).hexdigest()[:16] for value in lowest))


def _text(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = _flat(column)
    return pc.fill_null(flat.cast(pa.string()), "")


def _flat(column: Any) -> Any:
    """One array instead of chunks, without dictionaries."""
    import pyarrow as pa

    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # more text than 32-bit offsets can address
        array = pa.concat_arrays(array.cast(pa.large_string()).chunks)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _no_number(text: Any, name: str) -> InputError:
    """Name the first cell that is no number, and decimal commas where they are the cause."""
    for row, cell in enumerate(text.to_pylist(), start=1):
        try:
            float(cell if cell is not None else "nan")
        except ValueError:
            commas = cell.count(",") == 1 and cell.replace(",", "").lstrip("+-").isdigit()
            return InputError(
                f"Row {row:,} of {name!r} is {cell!r}, no number.",
                "Write decimals with a point." if commas else "Give a number, or leave it blank.",
            )
        except TypeError:
            break
    return InputError(f"The column {name!r} holds no numbers.", "Name another column.")
