"""The table of metrics as text, for README and terminal."""

from __future__ import annotations

import math
from typing import assert_never

from tasks.metrics.aggregates import AGGREGATES
from tasks.metrics.rows import (
    ChannelMetric,
    ImageMetric,
    MemoryMetric,
    MetricRow,
    PatchMetric,
    SampleMetric,
)
from tasks.metrics.table import TABLE

AGGREGATES_OF = "<metric>.<aggregate>"
HEADINGS = ("metric", "level", "formula", "bounds", "worse", "columns", "source")


def catalogue_rows() -> list[tuple[str, ...]]:
    """One row a metric, its cells under `HEADINGS`, for a table in a terminal."""
    return [_cells(row) for row in TABLE]


def catalogue_markdown() -> str:
    """The catalogue as a Markdown table, with what its columns become; ends with a line break."""
    rules = tuple("---" for _ in HEADINGS)
    cells = [HEADINGS, rules, *(_escaped(row) for row in catalogue_rows())]
    table = [f"| {' | '.join(row)} |" for row in cells]
    notes = [f"- {note}" for note in catalogue_notes()]
    return "\n".join([*table, "", *notes, ""])


def catalogue_notes() -> tuple[str, ...]:
    """What the numbers of columns stand for, a sentence each."""
    return (
        f"A metric of many values becomes {len(AGGREGATES)} columns, `{AGGREGATES_OF}`: "
        f"{', '.join(AGGREGATES)}.",
        f"With a weighting mask there are {len(AGGREGATES)} more, `masked.{AGGREGATES_OF}`: of mask "
        "times difference, and of the candidates found on it.",
        "Of the distances to normals a map's columns are the aggregates and `worst`, the mean of the "
        "largest 5 %; the embedding has a column for each channel.",
        "Bounds hold for each value before aggregation.",
    )


def _cells(row: MetricRow) -> tuple[str, ...]:
    needs = f" (needs {', '.join(sorted(row.needs))})" if row.needs else ""
    return (
        f"{row.level}.{row.name}",
        row.level,
        row.formula,
        _interval(*row.bounds),
        row.worse,
        _columns(row) + needs,
        row.source,
    )


def _columns(row: MetricRow) -> str:
    match row:
        case ImageMetric():
            return "1"
        case SampleMetric() | PatchMetric():
            return f"{len(AGGREGATES)}, masked {len(AGGREGATES)}"
        case MemoryMetric():
            return f"{len(row.parts)} a map"
        case ChannelMetric():
            return "one a channel"
        case _:
            assert_never(row)


def _interval(low: float, high: float) -> str:
    first = "(-∞" if low == -math.inf else f"[{low:.4g}"
    return f"{first}, ∞)" if high == math.inf else f"{first}, {high:.4g}]"


def _escaped(row: tuple[str, ...]) -> tuple[str, ...]:
    # A bar would begin the next cell; the name is what a user types.
    name, *rest = (cell.replace("|", "\\|") for cell in row)
    return (f"`{name}`", *rest)
