"""A backfill in the terminal: the verdict, both bundles side by side, what changes by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column, Table

from flows.display import shown_name
from tasks.reporting.backfill_words import (
    CHANGE_WORDS,
    STRATUM_WORDS,
    is_alone,
    saved_words,
    sentences,
    signed,
    verdict_of,
)
from tasks.reporting.wording import number

_LISTED = 20
_COLOURS = {"good": "green", "bad": "red", "caution": "yellow", "neutral": "none"}


def show_backfill(
    figures: Mapping[str, Any], files: Mapping[str, Path | None], console: Console | None = None
) -> None:
    """Print what `figures` (the comparison as JSON) say, and where it was written."""
    to = console or Console()
    tone, heading = verdict_of(figures)
    title = f"Backfill of {figures['line']}, boards {figures['period']['words']}"
    to.print(Panel(escape(heading), title=escape(title), style=_COLOURS[tone], expand=False))
    if not is_alone(figures):
        to.print(_side_by_side(figures))
    for said in sentences(figures):
        to.print(escape(said), highlight=False, soft_wrap=True)
    for kind, (_, words) in CHANGE_WORDS.items():
        rows = [one for one in figures["changes"] if one["change"] == kind]
        if rows:
            to.print(_changes(words, rows))
    if len(figures["changes"]) > _LISTED:
        to.print(f"At most {_LISTED} boards of a kind are listed here; the JSON has all.")
    for what, place in files.items():
        if place is not None:
            to.print(f"{what:<8} {escape(str(place))}", highlight=False, soft_wrap=True)


def _side_by_side(figures: Mapping[str, Any]) -> Table:
    table = Table(
        Column("boards", overflow="fold"),
        Column("false calls", justify="right"),
        Column("saved per 1,000", justify="right"),
        Column("defects missed", justify="right"),
        title="Champion and challenger",
    )
    for row in figures["strata"]:
        limits = f"{signed(row['saved_per_1000_low'])} to {signed(row['saved_per_1000_high'])}"
        table.add_row(
            STRATUM_WORDS[row["boards"]],
            f"{row['champion_false_calls']:,} and {row['challenger_false_calls']:,} "
            f"of {row['n_normal']:,}",
            f"{saved_words(row)} ({limits})" if row["n_normal"] else "none",
            f"{row['champion_misses']:,} and {row['challenger_misses']:,} of {row['n_abnormal']:,}",
        )
    return table


def _changes(words: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(
        Column("board", overflow="fold"),
        "day",
        Column("champion", justify="right"),
        Column("challenger", justify="right"),
        title=f"{words}: {len(rows):,}",
        title_justify="left",
    )
    for one in rows[:_LISTED]:
        day = one["captured_at"][:10] or "unknown"
        scores = (_score(one[who]) for who in ("champion", "challenger"))
        table.add_row(escape(shown_name(one["name"])), day, *scores)
    return table


def _score(verdict: Mapping[str, Any]) -> str:
    said = "no score" if verdict["score"] is None else number(verdict["score"])
    return f"[bold]{said}, flagged[/]" if verdict["flagged"] else f"{said}, passed"
