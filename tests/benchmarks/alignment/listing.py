"""A large archive of small files: its first ingest, and what an ingest costs when nothing has changed."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from storage.ingests import IngestRecord
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import FolderSource, PhotographSettings, RoleSettings
from tasks.archive.sources import photographs
from tasks.ingest import ingest
from tasks.jobs import IngestJob
from tasks.progress import Listener, Progress, listening
from tasks.workers import Workers
from tests.benchmarks.alignment.settings import Sizes
from tests.benchmarks.alignment.timing import StageTimes, timed, under, unheard

SIDE_PX, FOLDER_FILES, ABNORMAL_EVERY = 64, 1_000, 50
REPEATS = 3
BATCH_IMAGES = 32


def measure_listing(sizes: Sizes, heard: Listener) -> dict[str, Any]:
    """Seconds of a first ingest, of a second one without any change, and of the bare listing."""
    folder = sizes.workplace / "listing"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        write_small_files(folder / "archive", sizes.files, heard)
        with Workers(None, sizes.workers, BATCH_IMAGES) as workers:
            workers.client()
            return _measured(folder, sizes, workers, heard)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_small_files(archive: Path, count: int, heard: Listener) -> None:
    """Distinct grey PNG files in folders of a thousand, one in fifty abnormal."""
    random = np.random.default_rng(0)
    for number in range(count):
        if number % FOLDER_FILES == 0:
            for label in ("normal", "abnormal"):
                (archive / label / f"{number // FOLDER_FILES:04d}").mkdir(parents=True)
            heard(Progress("write", number, count))
        label = "abnormal" if number % ABNORMAL_EVERY == 0 else "normal"
        pixels_HW = random.integers(0, 256, (SIDE_PX, SIDE_PX), dtype=np.uint8)
        done, content = cv2.imencode(".png", pixels_HW, [cv2.IMWRITE_PNG_COMPRESSION, 0])
        assert done
        name = f"{number // FOLDER_FILES:04d}/{number:06d}.png"
        (archive / label / name).write_bytes(content.tobytes())
    heard(Progress("write", count, count))


def _measured(folder: Path, sizes: Sizes, workers: Workers, heard: Listener) -> dict[str, Any]:
    job = _job(folder / "archive")
    run = partial(_ingest, folder / "store", job, workers)
    stages = StageTimes()
    with listening(stages), listening(under(heard, "first ingest")):
        first, first_seconds = timed(run)
        stages.end()
    assert first.ingested == first.seen == sizes.files
    second_seconds, listing_seconds, bare_seconds = _by_turns(
        lambda: _same(run(), first),
        lambda: photographs(job.source),
        lambda: bare_listing(folder / "archive"),
    )
    write_small_files(folder / "archive" / "later", 1, unheard)
    changed, changed_seconds = timed(run)
    return {
        "second_ingest_over_listing": second_seconds / listing_seconds,
        "listing": {
            "files": sizes.files,
            "first_ingest_seconds": first_seconds,
            "first_ingest_stages_seconds": stages.seconds,
            "first_ingest_files_per_second": sizes.files / first_seconds,
            "second_ingest_seconds": second_seconds,
            "listing_seconds": listing_seconds,
            "scandir_and_stat_seconds": bare_seconds,
            "second_ingest_over_scandir": second_seconds / bare_seconds,
            "one_more_file_seconds": changed_seconds,
            "one_more_file_seen": changed.seen,
        },
    }


def _by_turns(*functions: Callable[[], object]) -> list[float]:
    """Median seconds of each; they take turns, so that a busy minute of the machine meets all."""
    rounds = [[timed(function)[1] for function in functions] for _ in range(REPEATS)]
    return [statistics.median(seconds) for seconds in zip(*rounds, strict=True)]


def _same(second: IngestRecord, first: IngestRecord) -> None:
    assert second == first


def _ingest(store: Path, job: IngestJob, workers: Workers) -> IngestRecord:
    """As a new process does it: nothing is remembered but what the store holds."""
    record: IngestRecord = ingest.fn(Stores(store), job, None, workers)
    return record


def _job(archive: Path) -> IngestJob:
    return IngestJob(
        "listing",
        FolderSource(path=str(archive.absolute())),
        PhotographSettings(height_px=SIDE_PX, width_px=SIDE_PX, channels=1),
        NoAlignment(side_px=SIDE_PX),
        RoleSettings.model_validate(
            {
                "reconstruction": 40,
                "validation": 4,
                "mask": 4,
                "development": {"normal": 4, "abnormal": 4},
            }
        ),
    )


def bare_listing(folder: Path | str) -> int:
    """Count the files below a folder, looking at the size and time of each: the least a listing can do."""
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                count += bare_listing(entry.path)
            else:
                state = entry.stat()
                count += state.st_size >= 0 and state.st_mtime_ns >= 0
    return count
