"""The study flow: what families of metrics, further defects and doubtful labels are worth to a line."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect import flow

from flows.artifacts import ArtifactProgress, publish_study
from flows.cluster import tls_of
from flows.dead_runs import begun
from flows.evaluate import chosen_members, measured_development
from flows.run_names import named
from flows.settings import LineSettings, load_settings
from flows.studies import StudyFound
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.baselines.settings import EVERY_RIVAL
from tasks.bundles import champion_bundle
from tasks.describing import DescriptionOrder
from tasks.evaluate import read_evaluation
from tasks.progress import listening
from tasks.rival_trials import Arena, Contender
from tasks.rivals import describe_by_rivals
from tasks.score_sheet import ids_of
from tasks.study import (
    study_defect_ratios,
    study_families,
    study_labels,
    study_learning_curve,
)
from tasks.studying import Subject
from tasks.trials import Sample
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers

Part = Literal["families", "learning_curve", "labels", "defect_ratios"]
ESCAPE_FRACTIONS = (0.0, 0.01, 0.02, 0.05)
PARTS: tuple[Part, ...] = ("families", "learning_curve", "labels")
"""What is studied unless something is named: the champion's metrics."""
EVERY_PART: tuple[Part, ...] = (*PARTS, "defect_ratios")
NETWORKS = ("siamese", "supervised")


@dataclass(frozen=True)
class StudyRequest:
    """What to study, and what departs from the line's settings; () and None mean: nothing.

    Without `members` the champion's classifier is studied.
    """

    config: Path
    parts: tuple[Part, ...] = PARTS
    members: tuple[str, ...] = ()
    repeats: int | None = None
    defects: tuple[int, ...] = (10, 20, 40, 80)
    subsets: int = 2
    ratios: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
    workers: int | None = None

    def subject(self, settings: LineSettings, stores: Stores) -> Subject:
        """The champion's metrics of the development role, and the procedure that is studied on them."""
        measuring, development = measured_development(settings, stores)
        kinds = self.members or (_champions_member(settings, stores),)
        members = chosen_members(settings.classification.members, kinds)
        outer = {"escape_fractions": ESCAPE_FRACTIONS}
        repeats = {} if self.repeats is None else {"repeats": self.repeats}
        return Subject(
            Sample(measuring.line, measuring.features_fingerprint, development),
            settings.classification.model_copy(update={"members": members}),
            settings.evaluation.outer.model_copy(update=outer | repeats),
        )


@flow(name="study", flow_run_name=named("study"), validate_parameters=False, on_running=[begun])
def study_line(request: StudyRequest) -> StudyFound:
    """Study the metrics that the line's champion measured of its development role; resumes what was killed.

    Nothing is chosen by it and no held-out image is looked at. Raises `NotFoundError` where the line has
    no champion, `InputError` for an unknown member.
    """
    settings = load_settings(request.config)
    stores, begin = Stores(settings.store), time.perf_counter()
    subject = request.subject(settings, stores)
    count = request.workers or settings.dask.workers
    with (
        stores.in_use(),
        Workers(settings.dask.address, count, tls=tls_of(settings.dask)) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        asked = _asked(request, settings, stores, subject, workers)
        found: dict[str, dict[str, Any]] = {
            part: read_evaluation(stores, asked[part]()) for part in request.parts
        }
    made = StudyFound(settings.line, settings.title, found, time.perf_counter() - begin, count)
    if "labels" in found:
        made = made.with_suspects(*_suspects(settings, stores, found["labels"]))
    publish_study(settings.line, made.sentences(), made.tables())
    return made


def _asked(
    request: StudyRequest,
    settings: LineSettings,
    stores: Stores,
    subject: Subject,
    workers: Workers,
) -> Mapping[Part, Callable[[], Receipt]]:
    return {
        "families": lambda: study_families(stores, subject, workers),
        "learning_curve": lambda: study_learning_curve(
            stores, subject, request.defects, request.subsets, workers
        ),
        "labels": lambda: study_labels(stores, subject, settings.report.audited, workers),
        "defect_ratios": lambda: _defect_ratios(request, settings, stores, subject, workers),
    }


def _defect_ratios(
    request: StudyRequest,
    settings: LineSettings,
    stores: Stores,
    subject: Subject,
    workers: Workers,
) -> Receipt:
    """Study the networks of the line's rivals, or with their defaults, on the development images."""
    measuring, development = measured_development(settings, stores)
    listed = [one for one in settings.compare.rivals if one.kind in NETWORKS]
    networks = listed or [one for one in EVERY_RIVAL if one.kind in NETWORKS]
    snapshot = stores.snapshots(settings.line).latest()
    assert snapshot is not None  # noqa: S101  # the subject came from it
    normals = ids_of(snapshot, Role.RECONSTRUCTION, Role.VALIDATION)
    seed = settings.classification.seed
    order = DescriptionOrder(measuring, normals, development.image_ids, (), seed)
    described = describe_by_rivals(stores, order, networks, workers)
    arena = Arena(settings.line, development, settings.classification, subject.protocol)
    contenders = tuple(
        Contender(one, receipt.key) for one, receipt in zip(networks, described, strict=True)
    )
    return study_defect_ratios(stores, arena, contenders, request.ratios, workers)


def _champions_member(settings: LineSettings, stores: Stores) -> str:
    key = champion_bundle(stores, settings.line).classifier
    classifier = stores.registry.find("classifiers", key)
    if classifier is None:
        raise InputError("The champion's classifier is gone.", "Run `zeroescape retrain`.")
    return str(classifier.facts["chosen"])


def _suspects(
    settings: LineSettings, stores: Stores, labels: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, UInt8Array]]:
    """Files and pictures of the suspects."""
    snapshot: Snapshot | None = stores.snapshots(settings.line).latest()
    assert snapshot is not None  # noqa: S101  # the subject came from it
    sources = {row.image_id: row.source for row in snapshot.rows}
    ids = [one["image_id"] for one in labels["suspects"]]
    images = stores.images(settings.line, snapshot.images_fingerprint).read(ids)
    return {one: sources[one] for one in ids}, dict(zip(ids, images, strict=True))
