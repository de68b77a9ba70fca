"""Tables of the upkeep commands: findings of the doctor, and what a garbage collection takes and keeps."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from flows.checkup.finding import Finding, Outcome
from flows.collection import Collection
from flows.durations import size_said

_COLOURS: dict[Outcome, str] = {"ok": "green", "warning": "yellow", "problem": "red"}


def show_findings(findings: Iterable[Finding], console: Console) -> None:
    """One row a check; below the fact what to do about it."""
    table = Table(
        Column("check", max_width=24, overflow="fold"),
        Column("outcome", no_wrap=True),
        Column("what, and what to do", ratio=1),
    )
    for one in findings:
        told = escape(one.fact)
        if one.outcome != "ok" and one.remedy:
            told += f"\n[bold]{escape(one.remedy)}[/]"
        colour = _COLOURS[one.outcome]
        table.add_row(escape(one.name), f"[{colour}]{one.outcome}[/]", told)
    console.print(table)


def show_collection(found: Collection, console: Console) -> None:
    """What is kept first, then what goes, with the reason of each."""
    table = Table(
        Column("what", no_wrap=True),
        Column("count", justify="right"),
        Column("size", justify="right", no_wrap=True),
        Column("what happens"),
        Column("why", ratio=1),
        title=f"Store {found.store}",
        title_justify="left",
    )
    for row in found.rows:
        style = "dim" if row.fate == "kept" else ""
        cells = (row.what, f"{row.count:,}", size_said(row.size_bytes), row.fate, row.why)
        table.add_row(*map(escape, cells), style=style)
    console.print(table)
