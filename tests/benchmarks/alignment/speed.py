"""Large photographs to board images: against the bare decode, against a naive loop; and the memory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from flows.clock import PeakMemory
from storage.ingests import IngestRecord
from storage.stores import Stores
from tasks.alignment.settings import AlignmentSettings, EccAlignment, FiducialAlignment, Mark
from tasks.archive.settings import ManifestSource, PhotographSettings, RoleSettings
from tasks.choose_reference import choose_reference
from tasks.ingest import ingest
from tasks.jobs import IngestJob
from tasks.progress import Listener, listening
from tasks.workers import Workers
from tests.benchmarks.alignment.floor import decode_seconds, naive_loop
from tests.benchmarks.alignment.photographs import manifest, photograph_paths, write_photographs
from tests.benchmarks.alignment.settings import Sizes
from tests.benchmarks.alignment.timing import timed, under

SIDE_PX, SEARCH_PX, BATCH_IMAGES = 1_024, 120, 32
MEMORY_EVERY_SECONDS = 0.1


def measure_speed(sizes: Sizes, heard: Listener) -> dict[str, Any]:
    """Ratios of wall times taken one after the other on the same files, and peaks of memory."""
    folder = sizes.workplace.absolute() / "speed"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        marks = write_photographs(folder / "images", sizes, under(heard, "photographs"))
        runs = {count: _measured(folder, count, sizes, marks, heard) for count in sizes.photographs}
        fewest = min(sizes.photographs)
        paths = photograph_paths(folder / "images", fewest)
        file_mb = paths[0].stat().st_size / 2**20
        lost, naive_seconds = timed(lambda: naive_loop(paths, SIDE_PX, folder / "naive", heard))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    naive = {"files": fewest, "seconds": naive_seconds, "boards_lost": lost}
    return _part(runs, naive, {**_circumstances(sizes), "file_mb": file_mb})


def _measured(
    folder: Path, count: int, sizes: Sizes, marks: tuple[Mark, ...], heard: Listener
) -> dict[str, Any]:
    """The floor before and after the ingests, of which the lower counts."""
    paths = photograph_paths(folder / "images", count)
    aligners: dict[str, AlignmentSettings] = {
        "ecc": EccAlignment(side_px=SIDE_PX),
        "fiducials": FiducialAlignment(side_px=SIDE_PX, marks=marks, search_px=SEARCH_PX),
    }
    before = decode_seconds(paths, sizes.workers)
    ingests = {
        kind: _ingested(folder, count, sizes, alignment, under(heard, f"{kind}, {count:,} files"))
        for kind, alignment in aligners.items()
    }
    after = decode_seconds(paths, sizes.workers)
    return {"decode_seconds": min(before, after), "decodes": [before, after], "ingests": ingests}


def _ingested(
    folder: Path, count: int, sizes: Sizes, alignment: AlignmentSettings, heard: Listener
) -> dict[str, Any]:
    """One ingest into an empty store on workers that have just started."""
    store = folder / f"store-{alignment.kind}-{count}"
    stores, job = Stores(store), _job(folder / "images", count, sizes, alignment)
    with Workers(None, sizes.workers, BATCH_IMAGES) as workers, listening(heard):
        workers.client().run(_load_intake)
        reference, reference_seconds = timed(lambda: choose_reference.fn(stores, job, workers))
        with PeakMemory(MEMORY_EVERY_SECONDS) as memory:
            taken, seconds = timed(lambda: ingest.fn(stores, job, reference, workers))
    record: IngestRecord = taken
    shutil.rmtree(store)
    return {
        "seconds": seconds,
        "reference_seconds": reference_seconds,
        "peak_memory_mb": memory.peak_mb,
        "ingested": record.ingested,
        "quarantined": dict(record.quarantined),
    }


def _load_intake() -> None:
    import tasks.intake  # noqa: F401  # workers of a running line have loaded it long ago


def _job(images: Path, count: int, sizes: Sizes, alignment: AlignmentSettings) -> IngestJob:
    roles = {
        "reconstruction": 3,
        "validation": 1,
        "mask": 1,
        "development": {"normal": 1, "abnormal": 1},
        # The pictures repeat: what is compared here is how they are read, not what they show.
        "near_duplicates": None,
    }
    return IngestJob(
        "speed",
        ManifestSource(path=str(manifest(images, count))),
        PhotographSettings(height_px=sizes.height_px, width_px=sizes.width_px, channels=3),
        alignment,
        RoleSettings.model_validate(roles),
    )


def _circumstances(sizes: Sizes) -> dict[str, Any]:
    return {
        "height_px": sizes.height_px,
        "width_px": sizes.width_px,
        "side_px": SIDE_PX,
        "workers": sizes.workers,
        "batch_images": BATCH_IMAGES,
        "file_type": "jpeg",
        "files_in_page_cache": "likely: they were written just before",
    }


def _part(
    runs: dict[int, dict[str, Any]], naive: dict[str, Any], circumstances: dict[str, Any]
) -> dict[str, Any]:
    """`ingest_over_decode` is that of the slowest aligner on the largest archive."""
    ratios = {
        str(count): {
            kind: one["seconds"] / run["decode_seconds"] for kind, one in run["ingests"].items()
        }
        for count, run in runs.items()
    }
    small = runs[naive["files"]]["ingests"]
    return {
        "ingest_over_decode": max(ratios[str(max(runs))].values()),
        "ingest_over_decode_by_files": ratios,
        "ingest_over_naive": {
            kind: one["seconds"] / naive["seconds"] for kind, one in small.items()
        },
        "peak_memory_mb": {
            str(count): max(one["peak_memory_mb"] for one in run["ingests"].values())
            for count, run in runs.items()
        },
        "speed": {
            **circumstances,
            "naive": naive,
            "runs": {str(count): run for count, run in runs.items()},
        },
    }
