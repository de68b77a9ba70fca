"""Published systems side by side: each with its own score, and with the composite on top."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow

from flows.artifacts import ArtifactProgress, publish_evaluation
from flows.cluster import workers_of
from flows.compare import CompareRequest, compared_line
from flows.comparisons import COMPOSITE, MEAN_IMAGE_PSNR, PSNR, TRAINING, Comparison
from flows.dead_runs import begun
from flows.retrain import retrain
from flows.settings import LineSettings, load_settings
from flows.systems_settings import (
    ImageSetSettings,
    SystemSettings,
    SystemsSettings,
    load_systems,
)
from storage.stores import Stores
from tasks.bundles import read_bundle
from tasks.evaluate import read_evaluation
from tasks.progress import listening
from tasks.redrawing import redrawing_of
from tasks.rival_trials import Subject
from tasks.rivals import compare_on_development
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class SystemsFound:
    """One comparison for each set of images, in the order of the file."""

    title: str
    configuration: str
    sets: tuple[Comparison, ...]

    @property
    def machine_readable(self) -> dict[str, Any]:
        """The comparisons as `compare` writes them, by the name of their set."""
        return {
            "title": self.title,
            "configuration": self.configuration,
            "sets": {one.line: one.machine_readable for one in self.sets},
        }


@flow(
    name="compare systems",
    flow_run_name="compare systems",
    validate_parameters=False,
    on_running=[begun],
)
def compare_systems(request: CompareRequest) -> SystemsFound:
    """Retrain the line of every system, then judge all systems of a set on the same images.

    What is committed is a look-up. Raises `InputError` for options that mean one line, for systems that
    do not share a store or are not judged on the same images, and what `retrain` raises.
    """
    settings = load_systems(request.config)
    if request.rivals or request.hold_out:
        raise InputError(
            "Rivals and the certification role belong to a line, not to a comparison of systems.",
            "List the rivals under `compare.rivals` of the lines; leave out --rival and --hold-out.",
        )
    found = tuple(_one_set(settings, one, request) for one in settings.sets)
    for one in found:
        publish_evaluation(one.line, one.sentences(), one.tables(", "))
    return SystemsFound(settings.title, request.config.stem, found)


def _one_set(
    settings: SystemsSettings, images: ImageSetSettings, request: CompareRequest
) -> Comparison:
    """Judge each system in turn, all paired with the composite of the first."""
    begin = time.perf_counter()
    configs = [request.config.parent / system.config for system in images.systems]
    lines = [load_settings(config) for config in configs]
    require_one_store(images, lines)
    judging = _Judging(request.repeats or settings.repeats, request.workers)
    judged = [
        judging.judged(system, config, line)
        for system, config, line in zip(images.systems, configs, lines, strict=True)
    ]
    methods = [_entry(one, method) for one in judged for method in one.found["methods"]]
    return Comparison(
        line=images.name,
        title=settings.title,
        configuration=request.config.stem,
        found={**judged[0].found, "methods": methods},
        held=None,
        without_pro=judged[0].without_pro,
        seconds=time.perf_counter() - begin,
        workers=request.workers or lines[0].dask.workers,
    )


def require_one_store(images: ImageSetSettings, lines: Sequence[LineSettings]) -> None:
    """`InputError` where systems of one set keep their results apart: nothing could be paired."""
    stores = sorted({str(line.store) for line in lines})
    if len(stores) > 1:
        raise InputError(
            f"The systems of {images.name} keep their results in {' and '.join(stores)}.",
            "Give their configurations one `store`.",
        )


@dataclass(frozen=True)
class _Judged:
    """What was found of one system."""

    system: SystemSettings
    found: Mapping[str, Any]
    without_pro: str | None
    training: Mapping[str, float | None]


@dataclass
class _Judging:
    """Judges systems one after another; the first is what the others are paired with."""

    repeats: int
    workers: int | None
    first: Subject | None = None

    def judged(self, system: SystemSettings, config: Path, settings: LineSettings) -> _Judged:
        """Retrain the system's line and judge it, with its rivals, in the outer folds."""
        stores = Stores(settings.store)
        # Not the champion: the gate keeps it where a changed system is worse, which is to be seen.
        bundle = read_bundle(stores, retrain(config).fingerprints["bundle"])
        line = compared_line(settings, stores, bundle, self.repeats)
        with (
            stores.in_use(),
            workers_of(settings.dask, self.workers) as workers,
            listening(ArtifactProgress(settings.line)),
        ):
            subject = line.subject(settings.compare.rivals, workers)
            receipt = compare_on_development(stores, subject, workers, self.first)
        self.first = self.first or subject
        found = read_evaluation(stores, receipt)
        training = _training(stores, bundle.instrument.model_key)
        return _Judged(system, found, line.without_pro, training)


def _training(stores: Stores, model_key: str) -> dict[str, float | None]:
    """Time of a system's training, and how well it redraws; None where its model tells neither."""
    model, redrawing = stores.registry.find("models", model_key), redrawing_of(stores, model_key)
    seconds = None if model is None else model.facts.get("seconds")
    return {
        TRAINING: None if seconds is None else float(str(seconds)),
        PSNR: None if redrawing is None else redrawing.psnr_db,
        MEAN_IMAGE_PSNR: None if redrawing is None else redrawing.mean_image_psnr_db,
    }


def _entry(judged: _Judged, method: Mapping[str, Any]) -> dict[str, Any]:
    """A method of a system among those of all systems; the first composite is the one of the table."""
    own = method["kind"] == COMPOSITE
    kind = "composite on top" if own and method["paired"] else method["kind"]
    name = f"{judged.system.name}, {'composite on top' if own else method['name']}"
    return {
        **method,
        "name": name,
        "kind": kind,
        "system": judged.system.name,
        **judged.training,
    }
