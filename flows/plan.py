"""From the settings of a line to what each verb is told: pure, and the only place that knows both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flows.settings import LineSettings
from storage.fingerprints import code_digest
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.candidates.settings import FastRoad
from tasks.extract import features_fingerprint
from tasks.ingest import board_image_fingerprint
from tasks.jobs import (
    Bundle,
    IngestJob,
    InstrumentSettings,
    Measuring,
    Memorising,
    ReportOrder,
    TrainingJob,
)
from tasks.score_sheet import Labelled, ids_of
from tasks.train import model_key
from tasks.vocabulary.errors import InputError


def ingest_job(settings: LineSettings) -> IngestJob:
    """Which archive becomes which board images, and whose labels count."""
    return IngestJob(
        settings.line,
        settings.source,
        settings.photograph,
        settings.alignment,
        settings.roles,
        settings.relabels,
        settings.retraining,
    )


def training_job(
    settings: LineSettings,
    stores: Stores,
    snapshot: Snapshot,
    training_ids: tuple[str, ...] | None = None,
) -> tuple[str, TrainingJob]:
    """Key of the model and the job that trains it; the workplace belongs to the key.

    It learns from the images of the reconstruction role, unless others are given.
    """
    job = TrainingJob(
        store=settings.store,
        line=settings.line,
        images_fingerprint=snapshot.images_fingerprint,
        training_ids=training_ids or ids_of(snapshot, Role.RECONSTRUCTION),
        validation_ids=ids_of(snapshot, Role.VALIDATION),
        reconstruction=settings.reconstruction,
        perception=settings.perception,
        workplace=settings.store,
    )
    key = model_key(
        job, code_digest("tasks.reconstruction", "tasks.perception", "tasks.vocabulary")
    )
    return key, replace(job, workplace=stores.workplace(key))


def unmeasured(stores: Stores, measuring: Measuring, image_ids: Sequence[str]) -> bool:
    """Whether any of these images has no row of metrics yet."""
    features = stores.features(measuring.line, measuring.features_fingerprint)
    return bool(features.missing(image_ids))


def memorising(settings: LineSettings, snapshot: Snapshot) -> Memorising | None:
    """Which normals are remembered: all that the reconstruction learns from; None where none is.

    Boards without a fixed position have no weighting mask, and no places either.
    """
    if settings.memory is None:
        return None
    return Memorising(
        settings.line,
        snapshot.images_fingerprint,
        ids_of(snapshot, Role.RECONSTRUCTION, Role.VALIDATION),
        settings.perception,
        settings.memory,
        placed=bool(ids_of(snapshot, Role.MASK)),
    )


def measuring(
    settings: LineSettings,
    snapshot: Snapshot,
    model: Receipt,
    mask: Receipt | None = None,
    scales: Receipt | None = None,
    memory: Receipt | None = None,
) -> Measuring:
    """The instrument made of these learnt parts, on the images of this snapshot."""
    instrument = InstrumentSettings(
        image_shape_CHW=settings.image_shape_CHW,
        reconstruction=settings.reconstruction,
        perception=settings.perception,
        candidate_perception=settings.candidate_perception or settings.perception,
        candidates=settings.candidates,
        model_key=model.key,
        mask_key=mask.key if mask else None,
        scales_key=scales.key if scales else None,
        memory_key=memory.key if memory else None,
    )
    return Measuring(
        instrument,
        settings.line,
        snapshot.images_fingerprint,
        features_fingerprint(instrument, snapshot.images_fingerprint),
    )


def standardises(settings: LineSettings) -> bool:
    """Whether boxes are ranked by how unusual their distance is for their size."""
    road = settings.candidates.road
    return isinstance(road, FastRoad) and road.standardised


def bundle_of(
    settings: LineSettings,
    reference: str | None,
    measured: Measuring,
    classifier: Receipt,
    threshold: Receipt,
) -> Bundle:
    """Everything that inspects together."""
    return Bundle(
        line=settings.line,
        photograph=settings.photograph,
        alignment=settings.alignment,
        reference=reference,
        instrument=measured.instrument,
        features_fingerprint=measured.features_fingerprint,
        classifier=classifier.key,
        threshold_key=threshold.key,
        threshold=float(str(threshold.facts["threshold"])),
    )


def refuse_other_code(bundle: Bundle) -> None:
    """Raise `InputError` unless a board is measured today as it was when the bundle was certified.

    A threshold belongs to the figures it was read from: after a change of the code, or of a
    backbone's weights, a defect's score could slip under it.
    """
    if board_images_of(bundle) is None:
        raise InputError(
            f"The champion of {bundle.line} was certified with other code or backbone weights.",
            "Run `zeroescape retrain` with its configuration, which certifies anew.",
        )


def board_images_of(bundle: Bundle) -> str | None:
    """Fingerprint of the board images that a bundle measures; None where today's code does otherwise."""
    images = board_image_fingerprint(bundle.photograph, bundle.alignment, bundle.reference)
    same = features_fingerprint(bundle.instrument, images) == bundle.features_fingerprint
    return images if same else None


def families_of(snapshot: Snapshot, images: Labelled) -> tuple[str, ...]:
    """Kind of defect of each image, '' where there is none or the archive does not say."""
    known = {row.image_id: row.family for row in snapshot.rows}
    return tuple(known[image_id] for image_id in images.image_ids)


def report_order(
    settings: LineSettings,
    snapshot: Snapshot,
    measured: Measuring,
    bundle: Receipt,
    certificate: Receipt,
    screening: Receipt | None = None,
    audit: Receipt | None = None,
    gate: str | None = None,
) -> ReportOrder:
    """What the report shows, and where its file goes."""
    return ReportOrder(
        line=settings.line,
        title=settings.title,
        snapshot=snapshot.number,
        measuring=measured,
        bundle=bundle.key,
        certificate=certificate.key,
        hardest=settings.report.hardest,
        directory=settings.report.directory,
        seeds=(
            ("roles", settings.roles.seed),
            ("reconstruction", getattr(settings.reconstruction, "seed", 0)),
            ("classification", settings.classification.seed),
        ),
        audit=audit.key if audit else None,
        screening=screening.key if screening else None,
        gate=gate,
    )


def warnings_of(screening: Receipt) -> tuple[str, ...]:
    """What the certificate must say of trivial properties, lots and near-duplicates."""
    said: Any = screening.facts["warnings"]
    return tuple(said)
