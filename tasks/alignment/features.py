"""Registration by features: ORB matches, a robust pose, then corners followed below a pixel.

Legend: K matches; points are (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from tasks.alignment.frame import Reference
from tasks.alignment.light import even
from tasks.alignment.poses import inverse, is_plausible, transform, turn_deg
from tasks.alignment.registration import LOOK, MisalignedError
from tasks.alignment.resampling import warp
from tasks.alignment.settings import FeatureAlignment
from tasks.vocabulary.arrays import Float64Array, UInt8Array

# Matches further than this from the pose are wrong (working px): ORB's corners are whole px, scaled.
TOLERANCE_PX, REFINED_TOLERANCE_PX = 3.0, 0.75
# Fewer agreeing matches are found between any two pictures.
FEWEST_MATCHES = 12
CONFIDENCE, ROUNDS = 0.999, 3000
# Followed corners: how many, how far apart, in what neighbourhood.
CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, NEIGHBOURHOOD_PX = 400, 0.01, 8, 21
FAST_THRESHOLD = 10
REFINING_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class Features:
    """Key points `[K, 2]` in working px with their descriptors `uint8 [K, 32]`."""

    points_K2: Float64Array
    descriptors: UInt8Array


def register_by_features(
    working_HW: UInt8Array, settings: FeatureAlignment, reference: Reference
) -> Float64Array:
    """Pose that takes photograph px to px of the reference photograph.

    Too few matches that agree on a pose, or a board turned too far, are a `MisalignedError`.
    """
    working_HW = even(working_HW)
    ours = find_features(working_HW, settings.features)
    theirs = _reference_features(reference, settings.features)
    from_K2, to_K2 = _matched(ours, theirs)
    pose_33 = _robust(from_K2, to_K2, settings.model, TOLERANCE_PX)
    if pose_33 is None or not is_plausible(pose_33, *reference.working_hw):
        raise MisalignedError(
            f"{len(from_K2)} features of the photograph look like the reference's, but they do not "
            "agree on where the board lies.",
            LOOK,
        )
    turned_deg = turn_deg(pose_33, *reference.working_hw)
    if abs(turned_deg) > settings.largest_turn_deg:
        raise MisalignedError(
            f"The board lies turned by {turned_deg:.0f}° (limit {settings.largest_turn_deg:g}°).",
            LOOK,
        )
    for _ in range(REFINING_ROUNDS):
        pose_33 = _refined(working_HW, pose_33, settings, reference)
    to_working_33 = reference.to_working_33
    return np.asarray(inverse(to_working_33) @ pose_33 @ to_working_33)


def find_features(image_HW: UInt8Array, features: int) -> Features:
    """Find ORB key points, the strongest first; none on an image that shows nothing."""
    detector = cv2.ORB.create(nfeatures=features, fastThreshold=FAST_THRESHOLD)
    points, descriptors = detector.detectAndCompute(image_HW, None)
    if descriptors is None:
        return Features(np.zeros((0, 2)), np.zeros((0, 32), np.uint8))
    points_K2 = np.array([point.pt for point in points], np.float64).reshape(-1, 2)
    return Features(points_K2, np.asarray(descriptors, np.uint8))


@lru_cache(maxsize=4)
def _reference_features(reference: Reference, features: int) -> Features:
    return find_features(_reference_even(reference), features)


@lru_cache(maxsize=4)
def _reference_even(reference: Reference) -> UInt8Array:
    return even(reference.working_HW)


@lru_cache(maxsize=4)
def _reference_corners(reference: Reference) -> Float64Array:
    corners = cv2.goodFeaturesToTrack(
        _reference_even(reference), CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX
    )
    return np.zeros((0, 2)) if corners is None else corners.reshape(-1, 2).astype(np.float64)


def _matched(ours: Features, theirs: Features) -> tuple[Float64Array, Float64Array]:
    """Points that are each other's best match."""
    if not len(ours.points_K2) or not len(theirs.points_K2):
        return np.zeros((0, 2)), np.zeros((0, 2))
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(
        ours.descriptors, theirs.descriptors
    )
    queried, trained = [m.queryIdx for m in matches], [m.trainIdx for m in matches]
    return ours.points_K2[queried], theirs.points_K2[trained]


def _robust(
    from_K2: Float64Array, to_K2: Float64Array, model: str, tolerance_px: float
) -> Float64Array | None:
    """Pose that most matches agree with, fitted to these; None where they are too few."""
    if len(from_K2) < FEWEST_MATCHES:
        return None
    if model == "homography":
        pose, agreeing = cv2.findHomography(
            from_K2, to_K2, cv2.RANSAC, tolerance_px, maxIters=ROUNDS, confidence=CONFIDENCE
        )
    else:
        estimate = cv2.estimateAffine2D if model == "affine" else cv2.estimateAffinePartial2D
        pose, agreeing = estimate(
            from_K2,
            to_K2,
            method=cv2.RANSAC,
            ransacReprojThreshold=tolerance_px,
            maxIters=ROUNDS,
            confidence=CONFIDENCE,
        )
    if pose is None or np.count_nonzero(agreeing) < FEWEST_MATCHES:
        return None
    pose_33 = np.eye(3)
    pose_33[: len(pose)] = pose
    return pose_33


def _refined(
    working_HW: UInt8Array, pose_33: Float64Array, settings: FeatureAlignment, reference: Reference
) -> Float64Array:
    """Follow the reference's corners into the warped photograph (Lucas and Kanade), and fit again."""
    corners_K2 = _reference_corners(reference)
    if len(corners_K2) < FEWEST_MATCHES:
        return pose_33
    warped_HW = warp(working_HW, pose_33, reference.working_hw)
    start_K12 = corners_K2.astype(np.float32).reshape(-1, 1, 2)
    followed, found, _ = cv2.calcOpticalFlowPyrLK(
        _reference_even(reference),
        warped_HW,
        start_K12,
        start_K12.copy(),
        winSize=(NEIGHBOURHOOD_PX, NEIGHBOURHOOD_PX),
        maxLevel=1,
    )
    is_found = found.reshape(-1) == 1
    at_K2 = followed.reshape(-1, 2).astype(np.float64)[is_found]
    photographed_K2 = transform(inverse(pose_33), at_K2)
    refined_33 = _robust(
        photographed_K2, corners_K2[is_found], settings.model, REFINED_TOLERANCE_PX
    )
    return pose_33 if refined_33 is None else refined_33
