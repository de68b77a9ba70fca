"""Verb: the frozen champion looks at new images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

from prefect import task

from storage.stores import Stores
from tasks.batches import inspect_files
from tasks.jobs import Bundle, Verdict
from tasks.localisation.coco import InspectedImage, coco_document
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.workers import Poisoned, Workers

POISONED = "Inspecting this file kills the process that tries."


@task(name="inspect", **RETRYING)
def inspect_images(
    stores: Stores, bundle: Bundle, paths: Sequence[Path], folder: Path, workers: Workers
) -> list[Verdict]:
    """One verdict per path in their order.

    In `folder`: `verdicts.jsonl`, `localisation.json` (COCO) and an overlay each.
    """
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
    lines = "".join(json.dumps(asdict(verdict)) + "\n" for verdict in ordered)
    _write(lines, folder / "verdicts.jsonl")
    _write(_localisation(ordered, bundle), folder / "localisation.json")
    return ordered


def _localisation(verdicts: Sequence[Verdict], bundle: Bundle) -> str:
    """All suspected defects as one COCO document; files without an answer are named in it."""
    seen = [
        InspectedImage(one.file, one.size_hw, one.verdict, one.score, one.reason, one.regions)
        for one in verdicts
    ]
    document = coco_document(seen, bundle.line, bundle.threshold, version("zeroescape"))
    return json.dumps(document, allow_nan=False, indent=1) + "\n"


def _write(text: str, place: Path) -> None:
    """A reader sees the old file or the new one, never a half."""
    fresh = place.with_suffix(".part")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(place)
