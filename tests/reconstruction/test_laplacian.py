"""The Laplacian pyramid: it loses nothing, blurs as defined, and its distance is what it says."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import convolve1d

from tasks.reconstruction.laplacian import LaplacianPyramid
from tasks.vocabulary.errors import InputError


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("height", "width", "levels"),
    [(16, 24, 4), (17, 23, 4), (3, 5, 2), (128, 128, 6), (1, 1, 1), (33, 3, 2)],
)
def test_it_collapses_to_the_image(height: int, width: int, levels: int) -> None:
    pyramid = LaplacianPyramid(height, width, levels)
    seen = images(2, 3, height, width)
    bands = pyramid.build(seen)
    assert len(bands) == levels
    assert bands[0].shape == seen.shape
    torch.testing.assert_close(pyramid.collapse(bands), seen, rtol=0, atol=1e-6)


def test_sides_are_halved_upwards() -> None:
    bands = LaplacianPyramid(17, 24, 4).build(images(1, 1, 17, 24))
    sizes = [tuple(band.shape[2:]) for band in bands]
    assert sizes == [(17, 24), (9, 12), (5, 6), (3, 3)]


@pytest.mark.parametrize("size", [(16, 24), (15, 21)])
def test_blurring_is_the_binomial_filter_with_mirrored_edges(size: tuple[int, int]) -> None:
    seen = images(1, 1, *size).double()
    taps = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16]
    grey = seen[0, 0].numpy()
    blurred = convolve1d(convolve1d(grey, taps, axis=0, mode="mirror"), taps, axis=1, mode="mirror")
    rest = LaplacianPyramid(*size, 2).double().build(seen)[1]
    torch.testing.assert_close(rest[0, 0], torch.from_numpy(blurred[::2, ::2].copy()))


@pytest.mark.parametrize("size", [(16, 24), (13, 9)])
def test_an_even_image_has_no_detail(size: tuple[int, int]) -> None:
    *details, rest = LaplacianPyramid(*size, 3).build(torch.full((1, 1, *size), 0.4))
    assert max(float(band.abs().max()) for band in details) < 1e-6
    torch.testing.assert_close(rest, torch.full_like(rest, 0.4))


def test_the_distance_weighs_each_levels_mean() -> None:
    pyramid = LaplacianPyramid(16, 24, 3)
    one, other = images(2, 3, 16, 24), images(4, 3, 16, 24)[2:]
    weights = (0.5, 2.0, 3.0)
    expected = sum(
        weight * (first - second).abs().mean(dim=(1, 2, 3))
        for weight, first, second in zip(
            weights, pyramid.build(one), pyramid.build(other), strict=True
        )
    )
    assert isinstance(expected, torch.Tensor)
    torch.testing.assert_close(pyramid.distance(one, other, weights), expected)
    assert pyramid.distance(one, one, weights).tolist() == [0.0, 0.0]


def test_the_coarse_level_alone_does_not_see_a_fine_grid() -> None:
    pyramid = LaplacianPyramid(32, 32, 3)
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    grid = ((rows + columns) % 2).float()[None, None]
    even = torch.full_like(grid, 0.5)
    fine, coarse = (
        float(pyramid.distance(grid, even, weights)) for weights in ((1, 0, 0), (0, 0, 1))
    )
    assert fine == pytest.approx(0.5, rel=0.01)
    assert coarse < 1e-6


def test_levels_that_do_not_fit_are_refused() -> None:
    LaplacianPyramid(3, 3, 2)
    with pytest.raises(InputError, match="2 x 5 px are too few") as raised:
        LaplacianPyramid(3, 9, 3)
    assert "fewer weights" in raised.value.remedy
