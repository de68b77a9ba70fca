"""The commands `doctor`, `gc`, `backup` and `restore`: their options, with the help they show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from flows.command_line import prefect_for_terminals, write_json
from flows.display import Terminal
from flows.exit_codes import exit_codes

JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the figures for machines to this file.")
]
StoreOption = Annotated[str, typer.Option("--store", help="Path or url of the store.")]
Deep = Annotated[bool, typer.Option("--deep", help="Compare everything with its digest.")]


def doctor(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file of one product line.", show_default=False)
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Path or url of the store; default: that of the line.")
    ] = None,
    deep: Deep = False,
    json_file: JsonFile = None,
) -> None:
    """Examine the whole installation and say what to do: libraries, disk, store, Prefect, Dask, champions.

    Exit codes, as of monitoring plug-ins: 0 all well, 1 warnings, 2 problems.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.doctor import EXIT_CODES, examine
        from flows.upkeep_tables import show_findings

        found = examine(config, store, deep=deep)
        write_json(found.for_machines(), json_file)
        terminal = Terminal()
        show_findings(found.findings, terminal.console)
        counts = found.for_machines()["counts"]
        terminal.say(
            f"{counts['ok']} ok, {counts['warning']} warnings, {counts['problem']} problems."
        )
        raise typer.Exit(EXIT_CODES[found.outcome])


def gc(
    store: StoreOption = "build/store",
    keep_champions: Annotated[
        int, typer.Option(help="How many champions of each line stay usable for a rollback.")
    ] = 5,
    older_than: Annotated[
        str, typer.Option(help="Nothing younger goes; it must exceed the longest run.")
    ] = "30d",
    grace: Annotated[
        str, typer.Option(help="How long before its removal something is announced.")
    ] = "1d",
    remove: Annotated[
        bool, typer.Option("--remove/--dry-run", help="Do it; else only show what would go.")
    ] = False,
    prefect_days: Annotated[
        int | None,
        typer.Option(min=1, help="Also delete runs from Prefect's history that ended so long ago."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Remove from a store what no champion, no snapshot and no run needs any more; a dry run by default.

    Never removed: promotions, suspensions, inspections, snapshots, looks, labels, roles, references, and
    what persons decided.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.collection import collected
        from flows.durations import seconds_of, size_said
        from flows.upkeep_tables import show_collection
        from storage.retention import RetentionPolicy

        policy = RetentionPolicy(keep_champions, seconds_of(older_than), seconds_of(grace))
        terminal = Terminal()
        found = collected(store, policy, remove=remove)
        content = found.for_machines()
        show_collection(found, terminal.console)
        freed = size_said(found.size_bytes)
        terminal.say(
            f"{freed} removed." if remove else f"{freed} would go now. Nothing was removed."
        )
        if prefect_days is not None:
            content["prefect_runs"] = _clean_prefect(prefect_days, terminal, remove=remove)
        write_json(content, json_file)


def _clean_prefect(days: int, terminal: Terminal, *, remove: bool) -> int:
    from flows.prefect_history import cleaned, old_runs

    before = datetime.now(UTC) - timedelta(days=days)
    count = cleaned(before) if remove else old_runs(before)
    done = "were deleted" if remove else "would be deleted"
    terminal.say(f"{count} runs that ended before {before:%Y-%m-%d} {done} in Prefect.")
    return count


def backup(
    destination: Annotated[
        str, typer.Argument(help="Folder or url of the backup.", show_default=False)
    ],
    store: StoreOption = "build/store",
    deep: Deep = False,
    json_file: JsonFile = None,
) -> None:
    """Copy a store, only what is new, beside whatever runs; all that is copied is compared with its digest.

    With --deep also what is in the backup already; what is damaged there is copied again.
    """
    with exit_codes():
        from flows.backup import backed_up

        terminal = Terminal()
        with terminal.bars() as bars:
            done = backed_up(store, destination, bars, deep=deep)
        write_json(done.for_machines(), json_file)
        for sentence in done.sentences():
            terminal.say(sentence)
        done.refuse_damage()


def restore(
    source: Annotated[str, typer.Argument(help="Folder or url of the backup.", show_default=False)],
    store: Annotated[
        str, typer.Option(help="Where the store goes: empty, or a part of the same backup.")
    ],
    json_file: JsonFile = None,
) -> None:
    """Make a store of a backup; everything is compared with its digest before the first of it counts."""
    with exit_codes():
        from flows.backup import restored

        terminal = Terminal()
        with terminal.bars() as bars:
            done = restored(source, store, bars)
        write_json(done.for_machines(), json_file)
        for sentence in done.sentences():
            terminal.say(sentence)


_EXAMPLES: dict[Callable[..., None], str] = {
    doctor: "zeroescape doctor my-line.yaml --json build/doctor.json",
    gc: "zeroescape gc --store build/store --keep-champions 3 --remove --prefect-days 90",
    backup: "zeroescape backup /mnt/nas/zeroescape --store build/store",
    restore: "zeroescape restore /mnt/nas/zeroescape --store build/store",
}


def add_to(app: typer.Typer) -> None:
    """Give the program these commands."""
    for command, example in _EXAMPLES.items():
        app.command(epilog=f"Example: {example}")(command)
