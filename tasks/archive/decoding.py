"""From the bytes of a file to pixels, or to the reason why a person must look at it."""

from __future__ import annotations

import io
import warnings
from typing import Any, Literal, assert_never

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from tasks.archive.settings import PhotographSettings
from tasks.archive.wholeness import (
    refuse_partial_bmp,
    refuse_partial_jpeg,
    refuse_partial_png,
    refuse_partial_tiff,
)
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError

Format = Literal["PNG", "JPEG", "BMP", "TIFF"]
# The formats named in the remedy and no other: Pillow would start Ghostscript for an EPS.
_MAGIC: dict[bytes, Format] = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}
_MODES = {1: "L", 3: "RGB"}
_DEEP_MODES = {1: ("I;16", "I;16B", "I;16L"), 3: ("RGB",)}
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_PLANES, _TIFF_SAMPLE_FORMAT = 258, 262, 284, 339
_BGR_TO_RGB = cv2.COLOR_BGR2RGB
_ROWS_AT_ONCE = 64


class UnusablePhotographError(InputError):
    """The file cannot become a board image; it is quarantined and the rest goes on."""


def decode(content: bytes, expected: PhotographSettings) -> UInt8Array:
    """Decode a whole file into `uint8 [H, W, C]`, upright as its EXIF orientation says.

    Nothing is guessed: a file that is empty, truncated or damaged, or whose size, bit depth or colour
    mode is not the line's, raises `UnusablePhotographError` with the remedy. Images of 16 bits are scaled
    from the line's black and white level, never by what is in the image.
    """
    if not content:
        raise UnusablePhotographError("The file is empty.", "Copy it from the camera again.")
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    try:
        if kind is None:
            raise UnidentifiedImageError
        with warnings.catch_warnings():
            # We refuse by the line's own limit; Pillow's other warnings say that it goes on with
            # what is left of a damaged file.
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            pixels = _pixels(content, kind, expected)
    except (UnusablePhotographError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise UnusablePhotographError(
            f"The image claims too many pixels ({error}).", "Export it at the line's size."
        ) from error
    except UnidentifiedImageError as error:
        raise UnusablePhotographError(
            "The file is not an image that can be read.", "Export it as PNG, JPEG, BMP or TIFF."
        ) from error
    except Exception as error:  # decoders raise nearly everything on hostile bytes
        raise UnusablePhotographError(
            f"The image is damaged or truncated ({_first_line(error)}).",
            "Copy it from the camera again.",
        ) from error
    return np.ascontiguousarray(pixels)


def _pixels(content: bytes, kind: Format, expected: PhotographSettings) -> UInt8Array:
    """`[H, W, C]` as a view."""
    # Reads the header only. MPO is a JPEG with further pictures behind it.
    image = Image.open(io.BytesIO(content), formats=(kind, "MPO") if kind == "JPEG" else (kind,))
    _refuse_bomb(image.size, expected)
    orientation, plain = _look_at_whole(content, kind, image)
    _refuse_other_depth(content, kind, image, expected)
    _refuse_other_mode(image, expected)
    width_px, height_px = image.size[::-1] if orientation in (5, 6, 7, 8) else image.size
    _refuse_other_size(height_px, width_px, expected)
    if expected.bits == 16:
        pixels = _deep(content, expected)
    elif plain:
        flags = cv2.IMREAD_GRAYSCALE if expected.channels == 1 else cv2.IMREAD_COLOR_RGB
        pixels = _by_opencv(content, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    else:
        pixels = np.asarray(image)
    if pixels.shape[:2] != (image.height, image.width):
        raise ValueError("it decodes to another size than its header says")
    return _upright(pixels.reshape(*pixels.shape[:2], expected.channels), orientation)


def _look_at_whole(content: bytes, kind: Format, image: ImageFile.ImageFile) -> tuple[int, bool]:
    """The orientation that EXIF gives, and whether OpenCV decodes such a file without guessing.

    OpenCV is up to twice as fast as Pillow and needs half the memory; but only Pillow refuses a
    damaged strip of a compressed TIFF. Raises `ValueError` where a part of the file is missing.
    """
    exif = Image.Exif()
    match kind:
        case "JPEG":
            refuse_partial_jpeg(content)
            exif, plain = image.getexif(), True
        case "PNG":
            # Pillow would decode the whole image to give its EXIF.
            exif.load(refuse_partial_png(content))
            plain = True
        case "TIFF":
            # Both turn a TIFF themselves, size included.
            tags = image.tag_v2  # type: ignore[attr-defined]  # it is a TIFF
            plain = refuse_partial_tiff(content, tags) and _usual(tags)
        case "BMP":
            plain = refuse_partial_bmp(content, image)
        case _:
            assert_never(kind)
    return int(exif.get(ExifTags.Base.Orientation, 1)), plain


def _usual(tags: Any) -> bool:
    """Whether OpenCV understands a TIFF's arrangement: black is zero, unsigned, no separate planes."""
    unsigned = set(tags.get(_TIFF_SAMPLE_FORMAT, (1,))) == {1}
    return unsigned and tags.get(_TIFF_PHOTOMETRIC) in (1, 2) and tags.get(_TIFF_PLANES, 1) == 1


def _refuse_bomb(size: tuple[int, int], expected: PhotographSettings) -> None:
    width_px, height_px = size
    if width_px * height_px > expected.largest_megapixels * 1_000_000:
        raise UnusablePhotographError(
            f"The image claims too many pixels ({width_px} x {height_px}; the line allows "
            f"{expected.largest_megapixels} megapixels).",
            "Export it at the line's size, or set photograph.largest_megapixels.",
        )


def _refuse_other_depth(
    content: bytes, kind: Format, image: ImageFile.ImageFile, expected: PhotographSettings
) -> None:
    # Pillow gives colour images of 16 bits the mode RGB and drops the lower 8 bits without a word.
    bits: tuple[int, ...] = (8,)
    if kind == "PNG":
        bits = (content[24],)
    elif kind == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]  # it is a TIFF
        bits = tuple(tags.get(_TIFF_BITS, (1,)))
        if bits[0] == 16 and expected.bits == 16 and not _usual(tags):
            raise UnusablePhotographError(
                "The TIFF has 16 bits in an unusual arrangement (inverted, signed or by planes).",
                "Export it with chunky samples, black is zero.",
            )
    if _refused_depth(bits, expected.bits):
        raise UnusablePhotographError(
            f"The image has {bits[0]} bits a channel; the line expects {expected.bits}.",
            f"Export it with {expected.bits} bits a channel, or set photograph.bits.",
        )


def _refused_depth(bits: tuple[int, ...], expected_bits: int) -> bool:
    # Fewer than 8 (black and white, palettes) are a matter of the mode, which says it better.
    return set(bits) != {expected_bits} and (expected_bits == 16 or max(bits) > 8)


def _refuse_other_mode(image: ImageFile.ImageFile, expected: PhotographSettings) -> None:
    deep = expected.bits == 16
    modes = _DEEP_MODES[expected.channels] if deep else (_MODES[expected.channels],)
    if image.mode not in modes:
        raise UnusablePhotographError(
            f"The image has mode {image.mode}; the line expects {modes[0]} ({expected.bits} bit).",
            "Export it in that mode, or set photograph.channels to what the camera delivers.",
        )
    frames = getattr(image, "n_frames", 1)
    if image.format != "MPO" and frames != 1:
        raise UnusablePhotographError(
            f"The file holds {frames} images.", "Export one image a file: nobody knows which one."
        )


def _refuse_other_size(height_px: int, width_px: int, expected: PhotographSettings) -> None:
    wanted = (expected.height_px or height_px, expected.width_px or width_px)
    if (height_px, width_px) != wanted:
        raise UnusablePhotographError(
            f"The image is {width_px} x {height_px} px; "
            f"the line expects {wanted[1]} x {wanted[0]} px.",
            "Photograph it again, or set photograph.width_px and height_px.",
        )


def _by_opencv(content: bytes, flags: int) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if pixels is None:
        raise ValueError("its image data cannot be decoded")
    return np.asarray(pixels)


def _deep(content: bytes, expected: PhotographSettings) -> UInt8Array:
    """Linear from the line's black level (0) to its white level (255), rounded, clipped."""
    # With any other flag OpenCV gives 8 bits, or swaps the channels of a TIFF wrongly.
    pixels = _by_opencv(content, cv2.IMREAD_UNCHANGED)
    if pixels.dtype != np.uint16 or pixels.ndim != (2 if expected.channels == 1 else 3):
        raise ValueError("it decodes to other samples than its header says")
    span = expected.white_level - expected.black_level
    levels = (np.arange(65_536, dtype=np.float64) - expected.black_level) * (255 / span)
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    scaled = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), _ROWS_AT_ONCE):
        # A look-up widens its indices to 64 bits: four times the image, were it done at once.
        scaled[top : top + _ROWS_AT_ONCE] = table[pixels[top : top + _ROWS_AT_ONCE]]
    return scaled if expected.channels == 1 else np.asarray(cv2.cvtColor(scaled, _BGR_TO_RGB))


def _upright(pixels_HWC: UInt8Array, orientation: int) -> UInt8Array:
    """Turned as EXIF says (CIPA DC-008, tag 274); other numbers mean nothing and change nothing."""
    match orientation:
        case 2:
            return pixels_HWC[:, ::-1]
        case 3:
            return pixels_HWC[::-1, ::-1]
        case 4:
            return pixels_HWC[::-1]
        case 5:
            return pixels_HWC.transpose(1, 0, 2)
        case 6:
            return pixels_HWC[::-1].transpose(1, 0, 2)
        case 7:
            return pixels_HWC[::-1, ::-1].transpose(1, 0, 2)
        case 8:
            return pixels_HWC[:, ::-1].transpose(1, 0, 2)
        case _:
            return pixels_HWC


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
