"""The intake flow: an archive as it lies there becomes aligned board images with roles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, get_run_logger

from flows import plan
from flows.artifacts import (
    ArtifactProgress,
    publish_alignment,
    publish_intake,
    publish_quarantine,
    publish_roles,
)
from flows.clock import StageClock
from flows.cluster import workers_of
from flows.dead_runs import begun
from flows.events import IMAGES_QUARANTINED, tell
from flows.figures import Intake
from flows.run_names import named
from flows.settings import LineSettings, load_settings
from storage.ingests import IngestRecord
from storage.quarantine import QuarantineEntry
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.alignment_history import registered_boards
from tasks.archive.retraining import Occasion
from tasks.choose_reference import choose_reference
from tasks.ingest import ingest
from tasks.progress import listening
from tasks.reporting.alignment_history import alignment_history_png, alignment_sentences
from tasks.score_sheet import roles_table
from tasks.workers import Workers

_TOLD = 5


@flow(name="ingest", flow_run_name=named("ingest"), validate_parameters=False, on_running=[begun])
def take_in(config: Path) -> Intake:
    """Take in what is new in a line's archive; nothing is trained.

    Raises what `ingest` raises; the quarantine then shows already what is wrong with which file.
    """
    settings = load_settings(config)
    stores, clock = Stores(settings.store), StageClock(get_run_logger())
    with (
        stores.in_use(),
        workers_of(settings.dask, line=settings.line) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        record, snapshot, said = ingested(settings, stores, workers, clock)
    return Intake(record, roles_table(snapshot), said, clock.seconds)


def ingested(
    settings: LineSettings,
    stores: Stores,
    workers: Workers,
    clock: StageClock,
    *,
    learn: bool = False,
) -> tuple[IngestRecord, Snapshot, list[str]]:
    """Reference, board images, roles, and the registration in words; all of it shown in Prefect."""
    job, reference = plan.ingest_job(settings), None
    began = datetime.now(UTC).replace(microsecond=0)
    if not isinstance(settings.alignment, NoAlignment):
        with clock.stage("reference"):
            reference = choose_reference(stores, job, workers)
    with clock.stage("ingest"):
        record = ingest(stores, job, reference, workers, _occasion(settings, stores, learn=learn))
    snapshot = stores.snapshots(settings.line).read(record.snapshot)
    publish_intake(settings.line, record)
    publish_roles(snapshot)
    for sentence in record.waiting:
        get_run_logger().warning(sentence)
    entries = stores.quarantine(settings.line).entries()
    publish_quarantine(settings.line, entries)
    _tell_of_quarantine(settings.line, entries, began)
    return record, snapshot, _publish_alignment(settings, stores, snapshot, record)


def _tell_of_quarantine(line: str, entries: Sequence[QuarantineEntry], began: datetime) -> None:
    """One event where files are aside that were not before this ingest began; duplicates need nobody."""
    waiting = [entry for entry in entries if entry.kind != "duplicate"]
    fresh = [one for one in waiting if datetime.fromisoformat(one.first_seen_at) >= began]
    if fresh:
        payload = {
            "new": len(fresh),
            "waiting": len(waiting),
            "first": [f"{one.source}: {one.reason}" for one in fresh[:_TOLD]],
            "remedy": "`zeroescape quarantine list CONFIG` names them all, with a remedy each.",
        }
        tell(IMAGES_QUARANTINED, line, payload)


def _occasion(settings: LineSettings, stores: Stores, *, learn: bool) -> Occasion:
    champion = stores.registry.champion(settings.line)
    held = stores.suspensions(settings.line).suspended(champion) if champion else None
    return Occasion(asked=learn, suspended=held.at if held else "")


def _publish_alignment(
    settings: LineSettings, stores: Stores, snapshot: Snapshot, record: IngestRecord
) -> list[str]:
    """How well boards were registered and which cameras drift; nothing where cameras align."""
    alignment = settings.alignment
    if isinstance(alignment, NoAlignment):
        return []
    limit_px = alignment.limits.residual_px
    boards = registered_boards(stores, snapshot, alignment.side_px)
    said = alignment_sentences(boards, limit_px, record.quarantined.get("misaligned", 0))
    publish_alignment(settings.line, said, alignment_history_png(boards, limit_px))
    return said
