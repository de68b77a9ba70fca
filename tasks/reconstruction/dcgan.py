"""Networks of DCGAN's form (Radford et al. 2016): strided convolutions down, doublings up.

All of them take and give images in [0, 1]; widths are those of `strided.py`.
Legend: D dimensions of a latent, N images, F channels and h, w size of the coarsest map.
"""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from tasks.reconstruction.blocks import normalisation
from tasks.reconstruction.strided import Normalise, Upsampling, doublings, halvings
from tasks.vocabulary.errors import InputError

Shape = tuple[int, int, int]


def coarsest_size(image_shape_CHW: Shape, widths: tuple[int, ...]) -> tuple[int, int]:
    """Height and width after all halvings; InputError where the image cannot be halved so often."""
    factor, (_, height, width) = 2 ** len(widths), image_shape_CHW
    if height % factor or width % factor or not height or not width:
        raise InputError(
            f"{height} x {width} px cannot be halved {len(widths)} times.",
            f"Resize or pad the images to a multiple of {factor} px, or give fewer widths.",
        )
    return height // factor, width // factor


def require_trained_size(image_shape_CHW: Shape, height: int, width: int) -> None:
    """InputError for any size but that of the training images: latents are drawn to one size."""
    if (height, width) != image_shape_CHW[1:]:
        raise InputError(
            f"The generator draws {image_shape_CHW[1:]} px, the image has {(height, width)}.",
            "Give images of the training size.",
        )


class Generator(nn.Module):
    """Latents `[N, D]` to images `[N, C, H, W]` of one size.

    A learnt small map, moved linearly by the latent, is doubled to the image's size. DCGAN's
    `normalise` is `nn.BatchNorm2d`: different latents must give different drawings, which group
    normalisation does not ask for; its drawings depend on no other only in eval mode.
    """

    def __init__(
        self,
        latent_dimensions: int,
        widths: tuple[int, ...],
        image_shape_CHW: Shape,
        upsampling: Upsampling,
        normalise: Normalise = normalisation,
    ) -> None:
        super().__init__()
        self.start_shape_Fhw = (widths[-1], *coarsest_size(image_shape_CHW, widths))
        self.start = nn.Linear(latent_dimensions, prod(self.start_shape_Fhw))
        self.layers = nn.Sequential(
            normalise(widths[-1]),
            nn.ReLU(),
            *doublings(widths, image_shape_CHW[0], upsampling, normalise),
            nn.Sigmoid(),
        )

    def forward(self, latents_ND: Tensor) -> Tensor:
        """Images in float32, also under autocast."""
        drawn_NCHW: Tensor = self.layers(self.start(latents_ND).view(-1, *self.start_shape_Fhw))
        return drawn_NCHW.float()


class Reader(nn.Module):
    """Images to numbers: 4 x 4 convolutions of stride 2, then one linear layer on the last map.

    The first convolution is never normalised (DCGAN).
    """

    def __init__(
        self,
        image_shape_CHW: Shape,
        widths: tuple[int, ...],
        numbers: int,
        normalise: Normalise = normalisation,
    ) -> None:
        super().__init__()
        self.convolutions = halvings(image_shape_CHW[0], widths, normalise)
        height, width = coarsest_size(image_shape_CHW, widths)
        self.head = nn.Linear(widths[-1] * height * width, numbers)

    def features(self, images_NCHW: Tensor) -> Tensor:
        """f: what the last convolution says, `[N, F, h, w]` in float32."""
        features_NFhw: Tensor = self.convolutions(2.0 * images_NCHW - 1.0)
        return features_NFhw.float()

    def read(self, features_NFhw: Tensor) -> Tensor:
        """Features to numbers, `[N, numbers]` in float32."""
        numbers: Tensor = self.head(features_NFhw.flatten(1))
        return numbers.float()

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Give `read(features(images))`."""
        return self.read(self.features(images_NCHW))
