"""Image-wise metrics: one number for a whole comparison (VQGanoDIP, section 3.2, first level).

Legend: C channels, H/W image height and width, h/w map height and width, N and M descriptors.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.metrics.comparison import Comparison
from tasks.vocabulary.arrays import Float32Array, UInt8Array
from tasks.vocabulary.errors import InputError

# OpenCV's default of 31 px leaves no border-free area on small images: of 128 px a quarter remains.
ORB_PATCH_PX = 15
ORB_KEYPOINTS = 500
# In grey levels. OpenCV's 20 finds no corner at all in 13 of 60 electroluminescence images of solar
# cells at 128 px (10: in 5 of 60), 5 finds some in each.
ORB_CORNER_CONTRAST = 5
ORB_BYTES = 32
# Of 256 bits; two unrelated descriptors differ by about 128.
ORB_MATCH_BITS = 64


def mean_squared_error(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Mean of squared differences, summed in float64; shapes that differ are an `InputError`."""
    if first.shape != second.shape:
        raise InputError(
            f"Shapes {first.shape} and {second.shape} cannot be compared.",
            "Pass both sides of the comparison through the same networks.",
        )
    return float(np.square(first - second).mean(dtype=np.float64))


def mse(comparison: Comparison) -> float:
    """Mean squared error of the pixels: the raw reconstruction loss."""
    return mean_squared_error(comparison.input_CHW, comparison.reconstruction_CHW)


def perceptual_mse(comparison: Comparison) -> float:
    """Mean squared error of the perception backbone's last layer: the raw perceptual loss.

    The paper takes VGG-16; here it is whichever backbone the features come from.
    """
    return mean_squared_error(comparison.features_input[-1], comparison.features_reconstruction[-1])


def quantization_mse(comparison: Comparison) -> float:
    """Mean squared error of the latent and its quantized version: the raw quantization loss."""
    return mean_squared_error(
        required(comparison.latent_Dhw, "latent"), required(comparison.quantized_Dhw, "quantized")
    )


def discriminator_input(comparison: Comparison) -> float:
    """Mean patch-discriminator loss of the input taken as real: `softplus(-logit)`.

    High where the discriminator, which has seen normal products only, does not believe the input.
    """
    logits = required(comparison.realness_input_hw, "realness of the input")
    return float(np.logaddexp(0.0, -logits.astype(np.float64)).mean())


def discriminator_reconstruction(comparison: Comparison) -> float:
    """Mean patch-discriminator loss of the reconstruction taken as fake: `softplus(logit)`.

    Low where the discriminator sees through the reconstruction, as it does on what it never learnt.
    """
    logits = required(comparison.realness_output_hw, "realness of the reconstruction")
    return float(np.logaddexp(0.0, logits.astype(np.float64)).mean())


def orb_difference(comparison: Comparison) -> float:
    """Share of ORB keypoints without a partner: `1 - matches / max(keypoints of either image)`.

    A match is a pair of descriptors that are each other's nearest and differ in at most
    `ORB_MATCH_BITS` of 256 bits. Keypoints in one image only give 1. None in either gives 0: both
    were looked at and agree in having no corner. Source: ORB, as VQGanoDIP [17]; the paper does
    not say how matches become a number.
    """
    # One detector a call: OpenCV's detectors are not safe to share between threads.
    detector = cv2.ORB.create(
        nfeatures=ORB_KEYPOINTS,
        edgeThreshold=ORB_PATCH_PX,
        patchSize=ORB_PATCH_PX,
        fastThreshold=ORB_CORNER_CONTRAST,
    )
    found = [
        detector.detectAndCompute(grey_levels(image_CHW), None)[1]
        for image_CHW in (comparison.input_CHW, comparison.reconstruction_CHW)
    ]
    # OpenCV says None where it found no keypoint.
    first_N32, second_M32 = (
        np.zeros((0, ORB_BYTES), np.uint8) if rows is None else np.asarray(rows, np.uint8)
        for rows in found
    )
    most = max(len(first_N32), len(second_M32))
    return 1.0 - near_pairs(first_N32, second_M32) / most if most else 0.0


def near_pairs(first_N32: UInt8Array, second_M32: UInt8Array) -> int:
    """Pairs of descriptors that are each other's nearest and at most `ORB_MATCH_BITS` apart.

    Of equally near ones the first counts, as in OpenCV's slower matcher with its cross check.
    """
    if not len(first_N32) or not len(second_M32):
        return 0
    words_4N1 = first_N32.view(np.uint64).T[:, :, None]
    words_41M = second_M32.view(np.uint64).T[:, None, :]
    bits_NM = np.zeros((len(first_N32), len(second_M32)), dtype=np.uint16)
    for first_N1, second_1M in zip(words_4N1, words_41M, strict=True):
        bits_NM += np.bitwise_count(first_N1 ^ second_1M)
    nearest_N, nearest_M = bits_NM.argmin(axis=1), bits_NM.argmin(axis=0)
    rows_N = np.arange(len(first_N32))
    mutual_N = nearest_M[nearest_N] == rows_N
    return int((mutual_N & (bits_NM[rows_N, nearest_N] <= ORB_MATCH_BITS)).sum())


def grey_levels(image_CHW: Float32Array) -> UInt8Array:
    """Mean over channels of an image in [0, 1] as 8-bit grey levels `[H, W]`."""
    grey_HW = image_CHW.mean(axis=0) if image_CHW.shape[0] > 1 else image_CHW[0]
    scaled_HW = np.clip(grey_HW, 0.0, 1.0)
    scaled_HW *= 255.0
    levels_HW: UInt8Array = np.rint(scaled_HW, out=scaled_HW).astype(np.uint8)
    return levels_HW


def required(part: Float32Array | None, name: str) -> Float32Array:
    """Return the part of a comparison that a metric cannot do without; None is an `InputError`."""
    if part is None:
        raise InputError(
            f"The comparison has no {name}.", "Ask column_names with what the reconstructor offers."
        )
    return part
