from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from pydantic import ValidationError

from tasks.archive.decoding import UnusablePhotographError, decode
from tasks.archive.settings import PhotographSettings
from tests.archive.encoded import encoded
from tests.archive.formats import HEIGHT_PX, WIDTH_PX, by_opencv, deep_noise, noise, tiff

ANY = PhotographSettings(channels=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_the_camera_held_sideways_is_turned_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(noise(3), kind, exif=exif)
    turned = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(decode(content, ANY), turned)
    high, wide = (WIDTH_PX, HEIGHT_PX) if orientation > 4 else (HEIGHT_PX, WIDTH_PX)
    # The line's size is that of the upright photograph.
    decode(content, PhotographSettings(height_px=high, width_px=wide, channels=3))
    with pytest.raises(UnusablePhotographError, match=f"is {wide} x {high} px"):
        decode(content, PhotographSettings(height_px=wide, width_px=high, channels=3))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_images_are_turned_too(orientation: int) -> None:
    shallow = encoded(noise(3), "TIFF", tiffinfo={274: orientation})
    deep = tiff(noise(3).astype(np.uint16) * 257, extratags=[(274, "H", 1, orientation, True)])
    sixteen = PhotographSettings(channels=3, bits=16)
    np.testing.assert_array_equal(decode(deep, sixteen), decode(shallow, ANY))


def test_any_size_up_to_the_limit_where_the_line_names_none() -> None:
    assert decode(encoded(noise(3)), ANY).shape == (HEIGHT_PX, WIDTH_PX, 3)
    half = PhotographSettings(height_px=HEIGHT_PX, channels=3)
    assert decode(encoded(noise(3)), half).shape == (HEIGHT_PX, WIDTH_PX, 3)
    with pytest.raises(UnusablePhotographError, match=f"expects {WIDTH_PX} x {HEIGHT_PX - 1}"):
        decode(encoded(noise(3)), half.model_copy(update={"height_px": HEIGHT_PX - 1}))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("further", [(), (3,)])
def test_sixteen_bits_keep_their_precision_until_they_are_scaled(
    suffix: str, further: tuple[int, ...]
) -> None:
    """A sensor of 12 bits in 16: with the lower 8 bits dropped, only 16 grey levels would be left."""
    sensor = (deep_noise(*further) >> 4).astype(np.uint16)
    expected = PhotographSettings.model_validate(
        {
            "channels": 3 if further else 1,
            "bits": 16,
            "black_level": 200,
            "white_level": 3000,
        }
    )
    pixels = decode(by_opencv(sensor, suffix), expected)
    exact = np.clip(np.rint((sensor.astype(np.float64) - 200) * 255 / 2800), 0, 255)
    np.testing.assert_array_equal(pixels, exact.reshape(pixels.shape))
    assert len(np.unique(pixels)) > 16


def test_the_levels_are_the_line_s_not_the_image_s() -> None:
    expected = PhotographSettings(channels=1, bits=16, black_level=0, white_level=4095)
    dark = np.full((8, 8), 1000, np.uint16)
    np.testing.assert_array_equal(decode(by_opencv(dark, ".png"), expected), 62)


def test_levels_must_be_levels() -> None:
    with pytest.raises(ValidationError, match="is not below"):
        PhotographSettings(channels=1, bits=16, black_level=4095, white_level=4095)
    with pytest.raises(ValidationError, match="set bits: 16"):
        PhotographSettings(channels=1, white_level=4095)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
def test_eight_bits_on_a_line_of_sixteen_are_refused(kind: str) -> None:
    with pytest.raises(UnusablePhotographError, match="has 8 bits a channel; the line expects 16"):
        decode(encoded(noise(), kind), PhotographSettings(channels=1, bits=16))


@pytest.mark.parametrize(
    ("content", "channels"),
    [
        (tiff(deep_noise(), photometric="miniswhite"), 1),
        (tiff(np.moveaxis(deep_noise(3), 2, 0), planarconfig="separate"), 3),
        (tiff(deep_noise().astype(np.int16)), 1),
    ],
    ids=["inverted", "planes", "signed"],
)
def test_deep_tiffs_that_could_be_misread_are_refused(content: bytes, channels: int) -> None:
    expected = PhotographSettings.model_validate({"channels": channels, "bits": 16})
    with pytest.raises(UnusablePhotographError, match="unusual arrangement"):
        decode(content, expected)


@pytest.mark.parametrize(("delivered", "channels"), [((), 3), ((3,), 1), ((4,), 3)])
def test_other_channels_of_sixteen_bits_are_refused(
    delivered: tuple[int, ...], channels: int
) -> None:
    expected = PhotographSettings.model_validate({"channels": channels, "bits": 16})
    with pytest.raises(UnusablePhotographError, match="has mode"):
        decode(by_opencv(deep_noise(*delivered), ".png"), expected)
