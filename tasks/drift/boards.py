"""Inspected boards as the drift tests see them, in the order in which they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Board:
    """One inspected board.

    `number` counts all inspections of the champion from 1; `at` is when it was photographed where that is
    known, else when it was inspected (ISO 8601). `flagged` as the threshold says. `values` by quantity,
    None where it was not measured. `camera` and `lots` as far as the archive names them.
    """

    number: int
    at: str
    flagged: bool
    values: Mapping[str, float | None]
    camera: str = ""
    lots: tuple[str, ...] = ()
