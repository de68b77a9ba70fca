from __future__ import annotations

import pickle
import struct
import tracemalloc
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tasks.archive.decoding import UnusablePhotographError, decode
from tasks.archive.settings import PhotographSettings
from tasks.vocabulary.errors import InputError
from tests.archive.encoded import COLOUR, GREY, HEIGHT_PX, WIDTH_PX, encoded, noise


def refused(content: bytes, expected: PhotographSettings = GREY) -> UnusablePhotographError:
    with pytest.raises(UnusablePhotographError) as raised:
        decode(content, expected)
    error = raised.value
    assert error.what.endswith(".")
    assert error.remedy.endswith(".")
    return error


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_images_come_back_bit_by_bit(kind: str) -> None:
    grey, colour = noise(), noise(3)
    np.testing.assert_array_equal(decode(encoded(grey, kind), GREY), grey[..., None])
    np.testing.assert_array_equal(decode(encoded(colour, kind), COLOUR), colour)


def test_jpeg_comes_back_as_it_was_encoded() -> None:
    smooth = np.full((HEIGHT_PX, WIDTH_PX, 3), (200, 90, 20), np.uint8)
    pixels = decode(encoded(smooth, "JPEG", quality=95), COLOUR)
    assert pixels.dtype == np.uint8
    # Red first: a swap of the channels would be 180 grey levels off.
    assert np.abs(pixels.astype(int) - smooth).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
def test_truncated_at_every_length(kind: str) -> None:
    content = encoded(noise(), kind)
    decode(content, GREY)
    assert refused(b"").what == "The file is empty."
    for length in range(1, len(content)):
        error = refused(content[:length])
        # A cut header may look like something else; a cut picture may not.
        assert length < len(content) * 3 // 4 or "Copy it from the camera again." in error.remedy


def test_png_with_any_changed_byte_is_refused_or_the_same() -> None:
    content = encoded(noise())
    whole = decode(content, GREY)
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 0x5A
        try:
            np.testing.assert_array_equal(decode(bytes(changed), GREY), whole)
        except UnusablePhotographError:
            continue


def test_corrupt_jpeg() -> None:
    content = bytearray(encoded(noise(), "JPEG"))
    content[2:40] = bytes(38)
    assert (
        "damaged" in refused(bytes(content)).what or "not an image" in refused(bytes(content)).what
    )


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (Image.fromarray(noise(4), "RGBA"), "RGBA"),
        (Image.fromarray(noise()).convert("P"), "P"),
        (Image.fromarray(noise()).convert("1"), "1"),
        (Image.fromarray(noise()).convert("LA"), "LA"),
        (Image.fromarray(noise(3)), "RGB"),
    ],
)
def test_other_colour_modes_are_named_not_converted(image: Image.Image, mode: str) -> None:
    error = refused(encoded(image))
    assert f"mode {mode};" in error.what
    assert "photograph.channels" in error.remedy


def test_cmyk_and_grey_where_colour_is_expected() -> None:
    cmyk = Image.fromarray(noise(3)).convert("CMYK")
    assert "mode CMYK" in refused(encoded(cmyk, "JPEG"), COLOUR).what
    assert "mode L" in refused(encoded(noise()), COLOUR).what


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_refused_not_cut(suffix: str, channels: int) -> None:
    deep = np.random.default_rng(0).integers(0, 2**16, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint16)
    shown: Any = deep if channels == 3 else deep[..., 0]
    content = cv2.imencode(suffix, shown)[1].tobytes()
    error = refused(content, COLOUR if channels == 3 else GREY)
    assert "16 bits" in error.what
    assert "8 bits" in error.remedy


def test_wrong_size_names_both_sizes() -> None:
    error = refused(encoded(noise()[:, :-1]))
    assert f"{WIDTH_PX - 1} x {HEIGHT_PX}" in error.what
    assert f"{WIDTH_PX} x {HEIGHT_PX}" in error.what
    turned = refused(encoded(noise().T.copy()))
    assert "photograph.width_px" in turned.remedy


@pytest.mark.parametrize(
    "content", [b"not an image at all\n", b"\x00" * 500, b"%!PS-Adobe-3.0 EPSF"]
)
def test_other_content_under_an_image_name(content: bytes) -> None:
    assert "not an image" in refused(content).what


def test_formats_that_nobody_asked_for_are_not_opened() -> None:
    for kind in ("GIF", "WEBP", "PPM"):
        assert "PNG, JPEG, BMP or TIFF" in refused(encoded(noise(), kind)).remedy


def bomb(side_px: int) -> bytes:
    """A PNG of some hundred bytes whose header claims `side_px` squared pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def bitmap_bomb(side_px: int) -> bytes:
    content = bytearray(encoded(noise(), "BMP"))
    struct.pack_into("<ii", content, 18, side_px, side_px)
    return bytes(content)


# Pillow refuses only the last one, at 179 megapixels; the line's own limit comes first.
@pytest.mark.parametrize("side_px", [12_300, 60_000])
@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_decompression_bombs_are_refused_unopened(side_px: int, kind: str) -> None:
    content = bomb(side_px) if kind == "PNG" else bitmap_bomb(side_px)
    tracemalloc.start()
    error = refused(content, PhotographSettings(channels=1))
    allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "too many pixels" in error.what
    assert allocated < 1_000_000


def test_the_line_says_how_many_megapixels_are_too_many() -> None:
    small = PhotographSettings(channels=1, largest_megapixels=1)
    assert "allows 1 megapixels" in refused(bomb(1001), small).what
    with pytest.raises(ValidationError, match="largest_megapixels"):
        PhotographSettings(height_px=20_000, width_px=20_000, channels=1)


def test_the_error_is_an_input_error_and_pickles() -> None:
    error = refused(b"")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert isinstance(error, InputError)
    assert (type(again), again.what, again.remedy) == (type(error), error.what, error.remedy)
