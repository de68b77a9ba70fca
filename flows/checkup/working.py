"""The Dask workers of a scheduler: there, of the same versions and code, with memory, at the same store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from flows.checkup.finding import Finding
from flows.settings import LineSettings

# Modules whose figures or formats differ from version to version.
_SAME = ("torch", "numpy", "scipy", "sklearn", "zarr", "skimage", "cv2", "lightgbm", "xgboost")
_LEAST_MB = 900


def dask_side(settings: LineSettings) -> Iterator[Finding]:
    """Ask a scheduler that the settings name; a local cluster has nothing to be asked."""
    if settings.dask.address is None:
        yield Finding("Dask", "ok", f"a local cluster of {settings.dask.workers} workers")
        return
    from flows.cluster import workers_of
    from storage.fingerprints import code_digest

    with workers_of(settings.dask) as workers:
        client = workers.client()
        found: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
        if not found:
            remedy = f"Start some: dask worker {settings.dask.address}"
            yield Finding("Dask", "problem", "The scheduler answers and has no worker.", remedy)
            return
        yield Finding("Dask", "ok", f"{settings.dask.address} with {len(found)} workers")
        versions: Any = client.get_versions(packages=list(_SAME))
        yield _versions(versions)
        own = code_digest("tasks", "storage")
        yield _code(own, client.run(partial(code_digest, "tasks", "storage")))
        yield _sees(settings.store, client.run(partial(_is_there, settings.store)))
        yield _memory(found)


def _versions(found: Mapping[str, Any]) -> Finding:
    own = found["client"]["packages"]
    others = {"scheduler": found["scheduler"], **found["workers"]}
    differing = sorted(
        f"{name} {theirs['packages'][name]} on {place} ({mine} here)"
        for place, theirs in others.items()
        for name, mine in own.items()
        # A scheduler computes nothing, and need not have what does.
        if theirs["packages"].get(name) != mine and (place != "scheduler" or name not in _SAME)
    )
    if differing:
        remedy = "Install the same versions everywhere: figures differ with them, or pickles break."
        return Finding("Dask versions", "problem", "; ".join(differing[:4]), remedy)
    return Finding("Dask versions", "ok", "the same everywhere")


def _code(own: str, theirs: Mapping[str, str]) -> Finding:
    others = sorted(worker for worker, digest in theirs.items() if digest != own)
    if others:
        remedy = "Install the same zeroescape there: a threshold belongs to the code that made it."
        return Finding("Dask code", "problem", f"other code on {', '.join(others)}", remedy)
    return Finding("Dask code", "ok", "the same on every worker")


def _sees(store: Path, theirs: Mapping[str, bool]) -> Finding:
    blind = sorted(worker for worker, there in theirs.items() if not there)
    if blind and store.exists():
        remedy = "Mount the store under the same path on every machine."
        return Finding("Dask store", "problem", f"{store} is not on {', '.join(blind)}", remedy)
    return Finding("Dask store", "ok", "every worker sees the store")


def _is_there(place: Path) -> bool:
    return place.exists()


def _memory(workers: Mapping[str, Any]) -> Finding:
    limits = [
        worker["memory_limit"] / worker["nthreads"] / 2**20
        for worker in workers.values()
        if worker["memory_limit"]
    ]
    if limits and min(limits) < _LEAST_MB:
        fact = f"{min(limits):.0f} MB a thread, about {_LEAST_MB} MB needed"
        remedy = "Start workers with more memory (--memory-limit) or fewer threads."
        return Finding("Dask memory", "warning", fact, remedy)
    return Finding("Dask memory", "ok", f"{min(limits, default=0):.0f} MB a thread (0: no limit)")
