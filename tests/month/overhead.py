"""What an image costs beside its computing: the product's own `ingest` and `extract` in a Prefect flow.

Files of an archive are listed, read, stored as board images, dealt roles, read from the store, measured
by a trivial instrument, and stored as rows of metrics, by two Dask workers, with a real Prefect server.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import plan
from flows.cluster import workers_of
from flows.settings import LineSettings
from storage.stores import Stores
from tasks.extract import extract
from tasks.ingest import ingest
from tasks.jobs import InstrumentSettings, Measuring
from tasks.vocabulary.arrays import UInt8Array
from tasks.workers import Workers
from tests.month.plant import prefect_server
from tests.month.trivial import computed, install
from tests.product_line import SETTINGS

LINE, WORKERS = "overhead", 2
_DEFECT_EVERY = 20

Run = dict[str, Any]


def measure_overhead(
    counts: Sequence[int],
    side_px: int,
    folder: Path,
    say: Callable[[str], object],
    *,
    postgresql: bool = True,
) -> dict[str, Any]:
    """`overhead_ms_per_image` by the number of images: wall minus the workers' computing, an image.

    Computing is summed over the workers and divided by their number: what it adds to the wall. Starting
    workers, server and flow is told apart in `fixed_seconds`; `slope_ms_per_image` is between the
    smallest and the largest number, where what a run costs once is gone altogether.
    """
    folder = folder.absolute()
    runs, began = {}, time.perf_counter()
    with (
        prefect_server(folder, postgresql=postgresql) as address,
        temporary_settings({PREFECT_API_URL: address}),
    ):
        server = time.perf_counter() - began
        for count in counts:
            say(f"{count:,} images of {side_px} px")
            runs[str(count)] = _run(count, side_px, folder / str(count))
    per_image = {count: _per_image(run) for count, run in runs.items()}
    least, most = runs[str(counts[0])], runs[str(counts[-1])]
    return {
        "overhead_ms_per_image": per_image,
        "overhead": {
            "workers": WORKERS,
            "side_px": side_px,
            "runs": runs,
            "slope_ms_per_image": _slope(least, most, counts[0], counts[-1]),
            "fixed_seconds": {"server": server} | most["fixed_seconds"],
        },
    }


def overhead_ms(wall_seconds: float, compute_seconds: float, images: int) -> float:
    """What is left of the wall an image; computing of all workers is shared by them."""
    return 1e3 * (wall_seconds - compute_seconds / WORKERS) / images


def _slope(least: Run, most: Run, few: int, many: int) -> float:
    if few == many:
        return float("nan")
    return (_per_image(most) * many - _per_image(least) * few) / (many - few)


def _per_image(run: Run) -> float:
    return math.fsum(stage["overhead_ms_per_image"] for stage in run["stages"].values())


def _run(count: int, side_px: int, folder: Path) -> Run:
    """One flow over a fresh store."""
    shutil.rmtree(folder, ignore_errors=True)
    settings = _settings(folder, side_px)
    write_noise(folder / "archive", count, side_px)
    begin = time.perf_counter()
    with workers_of(settings.dask) as workers:
        workers.client()
        started = time.perf_counter()
        workers.client().run(install)
        before = sum(workers.client().run(time.process_time).values()) + time.process_time()
        called = time.perf_counter()
        seconds = _machinery(settings, workers)
        whole = time.perf_counter() - called
        after = sum(workers.client().run(time.process_time).values()) + time.process_time()
        of_workers = workers.client().run(computed)
    shutil.rmtree(folder)
    assert len(of_workers) == WORKERS
    stages = {}
    for name, wall in seconds.items():
        computing = sum(one.get(name, 0.0) for one in of_workers.values())
        stages[name] = {
            "wall_seconds": wall,
            "compute_seconds": computing,
            "overhead_ms_per_image": overhead_ms(wall, computing, count),
        }
    return {
        "stages": stages,
        # Says something also where others use the machine, too; without Prefect's server.
        "cpu_ms_per_image": 1e3 * (after - before) / count,
        "fixed_seconds": {"workers": started - begin, "flow": whole - sum(seconds.values())},
    }


@flow(name="overhead", validate_parameters=False)
def _machinery(settings: LineSettings, workers: Workers) -> dict[str, float]:
    """Wall of the two verbs that touch every image; both are Prefect tasks."""
    stores, begin = Stores(settings.store), time.perf_counter()
    record = ingest(stores, plan.ingest_job(settings), None, workers)
    taken_in = time.perf_counter()
    snapshot = stores.snapshots(LINE).read(record.snapshot)
    ids = [row.image_id for row in snapshot.rows]
    extract(stores, _measuring(settings, snapshot.images_fingerprint), ids, workers)
    measured = time.perf_counter()
    assert record.ingested == len(ids)
    return {"ingest": taken_in - begin, "extract": measured - taken_in}


def _measuring(settings: LineSettings, images_fingerprint: str) -> Measuring:
    """The line's instrument by name; in the workers the trivial one stands in its place."""
    instrument = InstrumentSettings(
        image_shape_CHW=settings.image_shape_CHW,
        reconstruction=settings.reconstruction,
        perception=settings.perception,
        candidate_perception=settings.perception,
        candidates=settings.candidates,
        model_key="trivial",
        mask_key=None,
        scales_key=None,
    )
    return Measuring(instrument, LINE, images_fingerprint, "trivial")


def _settings(folder: Path, side_px: int) -> LineSettings:
    return LineSettings.model_validate(
        SETTINGS
        | {
            "line": LINE,
            "photograph": {"height_px": side_px, "width_px": side_px, "channels": 1},
            "alignment": {"kind": "none", "side_px": side_px},
            "source": {"kind": "folder", "path": str(folder / "archive")},
            "store": str(folder / "store"),
            "dask": {"workers": WORKERS},
        }
    )


def write_noise(folder: Path, count: int, side_px: int) -> None:
    """Photographs that compress as badly as real ones, one in twenty in the folder of defects."""
    for number in range(count):
        label = "normal" if number % _DEFECT_EVERY else "abnormal"
        place = folder / label / f"{number:06}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(place), _noise(number, side_px))


def _noise(number: int, side_px: int) -> UInt8Array:
    pixels_HW = np.random.default_rng(number).normal(120, 12, (side_px, side_px))
    return np.asarray(np.clip(pixels_HW, 0, 255), dtype=np.uint8)
