"""The figures as tables for a person."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def truth_tables(part: dict[str, Any]) -> list[Table]:
    """One table an aligner, one row a perturbation."""
    tables = []
    for kind, figures in part["aligners"].items():
        table = Table(
            *("boards", "n", "median px", "worst px", "flagged", "of them within the limit"),
            "misregistered, unflagged",
            title=f"{kind}: true error of the boards that pass, limit {figures['limit_px']:g} px",
        )
        rows = {**figures["rows"], "all": figures}
        for name, row in rows.items():
            table.add_row(
                name,
                str(row["boards"]),
                _number(row["median_px"]),
                _number(row["worst_px"]),
                str(row["flagged"]),
                str(row["flagged_within_limit"]),
                str(row["misregistered_unflagged"]),
            )
        for name, case in figures["must_flag"].items():
            table.add_row(name, str(case["boards"]), "", "", str(case["flagged"]), "", "")
        tables.append(table)
    return tables


def speed_tables(part: dict[str, Any]) -> list[Table]:
    """Wall times against the floor, and peaks of memory."""
    facts = part["speed"]
    table = Table(
        *("files", "aligner", "ingest s", "decode s", "ingest / decode", "peak MB"),
        title=f"{facts['height_px']} x {facts['width_px']} px to {facts['side_px']}, "
        f"{facts['workers']} workers",
    )
    for count, run in facts["runs"].items():
        for kind, one in run["ingests"].items():
            ratio = part["ingest_over_decode_by_files"][count][kind]
            cells = (one["seconds"], run["decode_seconds"], ratio, one["peak_memory_mb"])
            table.add_row(count, kind, *(f"{cell:,.2f}" for cell in cells))
    naive = facts["naive"]
    table.add_row(str(naive["files"]), "naive loop", f"{naive['seconds']:,.2f}", "", "", "")
    return [table]


def listing_tables(part: dict[str, Any]) -> list[Table]:
    """Seconds of each way to look at the archive."""
    facts = part["listing"]
    table = Table("what", "seconds", title=f"{facts['files']:,} files")
    for name, value in facts.items():
        if name.endswith("_seconds") and isinstance(value, float):
            table.add_row(name.removesuffix("_seconds").replace("_", " "), f"{value:,.2f}")
    table.add_row("second ingest / listing", f"{part['second_ingest_over_listing']:.2f}")
    return [table]


def demo_tables(part: dict[str, Any]) -> list[Table]:
    """False calls at zero escapes, and defects under the candidates."""
    calls = Table(
        *("line", "false calls", "rate", "95 % interval", "defects", "AUROC", "member"),
        title="False calls at zero escapes (out-of-fold)",
    )
    for name, one in part["demo"]["figures"].items():
        calls.add_row(
            name.replace("_", ", "),
            f"{one['false_calls']} of {one['n_normal']}",
            f"{one['false_call_rate']:.1%}",
            f"{one['low']:.1%} to {one['high']:.1%}",
            str(one["n_abnormal"]),
            f"{one['auroc']:.3f}",
            one["member"],
        )
    found = Table(
        "line", "found", "share", "by chance", title="Defects under the 20 worst candidates"
    )
    for name, facts in part["demo"]["lines"].items():
        for way, one in facts["defects_found"].items():
            shares = (_number(one["share"]), _number(one["by_chance"]))
            found.add_row(f"{name}, {way}", f"{one['found']} of {one['n']}", *shares)
    return [calls, found]


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
