"""The figures of a DCGAN's latents: real pictures of what they say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tasks.reconstruction.latent_figures import (
    drawn,
    embedded,
    interpolated,
    latent_figures,
)
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.test_anogan import untrained as untrained_anogan
from tests.reconstruction.test_latent_distance import untrained
from tests.reconstruction.tiny import gratings


def test_both_figures_are_pictures_and_the_same_twice() -> None:
    made, real = untrained(), gratings(6)
    figures = latent_figures(made, real, seed=4)
    assert latent_figures(made, real, seed=4) == figures
    with Image.open(io.BytesIO(figures.interpolation_png)) as grid:
        assert (grid.size, grid.mode) == ((128, 128), "L")
    with Image.open(io.BytesIO(figures.map_png)) as plot:
        colours = {colour for _, colour in plot.convert("RGB").getcolors(1 << 20) or []}
    assert {(0x2A, 0x6F, 0xB0), (0xC0, 0x39, 0x2B)} <= colours


def test_the_way_runs_from_one_latent_to_the_other() -> None:
    made, pair = untrained(), gratings(2)
    way = interpolated(made, pair, 5)
    ends = drawn(made, made.latents(board_images(pair)))
    np.testing.assert_array_equal(way[[0, -1]], ends)
    assert not np.array_equal(way[0], way[-1])


def test_gamma_is_undone_in_drawings() -> None:
    plain, corrected = untrained_anogan(), untrained_anogan(gamma=6.0)
    latents = plain.latents(board_images(gratings(1)))
    expected = (drawn(plain, latents) / 255.0) ** (1 / 6) * 255.0
    assert np.abs(drawn(corrected, latents) - expected).max() < 1.5


def test_the_map_tells_clusters_apart() -> None:
    noise = np.random.default_rng(0).integers(0, 30, (2, 20, 8, 8, 1))
    dark, bright = noise[0].astype(np.uint8), (noise[1] + 200).astype(np.uint8)
    places = embedded(dark, bright, seed=0)
    first, second = places[:20], places[20:]
    gap = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert gap > 2.0 * max(first.std(), second.std())


def test_too_few_images_are_refused() -> None:
    with pytest.raises(InputError, match="make no map"):
        latent_figures(untrained(), gratings(3), seed=0)
