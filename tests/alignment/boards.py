"""A plain test board whose true pose is known: flat parts, traces, marks, and a serial number.

It is drawn once, four times too large, and every photograph is one warp of that drawing followed by an
area mean: the pose is exact, and none of the aligners' own resampling is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from tasks.alignment.settings import Mark
from tasks.vocabulary.arrays import Float64Array, UInt8Array

SIDE_PX, OVERSAMPLING = 384, 4
MARGIN_PX = 48
MARK_RADIUS_PX = 7.0
MARKS_XY = ((70.0, 66.0), (318.0, 72.0), (76.0, 322.0), (312.0, 316.0))
MARKS = tuple(Mark(x_px=x, y_px=y, radius_px=MARK_RADIUS_PX) for x, y in MARKS_XY)


@dataclass(frozen=True)
class Shot:
    """How one board is photographed; the defaults are the ideal pose and light."""

    shift_px: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    scale: float = 1.0
    blur_sigma_px: float = 0.0
    gain: float = 1.0
    gradient: float = 0.0
    noise_levels: float = 0.0
    occluded: tuple[int, ...] = ()
    serial: int = 0
    design: int = 0
    channels: int = 3


def true_pose(shot: Shot) -> Float64Array:
    """Design px to photograph px: turned and scaled about the middle, then shifted."""
    middle = (SIDE_PX - 1) / 2
    angle = np.radians(shot.rotation_deg)
    cosine, sine = shot.scale * np.cos(angle), shot.scale * np.sin(angle)
    pose_33 = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], np.float64)
    pose_33[:2, 2] = middle - pose_33[:2, :2] @ [middle, middle] + shot.shift_px
    return pose_33


@lru_cache(maxsize=8)
def _drawing(design: int) -> UInt8Array:
    """The board four times too large, with a margin of bare substrate around it."""
    side = (SIDE_PX + 2 * MARGIN_PX) * OVERSAMPLING
    rng = np.random.default_rng(design)
    canvas = np.full((side, side, 3), (28, 86, 46), np.uint8)

    def at(value: float) -> int:
        return round((value + MARGIN_PX) * OVERSAMPLING)

    for _ in range(60):
        x, y = rng.uniform(-40, SIDE_PX + 20, 2)
        length, thickness = rng.uniform(20, 120), int(rng.uniform(1, 3) * OVERSAMPLING)
        end = (x + length, y) if rng.random() < 0.5 else (x, y + length)
        cv2.line(canvas, (at(x), at(y)), (at(end[0]), at(end[1])), (48, 122, 70), thickness)
    for _ in range(90):
        x, y = rng.uniform(-30, SIDE_PX + 10, 2)
        width, height = rng.uniform(5, 34, 2)
        body = int(rng.integers(15, 70))
        cv2.rectangle(
            canvas, (at(x), at(y)), (at(x + width), at(y + height)), (body, body, body + 6), -1
        )
        for end in (x, x + width):
            cv2.rectangle(
                canvas, (at(end - 2), at(y)), (at(end + 2), at(y + height)), (190,) * 3, -1
            )
    for x, y in MARKS_XY:
        cv2.circle(
            canvas, (at(x), at(y)), int(2.2 * MARK_RADIUS_PX * OVERSAMPLING), (24, 60, 34), -1
        )
        cv2.circle(canvas, (at(x), at(y)), int(MARK_RADIUS_PX * OVERSAMPLING), (214, 170, 110), -1)
    return canvas


def _board(shot: Shot) -> UInt8Array:
    canvas = _drawing(shot.design).copy()
    cells = np.random.default_rng(1000 + shot.serial).integers(0, 2, (10, 10)) * 200 + 25
    start, cell = (MARGIN_PX + 170) * OVERSAMPLING, 4 * OVERSAMPLING
    block = np.kron(cells, np.ones((cell, cell))).astype(np.uint8)
    canvas[start : start + block.shape[0], start : start + block.shape[1]] = block[..., None]
    for number in shot.occluded:
        x, y = (round((value + MARGIN_PX) * OVERSAMPLING) for value in MARKS_XY[number])
        cv2.circle(canvas, (x, y), int(2.4 * MARK_RADIUS_PX * OVERSAMPLING), (60, 60, 62), -1)
    return canvas


@lru_cache(maxsize=64)
def photograph(shot: Shot) -> UInt8Array:
    """`uint8 [384, 384, C]` photograph of a board; the same shot gives the same array."""
    fine_33 = np.array([[OVERSAMPLING, 0, 1.5], [0, OVERSAMPLING, 1.5], [0, 0, 1]], np.float64)
    # A drawn point (v + margin) * 4 is the centre of its fine px: no half px in the drawing.
    drawn_33 = np.diag([OVERSAMPLING, OVERSAMPLING, 1.0])
    drawn_33[:2, 2] = MARGIN_PX * OVERSAMPLING
    pose_33 = fine_33 @ true_pose(shot) @ np.linalg.inv(drawn_33)
    side = SIDE_PX * OVERSAMPLING
    fine = cv2.warpAffine(
        _board(shot),
        pose_33[:2],
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    image = cv2.resize(fine, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    if shot.blur_sigma_px:
        image = cv2.GaussianBlur(image, (0, 0), shot.blur_sigma_px)
    light = shot.gain * (1 + shot.gradient * np.linspace(-1, 1, SIDE_PX, dtype=np.float32))
    image = image * light[None, :, None]
    if shot.noise_levels:
        rng = np.random.default_rng(shot.serial + 7)
        image = image + rng.normal(0, shot.noise_levels, image.shape)
    finished = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    finished = finished if shot.channels == 3 else finished[..., 1:2].copy()
    finished.flags.writeable = False
    return finished


def true_error(pose_33: Float64Array, shot: Shot, reference: Shot, side_px: int) -> float:
    """Largest distance, in board px, between where a pose puts photographed points and their place."""
    steps = np.linspace(0, SIDE_PX - 1, 9)
    grid_N2 = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    grid_N3 = np.column_stack([grid_N2, np.ones(len(grid_N2))])
    photographed_N3 = grid_N3 @ (true_pose(shot) @ np.linalg.inv(true_pose(reference))).T
    found_N3 = photographed_N3 @ pose_33.T
    scale = side_px / SIDE_PX
    wanted_N2 = (grid_N2 + 0.5) * scale - 0.5
    return float(np.hypot(*(found_N3[:, :2] / found_N3[:, 2:] - wanted_N2).T).max())
