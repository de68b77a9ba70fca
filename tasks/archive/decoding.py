"""From the bytes of a file to pixels, or to the reason why a person must look at it."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from tasks.archive.settings import PhotographSettings
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError

_MODES = {1: "L", 3: "RGB"}
# The formats named in the remedy and no other: Pillow would start Ghostscript for an EPS.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
_END_OF_PNG = b"IEND\xaeB`\x82"


class UnusablePhotographError(InputError):
    """The file cannot become a board image; it is quarantined and the rest goes on."""


def decode(content: bytes, expected: PhotographSettings) -> UInt8Array:
    """Decode a whole file into `uint8 [H, W, C]`.

    Nothing is guessed: a file that is empty, truncated or damaged, or whose size, bit depth or colour
    mode is not the line's, raises `UnusablePhotographError` with the remedy.
    """
    if not content:
        raise UnusablePhotographError("The file is empty.", "Copy it from the camera again.")
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a decompression bomb up to twice its limit; we refuse both.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Its other warnings say that it goes on with what is left of a damaged file.
            warnings.simplefilter("error", UserWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            _refuse_other_kinds(image, expected)
            pixels = np.asarray(image)
            # Checksums of all chunks to the last one; loading a PNG stops at the last pixel.
            Image.open(io.BytesIO(content), formats=_FORMATS).verify()
            if image.format == "PNG" and _END_OF_PNG not in content:
                raise OSError("the last chunk is cut off")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnusablePhotographError(
            f"The image claims too many pixels ({error}).", "Export it at the line's size."
        ) from error
    except UnidentifiedImageError as error:
        raise UnusablePhotographError(
            "The file is not an image that can be read.", "Export it as PNG, JPEG, BMP or TIFF."
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, UserWarning) as error:
        if isinstance(error, UnusablePhotographError):
            raise
        raise UnusablePhotographError(
            f"The image is damaged or truncated ({error}).", "Copy it from the camera again."
        ) from error
    return np.ascontiguousarray(pixels.reshape(expected.height_px, expected.width_px, -1))


def _refuse_other_kinds(image: ImageFile.ImageFile, expected: PhotographSettings) -> None:
    if any(";16" in str(part) for tile in image.tile for part in tile):
        # Pillow gives such colour images the mode RGB and drops the lower 8 bits without a word.
        raise UnusablePhotographError(
            "The image has 16 bits a channel; the line expects 8.",
            "Export it with 8 bits a channel.",
        )
    if image.mode != _MODES[expected.channels]:
        raise UnusablePhotographError(
            f"The image has mode {image.mode}; the line expects {_MODES[expected.channels]} (8 bit).",
            "Export it in that mode, or set photograph.channels to what the camera delivers.",
        )
    if image.size != (expected.width_px, expected.height_px):
        raise UnusablePhotographError(
            f"The image is {image.width} x {image.height} px; "
            f"the line expects {expected.width_px} x {expected.height_px} px.",
            "Photograph it again, or set photograph.width_px and height_px.",
        )
