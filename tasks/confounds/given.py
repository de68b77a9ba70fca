"""Properties that nobody measures because the archive or a file of scores tells them: time, lot, size.

Legend: N images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from tasks.confounds.columns import Column, PropertyTable, Value
from tasks.vocabulary.arrays import Float64Array

_DAY = "the day"
TIME = Column("given.time", "the time of capture", _DAY, "given")
HOUR = Column("given.hour", "the hour of capture", "the shift", "given")
DAY = Column("given.day", "the day of capture", _DAY, "given")


LOT = Column("given.lot", "the lot", "the lot", "given")


def times_of(seconds_N: Float64Array) -> PropertyTable:
    """Time, hour of the day and day (UTC) of seconds since 1970; NaN is missing."""
    known_N = np.isfinite(seconds_N)
    whole_N = np.where(known_N, seconds_N, 0.0).astype("datetime64[s]").astype("datetime64[D]")
    days = whole_N.astype(str).tolist()
    hours_N = np.where(known_N, seconds_N % 86_400.0 / 3600.0, np.nan)
    named = [day if known else None for day, known in zip(days, known_N.tolist(), strict=True)]
    return (
        numbers_of(TIME, seconds_N).beside(numbers_of(HOUR, hours_N)).beside(names_of(DAY, named))
    )


def seconds_of(captured_at: Sequence[str]) -> Float64Array:
    """`[N]` seconds since 1970 of ISO 8601 times; NaN where there is none or it cannot be read."""
    return np.array([_seconds(text) for text in captured_at], dtype=np.float64)


def numbers_of(column: Column, numbers_N: Float64Array) -> PropertyTable:
    """A column of numbers as a file has them; NaN is missing."""
    values: list[Value] = [None if math.isnan(one) else one for one in numbers_N.tolist()]
    return PropertyTable((column,), {column.name: values})


def names_of(column: Column, names: Sequence[str | None]) -> PropertyTable:
    """A column of categories as a file has them; None is missing."""
    return PropertyTable((column,), {column.name: list(names)})


def _seconds(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
