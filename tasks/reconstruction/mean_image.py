"""The trivial reconstructor: every product is drawn as the mean of the training images."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import Reconstruction


class MeanImageReconstructor(Reconstructor):
    """A golden sample: the pixel-wise mean of the training images. No latent, no discriminator."""

    capabilities: frozenset[str] = frozenset()
    mean_CHW: Tensor

    def __init__(self, image_shape_CHW: tuple[int, int, int]) -> None:
        super().__init__(image_shape_CHW)
        self.register_buffer("mean_CHW", torch.zeros(image_shape_CHW))

    def fit(self, training_NHWC: UInt8Array) -> None:
        """Take the mean in float64, so that the order of the images changes nothing."""
        mean_HWC = training_NHWC.mean(axis=0, dtype="float64") / 255.0
        self.mean_CHW.copy_(torch.from_numpy(mean_HWC.transpose(2, 0, 1)))

    def require_size(self, height: int, width: int) -> None:
        """InputError for any size but that of the training images."""
        if (height, width) != self.image_shape_CHW[1:]:
            raise InputError(
                f"The mean image has {self.image_shape_CHW[1:]} px, the image {(height, width)}.",
                "Give aligned images of the training size.",
            )

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Draw the mean image, whatever the input."""
        return Reconstruction(images_NCHW=self.mean_CHW.expand_as(image_1CHW).clone())
