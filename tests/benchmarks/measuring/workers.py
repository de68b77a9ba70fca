"""Measuring on one worker and on two: the speed-up, what is missing to two, and the machine's own limit.

A line with random weights measures images of 128 px: what a network costs does not depend on what it has
learned. All processes run one thread each. Starting and loading are timed apart.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from storage.images import ImageRow
from storage.stores import Stores
from tasks.batches import build_mask, columns_of, distances_of_normals, measure_images
from tasks.candidates.scales import box_scales, written_scales
from tasks.candidates.settings import CandidatesSettings
from tasks.jobs import InstrumentSettings, Measuring
from tasks.perception.settings import EfficientNetLite0Settings
from tasks.reconstruction.persistence import build_reconstructor, save_reconstructor
from tasks.reconstruction.settings import VqganSettings
from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import design_board
from tasks.synthesis.rendering import render_board
from tasks.synthesis.settings import BoardDesignSettings, PerturbationSettings
from tasks.workers import Workers, environment_of_workers

SIDE_PX, CHANNELS, IMAGES, ROUNDS = 128, 3, 96, 3
LINE, IMAGES_FINGERPRINT, KEY = "workers", "images", "random"
DEFECT_EVERY, NORMALS = 4, 6


@dataclass(frozen=True)
class TrainedLine:
    """A store with images, weights and a mask; every run writes its rows under a name of its own."""

    stores: Stores
    instrument: InstrumentSettings
    image_ids: tuple[str, ...]

    def measuring(self, run: str) -> Measuring:
        return Measuring(self.instrument, LINE, IMAGES_FINGERPRINT, run)

    def rows(self, run: str) -> bytes:
        """All that a run wrote, as bytes; an image without an answer is a failure of the benchmark."""
        table = self.stores.features(LINE, run).table(self.image_ids)
        assert set(table.statuses) == {"ok"}
        return table.values_NM.tobytes()


@dataclass(frozen=True)
class Span:
    """When a process was at a batch (seconds of the machine's clock), and its thread's CPU seconds."""

    begin: float
    end: float
    cpu_seconds: float


@dataclass(frozen=True)
class Run:
    """One measurement of all images; `beside_cpu_seconds` is what workers did outside the batches."""

    seconds: float
    busy_seconds: float
    cpu_seconds: float
    batches: int
    start_seconds: float = 0.0
    load_seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    beside_cpu_seconds: float = 0.0


def measure_workers() -> dict[str, Any]:
    """`two_worker_speedup` from the best of alternating runs with one worker and with two.

    The rows must be the same bits in all runs. `two_process_ceiling` is the same work cut in halves, on
    bare processes without Dask.
    """
    with tempfile.TemporaryDirectory() as folder:
        line = trained_line(Path(folder), IMAGES)
        runs: dict[str, list[Run]] = {}
        rows = set()
        for number in range(ROUNDS):
            for name, measure in _ROADS.items():
                run = f"{name}-{number}"
                runs.setdefault(name, []).append(measure(line, run))
                rows.add(line.rows(run))
        assert len(rows) == 1
    return _part(runs)


def trained_line(folder: Path, images: int) -> TrainedLine:
    """A line as a run leaves it before `extract`, learnt from its first normals but for the weights."""
    stores = Stores(folder / "store")
    bare = InstrumentSettings(
        image_shape_CHW=(CHANNELS, SIDE_PX, SIDE_PX),
        reconstruction=VqganSettings(),
        perception=EfficientNetLite0Settings(),
        candidate_perception=EfficientNetLite0Settings(),
        candidates=CandidatesSettings(),
        model_key=KEY,
        mask_key=None,
        scales_key=None,
    )
    weights, mask = folder / "weights.safetensors", folder / "mask.npy"
    save_reconstructor(build_reconstructor(bare.reconstruction, bare.image_shape_CHW), weights)
    stores.registry.put("models", KEY, {weights.name: weights.read_bytes()})
    image_ids = _boards(stores, images)
    learning = TrainedLine(stores, bare, image_ids).measuring("learning")
    normals = tuple(one for number, one in enumerate(image_ids) if number % DEFECT_EVERY)[:NORMALS]
    np.save(mask, build_mask(stores, learning, normals))
    stores.registry.put("masks", KEY, {mask.name: mask.read_bytes()})
    boxes, distances = zip(*distances_of_normals(stores, learning, normals), strict=True)
    scales = {"scales.json": written_scales(box_scales(distances, boxes))}
    stores.registry.put("scales", KEY, scales)
    return TrainedLine(stores, replace(bare, mask_key=KEY, scales_key=KEY), image_ids)


def _boards(stores: Stores, count: int) -> tuple[str, ...]:
    design = design_board(BoardDesignSettings(height_px=SIDE_PX, width_px=SIDE_PX))
    kinds = list(DefectKind)
    boards = [
        render_board(
            design,
            number,
            () if number % DEFECT_EVERY else (kinds[number // DEFECT_EVERY % len(kinds)],),
            PerturbationSettings(),
        ).pixels_HWC
        for number in range(count)
    ]
    rows = [ImageRow(f"board-{number:03}", f"{number:03}.png") for number in range(count)]
    stores.images(LINE, IMAGES_FINGERPRINT).write_segment(np.stack(boards), rows)
    return tuple(row.image_id for row in rows)


def _measured(stores: Stores, measuring: Measuring, batch: tuple[str, ...]) -> Span:
    begin, cpu = time.perf_counter(), time.thread_time()
    measure_images(stores, measuring, batch)
    return Span(begin, time.perf_counter(), time.thread_time() - cpu)


def _warm(stores: Stores, measuring: Measuring, image_id: str) -> float:
    """Load the instrument and use it once; returns the process's CPU seconds so far."""
    columns_of(stores, measuring)
    measure_images(stores, measuring, (image_id,))
    return time.process_time()


def _on_workers(count: int, line: TrainedLine, run: str) -> Run:
    begin = time.perf_counter()
    with Workers(None, count) as workers:
        client = workers.client()
        started = time.perf_counter()
        warm_up = partial(_warm, line.stores, line.measuring("warm-up"), line.image_ids[0])
        before = client.run(warm_up)
        work = partial(_measured, line.stores, line.measuring(run))
        loaded, cpu = time.perf_counter(), time.process_time()
        spans = [span for _, span in workers.map_batches(work, line.image_ids)]
        ended, client_cpu = time.perf_counter(), time.process_time() - cpu
        after = client.run(time.process_time)
    assert len(before) == count
    assert all(isinstance(span, Span) for span in spans)
    inside = [span for span in spans if isinstance(span, Span)]
    cpu_seconds = sum(one.cpu_seconds for one in inside)
    return Run(
        seconds=ended - loaded,
        busy_seconds=sum(one.end - one.begin for one in inside),
        cpu_seconds=cpu_seconds,
        batches=len(inside),
        start_seconds=started - begin,
        load_seconds=loaded - started,
        client_cpu_seconds=client_cpu,
        beside_cpu_seconds=sum(after.values()) - sum(before.values()) - cpu_seconds,
    )


def _on_bare_processes(count: int, line: TrainedLine, run: str) -> Run:
    spawning = get_context("spawn")
    barrier, answers = spawning.Barrier(count), spawning.Queue()
    shares = [line.image_ids[first::count] for first in range(count)]
    processes = [
        spawning.Process(target=_bare, args=(line, run, share, barrier, answers))
        for share in shares
    ]
    with environment_of_workers():
        for process in processes:
            process.start()
    spans = [answers.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    return Run(
        seconds=max(one.end for one in spans) - min(one.begin for one in spans),
        busy_seconds=sum(one.end - one.begin for one in spans),
        cpu_seconds=sum(one.cpu_seconds for one in spans),
        batches=count,
    )


def _bare(
    line: TrainedLine,
    run: str,
    share: tuple[str, ...],
    barrier: Barrier,
    answers: Queue[Span],
) -> None:
    _warm(line.stores, line.measuring("warm-up"), share[0])
    barrier.wait()
    answers.put(_measured(line.stores, line.measuring(run), share))


_ROADS: dict[str, Callable[[TrainedLine, str], Run]] = {
    "worker-1": partial(_on_workers, 1),
    "worker-2": partial(_on_workers, 2),
    "process-1": partial(_on_bare_processes, 1),
    "process-2": partial(_on_bare_processes, 2),
}


def _part(runs: dict[str, list[Run]]) -> dict[str, Any]:
    """`speedup_parts` multiply to the speed-up: how many at work, what an image costs, who waits."""
    best = {name: min(several, key=lambda run: run.seconds) for name, several in runs.items()}
    one, two = best["worker-1"], best["worker-2"]
    speedup = one.seconds / two.seconds
    ceiling = best["process-1"].seconds / best["process-2"].seconds
    busy_one, busy_two = one.busy_seconds / one.seconds, two.busy_seconds / (2 * two.seconds)
    dask = [*runs["worker-1"], *runs["worker-2"]]
    return {
        "two_worker_speedup": speedup,
        "two_process_ceiling": ceiling,
        "two_worker_share_of_ceiling": speedup / ceiling,
        "two_workers": {
            "images": IMAGES,
            "side_px": SIDE_PX,
            "images_per_second": {name: IMAGES / run.seconds for name, run in best.items()},
            "cpu_ms_an_image": {name: 1e3 * run.cpu_seconds / IMAGES for name, run in best.items()},
            "seconds": {name: [run.seconds for run in several] for name, several in runs.items()},
            "batches": {name: run.batches for name, run in best.items()},
            "speedup_parts": {
                "workers": 2,
                "cost_of_an_image_alone_over_beside_another": one.busy_seconds / two.busy_seconds,
                "share_of_time_at_work_two_over_one": busy_two / busy_one,
            },
            "share_of_time_at_work": {"worker-1": busy_one, "worker-2": busy_two},
            "client_cpu_share": {
                name: best[name].client_cpu_seconds / best[name].seconds
                for name in ("worker-1", "worker-2")
            },
            "beside_batches_cpu_share": {
                name: best[name].beside_cpu_seconds / best[name].seconds
                for name in ("worker-1", "worker-2")
            },
            "start_up_seconds": median(run.start_seconds for run in dask),
            "load_seconds": median(run.load_seconds for run in dask),
        },
    }
