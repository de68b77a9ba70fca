"""The backfill flow: a bundle is asked about a line's past and held against the champion.

It runs beside a nightly on the same store and cluster, and gives way to it: see `tasks.judging` (who adds
images or measures them has a lock, and a backfill lets go of it every few seconds) and `tasks.workers`
(its own workers take the processor time that nobody else wants; of a shared scheduler it has no more than
`at_most_workers` batches at a time, each behind what else waits at its worker).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow

from flows import plan
from flows.artifacts import ArtifactProgress, publish_backfill
from flows.cluster import workers_of
from flows.dead_runs import begun
from flows.run_names import named
from flows.settings import LineSettings, load_settings
from storage.stores import Stores
from tasks.backfill import Asked, backfill
from tasks.backfill_report import PageOrder, report_backfill
from tasks.backfilling.pacing import Pace
from tasks.backfilling.wanted import Wanted
from tasks.bundles import champion_bundle, read_bundle
from tasks.past import find_bundle, newest_challenger, read_comparison
from tasks.progress import listening
from tasks.reporting.backfill_words import sentences
from tasks.workers import Workers


@dataclass(frozen=True)
class Backfilled:
    """A finished backfill: the comparison as JSON, when it was first made, and its page."""

    figures: dict[str, Any]
    made_at: str
    page: Path

    def sentences(self) -> list[str]:
        """What was found, in words."""
        return sentences(self.figures)

    @property
    def machine_readable(self) -> dict[str, Any]:
        """The JSON of `--json`; but for `made_at` and `page` it is the same whenever it is asked for."""
        return {"made_at": self.made_at, "page": str(self.page), **self.figures}


@flow(
    name="backfill", flow_run_name=named("backfill"), validate_parameters=False, on_running=[begun]
)
def backfill_line(
    config: Path | str,
    since: str | None = None,
    until: str | None = None,
    model: str | None = None,
    where: Sequence[str] = (),
    images_per_second: float | None = None,
    at_most_workers: int = 1,
) -> Backfilled:
    """Compare a bundle with the champion on all boards of a period, both days included.

    `model` is a bundle's key or its first characters, the number of a promotion or `champion`; None for
    the newest challenger that was never promoted, or the champion alone where there is none. `where` are
    conditions `COLUMN=VALUE`. All parameters are JSON but for a path as `config`. Raises `InputError` for
    what cannot be understood or gives no board, `NotFoundError` without a champion.
    """
    settings = load_settings(Path(config))
    wanted = Wanted.parsed(since, until, where)
    Pace(at_most_workers, images_per_second)  # refuses what would never end
    stores = Stores(settings.store)
    champion, challenger = _asked(stores, settings, model)
    with (
        stores.in_use(),
        _patient_workers(settings, at_most_workers) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        job = plan.ingest_job(settings)
        found = backfill(stores, job, wanted, champion, challenger, workers, images_per_second)
        order = PageOrder(
            settings.title,
            settings.report.hardest,
            settings.report.directory / f"{settings.line}-backfill.html",
            (champion.images_fingerprint, challenger.images_fingerprint),
        )
        page = report_backfill(stores, found, order, workers)
    figures = read_comparison(stores, found.key)
    done = Backfilled(figures, str(found.facts["at"]), page)
    publish_backfill(settings.line, figures, page)
    return done


def _asked(stores: Stores, settings: LineSettings, model: str | None) -> tuple[Asked, Asked]:
    """Champion and challenger, the latter the champion itself where there is no other."""
    champion_bundle(stores, settings.line)  # raises where nothing was promoted
    champion = str(stores.registry.champion(settings.line))
    if model is None:
        challenger = newest_challenger(stores, settings.line) or champion
    else:
        challenger = find_bundle(stores, settings.line, model)
    first, second = (
        Asked(key, plan.board_images_of(read_bundle(stores, key))) for key in (champion, challenger)
    )
    return first, second


def _patient_workers(settings: LineSettings, at_most: int) -> Workers:
    """Few workers that take what other runs leave; of a scheduler, `at_most` batches at a time."""
    workers = workers_of(settings.dask, at_most, settings.line)
    workers.give_way = True
    return workers
