"""Small pictures of image files for a page that needs no other file."""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.vocabulary.arrays import UInt8Array

_SIDE_PX = 240


def thumbnail(file: Path) -> str | None:
    """Data URI of the picture, at most 240 px a side; None where the file is no readable image.

    A certificate is no place to fail over a picture, so every refusal of the decoder is None, images
    of absurd size among them. Depths beyond 8 bits are stretched between their extremes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                return _embedded(_eight_bits(opened))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning):
        return None


def thumbnail_of(image_HWC: UInt8Array) -> str:
    """Data URI of an image in memory with one or three channels, at most 240 px a side."""
    return _embedded(Image.fromarray(image_HWC[..., 0] if image_HWC.shape[2] == 1 else image_HWC))


def _embedded(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    picture.save(buffer, format="JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _eight_bits(opened: Image.Image) -> Image.Image:
    if not opened.mode.startswith(("I", "F")):
        return opened.convert("L" if opened.mode in ("1", "L", "LA") else "RGB")
    grey_HW = np.asarray(opened, dtype=np.float64)
    low, high = float(np.nanmin(grey_HW)), float(np.nanmax(grey_HW))
    stretched_HW = (grey_HW - low) / max(high - low, 1e-12) * 255.0
    return Image.fromarray(np.nan_to_num(stretched_HW).astype(np.uint8))
