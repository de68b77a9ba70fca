"""The trivial perception: the image itself at five resolutions."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from tasks.perception.trunk import Trunk


class PixelPyramid(Trunk):
    """Average-pooled images at strides 2, 4, 8, 16 and 32; three channels, no weights.

    Sides that a stride does not divide are pooled in a last, smaller window (`ceil_mode`).
    """

    strides = (2, 4, 8, 16, 32)
    smallest_px = 1

    def forward(self, images_N3HW: Tensor) -> tuple[Tensor, ...]:
        """`[N, 3, ceil(H / s), ceil(W / s)]` for every stride s."""
        return tuple(
            functional.avg_pool2d(images_N3HW, stride, ceil_mode=True) for stride in self.strides
        )
