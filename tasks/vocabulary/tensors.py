"""Board images as tensors, and what a reconstructor makes of them (shapes: see `arrays`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from tasks.vocabulary.arrays import UInt8Array


class Reconstruction(NamedTuple):
    """What a reconstructor makes of a batch; parts that a reconstructor does not have are None.

    `images_NCHW` in [0, 1]; `latent_NDhw` before and `quantized_NDhw` after quantization;
    `realness_input_Nhw` and `realness_output_Nhw` are the patch discriminator's logits (high = real)
    for the input and for the reconstruction; `scores_NS` are the reconstructor's own scores, in the
    order of its `own_scores`.
    """

    images_NCHW: torch.Tensor
    latent_NDhw: torch.Tensor | None = None
    quantized_NDhw: torch.Tensor | None = None
    realness_input_Nhw: torch.Tensor | None = None
    realness_output_Nhw: torch.Tensor | None = None
    scores_NS: torch.Tensor | None = None


def board_images(stored_NHWC: UInt8Array) -> torch.Tensor:
    """Stored `uint8 [N, H, W, C]` as board images, `float32 [N, C, H, W]` in [0, 1]."""
    contiguous = np.ascontiguousarray(stored_NHWC.transpose(0, 3, 1, 2))
    return torch.from_numpy(contiguous).to(torch.float32).div_(255.0)


def stored_images(images_NCHW: torch.Tensor) -> UInt8Array:
    """Board images in [0, 1] as stored `uint8 [N, H, W, C]`, rounded to the nearest grey level."""
    scaled = images_NCHW.detach().float().clamp(0.0, 1.0).mul(255.0).round()
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def difference(images_NCHW: torch.Tensor, reconstructions_NCHW: torch.Tensor) -> torch.Tensor:
    """`[N, H, W]`: absolute difference per pixel, mean over channels (VQGanoDIP, section 3.1.2)."""
    return (images_NCHW - reconstructions_NCHW).abs().mean(dim=1)
