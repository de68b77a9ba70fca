"""Registration by fiducial marks: searched by correlation, told from look-alikes by their distances.

Legend: M marks, K marks in use; points are (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import cv2
import numpy as np

from tasks.alignment.frame import Reference, Window, mark_window
from tasks.alignment.poses import affine, inverse, shifting, similarity, transform
from tasks.alignment.registration import LOOK, MisalignedError
from tasks.alignment.resampling import grey, reduce_by_area, warp
from tasks.alignment.settings import MARKS_NEEDED, FiducialAlignment
from tasks.vocabulary.arrays import Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError

# A place that looks less like the mark than this is no candidate; pads that do are told apart later.
LEAST_CORRELATION = 0.5
# The refined mark must fit clearly: a half-covered one is drawn to its uncovered side.
LEAST_REFINED = 0.7
CANDIDATES = 6
# A mark that fits this much worse than the best counts for as little as can be.
LOST_CORRELATION, LEAST_TRUST = 0.1, 0.05
# A template of fewer grey levels of spread shows no mark.
LEAST_SPREAD = 4.0
# Between marks, a board is turned and scaled no more than this against the reference.
LARGEST_TURN_DEG, LARGEST_SCALE = 15.0, 1.15
# Marks are one hypothesis if they lie within this many radii of where it puts them.
TOLERANCE_RADII = 1.0
STEPS, PRECISION = 40, 1e-5


@dataclass(frozen=True, eq=False)
class Place:
    """Where a mark may be: `point_2` in photograph px, and how much it looks like the mark there."""

    point_2: Float64Array
    correlation: float


def register_by_fiducials(
    photograph_HWC: UInt8Array, settings: FiducialAlignment, reference: Reference
) -> Float64Array:
    """Pose that takes photograph px to px of the reference photograph.

    Too few marks for the model, or none whose distances agree with the reference's, is a
    `MisalignedError`.
    """
    windows = [mark_window(mark, *reference.size_hw) for mark in settings.marks]
    centres_M2 = np.array([_centre(window) for window in windows])
    places = [
        _candidates(photograph_HWC, window, template, settings.search_px)
        for window, template in zip(windows, reference.templates, strict=True)
    ]
    needed = MARKS_NEEDED[settings.model]
    guess_33, seen = _most_consistent(places, centres_M2, settings)
    refined = {
        number: place
        for number in seen
        if (
            place := _refined(
                photograph_HWC, windows[number], reference.templates[number], guess_33
            )
        )
    }
    if len(refined) < needed:
        raise MisalignedError(
            f"Only {len(refined)} of {len(windows)} fiducial marks were found; model "
            f"{settings.model!r} needs {needed}.",
            LOOK,
        )
    fit = similarity if settings.model == "similarity" else affine
    found_K2 = np.array([place.point_2 for place in refined.values()])
    weights_K = trust(np.array([place.correlation for place in refined.values()]))
    return fit(found_K2, centres_M2[list(refined)], weights_K)


def trust(correlation_K: Float64Array) -> Float64Array:
    """Weights of marks: one that fits worse than the best is dirty or half covered, and displaced.

    Blur and light cost all marks alike, so they change no weight.
    """
    lost_K = correlation_K.max() - correlation_K
    return np.asarray(np.clip(1 - lost_K / LOST_CORRELATION, LEAST_TRUST, 1) ** 2, np.float64)


def refuse_bare_marks(templates: tuple[UInt8Array, ...]) -> None:
    """Refuse marks where the reference shows nothing."""
    for number, template in enumerate(templates):
        if float(template.std()) < LEAST_SPREAD:
            raise InputError(
                f"The reference shows nothing at mark {number + 1} of alignment.marks.",
                "Correct the mark's place, in px of the reference photograph (x = column, y = row).",
            )


def _centre(window: Window) -> tuple[float, float]:
    middle = (window.side - 1) / 2
    return window.left + middle, window.top + middle


def _candidates(
    photograph_HWC: UInt8Array, window: Window, template: UInt8Array, search_px: int
) -> list[Place]:
    """Find the places within the search that look most like a mark, the likest first."""
    height, width = photograph_HWC.shape[:2]
    top, left = max(0, window.top - search_px), max(0, window.left - search_px)
    bottom = min(height, window.top + window.side + search_px)
    right = min(width, window.left + window.side + search_px)
    if min(bottom - top, right - left) < window.side:
        return []
    around = grey(reduce_by_area(photograph_HWC[top:bottom, left:right], window.factor))
    if float(around.std()) < 1.0:
        return []
    scores = cv2.matchTemplate(around, template, cv2.TM_CCOEFF_NORMED)
    reach = template.shape[0] // 4
    peaks = scores == cv2.dilate(scores, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    rows, columns = np.nonzero(peaks & (scores >= LEAST_CORRELATION) & np.isfinite(scores))
    best = np.argsort(-scores[rows, columns], kind="stable")[:CANDIDATES]
    middle = (window.side - 1) / 2
    return [
        Place(
            np.array([left + x * window.factor + middle, top + y * window.factor + middle]),
            float(scores[y, x]),
        )
        for y, x in zip(rows[best].tolist(), columns[best].tolist(), strict=True)
    ]


def _most_consistent(
    places: list[list[Place]], centres_M2: Float64Array, settings: FiducialAlignment
) -> tuple[Float64Array, list[int]]:
    """Pose reference -> photograph that most marks agree with, and the numbers of these marks.

    Every pair of candidates of two marks proposes a similarity; marks with a candidate where it
    puts them add their correlation.
    """
    tolerances = [TOLERANCE_RADII * mark.radius_px for mark in settings.marks]
    best: tuple[float, Float64Array, list[int]] = (0.0, np.eye(3), [])
    for first, second in combinations(range(len(places)), 2):
        for one, other in product(places[first], places[second]):
            points_22 = np.stack([one.point_2, other.point_2])
            pose_33 = similarity(centres_M2[[first, second]], points_22)
            if not _is_near(pose_33):
                continue
            at_M2 = transform(pose_33, centres_M2)
            liked = [
                _likeness(near, at_2, tolerance)
                for near, at_2, tolerance in zip(places, at_M2, tolerances, strict=True)
            ]
            if sum(liked) > best[0]:
                best = sum(liked), pose_33, [n for n, like in enumerate(liked) if like > 0]
    if not best[2]:
        raise MisalignedError("No two fiducial marks were found at their distance.", LOOK)
    return best[1], best[2]


def _is_near(pose_33: Float64Array) -> bool:
    turn_deg = np.degrees(np.arctan2(pose_33[1, 0], pose_33[0, 0]))
    scale = float(np.hypot(pose_33[0, 0], pose_33[1, 0]))
    return abs(turn_deg) <= LARGEST_TURN_DEG and 1 / LARGEST_SCALE <= scale <= LARGEST_SCALE


def _likeness(places: list[Place], at_2: Float64Array, tolerance_px: float) -> float:
    near = [p.correlation for p in places if np.hypot(*(p.point_2 - at_2)) <= tolerance_px]
    return max(near, default=0.0)


def _refined(
    photograph_HWC: UInt8Array, window: Window, template: UInt8Array, guess_33: Float64Array
) -> Place | None:
    """Place of a mark below a pixel; None where it does not fit after all.

    The surroundings are turned and scaled as the guess says, then only a shift remains to be found.
    """
    height, width = photograph_HWC.shape[:2]
    around_N2 = transform(guess_33, np.array(_centre(window))[None] + _square(window.side))
    left, top = np.floor(around_N2.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(around_N2.max(axis=0)).astype(int) + 3
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if min(right - left, bottom - top) < window.side // 2:
        return None
    cut_HW = grey(photograph_HWC[top:bottom, left:right])
    # Not reduced before it is turned: `warp` samples every photograph px, then means are taken.
    to_window_33 = shifting(-window.left, -window.top) @ inverse(guess_33)
    turned = warp(cut_HW, to_window_33 @ shifting(left, top), (window.side, window.side))
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, STEPS, PRECISION)
    reduced = reduce_by_area(turned, window.factor)
    try:
        correlation, shift_23 = cv2.findTransformECC(
            template, reduced, np.eye(2, 3, dtype=np.float32), cv2.MOTION_TRANSLATION, criteria
        )
    except cv2.error:
        return None
    shift_2 = np.asarray(shift_23, np.float64)[:, 2] * window.factor
    if not (correlation >= LEAST_REFINED and np.hypot(*shift_2) <= window.side / 4):
        return None
    point_2 = transform(guess_33, (np.array(_centre(window)) + shift_2)[None])[0]
    return Place(point_2, float(correlation))


def _square(side: int) -> Float64Array:
    half = side / 2
    return np.array([[-half, -half], [half, -half], [-half, half], [half, half]], np.float64)
