"""The nightly flow: from an archive to a frozen, certified champion and its report."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger

from flows import plan
from flows.artifacts import ArtifactProgress, publish_report, publish_scores
from flows.certificates import write_certificate_beside
from flows.clock import StageClock
from flows.figures import RunFigures, run_figures
from flows.ingest import ingested
from flows.settings import LineSettings, load_settings
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.audit import audit, place_label_sheet
from tasks.certify import calibrate, certify
from tasks.extract import extract
from tasks.fit import fit
from tasks.jobs import Measuring
from tasks.progress import listening
from tasks.promote import freeze, promote
from tasks.report import report, score_picture
from tasks.score_sheet import ids_of, labelled, relabelled_count
from tasks.screen import screen
from tasks.standardise import standardise
from tasks.train import train
from tasks.weigh import weigh
from tasks.workers import Workers


@flow(name="retrain", flow_run_name="retrain-{config.stem}", validate_parameters=False)
def retrain(config: Path) -> RunFigures:
    """Retrain a product line from its configuration; a stage that is committed already is a look-up.

    The bundle becomes the champion that `inspect` uses. Raises what its verbs raise: `InputError`,
    `NoSafeThresholdError`, storage errors.
    """
    settings = load_settings(config)
    stores, clock = Stores(settings.store), StageClock(get_run_logger())
    with (
        Workers(
            settings.dask.address, settings.dask.workers, settings.dask.batch_images
        ) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        intake, snapshot, _ = ingested(settings, stores, workers, clock)
        measuring = _instrument(settings, stores, snapshot, workers, clock)
        with clock.stage("extract"):
            extract(stores, measuring, ids_of(snapshot, *_MEASURED_ROLES), workers)
        bundle, screening, certificate = _certified(
            settings, stores, intake.reference, snapshot, measuring, workers, clock
        )
        page = _reported(
            settings, stores, snapshot, measuring, bundle, screening, certificate, workers, clock
        )
    promote(stores, settings.line, bundle)
    figures = run_figures(stores, snapshot, bundle, certificate, clock.seconds, page)
    publish_scores(settings.line, figures.sentences(), score_picture(stores, bundle.key))
    publish_report(settings.line, page)
    return figures


_MEASURED_ROLES = (Role.DEVELOPMENT, Role.CERTIFICATION, Role.UNDECIDED)


def _instrument(
    settings: LineSettings, stores: Stores, snapshot: Snapshot, workers: Workers, clock: StageClock
) -> Measuring:
    """Reconstruction, mask and scales; products without a fixed position have no mask."""
    with clock.stage("train"):
        key, job = plan.training_job(settings, stores, snapshot)
        model = train(stores, job, key)
    measuring = plan.measuring(settings, snapshot, model)
    unseen, mask = ids_of(snapshot, Role.MASK), None
    if unseen:
        with clock.stage("mask"):
            mask = weigh(stores, measuring, unseen, workers)
        measuring = plan.measuring(settings, snapshot, model, mask)
    if not plan.standardises(settings):
        return measuring
    with clock.stage("standardise"):
        normals = unseen or ids_of(snapshot, Role.VALIDATION)
        scales = standardise(stores, measuring, normals, workers)
    return plan.measuring(settings, snapshot, model, mask, scales)


def _certified(
    settings: LineSettings,
    stores: Stores,
    reference: str | None,
    snapshot: Snapshot,
    measuring: Measuring,
    workers: Workers,
    clock: StageClock,
) -> tuple[Receipt, Receipt, Receipt]:
    """The frozen bundle, its screening, and its certificate on images that nothing was fitted on."""
    development = labelled(snapshot, Role.DEVELOPMENT)
    held_out, undecided = labelled(snapshot, Role.CERTIFICATION), ids_of(snapshot, Role.UNDECIDED)
    with clock.stage("fit"):
        classifier = fit(stores, measuring, settings.classification, development, workers)
        threshold = calibrate(stores, classifier, settings.certification)
        parts = plan.bundle_of(settings, reference, measuring, classifier, threshold)
        bundle = freeze(stores, parts)
    with clock.stage("screen"):
        job = plan.ingest_job(settings)
        screening = screen(stores, job, snapshot, settings.confounds, workers)
    with clock.stage("certify"):
        certificate = certify(
            stores,
            measuring,
            bundle,
            held_out,
            undecided,
            settings.certification,
            families=plan.families_of(snapshot, held_out),
            warnings=plan.warnings_of(screening),
            labels_changed=relabelled_count(snapshot, Role.DEVELOPMENT, Role.CERTIFICATION),
        )
    return bundle, screening, certificate


def _reported(
    settings: LineSettings,
    stores: Stores,
    snapshot: Snapshot,
    measuring: Measuring,
    bundle: Receipt,
    screening: Receipt,
    certificate: Receipt,
    workers: Workers,
    clock: StageClock,
) -> Path:
    """The report; beside it the certificate to print and the labels to look at."""
    with clock.stage("audit"):
        doubts = audit(
            stores,
            measuring,
            bundle,
            certificate,
            snapshot,
            settings.classification,
            settings.report.audited,
        )
    with clock.stage("report"):
        order = plan.report_order(
            settings, snapshot, measuring, bundle, certificate, screening, doubts
        )
        page = report(stores, order, clock.seconds, workers)
        write_certificate_beside(page, stores, snapshot, certificate)
        place_label_sheet(stores, doubts, page)
    return page
