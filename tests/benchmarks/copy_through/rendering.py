"""Rendering the boards: through production's resampling, registered by their true poses or not.

A defective board's twin is the same board number without the defect: same parts, pose, light and noise.

Legend: N boards, D defective boards.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np

from tasks.alignment.poses import inverse, resizing
from tasks.alignment.resampling import Reductions, warp_by_area
from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.rendering import SyntheticPhotograph, render_board
from tasks.synthesis.settings import BoardDesignSettings, PerturbationSettings
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tests.benchmarks.copy_through.boards import Boards, Counts, defect_mask

# The product of `make demo-synthetic`.
PHOTOGRAPH_PX = 512
DESIGN = BoardDesignSettings(
    height_px=PHOTOGRAPH_PX, width_px=PHOTOGRAPH_PX, density=0.8, chip_px=26
)
PERTURBATION = PerturbationSettings(shift_px=6, rotation_deg=1)
# Fewer changed pixels are no defect that a board image shows; the next board is taken instead.
LEAST_PIXELS = 6
# Board numbers kept for the search of one defective board: no board is shown twice.
NUMBERS_EACH = 20
KINDS = tuple(DefectKind)


def render_boards(counts: Counts, settings: dict[str, Any], processes: int) -> Boards:
    """Render all; every part has board numbers of its own, defects take turns."""
    normals = counts.training + counts.validation + counts.normals
    normal = partial(normal_board, side_px=counts.side_px, aligned=counts.aligned)
    pair = partial(board_and_twin, side_px=counts.side_px, aligned=counts.aligned)
    turns = range(counts.defective)
    with ProcessPoolExecutor(processes, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        images_NHWC = np.stack(list(pool.map(normal, range(normals), chunksize=8)))
        starts = [normals + NUMBERS_EACH * turn for turn in turns]
        pairs = list(pool.map(pair, starts, turns, chunksize=4))
    defective_DHWC, twins_DHWC = (np.stack(part) for part in zip(*pairs, strict=True))
    training, validation, unseen = np.split(
        images_NHWC, np.cumsum([counts.training, counts.validation])
    )
    return Boards(
        training,
        validation,
        unseen,
        defective_DHWC,
        twins_DHWC,
        defect_mask(defective_DHWC, twins_DHWC),
        [KINDS[turn % len(KINDS)].value for turn in turns],
        settings,
    )


@cache
def design() -> BoardDesign:
    """The product, drawn once a process."""
    return design_board(DESIGN)


def normal_board(number: int, side_px: int, aligned: bool) -> UInt8Array:
    """Board image `[side, side, C]` of a good board."""
    return board_image(render_board(design(), number, (), PERTURBATION), side_px, aligned)


def board_and_twin(
    first: int, turn: int, side_px: int, aligned: bool
) -> tuple[UInt8Array, UInt8Array]:
    """Board image of the first board from number `first` on whose defect shows, and of its twin."""
    for number in range(first, first + NUMBERS_EACH):
        struck = render_board(design(), number, (KINDS[turn % len(KINDS)],), PERTURBATION)
        spoilt = board_image(struck, side_px, aligned)
        good = normal_board(number, side_px, aligned)
        if defect_mask(spoilt, good).sum() >= LEAST_PIXELS:
            return spoilt, good
    raise InputError(
        f"None of the boards from number {first} on shows its defect.", "Draw the board larger."
    )


def board_image(photograph: SyntheticPhotograph, side_px: int, aligned: bool) -> UInt8Array:
    """Bring a photograph to its board image: by its true pose, or as it lies."""
    reference_hw = (PHOTOGRAPH_PX, PHOTOGRAPH_PX)
    to_board_33 = resizing(reference_hw, (side_px, side_px))
    if aligned:
        to_board_33 = to_board_33 @ inverse(photograph.pose_33)
    return warp_by_area(Reductions(photograph.pixels_HWC), to_board_33, side_px, reference_hw)
