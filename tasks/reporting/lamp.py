"""A light of a line as a small picture, for pages whose fonts have no coloured signs."""

from __future__ import annotations

import base64
import io
from typing import Literal

from PIL import Image, ImageDraw

_COLOURS = {"green": "#1e8e3e", "yellow": "#e6a700", "red": "#c5221f"}
_SIDE_PX, _FINER = 22, 4


def lamp(colour: Literal["green", "yellow", "red"]) -> str:
    """Data URI of a disc of that colour, transparent around it."""
    side = _SIDE_PX * _FINER
    large = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    ImageDraw.Draw(large).ellipse((2, 2, side - 3, side - 3), fill=_COLOURS[colour])
    buffer = io.BytesIO()
    large.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
