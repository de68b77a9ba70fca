"""Verb: the frozen champion looks at new images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from prefect import task

from storage.inspections import InspectedRow
from storage.stores import Stores
from tasks.archive.photograph import printable
from tasks.batches import inspect_files
from tasks.certification.thresholds import flagged
from tasks.jobs import Bundle, Verdict
from tasks.localisation.coco import InspectedImage, coco_document
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.workers import Poisoned, Workers

POISONED = "Inspecting this file kills the process that tries."


@task(name="inspect", **RETRYING)
def inspect_images(
    stores: Stores,
    bundle: Bundle,
    bundle_key: str,
    paths: Sequence[Path],
    folder: Path,
    workers: Workers,
    passes_none: str | None = None,
) -> list[Verdict]:
    """One verdict per path in their order; the store remembers what was inspected.

    In `folder`: `verdicts.jsonl`, `localisation.json` (COCO) and an overlay each. `passes_none` says
    why every board is flagged just now. No verdict leaves that was not recorded before.
    """
    overlays = folder / "overlays"
    overlays.mkdir(parents=True, exist_ok=True)
    verdicts: dict[Path, Verdict] = {}
    times: dict[Path, str] = {}
    for batch, outcome in workers.map_batches(
        partial(inspect_files, stores, bundle, overlays, passes_none), paths
    ):
        if isinstance(outcome, Poisoned):
            verdicts[outcome.item] = Verdict.without_answer(outcome.item, bundle, POISONED)
        else:
            verdicts.update(zip(batch, outcome, strict=True))
        times.update(dict.fromkeys(batch, _now()))
        report_progress("inspect", len(verdicts), len(paths))
    ordered = [verdicts[path] for path in paths]
    rows = [_row(verdicts[path], times[path], bundle) for path in paths]
    stores.inspections(bundle.line, bundle_key).write(rows, _now())
    lines = "".join(json.dumps(asdict(verdict)) + "\n" for verdict in ordered)
    _write(lines, folder / "verdicts.jsonl")
    _write(_localisation(ordered, bundle), folder / "localisation.json")
    return ordered


def _row(verdict: Verdict, at: str, bundle: Bundle) -> InspectedRow:
    """What the threshold says is kept, also where a suspended certificate passes nothing."""
    score, seen = verdict.score, verdict.observed
    scores_1 = np.array([np.nan if score is None else score])
    return InspectedRow(
        image=verdict.digest or "",
        file=printable(verdict.file),
        inspected_at=at,
        captured_at=None,  # a single file tells no time; the archive may, once the board is ingested
        flagged=bool(flagged(scores_1, bundle.threshold)[0]),
        score=score,
        reason=verdict.reason if score is None else None,
        residual_px=seen.residual_px if seen else None,
        brightness=seen.brightness if seen else None,
        spread=seen.spread if seen else None,
        difference=seen.difference if seen else None,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


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
