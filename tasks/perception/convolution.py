"""A folded convolution with 'same' padding that can be asked for some rows of its map only.

'Same' padding (TensorFlow's) makes a map of ceil(side / stride); where the pads before and behind
differ, the larger is behind. PyTorch's convolutions pad both alike, and padding beforehand copies
the whole map. So a little more is padded on both sides and the surplus is cut from the result.

Legend: N images, C/O channels in and out, H/W rows and columns, k kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.perception.folding import fold


class Span(NamedTuple):
    """Positions start to stop - 1 along one axis of a map."""

    start: int
    stop: int


class SameConvolution(nn.Module):
    """Convolution and batch norm in one, then ReLU6 where `activated`; frozen, channels_last."""

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d, activated: bool) -> None:
        super().__init__()
        weight_OCkk, bias_O = fold(convolution, norm)
        # Weights in channels_last make every map channels_last, which saves a reordering a layer.
        weight_OCkk = weight_OCkk.contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight_OCkk, requires_grad=False)
        self.bias = nn.Parameter(bias_O, requires_grad=False)
        self.kernel = convolution.kernel_size[0]
        self.stride = convolution.stride[0]
        self.groups = convolution.groups
        self.activated = activated

    def length(self, length_in: int) -> int:
        """Positions of the result along an axis of `length_in` positions."""
        return -(-length_in // self.stride)

    def needed(self, out: Span, length_in: int) -> Span:
        """Positions of the input that the positions `out` of the result rest on."""
        first, beyond = self._reach(out, length_in)
        return Span(max(first, 0), min(beyond, length_in))

    def forward(self, rows_NCHW: Tensor, out: Span, height_in: int) -> Tensor:
        """Rows `out` of the result `[N, O, rows, ceil(W / stride)]`.

        `rows_NCHW` are the rows `needed(out, height_in)` of an input of `height_in` rows.
        """
        width = rows_NCHW.shape[3]
        padding_y, rows = self._placement(out, height_in)
        padding_x, columns = self._placement(Span(0, self.length(width)), width)
        made_NOHW = functional.conv2d(
            rows_NCHW, self.weight, self.bias, self.stride, (padding_y, padding_x), 1, self.groups
        )
        size = (rows.stop - rows.start, columns.stop - columns.start)
        uncut = made_NOHW.shape[2:] == size
        if not uncut:
            made_NOHW = made_NOHW[:, :, rows.start : rows.stop, columns.start : columns.stop]
        if not self.activated:
            return made_NOHW
        # Autograd keeps a convolution's input, not its result. What was cut is copied on the way.
        return functional.relu6(made_NOHW, inplace=uncut)

    def _reach(self, out: Span, length_in: int) -> Span:
        """The positions under the kernel for `out`; those in the padding lie outside the input."""
        padded = max((self.length(length_in) - 1) * self.stride + self.kernel - length_in, 0)
        first = out.start * self.stride - padded // 2
        return Span(first, first + (out.stop - out.start - 1) * self.stride + self.kernel)

    def _placement(self, out: Span, length_in: int) -> tuple[int, Span]:
        """The padding of both sides whose result holds `out`, and where it lies in that result."""
        reach, given = self._reach(out, length_in), self.needed(out, length_in)
        before, behind = given.start - reach.start, reach.stop - given.stop
        padding = max(before, behind)
        # A surplus before the first row must be a whole number of strides.
        padding += (before - padding) % self.stride
        start = (padding - before) // self.stride
        return padding, Span(start, start + out.stop - out.start)
