"""The tables of a study in the terminal, what they say, and where its page lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.studies import StudyFound


def show_study(found: StudyFound, console: Console, places: Mapping[str, Path]) -> None:
    """Each table with its note, then the sentences and the files."""
    for table in found.tables():
        shown = Table(
            title=table.title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD
        )
        shown.caption = escape(table.note)
        for at, heading in enumerate(table.headings):
            shown.add_column(heading, justify="right" if at else "left")
        for row in table.rows:
            # Limits go below their figure: side by side they are wider than terminals.
            shown.add_row(escape(row[0]), *(escape(cell).replace(" (", "\n(") for cell in row[1:]))
        console.print(shown)
    for sentence in found.sentences():
        console.print(sentence, markup=False)
    console.print(f"[dim]{found.seconds:.0f} s on {found.workers} workers[/dim]")
    for what, place in places.items():
        console.print(f"{what:<8} {place}", soft_wrap=True, markup=False)
