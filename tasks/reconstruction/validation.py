"""How well a reconstructor redraws images that it never trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import UInt8Array

# 120 dB: the error of one grey level in a million pixels; keeps a perfect copy finite.
_SMALLEST_ERROR = 1e-12


def psnr_db(mean_squared_error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio, dB, of images in [0, 1]: -10 log10(MSE), at most 120."""
    return -10.0 * torch.log10(mean_squared_error.clamp_min(_SMALLEST_ERROR))


def validation_psnr_db(reconstructor: Reconstructor, images_NCHW: Tensor) -> float:
    """Average over images each image's PSNR, as the images come out in production."""
    output_NCHW = reconstructor.reconstruct(images_NCHW).images_NCHW
    errors_N = (output_NCHW - images_NCHW).square().mean(dim=(1, 2, 3))
    return float(psnr_db(errors_N).mean())


def mean_image_psnr_db(training_NHWC: UInt8Array, validation_NHWC: UInt8Array) -> float:
    """Average PSNR of validation images that are all redrawn as the mean of the training images.

    Both are stored images, uint8. Who redraws worse has learnt less than one image of these products.
    """
    mean_HWC = training_NHWC.mean(axis=0, dtype=np.float32)
    errors = [float(np.square(image - mean_HWC).mean()) / 255**2 for image in validation_NHWC]
    return float(psnr_db(torch.tensor(errors)).mean())
