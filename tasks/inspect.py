"""Verb: the frozen champion looks at new images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from prefect import task

from storage.stores import Stores
from tasks.batches import inspect_files
from tasks.jobs import Bundle, Verdict
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.workers import Poisoned, Workers

POISONED = "Inspecting this file kills the process that tries."


@task(name="inspect", **RETRYING)
def inspect_images(
    stores: Stores, bundle: Bundle, paths: Sequence[Path], folder: Path, workers: Workers
) -> list[Verdict]:
    """One verdict per path in their order; also `verdicts.jsonl` and an overlay each in `folder`."""
    overlays = folder / "overlays"
    overlays.mkdir(parents=True, exist_ok=True)
    verdicts: dict[Path, Verdict] = {}
    for batch, outcome in workers.map_batches(
        partial(inspect_files, stores, bundle, overlays), paths
    ):
        if isinstance(outcome, Poisoned):
            verdicts[outcome.item] = Verdict.without_answer(outcome.item, bundle, POISONED)
        else:
            verdicts.update(zip(batch, outcome, strict=True))
        report_progress("inspect", len(verdicts), len(paths))
    ordered = [verdicts[path] for path in paths]
    _write_lines(ordered, folder / "verdicts.jsonl")
    return ordered


def _write_lines(verdicts: Sequence[Verdict], place: Path) -> None:
    lines = "".join(json.dumps(asdict(verdict)) + "\n" for verdict in verdicts)
    fresh = place.with_suffix(".part")
    fresh.write_text(lines, encoding="utf-8")
    fresh.replace(place)
