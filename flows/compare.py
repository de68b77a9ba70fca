"""The comparison flow: every rival on the same images, roles and folds as the line's composite."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import flow

from flows import plan
from flows.artifacts import ArtifactProgress, publish_evaluation
from flows.cluster import workers_of
from flows.comparisons import Comparison
from flows.dead_runs import begun
from flows.run_names import named
from flows.settings import CompareSettings, LineSettings, load_settings
from storage.fingerprints import fingerprint
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.archive.truths import truth_place
from tasks.baselines.settings import EVERY_RIVAL, RivalSettings
from tasks.bundles import champion_bundle, champion_key
from tasks.describing import DescriptionOrder
from tasks.evaluate import read_evaluation
from tasks.hold_out import hold_rivals_out
from tasks.jobs import Bundle, Measuring
from tasks.localise import LocalisationOrder, known_boards, localise
from tasks.locating import KnownBoard
from tasks.progress import listening
from tasks.rival_trials import Arena, Contender, Subject, answered_images, families_of
from tasks.rivals import compare_on_development, describe_by_rivals, describe_composite
from tasks.score_sheet import ids_of, labelled
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers


@dataclass(frozen=True)
class CompareRequest:
    """What departs from the settings of the line for this run; None and () mean: nothing.

    Without `hold_out` the certification role is not looked at.
    """

    config: Path
    rivals: tuple[str, ...] = ()
    repeats: int | None = None
    workers: int | None = None
    hold_out: bool = False


@flow(name="compare", flow_run_name=named("compare"), validate_parameters=False, on_running=[begun])
def compare_line(request: CompareRequest) -> Comparison:
    """Judge rivals beside the line's champion; what is done is found again by a second run.

    Raises `NotFoundError` where the line has no champion, `InputError` for an unknown rival and for one
    whose package is not installed.
    """
    settings = load_settings(request.config)
    stores, begin = Stores(settings.store), time.perf_counter()
    line = compared_line(settings, stores, champion_bundle(stores, settings.line), request.repeats)
    with (
        stores.in_use(),
        workers_of(settings.dask, request.workers) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        subject = line.subject(chosen_rivals(settings.compare, request.rivals), workers)
        found = read_evaluation(stores, compare_on_development(stores, subject, workers))
        held = None
        if request.hold_out:
            held_out = labelled(line.snapshot, Role.CERTIFICATION)
            receipt = hold_rivals_out(
                stores, subject, held_out, champion_key(stores, settings.line), workers
            )
            held = read_evaluation(stores, receipt)
    made = Comparison(
        line=settings.line,
        title=settings.title,
        configuration=request.config.stem,
        found=found,
        held=held,
        without_pro=line.without_pro,
        seconds=time.perf_counter() - begin,
        workers=request.workers or settings.dask.workers,
    )
    publish_evaluation(settings.line, made.sentences(), made.tables(", "))
    return made


def chosen_rivals(settings: CompareSettings, kinds: Sequence[str]) -> tuple[RivalSettings, ...]:
    """The rivals of these kinds as the line sets them, or as they come; all of the line for no kind."""
    if not kinds:
        return settings.rivals
    known = [*settings.rivals, *(one for one in EVERY_RIVAL if one not in settings.rivals)]
    if unknown := sorted(set(kinds) - {one.kind for one in known}):
        every = ", ".join(dict.fromkeys(one.kind for one in known))
        raise InputError(f"There is no rival {', '.join(unknown)}.", f"Choose from {every}.")
    listed = {one.kind for one in settings.rivals}
    return tuple(
        one
        for kind in dict.fromkeys(kinds)
        for one in (settings.rivals if kind in listed else EVERY_RIVAL)
        if one.kind == kind
    )


@dataclass(frozen=True)
class ComparedLine:
    """What of the line's settings and store a comparison needs."""

    settings: LineSettings
    stores: Stores
    bundle: Bundle
    snapshot: Snapshot
    measuring: Measuring
    repeats: int
    boards: tuple[KnownBoard, ...]
    without_pro: str | None

    def subject(self, rivals: Sequence[RivalSettings], workers: Workers) -> Subject:
        """All methods described, ready to be judged."""
        development = labelled(self.snapshot, Role.DEVELOPMENT)
        outer = self.settings.evaluation.outer.model_copy(update={"repeats": self.repeats})
        arena = Arena(
            self.settings.line,
            answered_images(self.stores, self.measuring, development),
            self.settings.classification,
            outer,
        )
        order = self._order(development.image_ids)
        described = describe_by_rivals(self.stores, order, rivals, workers)
        truth = fingerprint(order.truths()) if self.boards else None
        ours = describe_composite(
            self.stores, self.measuring, self.bundle, arena, truth, self._pro(workers), workers
        )
        contenders = tuple(
            Contender(one, receipt.key) for one, receipt in zip(rivals, described, strict=True)
        )
        families = families_of(self.snapshot, development)
        return Subject(self.measuring, development, arena, contenders, ours.key, families)

    def _order(self, development: tuple[str, ...]) -> DescriptionOrder:
        held_out = labelled(self.snapshot, Role.CERTIFICATION).image_ids
        return DescriptionOrder(
            self.measuring,
            ids_of(self.snapshot, Role.RECONSTRUCTION, Role.VALIDATION),
            development + held_out,
            self.boards,
            self.settings.classification.seed,
        )

    def _pro(self, workers: Workers) -> Callable[[], float | None]:
        order = LocalisationOrder(
            self.measuring, self.settings.source, self.bundle.photograph, None
        )

        def measured() -> float | None:
            found = localise(self.stores, order, self.snapshot, workers)
            return found.used.au_pro

        return measured


def compared_line(
    settings: LineSettings, stores: Stores, bundle: Bundle, repeats: int | None
) -> ComparedLine:
    """What the comparison of a line rests on; `InputError` where nothing was taken in yet.

    `repeats` None: as the line says.
    """
    snapshot = stores.snapshots(settings.line).latest()
    if snapshot is None:
        raise InputError(f"{settings.line} has no snapshot.", "Run `zeroescape retrain`.")
    measuring = Measuring(
        bundle.instrument, settings.line, snapshot.images_fingerprint, bundle.features_fingerprint
    )
    without: str | None = None
    boards: tuple[KnownBoard, ...] = ()
    try:
        boards = _boards(settings, stores, bundle, snapshot, measuring)
    except InputError as error:
        without = error.what
    return ComparedLine(
        settings=settings,
        stores=stores,
        bundle=bundle,
        snapshot=snapshot,
        measuring=measuring,
        repeats=repeats or settings.compare.repeats,
        boards=boards,
        without_pro=without,
    )


def _boards(
    settings: LineSettings,
    stores: Stores,
    bundle: Bundle,
    snapshot: Snapshot,
    measuring: Measuring,
) -> tuple[KnownBoard, ...]:
    """Boards of development and certification with their truth; `InputError` where nobody drew it."""
    place = truth_place(settings.source)
    plan.refuse_other_code(bundle)
    judged = (Role.DEVELOPMENT, Role.CERTIFICATION)
    rows = [row for row in snapshot.rows if row.role in judged]
    order = LocalisationOrder(measuring, settings.source, bundle.photograph, None)
    boards = known_boards(stores, order, rows, place)
    if not any(board.truths for board in boards):
        raise InputError(f"{place} knows no defect of {settings.line}.", "Draw them.")
    return tuple(boards)
