"""The same board photographed twice, or one file encoded anew: found by what tells boards apart.

Aligned boards of one product all look alike, so it is not images that are compared but what is left of
their fingerprints without what the whole line has in common.

Legend: N images, S values of a fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.archive.groups import linked
from tasks.vocabulary.arrays import Float32Array, UInt8Array

_SIDE = 16
_REDUCED_PX = 64
_BLOCK = 2048
# Grey levels; below it is rounding that would be compared.
_LEAST_CONTRAST = 0.05
# What is added to the power of each mode, as a share of their mean: the weakest ones hold noise of camera
# and encoding, by which a board does not know itself again, and few images know few modes at all.
_FLOOR, _FLOOR_OF_ONE_IMAGE = 0.1, 30.0


def signature(board_HWC: UInt8Array) -> NDArray[np.int8]:
    """Fingerprint of one board image, `int8 [256]`; a uniform change of light leaves it as it is.

    A band of details, seen on a grid of 16 x 16, in 32nds of their own standard deviation: finer ones
    would move with the pose, coarser ones with the lighting.
    """
    size = (_REDUCED_PX, _REDUCED_PX)
    # Reduced as float: rounded grey levels are as coarse as what tells boards apart.
    reduced_HWC = cv2.resize(board_HWC.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    reduced_HW = reduced_HWC.reshape(*size, -1).mean(axis=2)
    fine_HW, coarse_HW = (cv2.GaussianBlur(reduced_HW, (0, 0), sigma) for sigma in (1.5, 6.0))
    step = _REDUCED_PX // _SIDE
    values_S = (fine_HW - coarse_HW)[step // 2 :: step, step // 2 :: step].ravel()
    scale = max(float(values_S.std()), _LEAST_CONTRAST) / 32
    return np.asarray(np.clip(np.rint(values_S / scale), -127, 127), dtype=np.int8)


def near_duplicate_groups(
    image_ids: Sequence[str], signatures_NS: NDArray[np.int8], least_correlation: float
) -> dict[str, str]:
    """Group name, `near:<lowest id>`, of every image that has a twin; the others are left out.

    Twins correlate at least so much; a twin of a twin is one of them.
    """
    if not image_ids:
        return {}
    whitened_NS = _whitened(signatures_NS)
    left, right = _alike(whitened_NS, least_correlation)
    numbers = linked(len(image_ids), left, right)
    members: dict[int, list[str]] = {}
    for at in np.union1d(left, right).tolist():
        members.setdefault(int(numbers[at]), []).append(image_ids[at])
    return {name: f"near:{min(each)}" for each in members.values() for name in each}


def _whitened(signatures_NS: NDArray[np.int8]) -> Float32Array:
    """Residuals of length 1 from the median of all, without the scale of what varies in common."""
    residuals_NS = signatures_NS - np.median(signatures_NS, axis=0).astype(np.float32)
    scale_S = 1.4826 * np.median(np.abs(residuals_NS), axis=0)
    residuals_NS /= np.maximum(scale_S, max(0.3 * float(np.median(scale_S)), 1.0))
    np.clip(residuals_NS, -6.0, 6.0, out=residuals_NS)
    count = len(residuals_NS)
    covariance_SS = (residuals_NS.T @ residuals_NS).astype(np.float64) / count
    powers_S, modes_SS = np.linalg.eigh(covariance_SS)
    floor = (_FLOOR + _FLOOR_OF_ONE_IMAGE / count) * float(powers_S.mean())
    gains_S = 1.0 / np.sqrt(np.maximum(powers_S, 0.0) + max(floor, 1e-9))
    whitened_NS = residuals_NS @ (modes_SS * gains_S).astype(np.float32)
    lengths_N1 = np.linalg.norm(whitened_NS, axis=1, keepdims=True)
    # What equals the median has nothing of its own by which a twin could be known.
    return np.asarray(whitened_NS / np.maximum(lengths_N1, 1e-6), dtype=np.float32)


def _alike(unit_NS: Float32Array, least: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows whose product is at least this, in blocks that bound the memory."""
    found: list[NDArray[np.int64]] = []
    for top in range(0, len(unit_NS), _BLOCK):
        for start in range(top, len(unit_NS), _BLOCK):
            products = unit_NS[top : top + _BLOCK] @ unit_NS[start : start + _BLOCK].T
            pairs = np.argwhere(products >= least) + np.array([top, start])
            found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    left, right = np.concatenate(found).T
    return left, right
