"""Rows of a folded convolution are the rows of the padded, unfolded one."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from tasks.perception.convolution import SameConvolution, Span
from tasks.perception.folding import fold


def random_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels).eval()
    for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        assert values is not None
        nn.init.uniform_(values, 0.1, 1.0)
    return norm


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's rule: pads before and behind, the larger behind."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


@given(
    sides=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.sampled_from([1, 2]),
    activated=st.booleans(),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_any_rows_are_those_of_the_padded_convolution(
    sides: tuple[int, int], kernel: int, stride: int, activated: bool, data: st.DataObject
) -> None:
    height, width = sides
    own, norm = nn.Conv2d(3, 4, kernel, stride, bias=False), random_norm(4)
    folded = SameConvolution(own, norm, activated)
    rows = -(-height // stride)
    start = data.draw(st.integers(0, rows - 1))
    out = Span(start, data.draw(st.integers(start + 1, rows)))
    images = torch.rand(2, 3, height, width)
    padding = (*same_padding(width, kernel, stride), *same_padding(height, kernel, stride))
    with torch.no_grad():
        expected = norm(own(functional.pad(images, padding)))
        expected = functional.relu6(expected) if activated else expected
        needed = folded.needed(out, height)
        found = folded(images[:, :, needed.start : needed.stop], out, height)
    assert torch.allclose(found, expected[:, :, out.start : out.stop], rtol=1e-4, atol=1e-5)


def test_folded_weights_are_those_of_float64() -> None:
    convolution, norm = nn.Conv2d(8, 4, 3, bias=False), random_norm(4)
    weight, bias = fold(convolution, norm)
    images = torch.rand(1, 8, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        expected = norm.double()(convolution.double()(images))
    found = functional.conv2d(images, weight.double(), bias.double())
    assert weight.dtype == bias.dtype == torch.float32
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-6)
