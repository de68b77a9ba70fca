"""How the cost of an image grows with p, q, n and the side of the image, on one core."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from tasks.candidates.settings import CandidatesSettings
from tasks.progress import Listener, Progress
from tests.benchmarks.measuring.boards import PUBLISHED, boards, instrument, pin_threads

SIDE_PX, ROUNDS = 256, 3
VARIED: dict[str, tuple[int, ...]] = {
    "pixels": (50, 100, 200, 400),
    "kept": (125, 250, 500, 1000),
    "sizes": (2, 4, 8),
    "side_px": (128, 256, 512, 1024),
}


def measure_growth(heard: Listener) -> dict[str, Any]:
    """Milliseconds an image; one setting is varied at a time, the others are as published."""
    rows: dict[str, dict[str, float]] = {}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        for done, (name, values) in enumerate(VARIED.items()):
            heard(Progress("growth", done, len(VARIED), name))
            rows[name] = alone.submit(milliseconds_by, name, values).result()
    heard(Progress("growth", len(VARIED), len(VARIED)))
    return {"fast_ms_by": rows}


def milliseconds_by(name: str, values: tuple[int, ...]) -> dict[str, float]:
    """What an image costs at each value of one setting."""
    pin_threads()
    taken = {}
    for value in values:
        side = value if name == "side_px" else SIDE_PX
        asked = PUBLISHED if name == "side_px" else PUBLISHED.model_copy(update={name: value})
        loaded = instrument(side, 3, CandidatesSettings.model_validate(asked.model_dump()))
        images_NHWC = boards(side, 3)[1]
        rounds = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for image_HWC in images_NHWC:
                loaded.measure(image_HWC)
            rounds.append((time.perf_counter() - begin) * 1e3 / len(images_NHWC))
        taken[str(value)] = min(rounds)
    return taken
