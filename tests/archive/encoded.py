"""Encoded images for the tests of decoding."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from tasks.archive.settings import PhotographSettings
from tasks.vocabulary.arrays import UInt8Array

HEIGHT_PX, WIDTH_PX = 24, 20
GREY = PhotographSettings(height_px=HEIGHT_PX, width_px=WIDTH_PX, channels=1)
COLOUR = PhotographSettings(height_px=HEIGHT_PX, width_px=WIDTH_PX, channels=3)


def noise(*further: int, seed: int = 0) -> UInt8Array:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (HEIGHT_PX, WIDTH_PX, *further), dtype=np.uint8)


def encoded(image: Image.Image | np.ndarray[Any, Any], kind: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    opened = image if isinstance(image, Image.Image) else Image.fromarray(image)
    opened.save(content, kind, **options)
    return content.getvalue()
