"""The evaluation flow: every classifier by the paper's protocol and by the honest one, side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from prefect import flow

from flows.artifacts import ArtifactProgress, publish_evaluation
from flows.cluster import tls_of
from flows.dead_runs import begun
from flows.evaluations import Evaluation
from flows.run_names import named
from flows.settings import LineSettings, load_settings
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.bundles import champion_bundle
from tasks.classification.settings import (
    ClassificationSettings,
    ClassifierSettings,
    EvaluationSettings,
)
from tasks.evaluate import evaluate_as_published, evaluate_honestly, evaluate_leak, read_evaluation
from tasks.jobs import Measuring
from tasks.progress import listening
from tasks.score_sheet import Labelled, labelled
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers

ProtocolName = Literal["published", "honest"]


@dataclass(frozen=True)
class EvaluateRequest:
    """What departs from the settings of the line for this run; None and () mean: nothing."""

    config: Path
    protocols: tuple[ProtocolName, ...] = ("published", "honest")
    members: tuple[str, ...] = ()
    published_draws: int | None = None
    draws: int | None = None
    repeats: int | None = None
    workers: int | None = None

    def evaluation(self, settings: EvaluationSettings) -> EvaluationSettings:
        """The line's settings with what was asked for instead."""
        outer = settings.outer.model_dump() | _given(repeats=self.repeats)
        content = settings.model_dump() | _given(
            published_draws=self.published_draws, draws=self.draws
        )
        members = chosen_members(settings.members, self.members)
        return EvaluationSettings.model_validate(content | {"outer": outer, "members": members})


@flow(
    name="evaluate", flow_run_name=named("evaluate"), validate_parameters=False, on_running=[begun]
)
def evaluate_line(request: EvaluateRequest) -> Evaluation:
    """Judge classifiers on the development role's metrics of the line's champion; resumes what was killed.

    Raises `NotFoundError` where the line has no champion, `InputError` for an unknown member.
    """
    settings = load_settings(request.config)
    evaluation = request.evaluation(settings.evaluation)
    stores, begin = Stores(settings.store), time.perf_counter()
    measuring, development = measured_development(settings, stores)
    count = request.workers or settings.dask.workers
    with (
        stores.in_use(),
        Workers(settings.dask.address, count, tls=tls_of(settings.dask)) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        found: dict[str, dict[str, Any]] = {
            name: read_evaluation(
                stores,
                _evaluated(name, settings, evaluation, stores, measuring, development, workers),
            )
            for name in request.protocols
        }
        leak = None
        if "honest" in found and development.groups is not None:
            honest = _searching(settings, evaluation, 0)
            torn = evaluate_leak(stores, measuring, honest, evaluation.outer, development, workers)
            leak = read_evaluation(stores, torn)
    made = Evaluation(settings.line, found, time.perf_counter() - begin, count, leak)
    publish_evaluation(settings.line, made.sentences(), made.tables())
    return made


def measured_development(settings: LineSettings, stores: Stores) -> tuple[Measuring, Labelled]:
    """What the line's champion measured, and the labelled images of its development role.

    Raises `NotFoundError` where the line has no champion, `InputError` without a snapshot.
    """
    bundle = champion_bundle(stores, settings.line)
    snapshot = stores.snapshots(settings.line).latest()
    if snapshot is None:
        raise InputError(f"{settings.line} has no snapshot.", "Run `zeroescape retrain`.")
    measuring = Measuring(
        bundle.instrument, settings.line, snapshot.images_fingerprint, bundle.features_fingerprint
    )
    return measuring, labelled(snapshot, Role.DEVELOPMENT)


def _evaluated(
    name: ProtocolName,
    settings: LineSettings,
    evaluation: EvaluationSettings,
    stores: Stores,
    measuring: Measuring,
    development: Labelled,
    workers: Workers,
) -> Receipt:
    if name == "published":
        published = _searching(settings, evaluation, evaluation.published_draws)
        return evaluate_as_published(stores, measuring, published, development, workers)
    honest = _searching(settings, evaluation, evaluation.draws)
    return evaluate_honestly(stores, measuring, honest, evaluation.outer, development, workers)


def _searching(
    settings: LineSettings, evaluation: EvaluationSettings, draws: int
) -> ClassificationSettings:
    changed = {"members": evaluation.members, "draws": draws}
    return settings.classification.model_copy(update=changed)


def _given(**values: int | None) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def chosen_members(
    members: Sequence[ClassifierSettings], kinds: Sequence[str]
) -> tuple[ClassifierSettings, ...]:
    """The members of these kinds as the line sets them, or as they come; all of the line for no kind."""
    listed = {member.kind: member for member in members}
    every = {
        one.kind: one for one in (member() for member in get_args(get_args(ClassifierSettings)[0]))
    }
    if unknown := sorted(set(kinds) - every.keys()):
        raise InputError(
            f"There is no classifier {', '.join(unknown)}.", f"Choose from {', '.join(every)}."
        )
    return tuple({**every, **listed}[kind] for kind in kinds) or tuple(members)
