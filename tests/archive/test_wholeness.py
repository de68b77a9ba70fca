from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tasks.archive.decoding import UnusablePhotographError, decode
from tasks.archive.settings import PhotographSettings
from tests.archive.encoded import encoded
from tests.archive.formats import HEIGHT_PX, WHOLE, WIDTH_PX, noise

GREY = PhotographSettings(channels=1)
COLOUR = PhotographSettings(channels=3)


@pytest.mark.parametrize("name", WHOLE)
def test_every_format_comes_back_as_it_was_encoded(name: str) -> None:
    whole = WHOLE[name]
    pixels = decode(whole.content, whole.expected)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.shape == (HEIGHT_PX, WIDTH_PX, whole.expected.channels)
    if whole.pixels is None:
        reference = np.asarray(Image.open(io.BytesIO(whole.content)))
    elif whole.expected.bits == 16:
        reference = np.rint(whole.pixels / 257).astype(np.uint8)
    else:
        reference = whole.pixels
    np.testing.assert_array_equal(pixels, reference.reshape(pixels.shape))


@pytest.mark.parametrize("name", WHOLE)
def test_truncated_at_every_length_is_refused(name: str) -> None:
    whole = WHOLE[name]
    # Large tiles hold a hundred times the pixels of the image.
    step = 16 if "large" in name else 1
    for length in {*range(0, len(whole.content), step), len(whole.content) - 1}:
        with pytest.raises(UnusablePhotographError) as raised:
            decode(whole.content[:length], whole.expected)
        assert raised.value.remedy.endswith(".")


@pytest.mark.parametrize("name", [name for name in WHOLE if "16" not in name])
def test_hostile_bytes_are_refused_and_nothing_else_is_raised(name: str) -> None:
    whole, generator = WHOLE[name], np.random.default_rng(0)
    refused = 0
    for position in generator.permutation(len(whole.content))[:60].tolist():
        changed = bytearray(whole.content)
        changed[position] ^= int(generator.integers(1, 256))
        try:
            assert decode(bytes(changed), whole.expected).shape[:2] == (HEIGHT_PX, WIDTH_PX)
        except UnusablePhotographError:
            refused += 1
    assert refused or not name.startswith("png")


def test_what_follows_the_end_of_a_jpeg_does_not_matter() -> None:
    content = encoded(noise(3), "JPEG")
    whole = decode(content, COLOUR)
    np.testing.assert_array_equal(decode(content + bytes(100), COLOUR), whole)
    preview = encoded(noise(3)[:8, :8], "JPEG")
    np.testing.assert_array_equal(decode(content + preview, COLOUR), whole)


def test_the_end_of_a_second_picture_is_not_the_end_of_the_first() -> None:
    content = encoded(noise(3), "JPEG")
    preview = encoded(noise(3)[:8, :8], "JPEG")
    for length in range(len(content) // 2, len(content) - 1, 7):
        with pytest.raises(UnusablePhotographError, match="damaged or truncated"):
            decode(content[:length] + bytes(8), COLOUR)
    # A preview inside the header ends with the same marker as the picture.
    with_preview = content[:2] + b"\xff\xe3" + struct.pack(">H", len(preview) + 2) + preview
    decode(with_preview + content[2:], COLOUR)
    with pytest.raises(UnusablePhotographError, match="damaged or truncated"):
        decode(with_preview + content[2:-2], COLOUR)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_png_with_valid_chunks_but_too_few_pixels_is_refused(kept: float) -> None:
    """Pillow gives such an image with its lower part black."""
    rows = b"".join(b"\0" + row.tobytes() for row in noise())
    header = struct.pack(">IIBBBBB", WIDTH_PX, HEIGHT_PX, 8, 0, 0, 0, 0)
    data = zlib.compress(rows[: int(len(rows) * kept)])
    parts = _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    with pytest.raises(UnusablePhotographError, match="damaged or truncated"):
        decode(b"\x89PNG\r\n\x1a\n" + parts, GREY)


def test_several_images_in_one_file_are_refused() -> None:
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    for kind in ("TIFF", "PNG"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        with pytest.raises(UnusablePhotographError, match="holds 3 images"):
            decode(content, GREY)
