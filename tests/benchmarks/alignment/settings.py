"""How large the benchmark is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SECTIONS = ("truth", "speed", "listing", "demo")
CONFIGURATION = Path("configs/pcba-synthetic.yaml")


@dataclass(frozen=True)
class Sizes:
    """What `make bench-alignment` measures; smaller figures try it out.

    `boards` per row of the truth table; `files` of the listing; `photographs` are the two archives of
    the speed section, each of `height_px` x `width_px`; `workplace` is emptied after use.
    """

    boards: int = 20
    files: int = 100_000
    photographs: tuple[int, ...] = (100, 1_000)
    height_px: int = 4_500
    width_px: int = 4_340
    workers: int = 2
    workplace: Path = Path("build/bench")
    configuration: Path = CONFIGURATION
