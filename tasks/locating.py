"""What a Dask worker runs to localise boards whose defects are known: measure, localise, count.

Imports no Prefect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from storage.stores import Stores
from tasks.archive.truths import Truth, board_mask
from tasks.batches import instrument, look_at
from tasks.candidates.search import Candidates
from tasks.jobs import Measuring
from tasks.localisation.defects import Defect
from tasks.localisation.judging import LocatedBoard, located_board, placed_board
from tasks.vocabulary.arrays import Float32Array, Float64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True, eq=False)
class KnownBoard:
    """A board image, what is true of its photograph, and the pose from photograph px to board px."""

    image_id: str
    pose_33: Float64Array
    truths: tuple[Truth, ...]


@dataclass(frozen=True, eq=False)
class Located:
    """One board as the bare difference localises it, as mask times difference does, and by place.

    None where there is no mask, or no normals are remembered by place; `reason` says why nothing is known.
    """

    plain: LocatedBoard
    masked: LocatedBoard | None
    placed: LocatedBoard | None
    reason: str | None


def located(stores: Stores, measuring: Measuring, batch: tuple[KnownBoard, ...]) -> list[Located]:
    """Localise a batch of boards; one without an answer has no candidate, and says why."""
    seen = look_at(stores, measuring, tuple(board.image_id for board in batch))
    mask_HW = instrument(stores.root, measuring.instrument).mask_HW
    found = []
    for board, (_, measured) in zip(batch, seen, strict=True):
        if isinstance(measured, str):
            found.append(unlocated(measuring, board, measured))
            continue
        defects = _defects(measuring, board)
        plain = _located(measured.plain, measured.difference_HW, defects)
        masked = None
        if measured.masked is not None and mask_HW is not None:
            masked = _located(measured.masked, mask_HW * measured.difference_HW, defects)
        placed = None
        if measured.places is not None:
            height, width = measured.difference_HW.shape
            placed = placed_board(measured.places, height, width, defects)
        found.append(Located(plain, masked, placed, None))
    return found


def unlocated(measuring: Measuring, board: KnownBoard, reason: str) -> Located:
    """A board that could not be measured: nothing points at its defects."""
    _, height, width = measuring.instrument.image_shape_CHW
    nothing = Candidates(
        np.empty((0, 4), np.int64), np.empty(0), np.empty(0), np.empty((0, 2), np.int64)
    )
    blank_HW = np.zeros((height, width), np.float32)
    empty = _located(nothing, blank_HW, _defects(measuring, board))
    made = measuring.instrument
    return Located(
        empty, empty if made.mask_key else None, empty if made.memory_key else None, reason
    )


def _located(
    found: Candidates, difference_HW: Float32Array, defects: Sequence[Defect]
) -> LocatedBoard:
    return located_board(found.boxes_Q4, found.scores_Q, difference_HW, defects)


def _defects(measuring: Measuring, board: KnownBoard) -> list[Defect]:
    _, height, width = measuring.instrument.image_shape_CHW
    try:
        return [
            Defect.of_mask(truth.kind, board_mask(truth, board.pose_33, height, width))
            for truth in board.truths
        ]
    except InputError as error:
        raise InputError(f"{board.image_id}: {error.what}", error.remedy) from error
