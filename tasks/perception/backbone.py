"""`Perception`: a frozen pretrained network that turns board images into feature maps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Self, assert_never

import torch
from torch import Tensor, nn

from tasks.perception.settings import (
    EfficientNetLite0Settings,
    InceptionV3Settings,
    PerceptionSettings,
    PixelsSettings,
    Vgg16Settings,
)
from tasks.perception.trunk import Trunk
from tasks.vocabulary.errors import InputError

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Perception(nn.Module):
    """Feature maps of board images; frozen and in evaluation mode whatever is asked of it.

    `strides`: input pixels that one feature pixel steps over, one entry a map, shallow to deep.
    Gradients flow to the images, never to the weights. Runs under autocast and in channels_last.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, trunk: Trunk, normalised: bool = True) -> None:
        super().__init__()
        self.trunk = trunk
        self.strides = trunk.strides
        mean = _IMAGENET_MEAN if normalised else (0.0, 0.0, 0.0)
        deviation = _IMAGENET_DEVIATION if normalised else (1.0, 1.0, 1.0)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))
        self.requires_grad_(False)
        super().train(False)

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - the signature is nn.Module's
        """Stay in evaluation mode: batch statistics of a product must not enter the features."""
        return super().train(False)

    def forward(self, images_NCHW: Tensor) -> tuple[Tensor, ...]:
        """Feature maps `[N, C_l, h_l, w_l]`, shallow to deep; the last is the last layer.

        `images_NCHW` in [0, 1], one channel (repeated to three) or three; ImageNet normalisation
        happens here. A network's maps lie in memory in channels_last. InputError for other channel
        counts and for images too small for the network.
        """
        channels, height, width = images_NCHW.shape[1:]
        if channels not in (1, 3):
            raise InputError(
                f"Perception got images of {channels} channels.", "Give one channel or three."
            )
        if min(height, width) < self.trunk.smallest_px:
            raise InputError(
                f"{height} x {width} px is too small for this perception.",
                f"Use images of at least {self.trunk.smallest_px} px.",
            )
        images_N3HW = images_NCHW.expand(-1, 3, -1, -1)
        normalised_N3HW = (images_N3HW - self.mean).div_(self.deviation)
        maps: tuple[Tensor, ...] = self.trunk(normalised_N3HW)
        return maps


def build_perception(settings: PerceptionSettings) -> Perception:
    """Build the perception that `settings` name; InputError where its weights cannot be had.

    Each network is imported only when chosen: torchvision's models take seconds to import.
    """
    match settings:
        case EfficientNetLite0Settings():
            from tasks.perception.efficientnet_lite0 import EfficientNetLite0

            return Perception(EfficientNetLite0(settings.weights))
        case Vgg16Settings():
            from tasks.perception.vgg16 import Vgg16

            return Perception(Vgg16(settings.weights))
        case InceptionV3Settings():
            from tasks.perception.inception_v3 import InceptionV3

            return Perception(InceptionV3(settings.weights))
        case PixelsSettings():
            from tasks.perception.pixels import PixelPyramid

            return Perception(PixelPyramid(), normalised=False)
        case _:
            assert_never(settings)


def weights_digest(perception: Perception) -> str:
    """SHA-256 (hex) over names, types, shapes and bytes of the state dict, and over the strides."""
    digest = hashlib.sha256()
    digest.update(repr((type(perception.trunk).__name__, perception.strides)).encode())
    items: Iterable[tuple[str, Tensor]] = sorted(perception.state_dict().items())
    for name, tensor in items:
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
