"""The certificate in the terminal: the sentence, the warnings, the price ladder, what is caught."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from tasks.certification.attestation import in_hundred
from tasks.reporting.trivial_plots import screening_sentences

_TRIVIAL = 5


def show_certificate(
    figures: Mapping[str, Any], files: Mapping[str, Path | None], console: Console | None = None
) -> None:
    """Print what `figures` (the certificate's JSON object) say, and where it was written."""
    to = console or Console()
    to.print(
        Panel(
            escape(figures["sentence"]),
            title=f"Escape certificate {figures['certificate']}: {escape(figures['file'])}",
            expand=False,
        )
    )
    low, high = figures["false_call_interval"]
    to.print(
        f"Threshold {figures['threshold']:.6g} ({figures['flagged_where']}, or no score); "
        f"{figures['false_calls']:,} of {figures['n_normal']:,} good boards flagged: "
        f"{_percent(figures['false_call_rate'])} ({_percent(low)} to {_percent(high)})",
        highlight=False,
        soft_wrap=True,
    )
    to.print(_ladder(figures))
    for heading, rows in (("family", figures["families"]), ("size", figures["sizes"])):
        if rows:
            to.print(_recalls(heading, rows))
    if figures.get("confounds"):
        to.print(_trivial(figures["confounds"]))
    for said in figures["warnings"]:
        to.print(f"[yellow]![/] {escape(said)}", highlight=False, soft_wrap=True)
    to.print(
        f"Look {figures['looks']} at this set, recognised by {figures['recognised_by']}. "
        f"SHA-256 {figures['data_sha256']}",
        highlight=False,
        soft_wrap=True,
    )
    for what, place in files.items():
        if place is not None:
            to.print(f"{what:<8} {escape(str(place))}", highlight=False, soft_wrap=True)


def _ladder(figures: Mapping[str, Any]) -> Table:
    table = Table(
        "missed",
        "threshold",
        "false calls",
        "rate",
        f"{100 * figures['confidence']:g} % interval",
        "escapes below",
        title="The price of zero escapes",
    )
    for step in figures["ladder"]:
        table.add_row(
            str(step["misses"]),
            f"{step['threshold']:.6g}",
            f"{step['false_calls']:,} of {step['n_normal']:,}",
            _percent(step["false_call_rate"]),
            f"{_percent(step['low'])} to {_percent(step['high'])}",
            f"{in_hundred(step['escape_upper'])} %",
        )
    return table


def _trivial(confounds: Mapping[str, Any]) -> Table:
    """The strongest trivial properties; the level, the pictures and the lots are the caption."""
    table = Table(
        "property",
        "AUROC",
        f"{100 * confounds['confidence']:g} % interval",
        "chance reaches",
        title="What trivial properties alone tell",
        caption="; ".join(screening_sentences(confounds)),
    )
    for one in confounds["properties"][:_TRIVIAL]:
        low, high = one["interval"]
        auroc = f"[yellow]{one['auroc']:.3f}[/]" if one["above"] else f"{one['auroc']:.3f}"
        words = one["words"] + ("" if one["category"] is None else f": {one['category']}")
        table.add_row(
            escape(words), auroc, f"{low:.2f} to {high:.2f}", f"{one['by_chance'] or 1.0:.2f}"
        )
    return table


def _recalls(heading: str, rows: Any) -> Table:
    table = Table(heading, "defects", "missed", "caught", "at least", title=f"Caught by {heading}")
    for row in rows:
        table.add_row(
            escape(row["name"]),
            f"{row['n']:,}",
            str(row["missed"]),
            _percent(row["recall"]),
            f"{math.floor(1000 * row['recall_lower']) / 10:.1f} %",
        )
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
