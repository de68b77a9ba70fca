"""Image-wise metrics: one number for a whole comparison (VQGanoDIP, section 3.2, first level)."""

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
    descriptors = [
        detector.detectAndCompute(grey_levels(image_CHW), None)[1]
        for image_CHW in (comparison.input_CHW, comparison.reconstruction_CHW)
    ]
    found = [0 if rows is None else len(rows) for rows in descriptors]
    if max(found) == 0:
        return 0.0
    if min(found) == 0:
        return 1.0
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(*descriptors)
    near = sum(match.distance <= ORB_MATCH_BITS for match in matches)
    return 1.0 - near / max(found)


def grey_levels(image_CHW: Float32Array) -> UInt8Array:
    """Mean over channels of an image in [0, 1] as 8-bit grey levels `[H, W]`."""
    grey_HW = image_CHW.mean(axis=0) if image_CHW.shape[0] > 1 else image_CHW[0]
    levels: UInt8Array = np.rint(np.clip(grey_HW, 0.0, 1.0) * 255.0).astype(np.uint8)
    return levels


def required(part: Float32Array | None, name: str) -> Float32Array:
    """Return the part of a comparison that a metric cannot do without; None is an `InputError`."""
    if part is None:
        raise InputError(
            f"The comparison has no {name}.", "Ask column_names with what the reconstructor offers."
        )
    return part
