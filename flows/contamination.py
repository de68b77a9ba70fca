"""The contamination flow: train with some abnormal images among the normals, and judge by own scores."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import flow

from flows import plan
from flows.artifacts import ArtifactProgress
from flows.contaminations import ContaminationFound
from flows.dead_runs import begun
from flows.limits import training_resource, turn
from flows.run_names import named
from flows.settings import LineSettings, load_settings
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.contaminate import Contamination, judge_contamination, own_scores_of
from tasks.contamination.mixing import SHARES, Candidates, Mixture, mixtures
from tasks.evaluate import read_evaluation
from tasks.progress import listening, report_progress
from tasks.score_sheet import ids_of, labelled
from tasks.train import train
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class ContaminationRequest:
    """Which shares of the training images of which line are to be abnormal, drawn by which seed."""

    config: Path
    shares: tuple[float, ...] = SHARES
    seed: int = 0


@flow(
    name="contamination",
    flow_run_name=named("contamination"),
    validate_parameters=False,
    on_running=[begun],
)
def contaminate_line(request: ContaminationRequest) -> ContaminationFound:
    """Train the line's reconstruction once per share; resumes what was killed, repeats nothing.

    The share 0 is the line's own model. Nothing is promoted, and certification images are neither
    learnt from nor looked at. Raises `InputError` where images or own scores are missing.
    """
    settings, begin = load_settings(request.config), time.perf_counter()
    stores = Stores(settings.store)
    own_scores_of(settings.reconstruction, settings.image_shape_CHW)
    snapshot = stores.snapshots(settings.line).latest()
    if snapshot is None:
        raise InputError(f"{settings.line} has no images yet.", "Run `zeroescape ingest`.")
    images = labelled(snapshot, Role.DEVELOPMENT)
    mixed = mixtures(
        ids_of(snapshot, Role.RECONSTRUCTION),
        Candidates(images.image_ids, images.labels, images.groups),
        request.shares,
        request.seed,
    )
    with stores.in_use(), listening(ArtifactProgress(settings.line)):
        models = _trained(settings, stores, snapshot, mixed.mixtures)
        asked = Contamination(
            settings.line,
            snapshot.images_fingerprint,
            settings.image_shape_CHW,
            settings.reconstruction,
            mixed,
            models,
        )
        found = read_evaluation(stores, judge_contamination(stores, asked))
    return ContaminationFound(settings.line, found, time.perf_counter() - begin)


def _trained(
    settings: LineSettings, stores: Stores, snapshot: Snapshot, mixed: Sequence[Mixture]
) -> tuple[str, ...]:
    keys = []
    for done, mixture in enumerate(mixed):
        report_progress("mixtures", done, len(mixed), f"{100 * mixture.share:.3g} % abnormal")
        key, job = plan.training_job(settings, stores, snapshot, mixture.training_ids)
        missing = stores.registry.find("models", key) is None
        with turn(training_resource(settings.reconstruction), needed=missing):
            keys.append(train(stores, job, key).key)
    report_progress("mixtures", len(mixed), len(mixed))
    return tuple(keys)
