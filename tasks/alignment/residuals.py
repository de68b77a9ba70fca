"""How far a registered photograph still is from the reference: a check that no aligner has a part in.

The photograph is brought into the reference's frame. Small tiles of the reference, where it shows
something, are searched for nearby (normalised cross-correlation, refined below a pixel). Where they are
found is the displacement left over. A robust fit to these displacements says how far the worst
corner of the board is from its place; serial numbers, defects and parts within their placement
tolerance are the outliers that it leaves aside.

Legend: H height, W width; T tiles, K tiles that agree; points and displacements are (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from tasks.alignment.frame import Reference
from tasks.alignment.poses import corners, inside, inverse, transform
from tasks.alignment.resampling import warp
from tasks.vocabulary.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError

# One tile in each cell of a grid over the board, so many that parts within their placement tolerance
# average out; a tile is a sixteenth of the board's side.
CELLS, TILE_SHARE = 10, 16
SMALLEST_TILE_PX = 24
# How far around its place a tile is searched: a share of the board's side.
SEARCH_SHARE = 64
SMALLEST_SEARCH_PX = 6
# A tile shows something where grey levels change in both directions: (levels / px)².
LEAST_TEXTURE = 1.0
# Two displacements a tile against eight unknowns of the fit.
FEWEST_TILES = 8
# Noise of a single pixel and the ringing of the warp are no displacement.
SMOOTHING_PX = 1.0
# Fine detail lies between these two blurs; coarse contrast beyond the second.
COARSE_PX = 4.0
# Tiles that lie further than this from the fit do not agree with it (working px).
AGREEING_PX = 1.0
LEAST_CORRELATION = 0.5
# A photograph that keeps this share of the reference's fine detail counts as sharp.
SHARP = 0.35
# Tukey's constant: where the weight of a tile becomes 0, in standard deviations.
ROUNDS, CUT_OFF = 12, 4.685
WORST_CONDITION = 1e8
# What the fit may be wrong by is added: rather a good board to a person than a bad one passed.
STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Agreement:
    """How well a photograph and the reference agree.

    `residual_px`, in board px, is infinite where nothing agrees. `confidence` is the share of tiles that
    agree, times their median correlation, times the sharpness (1 from `SHARP` on).
    """

    residual_px: float
    confidence: float


NOTHING = Agreement(float("inf"), 0.0)


@dataclass(frozen=True, eq=False)
class Tiles:
    """Where the reference shows something: `corners_T2` (left, top) of tiles of `side` working px."""

    corners_T2: Float64Array
    side: int
    search: int
    fine_HW: Float32Array
    coarse_HW: Float32Array


def measure_agreement(
    working_HW: UInt8Array, to_reference_33: Float64Array, reference: Reference
) -> Agreement:
    """Compare a photograph, grey and reduced, with the reference under the pose found for it."""
    tiles = tiles_of(reference)
    to_working_33 = reference.to_working_33
    pose_33 = to_working_33 @ to_reference_33 @ inverse(to_working_33)
    warped_HW = warp(working_HW, pose_33, reference.working_hw)
    covered_T = _covered(tiles, pose_33, (working_HW.shape[0], working_HW.shape[1]))
    if covered_T.sum() < FEWEST_TILES or float(warped_HW.std()) < 1.0:
        return NOTHING
    fine_HW, coarse_HW = layers_of(warped_HW)
    corners_T2 = tiles.corners_T2[covered_T]
    found = [_find(fine_HW, tiles, int(left), int(top)) for left, top in corners_T2]
    correlation_T, shift_T2 = np.array([f[0] for f in found]), np.array([f[1] for f in found])
    half_2 = (np.array(reference.working_hw[::-1], np.float64) - 1) / 2
    points_T2 = (corners_T2 + (tiles.side - 1) / 2) / half_2 - 1
    fit = fit_drift(points_T2, shift_T2, correlation_T)
    if fit is None:
        return NOTHING
    agreeing_T = (fit.distance_T <= AGREEING_PX) & (correlation_T >= LEAST_CORRELATION)
    if agreeing_T.sum() < FEWEST_TILES:
        return NOTHING
    kept = Tiles(corners_T2[agreeing_T], tiles.side, 0, tiles.fine_HW, tiles.coarse_HW)
    sharpness = min(1.0, _sharpness(kept, fine_HW, coarse_HW) / SHARP)
    correlation = float(np.median(correlation_T[agreeing_T]))
    confidence = float(agreeing_T.mean()) * correlation * max(0.0, sharpness)
    return Agreement(_worst_corner(fit, reference), confidence)


def refuse_untextured(reference: Reference) -> None:
    """Refuse a reference that shows too little for any pose to be checked."""
    found = len(tiles_of(reference).corners_T2)
    if found < FEWEST_TILES:
        raise InputError(
            f"The reference shows something in {found} places only; {FEWEST_TILES} are needed to check "
            "that a board lies where it should.",
            "Name a golden board that is sharp and well lit, or choose alignment 'none'.",
        )


@lru_cache(maxsize=4)
def tiles_of(reference: Reference) -> Tiles:
    """Choose in each cell of a grid the tile with the most texture, where there is enough."""
    height, width = reference.working_hw
    side = max(SMALLEST_TILE_PX, min(height, width) // TILE_SHARE)
    search = max(SMALLEST_SEARCH_PX, min(height, width) // SEARCH_SHARE)
    fine_HW, coarse_HW = layers_of(reference.working_HW)
    # Entry (y, x): texture of the tile whose top left corner is there.
    texture = _texture(fine_HW, side)[
        search : height - side - search, search : width - side - search
    ]
    rows = np.linspace(0, texture.shape[0], CELLS + 1).astype(int)
    columns = np.linspace(0, texture.shape[1], CELLS + 1).astype(int)
    best: list[tuple[float, int, int]] = []
    for top, bottom in pairwise(rows.tolist()):
        for left, right in pairwise(columns.tolist()):
            cell = texture[top:bottom, left:right]
            y, x = np.unravel_index(int(cell.argmax()), cell.shape)
            best.append((float(cell[y, x]), int(left + x + search), int(top + y + search)))
    chosen = [(x, y) for strength, x, y in best if strength >= LEAST_TEXTURE]
    return Tiles(np.array(chosen, np.float64).reshape(-1, 2), side, search, fine_HW, coarse_HW)


def layers_of(image_HW: UInt8Array) -> tuple[Float32Array, Float32Array]:
    """An image lightly smoothed, and its coarse contrast: both `float32 [H, W]`."""
    fine_HW = cv2.GaussianBlur(image_HW.astype(np.float32), (0, 0), SMOOTHING_PX)
    coarse_HW = cv2.GaussianBlur(fine_HW, (0, 0), COARSE_PX)
    return np.asarray(fine_HW, np.float32), np.asarray(coarse_HW, np.float32)


def _texture(image_HW: Float32Array, side: int) -> Float32Array:
    """Smaller eigenvalue of the structure tensor of the tile that starts at each px, (levels / px)²."""
    slope_x = cv2.Sobel(image_HW, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(image_HW, cv2.CV_32F, 0, 1, scale=1 / 8)
    products = (slope_x * slope_x, slope_y * slope_y, slope_x * slope_y)
    xx, yy, xy = (
        cv2.boxFilter(product, -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_REFLECT)
        for product in products
    )
    return np.asarray((xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2), dtype=np.float32)


def _covered(tiles: Tiles, pose_33: Float64Array, photograph_hw: tuple[int, int]) -> BoolArray:
    """Which tiles lie on the photograph with all four corners."""
    back_33 = inverse(pose_33)
    covered_T = np.ones(len(tiles.corners_T2), dtype=bool)
    for offset_2 in corners(tiles.side, tiles.side):
        covered_T &= inside(transform(back_33, tiles.corners_T2 + offset_2), *photograph_hw)
    return covered_T


def _find(
    fine_HW: Float32Array, tiles: Tiles, left: int, top: int
) -> tuple[float, tuple[float, float]]:
    """Correlation and displacement (x, y) of one tile where it fits best nearby."""
    side, search = tiles.side, tiles.search
    tile = tiles.fine_HW[top : top + side, left : left + side]
    around = fine_HW[top - search : top + side + search, left - search : left + side + search]
    scores = cv2.matchTemplate(around, tile, cv2.TM_CCOEFF_NORMED)
    _, highest, _, (x, y) = cv2.minMaxLoc(scores)
    if not (np.isfinite(highest) and 0 < x < 2 * search and 0 < y < 2 * search):
        # The best place is on the rim of what was searched: the tile is not here.
        return 0.0, (float(x - search), float(y - search))
    x_part, y_part = peak_below_a_pixel(scores[y - 1 : y + 2, x - 1 : x + 2].astype(np.float64))
    return float(highest), (x - search + x_part, y - search + y_part)


def peak_below_a_pixel(scores_33: Float64Array) -> tuple[float, float]:
    """Offset (x, y) of the peak of a parabola through nine scores, the highest in the middle."""
    (_, above, _), (left, middle, right), (_, below, _) = scores_33.tolist()
    diagonal = (scores_33[2, 2] + scores_33[0, 0] - scores_33[0, 2] - scores_33[2, 0]) / 4
    bend_22 = np.array(
        [[left + right - 2 * middle, diagonal], [diagonal, above + below - 2 * middle]]
    )
    if np.linalg.det(bend_22) <= 0:
        return 0.0, 0.0
    x, y = np.linalg.solve(bend_22, -np.array([(right - left) / 2, (below - above) / 2]))
    return float(np.clip(x, -1, 1)), float(np.clip(y, -1, 1))


@dataclass(frozen=True, eq=False)
class Drift:
    """Robust fit of `terms` to displacements.

    `parameters_8` with their covariance; `distance_T` is how far each tile lies from the fit.
    """

    parameters_8: Float64Array
    covariance_88: Float64Array
    distance_T: Float64Array


def terms(points_T2: Float64Array) -> Float64Array:
    """Displacements `[T, 2, 8]` that eight small changes of a homography cause at points in [-1, 1]."""
    x_T, y_T = points_T2.T
    one_T, none_T = np.ones_like(x_T), np.zeros_like(x_T)
    along_x = [x_T, y_T, one_T, none_T, none_T, none_T, x_T * x_T, x_T * y_T]
    along_y = [none_T, none_T, none_T, x_T, y_T, one_T, x_T * y_T, y_T * y_T]
    return np.stack([np.stack(along_x, axis=-1), np.stack(along_y, axis=-1)], axis=1)


def fit_drift(
    points_T2: Float64Array, shift_T2: Float64Array, correlation_T: Float64Array
) -> Drift | None:
    """Fit displacements by reweighted least squares (Tukey's biweight); None where they are too few.

    Points are in [-1, 1] over the board. The standard errors are those of least squares under unequal
    weights, from the displacements' own scatter.
    """
    trust_T = np.maximum(correlation_T, 0.0) ** 2 * (correlation_T >= LEAST_CORRELATION)
    if (trust_T > 0).sum() < FEWEST_TILES:
        return None
    design_T28 = terms(points_T2)
    distance_T = np.hypot(*(shift_T2 - np.median(shift_T2[trust_T > 0], axis=0)).T)
    fit = None
    for _ in range(ROUNDS):
        # The median length of a two-dimensional normal error is 1.18 standard deviations. At least a
        # tenth of a pixel: tiles that all agree must not shut out the next best.
        spread_px = max(float(np.median(distance_T[trust_T > 0])) / 1.18, 0.1)
        weight_T = trust_T * np.clip(1 - (distance_T / (CUT_OFF * spread_px)) ** 2, 0, None) ** 2
        if (weight_T > 0).sum() < FEWEST_TILES:
            return None
        fit = _weighted_fit(design_T28, shift_T2, weight_T)
        if fit is None:
            return None
        distance_T = fit.distance_T
    return fit


def _weighted_fit(
    design_T28: Float64Array, shift_T2: Float64Array, weight_T: Float64Array
) -> Drift | None:
    weighted_8M = (weight_T[:, None, None] * design_T28).reshape(-1, 8).T
    normal_88 = weighted_8M @ design_T28.reshape(-1, 8)
    if np.linalg.cond(normal_88) > WORST_CONDITION:
        return None
    inverse_88 = np.linalg.inv(normal_88)
    parameters_8 = inverse_88 @ (weighted_8M @ shift_T2.reshape(-1))
    left_T2 = shift_T2 - design_T28 @ parameters_8
    scatter_88 = (weighted_8M * left_T2.reshape(-1) ** 2) @ weighted_8M.T
    return Drift(parameters_8, inverse_88 @ scatter_88 @ inverse_88, np.hypot(*left_T2.T))


def _worst_corner(fit: Drift, reference: Reference) -> float:
    """How far the worst corner is from its place, in board px, plus two standard errors of the fit."""
    corners_428 = terms(np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float64))
    per_working_px = reference.board_HWC.shape[0] / np.array(reference.working_hw[::-1])
    shift_42 = corners_428 @ fit.parameters_8 * per_working_px
    variance_42 = np.einsum("kci,ij,kcj->kc", corners_428, fit.covariance_88, corners_428)
    error_4 = np.sqrt(np.maximum(variance_42 * per_working_px**2, 0.0).sum(axis=1))
    return float((np.hypot(*shift_42.T) + STANDARD_ERRORS * error_4).max())


def _sharpness(tiles: Tiles, fine_HW: Float32Array, coarse_HW: Float32Array) -> float:
    """Share of the reference's fine detail that a photograph keeps, relative to its coarse contrast.

    Both are slopes of a regression on the reference: noise, however strong, is no detail.
    """
    gains = []
    detail, detail_reference = fine_HW - coarse_HW, tiles.fine_HW - tiles.coarse_HW
    for ours, theirs in ((detail, detail_reference), (coarse_HW, tiles.coarse_HW)):
        shared, whole = 0.0, 1e-9
        for left, top in tiles.corners_T2.astype(int):
            area = (slice(top, top + tiles.side), slice(left, left + tiles.side))
            centred = theirs[area] - theirs[area].mean()
            shared += float((centred * ours[area]).sum())
            whole += float((centred * centred).sum())
        gains.append(shared / whole)
    return gains[0] / gains[1] if gains[1] > 0 else 0.0
