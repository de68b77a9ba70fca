"""The pictures of a published system as the page shows them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tasks.reporting.overlays import jpeg_bytes
from tasks.reporting.published_content import LatentPictures, PublishedContent

_WAY_PX = 1024  # 64 drawings: each as wide as 128 px
_WAY_BYTES = 300_000


@dataclass(frozen=True)
class LatentSources:
    """Sources of images that need no request: the map and the way, with their sizes in pixels."""

    map_source: str
    map_size: tuple[int, int]
    way_source: str
    way_size: tuple[int, int]


def latent_pictures(content: PublishedContent | None) -> LatentSources | None:
    """The map as it is, the way at most `_WAY_PX` long; None where there are no pictures."""
    if content is None or not isinstance(content.pictures, LatentPictures):
        return None
    found = content.pictures
    with Image.open(io.BytesIO(found.map_png)) as plot:
        map_size = plot.size
    with Image.open(io.BytesIO(found.way_png)) as way:
        way_size = way.size
        source = _source("png", found.way_png)
        if len(found.way_png) > _WAY_BYTES:
            factor = -(-max(way.size) // _WAY_PX)
            source = _source("jpeg", jpeg_bytes(np.asarray(way.reduce(factor)), _WAY_BYTES))
    return LatentSources(_source("png", found.map_png), map_size, source, way_size)


def _source(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
