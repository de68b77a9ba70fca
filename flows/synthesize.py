"""A synthetic archive on disk: boards that look like boards, and the truth about every one of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.synthesis.archive import (
    MANIFEST,
    BoardTruth,
    PlannedBoard,
    plan_archive,
    write_board,
    write_records,
)
from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.settings import ArchiveSettings, BoardDesignSettings, PerturbationSettings
from tasks.vocabulary.errors import InputError


def synthesize(
    folder: Path,
    product: BoardDesignSettings,
    archive: ArchiveSettings,
    perturbation: PerturbationSettings,
    heard: Callable[[int, int], None],
) -> int:
    """Write photographs, `manifest.csv` and `truth.json` below `folder`; returns how many boards.

    The same settings give the same files, so an interrupted call is simply repeated. `heard(done, total)`
    is told of every board. Raises `InputError` where the folder holds a finished archive.
    """
    if (folder / MANIFEST).exists():
        raise InputError(
            f"{folder} holds an archive already.", "Name another folder, or remove this one."
        )
    folder.mkdir(parents=True, exist_ok=True)
    design = _design(product)
    planned = plan_archive(design, archive)
    write = partial(_write, folder, product, archive, perturbation)
    truths = []
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for done, future in enumerate(as_completed(map(partial(pool.submit, write), planned)), 1):
            truths.append(future.result())
            heard(done, len(planned))
    # Last, so that an archive without a manifest is one that was not finished.
    write_records(folder, design, truths, archive, perturbation)
    return len(truths)


def settings_of(
    product: dict[str, Any], archive: dict[str, Any], perturbation: dict[str, Any]
) -> tuple[BoardDesignSettings, ArchiveSettings, PerturbationSettings]:
    """Settings from what a person gave; raises `InputError` that names every wrong value."""
    try:
        return (
            BoardDesignSettings.model_validate(product),
            ArchiveSettings.model_validate(archive),
            PerturbationSettings.model_validate(perturbation),
        )
    except ValidationError as error:
        wrong = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise InputError(f"{wrong}.", "Correct these values.") from error


def _write(
    folder: Path,
    product: BoardDesignSettings,
    archive: ArchiveSettings,
    perturbation: PerturbationSettings,
    board: PlannedBoard,
) -> BoardTruth:
    return write_board(folder, _design(product), board, archive, perturbation)


@lru_cache(maxsize=1)
def _design(product: BoardDesignSettings) -> BoardDesign:
    """The design, drawn once a process."""
    return design_board(product)
