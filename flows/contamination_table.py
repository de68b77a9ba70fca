"""The table of a contamination study in the terminal, what it says, and where its figures lie."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.contaminations import ContaminationFound


def show_contamination(found: ContaminationFound, console: Console, place: Path) -> None:
    """One row a share with its note, then the sentences and the file."""
    table = found.table()
    shown = Table(
        title=table.title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD
    )
    shown.caption = escape(table.note)
    for at, heading in enumerate(table.headings):
        shown.add_column(heading, justify="right" if at else "left", no_wrap=not at)
    for row in table.rows:
        # Limits go below their figure: side by side they are wider than terminals.
        shown.add_row(escape(row[0]), *(escape(cell).replace(" (", "\n(") for cell in row[1:]))
    console.print(shown)
    for sentence in found.sentences():
        console.print(sentence, markup=False)
    console.print(f"[dim]{found.seconds:.0f} s[/dim]")
    console.print(f"Figures  {place}", soft_wrap=True, markup=False)
