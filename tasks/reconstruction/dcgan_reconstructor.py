"""`DcganReconstructor`: an image is redrawn by the drawing at the latent that a search finds.

Legend: N images, D dimensions of a latent.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from tasks.reconstruction.dcgan import Generator, Reader, require_trained_size
from tasks.reconstruction.dcgan_settings import DcganSettings
from tasks.reconstruction.latent_search import Distance, Found, search
from tasks.reconstruction.reconstructor import Reconstructor


class DcganReconstructor(Reconstructor):
    """A DCGAN and what "closest" means to its search; images of the training size.

    Batch normalisation, as DCGAN has it, keeps latents apart: with group normalisation the
    generator may draw all of them alike. Only learning steps look at a batch
    (`batch_statistics`); searches, scores and drawings use running statistics, so no
    image's result depends on others.
    """

    capabilities = frozenset({"discriminator"})

    def __init__(self, settings: DcganSettings, image_shape_CHW: tuple[int, int, int]) -> None:
        super().__init__(image_shape_CHW)
        self.settings = settings
        dimensions, widths = settings.latent_dimensions, settings.widths
        self.generator = Generator(
            dimensions, widths, image_shape_CHW, settings.upsampling, nn.BatchNorm2d
        )
        self.discriminator = Reader(image_shape_CHW, widths, 1, nn.BatchNorm2d)

    @abstractmethod
    def distance(self, corrected_NCHW: Tensor) -> Distance:
        """Objective of the search."""

    def require_size(self, height: int, width: int) -> None:
        """InputError for any size but that of the training images."""
        require_trained_size(self.image_shape_CHW, height, width)

    def corrected(self, images_NCHW: Tensor) -> Tensor:
        """Grey levels as the networks know them: here the image's own."""
        return images_NCHW

    def shown(self, drawn_NCHW: Tensor) -> Tensor:
        """The way back to the image's own grey levels."""
        return drawn_NCHW

    def found(self, corrected_1CHW: Tensor) -> Found:
        """The closest drawing of one image, and its latent."""
        settings = self.settings
        return search(
            self.generator,
            self.distance,
            corrected_1CHW,
            settings.search,
            settings.latent_dimensions,
        )

    def latents(self, images_NCHW: Tensor) -> Tensor:
        """Latents found for board images, `[N, D]`: the same bits whatever batch an image is in."""

        def latent(image_1CHW: Tensor) -> Tensor:
            return self.found(self.corrected(image_1CHW)).latents_ND

        return torch.cat(self.each(images_NCHW, latent)).to(images_NCHW.device)
