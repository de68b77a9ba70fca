"""A comparison in the terminal: a row for each method, what it says, where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.comparisons import COMPOSITE, Comparison, standing

_STYLES = {"ahead": "red", "level": "", "behind": "", "": "bold"}


def show_comparison(
    found: Comparison, files: Mapping[str, Path | None], console: Console | None = None
) -> None:
    """Print the tables, the composite in bold and what is ahead of it in red."""
    to = console or Console()
    for table in found.tables():
        shown = Table(title=table.title, title_justify="left", caption_justify="left")
        shown.caption = table.note
        for heading in table.headings:
            justify: Literal["left", "right"] = "left" if heading == "method" else "right"
            shown.add_column(heading, justify=justify, overflow="fold")
        for row, one in zip(table.rows, found.methods, strict=True):
            is_ours = one["kind"] == COMPOSITE
            shown.add_row(*map(escape, row), style=_STYLES[standing(one)], end_section=is_ours)
        to.print(shown)
    for sentence in found.sentences():
        to.print(escape(sentence), highlight=False, soft_wrap=True)
    to.print(f"[dim]{found.seconds:.0f} s on {found.workers} workers[/dim]")
    for what, place in files.items():
        if place is not None:
            to.print(f"{what:<8} {escape(str(place))}", highlight=False, soft_wrap=True)
