"""Convolutions in a row, computed strip by strip where a map would not stay in the cache.

Between two convolutions of one block lie six times as many channels as between two blocks: 100 MB
at 1024 px, written, read and thrown away, in memory that the system hands out anew each time. A
strip of rows passes the whole block while it lies in the cache. Each strip reads the rows beyond
its edges that its kernels reach, so the result is the whole map's, up to float32's rounding. The
strips of an image follow from its size alone: its bits do not depend on what comes with it.

Legend: N images, C channels, H/W rows and columns of a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from tasks.perception.convolution import SameConvolution, Span

# Maps above the first (of one image, between two convolutions) are cut into strips of the second.
# Measured on one core with 1 MB of L2: between 2 and 8 MiB the strips differ by less than the noise.
WHOLE_BYTES = 8 * 2**20
STRIP_BYTES = 4 * 2**20


class Block(nn.Module):
    """Convolutions in a row; where `residual`, the block's input is added to their result."""

    def __init__(self, layers: Sequence[SameConvolution], residual: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.residual = residual

    def forward(self, features_NCHW: Tensor) -> Tensor:
        """The block's map `[N, C, h, w]`, in channels_last where the input is."""
        count, _, height, width = features_NCHW.shape
        heights = self._lengths(height)
        bytes_a_map = self._widest_bytes(heights, self._lengths(width))
        recorded = torch.is_grad_enabled() and features_NCHW.requires_grad
        # Autograd keeps every strip anyway; other devices than a CPU have no such cache.
        if bytes_a_map <= WHOLE_BYTES or recorded or features_NCHW.device.type != "cpu":
            return self._rows(features_NCHW, Span(0, heights[-1]), heights)
        number = -(-bytes_a_map // STRIP_BYTES)
        edges = [heights[-1] * strip // number for strip in range(number + 1)]
        strips = [
            self._rows(image_1CHW, Span(*rows), heights)
            for image_1CHW in torch.split(features_NCHW, 1)
            for rows in pairwise(edges)
            if rows[0] < rows[1]
        ]
        # In channels_last, maps are strips of rows one behind the other: joined by one copy.
        stacked_CXW = torch.cat(strips, dim=2)[0]
        return torch.unflatten(stacked_CXW, 1, (count, heights[-1])).transpose(0, 1)

    def _rows(self, features_NCHW: Tensor, out: Span, heights: Sequence[int]) -> Tensor:
        """Rows `out` of the block's map; `heights` are the rows before and behind each layer."""
        spans = [out]
        for layer, height in zip(reversed(self._convolutions), heights[-2::-1], strict=True):
            spans.append(layer.needed(spans[-1], height))
        spans.reverse()
        made = features_NCHW[:, :, spans[0].start : spans[0].stop]
        for layer, height, span in zip(self._convolutions, heights, spans[1:], strict=False):
            made = layer(made, span, height)
        if self.residual:
            made += features_NCHW[:, :, out.start : out.stop]
        return made

    def _lengths(self, length: int) -> list[int]:
        """Positions along one axis before the first layer and behind each."""
        lengths = [length]
        for layer in self._convolutions:
            lengths.append(layer.length(lengths[-1]))
        return lengths

    def _widest_bytes(self, heights: Sequence[int], widths: Sequence[int]) -> int:
        """Bytes of the largest map that a layer of this block makes of one image."""
        layers = zip(self._convolutions, heights[1:], widths[1:], strict=True)
        return max(
            layer.weight.shape[0] * height * width * layer.weight.element_size()
            for layer, height, width in layers
        )

    @property
    def _convolutions(self) -> list[SameConvolution]:
        return [cast("SameConvolution", layer) for layer in self.layers]
