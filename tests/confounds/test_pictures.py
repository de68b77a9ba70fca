"""Pixel properties on images whose answer is known, and what normalisation takes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.confounds.pictures import (
    Picture,
    blocks,
    blue_cast,
    clipped,
    frame_difference,
    frame_mean,
    frame_spread,
    gradient_energy,
    grey_levels,
    lit_from_above,
    lit_from_left,
    mean,
    red_cast,
    sharpness,
    spread,
)
from tasks.confounds.properties import PIXEL_PROPERTIES, pixel_columns, pixel_values
from tests.confounds.screens import encoded, noise


def test_a_bright_frame_on_a_dark_middle() -> None:
    pixels = np.full((40, 40), 100, np.uint8)
    pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:] = 200, 200, 200, 200
    picture = Picture.of(pixels)
    assert (frame_mean(picture), frame_spread(picture), frame_difference(picture)) == (200, 0, 100)


def test_light_from_a_side_and_from_above() -> None:
    ramp = Picture.of(np.tile(np.arange(10, dtype=np.uint8) * 10, (6, 1)))
    assert (lit_from_left(ramp), lit_from_above(ramp)) == (-50.0, 0.0)
    turned = Picture.of(np.tile(np.arange(10, dtype=np.uint8)[:, None] * 10, (1, 6)))
    assert (lit_from_left(turned), lit_from_above(turned)) == (0.0, -50.0)


def test_edges_against_their_definitions() -> None:
    pixels = noise(1).astype(np.float64)
    picture = Picture.of(noise(1))
    down, right = np.diff(pixels, axis=0) ** 2, np.diff(pixels, axis=1) ** 2
    assert gradient_energy(picture) == pytest.approx(down.mean() + right.mean(), rel=1e-5)
    from scipy.ndimage import laplace

    assert sharpness(picture) == pytest.approx(laplace(pixels)[1:-1, 1:-1].var(), rel=1e-5)


def test_blocks_of_jpeg_stay_in_the_pixels() -> None:
    import io

    from PIL import Image

    smooth = np.add.outer(np.arange(64.0), np.arange(64.0)) + noise(3, 64) / 12.0
    plain = smooth.astype(np.uint8)
    jpeg = np.asarray(Image.open(io.BytesIO(encoded(plain, "JPEG", quality=20))))
    assert blocks(Picture.of(plain)) == pytest.approx(1.0, abs=0.1)
    assert blocks(Picture.of(jpeg)) > 1.3
    assert np.isnan(blocks(Picture.of(plain[:10, :10])))


def test_colour_casts_levels_and_clipping() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 90, 60, 30
    picture = Picture.of(pixels)
    assert (red_cast(picture), blue_cast(picture), mean(picture)) == (30.0, -30.0, 60.0)
    assert (clipped(picture), grey_levels(picture)) == (0.0, 1.0)
    assert clipped(Picture.of(np.array([[0, 255], [0, 7]], np.uint8))) == 0.75


@given(gain=st.floats(0.2, 3.0), offset=st.floats(-50.0, 50.0))
def test_no_lamp_changes_a_normalised_property(gain: float, offset: float) -> None:
    grey_HW = noise(5).astype(np.float32)
    one = Picture(grey_HW).normalised()
    other = Picture(gain * grey_HW + np.float32(offset)).normalised()
    assert one is not None
    assert other is not None
    assert mean(one) == pytest.approx(0.0, abs=1e-4)
    assert spread(one) == pytest.approx(1.0, abs=1e-4)
    for each in PIXEL_PROPERTIES:
        if each.survives:
            assert each.measure(one) == pytest.approx(each.measure(other), abs=2e-3), each.name


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 40), (40, 40, 3), (5, 5, 1)])
def test_every_column_has_a_value_or_none_on_images_of_any_size(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = pixel_values("x", pixels)
    assert set(found) <= {one.name for one in pixel_columns("x", "")}
    assert all(value is None or np.isfinite(value) for value in found.values())
    assert found["x.grey_mean"] == pytest.approx(pixels.mean(), abs=1e-3)


def test_a_uniform_image_has_no_normalised_properties() -> None:
    found = pixel_values("x", np.full((8, 8), 7, np.uint8))
    assert found["x.grey_spread"] == 0.0
    assert not any(name.endswith(".normalised") for name in found)
