"""Whole files of every format that a line may deliver, with the pixels that they hold."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tasks.archive.settings import PhotographSettings
from tasks.vocabulary.arrays import UInt8Array
from tests.archive.encoded import encoded

# Small, because they are cut at every length.
HEIGHT_PX, WIDTH_PX = 11, 9


@dataclass(frozen=True)
class Whole:
    """A file, what the line expects, and the samples in it; None where they are compressed with loss."""

    content: bytes
    expected: PhotographSettings
    pixels: NDArray[Any] | None


def noise(*further: int, seed: int = 0) -> UInt8Array:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (HEIGHT_PX, WIDTH_PX, *further), dtype=np.uint8)


def deep_noise(*further: int) -> NDArray[np.uint16]:
    generator = np.random.default_rng(1)
    return generator.integers(0, 2**16, (HEIGHT_PX, WIDTH_PX, *further), dtype=np.uint16)


def tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    content = io.BytesIO()
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    tifffile.imwrite(content, pixels, **{"photometric": photometric, **options})
    return content.getvalue()


def by_opencv(pixels: NDArray[Any], suffix: str, options: tuple[int, ...] = ()) -> bytes:
    shown = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    done, content = cv2.imencode(suffix, shown, options)
    assert done
    return content.tobytes()


LZW = (cv2.IMWRITE_TIFF_COMPRESSION, 5)
DEFLATE = (cv2.IMWRITE_TIFF_COMPRESSION, 8)
RAW = (cv2.IMWRITE_TIFF_COMPRESSION, 1)


def lossless() -> dict[str, tuple[bytes, NDArray[Any]]]:
    grey, colour, deep, deep_colour = noise(), noise(3), deep_noise(), deep_noise(3)
    files: dict[str, tuple[bytes, NDArray[Any]]] = {}
    for name, pixels in {"grey": grey, "colour": colour}.items():
        files[f"png {name}"] = encoded(pixels), pixels
        files[f"bmp {name}"] = encoded(pixels, "BMP"), pixels
        files[f"tiff {name}"] = encoded(pixels, "TIFF"), pixels
        for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
            content = encoded(pixels, "TIFF", compression=compression)
            files[f"tiff {name} {compression}"] = content, pixels
        files[f"tiff {name} tiled"] = tiff(pixels, tile=(16, 16)), pixels
        files[f"tiff {name} large tiles"] = tiff(pixels, tile=(64, 64)), pixels
        files[f"tiff {name} strips"] = tiff(pixels, rowsperstrip=5), pixels
        files[f"tiff {name} big-endian"] = tiff(pixels, byteorder=">"), pixels
        files[f"tiff {name} bigtiff"] = tiff(pixels, bigtiff=True), pixels
    files["tiff colour planes"] = tiff(np.moveaxis(colour, 2, 0), planarconfig="separate"), colour
    for name, samples in {"grey": deep, "colour": deep_colour}.items():
        files[f"png 16 {name}"] = by_opencv(samples, ".png"), samples
        files[f"tiff 16 {name} strips"] = tiff(samples, rowsperstrip=7), samples
        files[f"tiff 16 {name} tiled"] = tiff(samples, tile=(16, 16)), samples
        files[f"tiff 16 {name} big-endian"] = tiff(samples, byteorder=">"), samples
        for compression, options in {"raw": RAW, "lzw": LZW, "deflate": DEFLATE}.items():
            files[f"tiff 16 {name} {compression}"] = by_opencv(samples, ".tiff", options), samples
    return files


def lossy() -> dict[str, tuple[bytes, int]]:
    thumbnail = Image.Exif()
    thumbnail[0x010F] = "A camera" * 20
    files: dict[str, tuple[bytes, int]] = {}
    for name, pixels in {"grey": noise(), "colour": noise(3)}.items():
        channels = 1 if pixels.ndim == 2 else 3
        files[f"jpeg {name}"] = encoded(pixels, "JPEG"), channels
        files[f"jpeg {name} progressive"] = encoded(pixels, "JPEG", progressive=True), channels
        files[f"jpeg {name} exif"] = encoded(pixels, "JPEG", exif=thumbnail), channels
        files[f"jpeg {name} restarts"] = (
            encoded(pixels, "JPEG", restart_marker_blocks=1),
            channels,
        )
    return files


def _expected(channels: int, bits: int) -> PhotographSettings:
    return PhotographSettings.model_validate(
        {"height_px": HEIGHT_PX, "width_px": WIDTH_PX, "channels": channels, "bits": bits}
    )


WHOLE: dict[str, Whole] = {
    name: Whole(
        content,
        _expected(1 if pixels.ndim == 2 else 3, pixels.dtype.itemsize * 8),
        pixels,
    )
    for name, (content, pixels) in lossless().items()
} | {
    name: Whole(content, _expected(channels, 8), None)
    for name, (content, channels) in lossy().items()
}
