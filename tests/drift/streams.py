"""Certified periods and streams of boards with known drifts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.drift.boards import Board
from tasks.drift.period import CertifiedPeriod


def period(seed: int = 0, n: int = 200, good: int = 100, flagged: int = 5) -> CertifiedPeriod:
    generator = np.random.default_rng((seed, 1))
    names = ("residual_px", "brightness", "spread", "difference", "score")
    values = {name: tuple(generator.normal(size=n).tolist()) for name in names}
    return CertifiedPeriod(values, good, flagged)


def stream(
    n: int,
    seed: int = 0,
    shift: float = 0.0,
    quantity: str = "brightness",
    flag_rate: float = 0.05,
    cameras: Sequence[str] = ("",),
    begin: int = 0,
) -> list[Board]:
    """Boards like those of `period`, but for `quantity`, which is shifted from board `begin` on."""
    generator = np.random.default_rng((seed, 2))
    names = ("residual_px", "brightness", "spread", "difference", "score")
    boards = []
    for number in range(1, n + 1):
        values = {
            name: float(value) for name, value in zip(names, generator.normal(size=5), strict=True)
        }
        camera = cameras[number % len(cameras)]
        if number > begin and camera in ("", cameras[-1]):
            values[quantity] += shift
        at = f"2026-03-{1 + number // 1000:02}T{number // 60 % 24:02}:{number % 60:02}:00+00:00"
        boards.append(Board(number, at, bool(generator.random() < flag_rate), values, camera))
    return boards
