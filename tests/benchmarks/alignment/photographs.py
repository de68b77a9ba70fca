"""Two archives of large colour photographs: a few rendered boards, every file with content of its own."""

from __future__ import annotations

import csv
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from tasks.alignment.settings import Mark
from tasks.progress import Listener, Progress
from tasks.synthesis.archive import encoded
from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.rendering import render_board
from tasks.synthesis.settings import ArchiveSettings, BoardDesignSettings, PerturbationSettings
from tests.benchmarks.alignment.figures import commented
from tests.benchmarks.alignment.settings import Sizes

TEMPLATES, ABNORMAL_EVERY = 4, 5
STARTED_AT = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
# In px of photographs of 4,500 x 4,340; smaller ones are shifted less.
SHIFT_PX, OF_PX = 30, 4_500


@dataclass(frozen=True)
class Template:
    """A rendered board as JPEG, with the true places of its marks."""

    jpeg: bytes
    marks: tuple[Mark, ...]


def write_photographs(folder: Path, sizes: Sizes, heard: Listener) -> tuple[Mark, ...]:
    """Write the photographs and one manifest for each size; return the marks of the oldest board.

    A smaller archive is the beginning of a larger one. Every file has a comment of its own.
    """
    templates: list[Template] = []
    with ProcessPoolExecutor(sizes.workers, get_context("spawn")) as processes:
        asked = [processes.submit(rendered, sizes, number) for number in range(TEMPLATES)]
        for done, future in enumerate(asked, start=1):
            templates.append(future.result())
            heard(Progress("render", done, TEMPLATES))
    folder.mkdir(parents=True)
    count = max(sizes.photographs)
    for number in range(count):
        content = commented(templates[number % TEMPLATES].jpeg, f"board {number:06d}")
        (folder / _name(number)).write_bytes(content)
        heard(Progress("write", number + 1, count))
    for count in sizes.photographs:
        _write_manifest(manifest(folder, count), count)
    return templates[0].marks


def manifest(folder: Path, count: int) -> Path:
    """The manifest of the first photographs."""
    return folder / f"manifest-{count}.csv"


def photograph_paths(folder: Path, count: int) -> list[Path]:
    """The first photographs."""
    return [folder / _name(number) for number in range(count)]


def rendered(sizes: Sizes, number: int) -> Template:
    """Render one board at full size."""
    shift_px = SHIFT_PX * min(sizes.height_px, sizes.width_px) / OF_PX
    design = _design(sizes.height_px, sizes.width_px)
    shot = render_board(design, number, (), PerturbationSettings(shift_px=shift_px))
    settings = ArchiveSettings(file_type="jpeg")
    marks = tuple(
        Mark(x_px=x, y_px=y, radius_px=max(2.0, design.fiducial_radius_px))
        for x, y in shot.fiducials_xy
    )
    return Template(encoded(shot.pixels_HWC, settings), marks)


@lru_cache(maxsize=1)
def _design(height_px: int, width_px: int) -> BoardDesign:
    return design_board(BoardDesignSettings(height_px=height_px, width_px=width_px))


def _name(number: int) -> str:
    return f"{number:06d}.jpg"


def _write_manifest(place: Path, count: int) -> None:
    """The first board is a normal one and the oldest, so that the reference starts there."""
    with place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "captured_at"))
        for number in range(count):
            label = "abnormal" if number % ABNORMAL_EVERY == ABNORMAL_EVERY - 1 else "normal"
            moment = STARTED_AT + timedelta(seconds=45 * number)
            writer.writerow((_name(number), label, moment.isoformat()))
