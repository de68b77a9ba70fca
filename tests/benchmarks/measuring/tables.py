"""The figures as tables for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table


def figures(part: dict[str, Any]) -> list[Table]:
    """Every figure of a section, one a row; what is nested is named by its path."""
    table = Table("figure", "value")
    for name, value in _flat(part):
        table.add_row(name, _shown(value))
    return [table]


def growth(part: dict[str, Any]) -> list[Table]:
    """One row for every setting that was varied."""
    table = Table("varied", "ms an image", title="Fast road, one core, 256 px, three channels")
    for name, taken in part["fast_ms_by"].items():
        table.add_row(name, ", ".join(f"{value}: {ms:.0f}" for value, ms in taken.items()))
    return [table]


def distances(part: dict[str, Any]) -> list[Table]:
    """All distances together, then each alone, which pays for cutting and sharing by itself."""
    tables = []
    for channels, facts in part["patch_distances"].items():
        table = Table("distance", "ours ms", "loop ms", "times", title=f"patches, {channels}")
        rows = {"all together": facts["all"], **facts["each_alone"]}
        for name, row in rows.items():
            cells = (row["milliseconds"], row["textbook_milliseconds"], row["speedup"])
            table.add_row(name, *map(_shown, cells))
        tables.append(table)
    return tables


def roads(part: dict[str, Any]) -> list[Table]:
    """Agreement with the exact road, defects found, and detection: one table a line."""
    return [_of_line(facts) for facts in part.values()]


def _of_line(facts: dict[str, Any]) -> Table:
    names = list(facts["by_road"])
    table = Table(
        "", *names, title=f"{facts['line']}: {facts['boards']} boards with defects compared"
    )
    ranks = facts["by_road"]["fast"]["rank_correlation"]
    rows: list[tuple[str, tuple[str, ...]]] = [
        (f"rank correlation, {size}", ("rank_correlation", size)) for size in ranks
    ]
    rows += [("same candidates", ("same_boxes",)), ("same area", ("same_area",))]
    for place in ("unmasked", "masked"):
        rows.append((f"defects found, {place}", ("defects_found", place, "share")))
    rows.append(("images whose detection is compared", ("detection", "images")))
    for figure in ("auroc", "partial_auroc", "false_calls_at_zero_escapes"):
        rows.append((figure.replace("_", " "), ("detection", figure)))
        rows.append(("  exact is higher by", ("detection", "exact_minus_this", figure)))
    for title, path in rows:
        table.add_row(title, *(_shown(_at(facts["by_road"][name], path)) for name in names))
    return table


def _at(facts: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        facts = facts.get(key) if isinstance(facts, Mapping) else None
    return facts


def _flat(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in facts.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name} / ")
        else:
            yield name, value


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case {"difference": difference, "low": low, "high": high}:
            return f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)
