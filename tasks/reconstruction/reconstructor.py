"""`Reconstructor`: what every member of the union is to the rest of the system."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from tasks.vocabulary.errors import InputError
from tasks.vocabulary.scores import score_capabilities
from tasks.vocabulary.tensors import Reconstruction

Answer = TypeVar("Answer")


class Reconstructor(nn.Module, ABC):
    """Redraws board images as normal ones.

    `capabilities` names the optional parts of its `Reconstruction`: "latent", "discriminator".
    `own_scores` names what its `scores_NS` hold, the score that its paper decides by first.
    `image_shape_CHW` is the shape it was trained on. Members implement `reconstruct_one`.
    """

    capabilities: frozenset[str]
    own_scores: tuple[str, ...] = ()

    def __init__(self, image_shape_CHW: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape_CHW = image_shape_CHW

    @abstractmethod
    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Redraw one image, in eval mode: by what was learnt and that image alone."""

    @abstractmethod
    def require_size(self, height: int, width: int) -> None:
        """InputError for an image size that this member cannot redraw."""

    @property
    def offers(self) -> frozenset[str]:
        """All that metrics may ask for: capabilities and own scores."""
        return self.capabilities | score_capabilities(self.own_scores)

    def reconstruct(self, images_NCHW: Tensor) -> Reconstruction:
        """Reconstructions of board images in [0, 1]: the same bits whatever batch an image is in.

        Images run one by one, in float32 and without TF32, also after a training in bfloat16:
        oneDNN and cuDNN pick other kernels for other batch sizes, these round differently in the
        last bit, and a last bit can move a candidate. (Equal machine and thread count provided.)
        Parts come back on the images' device. InputError for a wrong shape, for an empty batch,
        for values outside [0, 1] and for NaN.
        """
        return _joined(self.each(images_NCHW, self.reconstruct_one), images_NCHW.device)

    def each(self, images_NCHW: Tensor, ask: Callable[[Tensor], Answer]) -> list[Answer]:
        """`ask` of each image alone, `[1, C, H, W]`, as `reconstruct` promises; on the own device."""
        self._require_images(images_NCHW)
        device = next(iter(self.state_dict().values())).device
        with torch.no_grad(), exact_float32(device):
            return [ask(_alone(image_1CHW, device)) for image_1CHW in torch.split(images_NCHW, 1)]

    def _require_images(self, images_NCHW: Tensor) -> None:
        shape, channels = tuple(images_NCHW.shape), self.image_shape_CHW[0]
        if len(shape) != 4 or shape[0] == 0 or shape[1] != channels:
            raise InputError(
                f"The reconstructor got images of shape {shape}.",
                f"Give [N, {channels}, H, W] with at least one image.",
            )
        self.require_size(shape[2], shape[3])
        # A comparison with NaN is false, so NaN is refused with all else that is out of range.
        if not bool(((images_NCHW >= 0) & (images_NCHW <= 1)).all()):
            raise InputError(
                "The reconstructor got NaN or values outside [0, 1].",
                "Give board images: stored uint8 divided by 255.",
            )


@contextmanager
def exact_float32(device: torch.device) -> Iterator[None]:
    """No autocast, no TF32, and only deterministic kernels, inside the `with` block."""
    cudnn = torch.backends.cudnn
    with (
        torch.autocast(device.type, enabled=False),
        cudnn.flags(enabled=cudnn.enabled, deterministic=True, allow_tf32=False),
    ):
        yield


def _alone(image_1CHW: Tensor, device: torch.device) -> Tensor:
    # A fresh copy: the strides and the alignment of a slice tell of its batch, and oneDNN looks.
    alone_1CHW = torch.empty(
        image_1CHW.shape, device=device, memory_format=torch.channels_last, dtype=torch.float32
    )
    return alone_1CHW.copy_(image_1CHW)


def _joined(parts: list[Reconstruction], device: torch.device) -> Reconstruction:
    def column(position: int) -> Tensor | None:
        values = (part[position] for part in parts)
        present = [value for value in values if value is not None]
        return torch.cat(present).to(device) if present else None

    images_NCHW, *optional = (column(position) for position in range(len(parts[0])))
    assert images_NCHW is not None  # noqa: S101 - every member draws images
    return Reconstruction(images_NCHW, *optional)
