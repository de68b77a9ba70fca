"""VQGAN: encoder, codebook and decoder, judged by a patch discriminator."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from tasks.reconstruction.decoder import Decoder
from tasks.reconstruction.discriminator import PatchDiscriminator
from tasks.reconstruction.encoder import Encoder
from tasks.reconstruction.quantizer import VectorQuantizer
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.settings import VqganSettings
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import Reconstruction


class Redrawing(NamedTuple):
    """All that the losses need of one pass: `images_NCHW` is not clamped."""

    images_NCHW: Tensor
    latent_NDhw: Tensor
    codes_NDhw: Tensor
    indices_Nhw: Tensor


class Generator(nn.Module):
    """E, Z and G in a row."""

    def __init__(self, settings: VqganSettings, channels: int) -> None:
        super().__init__()
        self.encoder = Encoder(settings, channels)
        self.quantizer = VectorQuantizer(settings)
        self.decoder = Decoder(settings, channels)

    def forward(self, images_NCHW: Tensor, replacements_Nhw: Tensor | None = None) -> Redrawing:
        """X to x̂ = G(Z(E(x))); the decoder alone sees `replacements_Nhw` (codes, -1 = none)."""
        latent_NDhw = self.encoder(images_NCHW).float()
        quantization = self.quantizer(latent_NDhw)
        seen_NDhw = quantization.quantized_NDhw
        if replacements_Nhw is not None:
            seen_NDhw = self.quantizer.replaced(seen_NDhw, replacements_Nhw)
        output_NCHW = self.decoder(seen_NDhw)
        return Redrawing(
            output_NCHW, latent_NDhw, quantization.codes_NDhw, quantization.indices_Nhw
        )


class VqganReconstructor(Reconstructor):
    """The reconstructor of VQGanoDIP; any image size that the downsampling factor divides."""

    capabilities = frozenset({"latent", "discriminator"})

    def __init__(self, settings: VqganSettings, image_shape_CHW: tuple[int, int, int]) -> None:
        super().__init__(image_shape_CHW)
        self.settings = settings
        self.require_size(*image_shape_CHW[1:])
        self.generator = Generator(settings, image_shape_CHW[0])
        self.discriminator = PatchDiscriminator(image_shape_CHW[0], settings.discriminator_widths)

    def require_size(self, height: int, width: int) -> None:
        """InputError unless f, and the discriminator's own halvings, fit both sides."""
        factor = self.settings.downsampling
        if height % factor or width % factor or not height or not width:
            raise InputError(
                f"{height} x {width} px cannot be divided by the downsampling factor {factor}.",
                f"Resize or pad the images to a multiple of {factor} px.",
            )
        smallest = 2 ** len(self.settings.discriminator_widths)
        if min(height, width) < smallest:
            raise InputError(
                f"{height} x {width} px is too small for the patch discriminator.",
                f"Use images of at least {smallest} px, or fewer discriminator widths.",
            )

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Give the clamped redrawing, its latent, its codes, and the realness of both images."""
        redrawing = self.generator(image_1CHW)
        output_1CHW = redrawing.images_NCHW.clamp(0.0, 1.0)
        return Reconstruction(
            images_NCHW=output_1CHW,
            latent_NDhw=redrawing.latent_NDhw,
            quantized_NDhw=redrawing.codes_NDhw,
            realness_input_Nhw=self.discriminator(image_1CHW),
            realness_output_Nhw=self.discriminator(output_1CHW),
        )
