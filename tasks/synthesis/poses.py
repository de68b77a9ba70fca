"""Where a board lies under the camera, as a matrix.

Legend: 33 a matrix that acts on (x, y, 1), N points, 2 as (x, y).
"""

from __future__ import annotations

import cv2
import numpy as np

from tasks.synthesis.frame import Frame
from tasks.synthesis.settings import PerturbationSettings
from tasks.vocabulary.arrays import Float64Array, UInt8Array


def draw_pose(
    perturbation: PerturbationSettings, frame: Frame, rng: np.random.Generator
) -> Float64Array:
    """Draw a pose `float64 [3, 3]`, design px -> photograph px; turned about the middle."""
    shift_2 = perturbation.shift_px * rng.uniform(-1.0, 1.0, size=2)
    angle = np.radians(perturbation.rotation_deg * rng.uniform(-1.0, 1.0))
    scale = 1.0 + perturbation.scale * rng.uniform(-1.0, 1.0)
    linear_22 = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle_2 = np.array([(frame.width_px - 1) / 2, (frame.height_px - 1) / 2])
    pose_33 = np.eye(3)
    pose_33[:2, :2] = linear_22
    pose_33[:2, 2] = middle_2 + shift_2 - linear_22 @ middle_2
    return pose_33


def moved_points(pose_33: Float64Array, points_N2: Float64Array) -> Float64Array:
    """Map points by a pose."""
    moved_N3 = np.column_stack([points_N2, np.ones(len(points_N2))]) @ pose_33.T
    moved_N2: Float64Array = moved_N3[:, :2] / moved_N3[:, 2:]
    return moved_N2


def photograph_canvas(canvas_HW3: UInt8Array, pose_33: Float64Array, frame: Frame) -> UInt8Array:
    """Warp the supersampled canvas by a pose and average it down: `uint8 [H, W, 3]`.

    The warp happens at the canvas's resolution, in one interpolation; the average is exact.
    """
    factor = frame.supersampling
    fine_33 = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1.0]])
    from_canvas_33 = np.eye(3)
    from_canvas_33[:2, 2] = -factor * frame.border_px
    whole_33 = fine_33 @ pose_33 @ np.linalg.inv(fine_33) @ from_canvas_33
    fine_size = (factor * frame.width_px, factor * frame.height_px)
    interpolation = cv2.INTER_LINEAR if factor > 1 else cv2.INTER_CUBIC
    fine_HW3 = cv2.warpAffine(
        canvas_HW3, whole_33[:2], fine_size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE
    )
    if factor == 1:
        return np.asarray(fine_HW3, dtype=np.uint8)
    size = (frame.width_px, frame.height_px)
    return np.asarray(cv2.resize(fine_HW3, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
