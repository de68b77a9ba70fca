"""The Laplacian pyramid (Burt and Adelson 1983): an image as bands of detail, and its L1 distance.

Legend: S pixels of a side, s = ⌈S / 2⌉; images `[..., C, H, W]` have any leading axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tasks.vocabulary.errors import InputError

_TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
# The blur mirrors two pixels beyond each edge.
_SMALLEST_SIDE = 3


class LaplacianPyramid(nn.Module):
    """Bands of images of one size: `levels` of them, finest first, the last one the coarse rest.

    A side S becomes ⌈S / 2⌉ from level to level, so odd sides are fine. Blurring is by 5 binomial
    taps and mirrored edges. It is done by small matrices, rows then columns: their gradients
    repeat to the last bit on a GPU, those of mirrored padding do not.
    InputError where a side of the images gets too short to be halved again.
    """

    def __init__(self, height: int, width: int, levels: int) -> None:
        super().__init__()
        self.halvings = nn.ModuleList()
        for _ in range(levels - 1):
            if min(height, width) < _SMALLEST_SIDE:
                raise InputError(
                    f"{height} x {width} px are too few for another level of {levels}.",
                    "Give fewer weights of levels, or larger images.",
                )
            self.halvings.append(_Halving(height, width))
            height, width = (height + 1) // 2, (width + 1) // 2

    @property
    def _steps(self) -> list[_Halving]:
        return [cast("_Halving", halving) for halving in self.halvings]

    def build(self, images: Tensor) -> list[Tensor]:
        """Bands `[..., C, h, w]`, linear in the images."""
        bands: list[Tensor] = []
        for halving in self._steps:
            small = halving.down(images)
            bands.append(images - halving.up(small))
            images = small
        return [*bands, images]

    def collapse(self, bands: Sequence[Tensor]) -> Tensor:
        """Undo `build`, up to rounding."""
        images = bands[-1]
        for halving, band in zip(reversed(self._steps), bands[-2::-1], strict=True):
            images = band + halving.up(images)
        return images

    def distance(self, images: Tensor, others: Tensor, weights: Sequence[float]) -> Tensor:
        """Σ over levels of weight times mean |difference| of the bands, `[...]`.

        Shapes broadcast. Bands are linear, so those of the difference are the difference of those.
        """
        terms = [
            weight * band.abs().mean(dim=(-3, -2, -1))
            for weight, band in zip(weights, self.build(images - others), strict=True)
        ]
        return torch.stack(terms).sum(dim=0)


class _Halving(nn.Module):
    """Blur and drop every second row and column; and the way back, with as smooth a doubling."""

    rows_hH: Tensor
    columns_Ww: Tensor
    rows_Hh: Tensor
    columns_wW: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        rows_HH, columns_WW = _blur(height), _blur(width)
        # Twice per axis: every second pixel of what is blurred upwards is an inserted 0.
        matrices = {
            "rows_hH": rows_HH[::2],
            "columns_Ww": columns_WW[::2].T,
            "rows_Hh": 2 * rows_HH[:, ::2],
            "columns_wW": 2 * columns_WW[:, ::2].T,
        }
        for name, matrix in matrices.items():
            self.register_buffer(name, matrix.contiguous(), persistent=False)

    def down(self, images: Tensor) -> Tensor:
        """`[..., H, W]` to `[..., h, w]`."""
        return self.rows_hH @ images @ self.columns_Ww

    def up(self, small: Tensor) -> Tensor:
        """`[..., h, w]` to `[..., H, W]`."""
        return self.rows_Hh @ small @ self.columns_wW


def _blur(side: int) -> Tensor:
    """`[S, S]`: row i weighs the pixels around i."""
    matrix_SS = torch.zeros(side, side)
    places_S = torch.arange(side)
    for offset, tap in enumerate(_TAPS, start=-2):
        mirrored_S = (places_S + offset).abs()
        mirrored_S = side - 1 - (side - 1 - mirrored_S).abs()
        matrix_SS[places_S, mirrored_S] += tap
    return matrix_SS
