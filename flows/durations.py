"""Durations as people write them: 30d, 12h, 90m."""

from __future__ import annotations

import re

from tasks.vocabulary.errors import InputError

_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}


def seconds_of(text: str) -> float:
    """Seconds of a number with its unit (d, h, m, s); `InputError` for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", text.strip())
    if found is None:
        raise InputError(f"{text!r} is no duration.", "Write it like 30d, 12h, 90m or 45s.")
    return float(found.group(1)) * _SECONDS[found.group(2)]


def said(seconds: float) -> str:
    """The longest whole unit: '31 days', '5 hours', '40 s'."""
    for unit, name in (("d", "days"), ("h", "hours"), ("m", "minutes")):
        if seconds >= 2 * _SECONDS[unit]:
            return f"{seconds / _SECONDS[unit]:.0f} {name}"
    return f"{seconds:.0f} s"


def size_said(size_bytes: float) -> str:
    """Bytes in the unit that a person reads."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"
