"""The figures as tables for a person."""

from __future__ import annotations

from typing import Any

from rich.table import Table

_COLOURS = {"green": "green", "yellow": "yellow", "red": "red"}


def month_tables(part: dict[str, Any]) -> list[Table]:
    """One row a night, then what an ordinary night costs by what the archive holds."""
    return [_nights(part), _growth(part)]


def _nights(part: dict[str, Any]) -> Table:
    table = Table(
        *("night", "images", "new", "refused", "waiting", "s", "learnt because", "bundle"),
        *("champion", "escapes at most", "light by day", "flagged", "what happened"),
        title="The month",
    )
    for night in part["nights"]:
        day, certificate = night["day"], night["certificate"]
        table.add_row(
            str(night["night"]),
            f"{night['images']:,}",
            str(night["new_images"]),
            str(night["quarantined"] or ""),
            str(night["waiting"]),
            f"{night['seconds']:.1f}",
            "; ".join(night["why_learnt"]) if night["trained"] else "",
            _outcome(night),
            str(night["champion"]),
            f"{100 * certificate['escape_upper_95']:.1f} % (n {certificate['n_abnormal']})",
            f"[{_COLOURS[day['light']]}]{day['light']}[/]" + (", held" if day["suspended"] else ""),
            f"{day['flagged']} of {day['boards']}",
            "; ".join(day["events"]),
        )
    return table


def _outcome(night: dict[str, Any]) -> str:
    if night["promotion"] == "kept back" and night["obstacles"]:
        return f"kept back: {night['obstacles'][0]}"
    return str(night["promotion"])


def _growth(part: dict[str, Any]) -> Table:
    table = Table("stage", "early night s", "last night s", "ms for one more image in the archive")
    for name, grown in part["stage_growth_ms_an_image"].items():
        early, last = part["stages_early"].get(name, 0.0), part["stages_last"].get(name, 0.0)
        table.add_row(name, f"{early:.1f}", f"{last:.1f}", f"{grown:.2f}")
    table.add_row(
        "whole night",
        "",
        f"{part['night30_over_night3']:.2f} times",
        f"{part['growth_ms_an_image']:.2f}",
    )
    table.title = (
        f"Ordinary nights; the archive grew {part['archive_last_over_early']:.1f} times "
        "between the two"
    )
    return table


def overhead_tables(part: dict[str, Any]) -> list[Table]:
    """Per number of images: the wall, the compute in it, what is left an image."""
    table = Table(
        *("images", "stage", "wall s", "computing s (sum)", "overhead ms an image"),
        title=f"Orchestration and storage on {part['overhead']['workers']} workers",
    )
    for images, run in part["overhead"]["runs"].items():
        for name, stage in run["stages"].items():
            table.add_row(
                f"{int(images):,}",
                name,
                f"{stage['wall_seconds']:.2f}",
                f"{stage['compute_seconds']:.2f}",
                f"{stage['overhead_ms_per_image']:.2f}",
            )
        table.add_row(
            f"{int(images):,}", "both", "", "", f"{part['overhead_ms_per_image'][images]:.2f}"
        )
    fixed = part["overhead"]["fixed_seconds"]
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in fixed.items())
    cpu = ", ".join(
        f"{run['cpu_ms_per_image']:.2f} ms at {int(images):,}"
        for images, run in part["overhead"]["runs"].items()
    )
    table.caption = (
        f"Once a run: {told}. One more image costs {part['overhead']['slope_ms_per_image']:.2f} ms. "
        f"Processor time of workers and conductor an image, computing included: {cpu}."
    )
    return [table]
