"""Registration by intensities: the enhanced correlation coefficient from coarse to fine.

Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient
maximization", 2008, as OpenCV has it. It climbs from where it starts, so it starts from the best of
all shifts and turns on a coarse image. Images enter with the light taken out.

Legend: H height, W width. Levels are the working image reduced by a factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from tasks.alignment.frame import Reference
from tasks.alignment.light import without_light
from tasks.alignment.poses import inverse, reduction, shifting
from tasks.alignment.registration import LOOK, MisalignedError
from tasks.alignment.resampling import reduce_by_area
from tasks.alignment.settings import EccAlignment
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array

# Coarse search on about so many px a side, the last climb on at most so many.
COARSEST_SIDE_PX, FINEST_SIDE_PX = 96, 560
# Turns are tried in steps of this; the climb bridges half of it.
TURN_STEP_DEG = 1.0
# Share of the reference that is searched for: what remains is room for shifts.
SEARCHED_SHARE = 0.7
COARSE_STEPS, FINE_STEPS, PRECISION = 60, 30, 1e-5
MOTIONS = {
    "translation": cv2.MOTION_TRANSLATION,
    "euclidean": cv2.MOTION_EUCLIDEAN,
    "affine": cv2.MOTION_AFFINE,
}


@dataclass(frozen=True, eq=False)
class Level:
    """One image of a pyramid: the working image reduced by `factor`, its light taken out."""

    factor: int
    even_HW: Float32Array


def register_by_ecc(
    working_HW: UInt8Array, settings: EccAlignment, reference: Reference
) -> Float64Array:
    """Pose that takes photograph px to px of the reference photograph.

    Where the climb loses the board it is a `MisalignedError`; a wrong summit is left to the check.
    """
    references = _reference_pyramid(reference)
    levels = pyramid(working_HW, tuple(level.factor for level in references))
    # Poses here lead from the reference to the photograph, in px of the level at hand.
    pose_33 = _searched(references[0], levels[0], settings, reference.factor)
    factor = references[0].factor
    for number, (theirs, ours) in enumerate(zip(references, levels, strict=True)):
        finer_33 = reduction(theirs.factor) @ inverse(reduction(factor))
        pose_33 = finer_33 @ pose_33 @ inverse(finer_33)
        factor = theirs.factor
        # A coarse image shows too little to tell shear from a changed serial number.
        model = settings.model if number or settings.model == "translation" else "euclidean"
        is_last = number + 1 == len(references)
        pose_33 = _climbed(theirs, ours, pose_33, model, FINE_STEPS if is_last else COARSE_STEPS)
    to_level_33 = reduction(factor) @ reference.to_working_33
    return inverse(inverse(to_level_33) @ pose_33 @ to_level_33)


def factors_of(working_hw: tuple[int, int]) -> tuple[int, ...]:
    """Reductions from coarse to fine, each twice as fine as the one before."""
    longest = max(working_hw)
    factors = [-(-longest // FINEST_SIDE_PX)]
    while longest // (2 * factors[-1]) >= COARSEST_SIDE_PX:
        factors.append(2 * factors[-1])
    return tuple(reversed(factors))


def pyramid(working_HW: UInt8Array, factors: tuple[int, ...]) -> list[Level]:
    """Reduce a working image by each factor."""
    return [Level(f, without_light(reduce_by_area(working_HW, f))) for f in factors]


@lru_cache(maxsize=4)
def _reference_pyramid(reference: Reference) -> list[Level]:
    return pyramid(reference.working_HW, factors_of(reference.working_hw))


def _searched(
    theirs: Level, ours: Level, settings: EccAlignment, working_factor: int
) -> Float64Array:
    """Best shift and turn, reference -> photograph, on the coarsest level."""
    height, width = theirs.even_HW.shape
    reach = -(-settings.search_px // (working_factor * theirs.factor)) + 1
    half_y, half_x = (int(SEARCHED_SHARE * side / 2) for side in (height, width))
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    # The photograph's middle with room for every shift; where it ends, nothing is expected.
    around = cv2.copyMakeBorder(ours.even_HW, reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    top, left = int(middle[1]) - half_y, int(middle[0]) - half_x
    around = around[top : top + 2 * (half_y + reach) + 1, left : left + 2 * (half_x + reach) + 1]
    if around.shape[0] <= 2 * half_y or around.shape[1] <= 2 * half_x:
        raise MisalignedError("The photograph is too small to show the whole board.", LOOK)
    turns = int(settings.search_deg / TURN_STEP_DEG) if settings.model != "translation" else 0
    best, best_pose_33 = -1.0, np.eye(3)
    for turn in range(-turns, turns + 1):
        angle = np.radians(turn * TURN_STEP_DEG)
        turned_33 = np.eye(3)
        turned_33[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turned_33 = shifting(*middle) @ turned_33 @ shifting(*-middle)
        turned = cv2.warpAffine(theirs.even_HW, turned_33[:2], (width, height))
        patch = turned[top : top + 2 * half_y + 1, left : left + 2 * half_x + 1]
        scores = cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED)
        _, highest, _, (x, y) = cv2.minMaxLoc(scores)
        if highest > best:
            best, best_pose_33 = highest, shifting(x - reach, y - reach) @ turned_33
    return best_pose_33


def _climbed(
    theirs: Level, ours: Level, pose_33: Float64Array, model: str, steps: int
) -> Float64Array:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, PRECISION)
    start_23 = pose_33[:2].astype(np.float32)
    try:
        _, found_23 = cv2.findTransformECC(
            theirs.even_HW, ours.even_HW, start_23, MOTIONS[model], criteria
        )
    except cv2.error as error:
        raise MisalignedError(
            "Nothing in the photograph correlates with the reference.", LOOK
        ) from error
    return np.vstack([np.asarray(found_23, np.float64), [0.0, 0.0, 1.0]])
