"""The weighting mask: less trust where normal products vary (VQGanoDIP, section 3.2).

Legend: N unseen normal images, H height, W width.
"""

from __future__ import annotations

import numpy as np

from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError


def weighting_mask(differences_NHW: Float32Array) -> Float32Array:
    """`float32 [H, W]` in [0, 1]: `1 - v`, v the mean difference of normals, min-max normalised.

    The pixel that varies most among normals gets 0, the one that varies least gets 1. Differences
    are absolute (at least 0), of aligned images that the reconstruction was not trained on;
    VQGanoDIP takes 30. No image, negative or non-finite values, or the same mean
    difference in every pixel (which gives no reason to weigh any pixel less) is an `InputError`.
    """
    if differences_NHW.ndim != 3 or differences_NHW.size == 0:
        raise InputError(
            f"Differences of shape {differences_NHW.shape} hold no image to learn a mask from.",
            "Set aside normal images that the reconstruction is not trained on (the paper: 30).",
        )
    if not np.isfinite(differences_NHW).all() or differences_NHW.min() < 0:
        raise InputError(
            "Differences for the mask are negative or not finite.",
            "Pass absolute differences; look for images that the reconstruction fails on.",
        )
    mean_HW = differences_NHW.mean(axis=0, dtype=np.float64)
    lowest, spread = mean_HW.min(), np.ptp(mean_HW)
    if spread == 0:
        raise InputError(
            "The mean difference of the normals is the same in every pixel.",
            "Run without a mask, or check that inputs and reconstructions differ as they should.",
        )
    mask_HW: Float32Array = (1.0 - (mean_HW - lowest) / spread).astype(np.float32)
    return mask_HW
