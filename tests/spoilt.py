"""Files as they lie in real archives: damaged, foreign, doubled, without a label."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.product_line import SIDE_PX, tile

# Path below the archive: the kind of its quarantine entry and words of the reason.
SPOILT = {
    "normal/broken.jpg": ("unusable", "not an image"),
    "normal/cut.png": ("unusable", "damaged or truncated"),
    "normal/cut.jpg": ("unusable", "damaged or truncated"),
    "abnormal/empty.png": ("unusable", "empty"),
    "normal/deep.png": ("unusable", "16 bits"),
    "normal/alpha.png": ("unusable", "mode RGBA"),
    "abnormal/print.jpg": ("unusable", "mode CMYK"),
    "normal/small.png": ("unusable", f"{SIDE_PX - 1} x {SIDE_PX}"),
    "normal/notes.png": ("unusable", "not an image"),
    "normal/twin.png": ("duplicate", "Same content as normal/n000.png"),
    "abnormal/torn.png": ("label", "different labels"),
    "normal/torn.png": ("label", "different labels"),
    "inbox/new.png": ("label", "Nobody said"),
}


def spoil(archive: Path) -> None:
    """Put every file of `SPOILT` into an archive."""
    for name, content in _contents(archive).items():
        place = archive / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)


def _contents(archive: Path) -> dict[str, bytes]:
    grey = Image.fromarray(tile(900, "normal"))
    png, jpeg = _encoded(grey, "PNG"), _encoded(grey, "JPEG")
    deep = np.random.default_rng(0).integers(0, 2**16, (SIDE_PX, SIDE_PX), dtype=np.uint16)
    torn = _encoded(Image.fromarray(tile(901, "normal")), "PNG")
    return {
        "normal/broken.jpg": bytes(64) + jpeg[64:],
        "normal/cut.png": png[: len(png) // 2],
        "normal/cut.jpg": jpeg[: len(jpeg) // 2],
        "abnormal/empty.png": b"",
        "normal/deep.png": cv2.imencode(".png", deep)[1].tobytes(),
        "normal/alpha.png": _encoded(grey.convert("RGBA"), "PNG"),
        "abnormal/print.jpg": _encoded(grey.convert("CMYK"), "JPEG"),
        "normal/small.png": _encoded(grey.crop((0, 0, SIDE_PX - 1, SIDE_PX)), "PNG"),
        "normal/notes.png": b"Board 17 was reworked by hand.\n",
        "normal/twin.png": (archive / "normal" / "n000.png").read_bytes(),
        "abnormal/torn.png": torn,
        "normal/torn.png": torn,
        "inbox/new.png": _encoded(Image.fromarray(tile(902, "normal")), "PNG"),
    }


def _encoded(image: Image.Image, kind: str) -> bytes:
    content = io.BytesIO()
    image.save(content, kind)
    return content.getvalue()
