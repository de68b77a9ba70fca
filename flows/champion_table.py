"""The champions of a line in the terminal: who, when and why, and who was kept back."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from flows.champions import Champions

_KEPT_SHOWN = 5


def show_champions(found: Champions, console: Console | None = None) -> None:
    """Print one row for each promotion, the present champion in bold, then the newest refusals."""
    to = console or Console()
    if not found.promotions:
        to.print(f"{found.line} has no champion yet.", highlight=False)
    else:
        to.print(_promotions(found))
    for gate in found.kept_back[-_KEPT_SHOWN:]:
        when, key = gate.at[:16].replace("T", " "), gate.contest.challenger[:12]
        why = escape(" ".join(gate.obstacles))
        to.print(f"Kept back {when}: {key}. {why}", highlight=False, soft_wrap=True)
    more = len(found.kept_back) - _KEPT_SHOWN
    if more > 0:
        to.print(f"{more} older challengers were kept back, too: see --json.", highlight=False)


def _promotions(found: Champions) -> Table:
    # Two things a cell, so that a terminal of 80 columns cuts nothing that a person must compare.
    table = Table(
        Column("", justify="right", no_wrap=True),
        Column("when, bundle", no_wrap=True),
        Column("how, who", overflow="fold"),
        Column("why", overflow="fold"),
        title=f"Champions of {found.line}",
        title_justify="left",
    )
    last = found.promotions[-1].number
    for row in found.rows:
        is_present = int(row["number"]) == last
        cells = (
            row["number"],
            f"{row['when'] or 'not recorded'}\n{row['bundle']}",
            f"{row['how']}\n{row['who']}".strip(),
            row["why"],
        )
        table.add_row(*map(escape, cells), style="bold" if is_present else "dim")
    return table
