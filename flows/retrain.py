"""The nightly flow: from an archive to a frozen, certified champion and its report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from prefect import flow, get_run_logger

from flows import plan
from flows.artifacts import ArtifactProgress
from flows.certificates import write_certificate_beside
from flows.clock import StageClock
from flows.cluster import workers_of
from flows.dead_runs import begun
from flows.figures import RunFigures, run_figures
from flows.ingest import ingested
from flows.limits import training_resource, turn
from flows.promotion import Decided, decide, decision_on, settle
from flows.results import Pages, publish_results
from flows.run_names import named, this_process
from flows.settings import LineSettings, load_settings
from flows.training import Training
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.audit import audit, place_label_sheet
from tasks.certify import calibrate, certify
from tasks.extract import extract
from tasks.fit import fit
from tasks.jobs import Measuring
from tasks.memorise import memorise
from tasks.progress import listening
from tasks.promote import freeze
from tasks.report import hardest_boards, report
from tasks.score_sheet import ids_of, labelled, relabelled_count
from tasks.screen import screen
from tasks.standardise import standardise
from tasks.train import train
from tasks.watch import remember_certified_period
from tasks.weigh import weigh
from tasks.workers import Workers


@flow(name="retrain", flow_run_name=named("retrain"), validate_parameters=False, on_running=[begun])
def retrain(config: Path, *, learn: bool = False) -> RunFigures:
    """Retrain a product line from its configuration; a stage that is committed already is a look-up.

    The reconstruction learns from images that wait if the line's policy says so, or `learn` does. The
    bundle becomes the champion that `inspect` uses if the gate opens (see `flows.promotion`).
    Raises what its verbs raise: `InputError`, `NoSafeThresholdError`, storage errors.
    """
    settings = load_settings(config)
    stores, clock = Stores(settings.store), StageClock(get_run_logger())
    with (
        stores.alone(f"line-{settings.line}", this_process()),
        stores.in_use(),
        workers_of(settings.dask, line=settings.line) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        intake, snapshot, _ = ingested(settings, stores, workers, clock, learn=learn)
        training = Training.before(settings, stores, snapshot, intake)
        measuring = _instrument(settings, stores, snapshot, workers, clock)
        measured = ids_of(snapshot, *_MEASURED_ROLES)
        with (
            clock.stage("extract"),
            turn("cpu", needed=plan.unmeasured(stores, measuring, measured)),
        ):
            extract(stores, measuring, measured, workers)
        bundle, screening, certificate = _certified(
            settings, stores, intake.reference, snapshot, measuring, workers, clock
        )
        with clock.stage("remember"):
            remember_certified_period(stores, bundle.key, snapshot.images_fingerprint)
        gate = settings, stores, snapshot, measuring, certificate, workers
        with clock.stage("gate"):
            decided = decide(*gate, bundle)
        made = bundle, screening, certificate
        pages = _reported(settings, stores, snapshot, measuring, made, decided, workers, clock)
        promotion = settle(*gate, decided)
    figures = run_figures(stores, snapshot, bundle, certificate, clock.seconds, pages.report)
    figures = replace(figures, promotion=promotion, training=training)
    publish_results(settings, stores, snapshot, figures, pages)
    return figures


_MEASURED_ROLES = (Role.DEVELOPMENT, Role.CERTIFICATION, Role.UNDECIDED)


def _instrument(
    settings: LineSettings, stores: Stores, snapshot: Snapshot, workers: Workers, clock: StageClock
) -> Measuring:
    """Reconstruction, memory, mask and scales; products without a fixed position have no mask."""
    key, job = plan.training_job(settings, stores, snapshot)
    missing = stores.registry.find("models", key) is None
    with (
        clock.stage("train"),
        turn(training_resource(settings.reconstruction), needed=missing),
    ):
        model = train(stores, job, key)
    memory = mask = scales = None
    if normals := plan.memorising(settings, snapshot):
        with clock.stage("memorise"):
            memory = memorise(stores, normals, workers)
    learnt = partial(plan.measuring, settings, snapshot, model, memory=memory)
    unseen = ids_of(snapshot, Role.MASK)
    if unseen:
        with clock.stage("mask"):
            mask = weigh(stores, learnt(), unseen, workers)
    if plan.standardises(settings):
        with clock.stage("standardise"):
            boxed = unseen or ids_of(snapshot, Role.VALIDATION)
            scales = standardise(stores, learnt(mask), boxed, workers)
    return learnt(mask, scales)


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
        bundle = freeze(stores, parts, snapshot.number)
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
    made: tuple[Receipt, Receipt, Receipt],
    decided: Decided,
    workers: Workers,
    clock: StageClock,
) -> Pages:
    """The report; beside it the certificate to print and the labels to look at."""
    bundle, screening, certificate = made
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
            settings,
            snapshot,
            measuring,
            bundle,
            certificate,
            screening,
            doubts,
            decision_on(stores, settings.line, decided),
        )
        page = report(stores, order, clock.seconds, workers)
        figures = write_certificate_beside(page, stores, snapshot, certificate)
        place_label_sheet(stores, doubts, page)
    return Pages(page, hardest_boards(stores, order), figures)
