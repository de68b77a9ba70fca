"""The intake flow: an archive as it lies there becomes aligned board images with roles."""

from __future__ import annotations

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
from flows.figures import Intake
from flows.settings import LineSettings, load_settings
from storage.ingests import IngestRecord
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.alignment_history import registered_boards
from tasks.choose_reference import choose_reference
from tasks.ingest import ingest
from tasks.progress import listening
from tasks.reporting.alignment_history import alignment_history_png, alignment_sentences
from tasks.score_sheet import roles_table
from tasks.workers import Workers


@flow(name="ingest", flow_run_name="ingest-{config.stem}", validate_parameters=False)
def take_in(config: Path) -> Intake:
    """Take in what is new in a line's archive; nothing is trained.

    Raises what `ingest` raises; the quarantine then shows already what is wrong with which file.
    """
    settings = load_settings(config)
    stores, clock = Stores(settings.store), StageClock(get_run_logger())
    with (
        Workers(
            settings.dask.address, settings.dask.workers, settings.dask.batch_images
        ) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        record, snapshot, said = ingested(settings, stores, workers, clock)
    return Intake(record, roles_table(snapshot), said, clock.seconds)


def ingested(
    settings: LineSettings, stores: Stores, workers: Workers, clock: StageClock
) -> tuple[IngestRecord, Snapshot, list[str]]:
    """Reference, board images, roles, and the registration in words; all of it shown in Prefect."""
    job, reference = plan.ingest_job(settings), None
    if not isinstance(settings.alignment, NoAlignment):
        with clock.stage("reference"):
            reference = choose_reference(stores, job, workers)
    with clock.stage("ingest"):
        record = ingest(stores, job, reference, workers)
    snapshot = stores.snapshots(settings.line).read(record.snapshot)
    publish_intake(settings.line, record)
    publish_roles(snapshot)
    for sentence in record.waiting:
        get_run_logger().warning(sentence)
    publish_quarantine(settings.line, stores.quarantine(settings.line).entries())
    return record, snapshot, _publish_alignment(settings, stores, snapshot, record)


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
