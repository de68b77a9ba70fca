"""What the fast road costs on one core: images a second, where the time goes, and memory."""

from __future__ import annotations

import cProfile
import pstats
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import torch

from flows.settings import load_settings
from tasks.batches import instrument as opened_instrument
from tasks.instrument import Instrument
from tasks.progress import Listener, Progress
from tasks.reconstruction.persistence import build_reconstructor
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.tensors import board_images
from tests.benchmarks.alignment.learnt import opened
from tests.benchmarks.measuring.boards import PUBLISHED, boards, instrument, pin_threads

DEMO, LARGE = Path("configs/elpv-mono.yaml"), Path("configs/pcba-1024.yaml")
IMAGES, ROUNDS = 12, 4
LARGE_PX = 1024
# End of the file's path and name of the functions that make up a stage.
STAGES = {
    "reconstruction": {("reconstruction/reconstructor.py", "reconstruct")},
    "two backbone passes": {("perception/backbone.py", "forward")},
    "candidates": {
        ("candidates/pooling.py", "pooled_distances"),
        ("candidates/search.py", "search"),
    },
    "metrics": {("metrics/measurement.py", "measure")},
}


def measure_speed(heard: Listener) -> dict[str, Any]:
    """Both image sizes, each in a process of its own that has one core and nothing else loaded."""
    part: dict[str, Any] = {}
    for done, side in enumerate(("128", "1024")):
        heard(Progress("speed", done, 2, f"{side} px"))
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            figures = alone.submit(_of_the_demo if side == "128" else _of_large_boards).result()
        part |= {f"{name}_{side}": value for name, value in figures.items()}
    heard(Progress("speed", 2, 2))
    return part


def _of_the_demo() -> dict[str, Any]:
    """Real solar cells through the demo's champion: every metric, with the mask and without."""
    pin_threads()
    line = opened(DEMO)
    loaded = opened_instrument(line.stores.root, line.measuring.instrument)
    stored = line.stores.images(line.settings.line, line.measuring.images_fingerprint)
    return _figures(loaded, stored.read(line.development.image_ids[:IMAGES]))


def _of_large_boards() -> dict[str, Any]:
    """Rendered boards of 1024 px beside the mean board, as a reconstruction that costs nothing.

    What a network needs to draw such a board is told apart: an untrained one of the published size.
    """
    pin_threads()
    loaded = instrument(LARGE_PX, 3, PUBLISHED)
    images_NHWC = boards(LARGE_PX, 3)[1]
    figures = _figures(loaded, images_NHWC)
    settings = load_settings(LARGE)
    network = build_reconstructor(settings.reconstruction, settings.image_shape_CHW)
    figures["vqgan_seconds"] = _seconds(
        lambda: network.reconstruct(board_images(images_NHWC[:1])), rounds=2
    )
    return figures


def _figures(loaded: Instrument, images_NHWC: UInt8Array) -> dict[str, Any]:
    """Rate over all images (best of the rounds), the floor, the profile and memory."""
    loaded.measure(images_NHWC[0])
    between = psutil.Process().memory_info().rss
    seconds = _seconds(lambda: [loaded.measure(one) for one in images_NHWC]) / len(images_NHWC)
    pair_2CHW = board_images(images_NHWC[:1]).repeat(2, 1, 1, 1)
    with torch.inference_mode():
        floor = _seconds(lambda: loaded.perception(pair_2CHW))
    return {
        "fast_images_per_second_per_core": 1.0 / seconds,
        "fast_over_two_backbone_passes": seconds / floor,
        "two_backbone_passes_ms": floor * 1e3,
        "fast_stage_ms": profile(loaded, images_NHWC),
        "fast_peak_memory_mb": _peak_mb(),
        "fast_resident_between_images_mb": between / 2**20,
        "metrics": len(loaded.columns),
    }


def profile(loaded: Instrument, images_NHWC: UInt8Array) -> dict[str, float]:
    """Milliseconds an image of every stage, from one profiled pass over the images."""
    profiler = cProfile.Profile()
    begin = time.perf_counter()
    with profiler:
        for image_HWC in images_NHWC:
            loaded.measure(image_HWC)
    whole = (time.perf_counter() - begin) * 1e3 / len(images_NHWC)
    spent = {
        stage: sum(
            row[3] * 1e3 / len(images_NHWC)
            for (file, _, function), row in pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
            if any(file.endswith(end) and function == name for end, name in functions)
        )
        for stage, functions in STAGES.items()
    }
    return {**spent, "rest": max(whole - sum(spent.values()), 0.0), "whole": whole}


def _seconds(function: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Wall-clock seconds of the fastest of some rounds."""
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def _peak_mb() -> float:
    """Largest resident memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
