"""True against recovered poses of synthetic boards, and photographs that no aligner may let pass."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np

from tasks.alignment.aligners import refuse_misaligned, register
from tasks.alignment.registration import MisalignedError
from tasks.progress import Listener, Progress
from tasks.synthesis.design import design_board
from tasks.synthesis.rendering import render_board
from tasks.vocabulary.arrays import UInt8Array
from tests.benchmarks.alignment import product
from tests.benchmarks.alignment.figures import Outcome, aligner_figures
from tests.benchmarks.alignment.settings import Sizes

CASES = ("turned by 180 degrees", "other design", "heavy blur", "mirrored", "black")
BOARDS_A_CASE = 4
HEAVY_BLUR_SIGMA_PX = 8
CHUNK = 5


def measure_truth(sizes: Sizes, heard: Listener) -> dict[str, Any]:
    """The truth table of every aligner: see `figures.aligner_figures`."""
    rows: dict[str, dict[str, list[Outcome]]] = {
        kind: {row: [] for row in product.ROWS} for kind in product.KINDS
    }
    cases: dict[str, list[tuple[str, bool]]] = {kind: [] for kind in product.KINDS}
    starts = range(0, sizes.boards, CHUNK)
    jobs = [(row, start) for row in product.ROWS for start in starts]
    with ProcessPoolExecutor(
        sizes.workers, get_context("spawn"), cv2.setNumThreads, (1,)
    ) as processes:
        asked: dict[Any, str | None] = {
            processes.submit(row_outcomes, row, start, min(start + CHUNK, sizes.boards)): row
            for row, start in jobs
        }
        asked |= {processes.submit(case_outcomes, case): None for case in CASES}
        for done, future in enumerate(as_completed(asked), start=1):
            row = asked[future]
            for kind, found in future.result().items():
                (rows[kind][row] if row else cases[kind]).extend(found)
            heard(Progress("boards", done * CHUNK, len(asked) * CHUNK))
    return _part(rows, cases, sizes.boards)


def _part(
    rows: dict[str, dict[str, list[Outcome]]],
    cases: dict[str, list[tuple[str, bool]]],
    boards: int,
) -> dict[str, Any]:
    aligners = product.aligners()
    return {
        "aligners": {
            kind: aligner_figures(rows[kind], cases[kind], aligners[kind].limits.residual_px)
            for kind in product.KINDS
        },
        "truth": {
            "side_px": product.SIDE_PX,
            "boards_per_row": boards,
            "reference": f"median of {product.MEDIAN_OF} normals",
            "largest_deviation": {
                row: {
                    name: value if isinstance(value, int | float) else vars(value)
                    for name, value in added.items()
                }
                for row, added in product.ROWS.items()
            },
            "limits": {kind: one.limits.model_dump() for kind, one in aligners.items()},
            "error": "largest true distance from its place of 9 x 9 points all over the board, board px",
        },
    }


def row_outcomes(row: str, start: int, end: int) -> dict[str, list[Outcome]]:
    """What every aligner makes of some boards of a row."""
    shots = [product.board(row, number) for number in range(start, end)]
    return {
        kind: [_outcome(kind, shot.pixels_HWC, shot.pose_33) for shot in shots]
        for kind in product.KINDS
    }


def _outcome(kind: str, photograph_HWC: UInt8Array, pose_33: Any) -> Outcome:
    settings = product.aligners()[kind]
    try:
        found = register(photograph_HWC, settings, product.references()[kind])
    except MisalignedError:
        return Outcome(None, flagged=True)
    error_px = product.error_px(found.pose_33, pose_33)
    try:
        refuse_misaligned(found, settings)
    except MisalignedError:
        return Outcome(error_px, flagged=True)
    return Outcome(error_px, flagged=False)


def case_outcomes(case: str) -> dict[str, list[tuple[str, bool]]]:
    """Whether every aligner flags photographs of a kind that it must flag."""
    shots = [_wrong(case, number) for number in range(1 if case == "black" else BOARDS_A_CASE)]
    nowhere_33 = np.eye(3)
    return {
        kind: [(case, _outcome(kind, shot, nowhere_33).flagged) for shot in shots]
        for kind in product.KINDS
    }


def _wrong(case: str, number: int) -> UInt8Array:
    board_HWC = product.board("nominal", 900 + number).pixels_HWC
    match case:
        case "turned by 180 degrees":
            wrong_HWC = board_HWC[::-1, ::-1]
        case "mirrored":
            wrong_HWC = board_HWC[:, ::-1]
        case "heavy blur":
            blurred_HWC = cv2.GaussianBlur(board_HWC, (0, 0), HEAVY_BLUR_SIGMA_PX)
            wrong_HWC = np.asarray(blurred_HWC, dtype=np.uint8)
        case "black":
            wrong_HWC = np.zeros_like(board_HWC)
        case _:
            other = product.design().settings.model_copy(update={"seed": 1 + number})
            wrong_HWC = render_board(design_board(other), 0).pixels_HWC
    return np.ascontiguousarray(wrong_HWC)
