"""What of a photograph can be told without its pixels: how it was encoded, and what was written beside.

Nothing is decoded but headers; a property that a format does not have is "none" or None.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from tasks.confounds.columns import Value
from tasks.vocabulary.errors import NoAnswerError

NONE = "none"
_PNG_SIGNATURE_BYTES = 8
_PNG_LEVELS = ("fastest", "fast", "default", "best")
_FILTERS = ("none", "sub", "up", "average", "paeth")
_INFLATED_BYTES = 1 << 16
_TIFF_COMPRESSION = 259
_SUBSAMPLINGS = {
    (1, 1): "4:4:4",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (1, 2): "4:4:0",
    (4, 1): "4:1:1",
}
# Sum of the luminance table that quality 50 stands for (ITU-T T.81, table K.1).
_SUM_AT_50 = 3688.0
_LONGEST_WORDS = 60


@dataclass(frozen=True, eq=False)
class EncodedFile:
    """The bytes of a file and what Pillow reads from their head; `exif` by tag number."""

    content: bytes
    image: Image.Image
    exif: dict[int, Any]

    @property
    def is_jpeg(self) -> bool:
        """Also several JPEG pictures in one file (MPO)."""
        return self.image.format in ("JPEG", "MPO")


def opened(content: bytes) -> EncodedFile:
    """Read the head of a file; NoAnswerError where it is empty or no image that Pillow knows."""
    if not content:
        raise NoAnswerError("The file is empty.", "Copy it from the camera again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content))
            found = _exif(content, image)
            exif = {**found, **found.get_ifd(ExifTags.IFD.Exif)}
    except Exception as error:  # decoders raise nearly everything on hostile bytes
        raise NoAnswerError(
            "The file is not an image that can be read.", "Export it as PNG, JPEG, BMP or TIFF."
        ) from error
    return EncodedFile(content, image, exif)


def _exif(content: bytes, image: Image.Image) -> Image.Exif:
    if image.format != "PNG":
        return image.getexif()
    found = Image.Exif()  # Pillow would decode the whole image to give its EXIF
    for name, start, length in _chunks(content):
        if name == "eXIf":
            found.load(content[start : start + length])
    return found


def pixels_of(file: EncodedFile) -> NDArray[np.generic]:
    """`[H, W]` or `[H, W, 3]` from 0 to 255; NoAnswerError where the image is cut off or damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.image.load()
            return _eight_bits(file.image)
    except Exception as error:  # as above
        raise NoAnswerError(
            "The image is damaged or truncated.", "Copy it from the camera again."
        ) from error


def _eight_bits(image: Image.Image) -> NDArray[np.generic]:
    """16 bits are divided by 257, floats from 0 to 1 multiplied by 255; transparency is left out."""
    if image.mode.startswith("I"):
        return np.asarray(image, dtype=np.float32) / np.float32(257.0)
    if image.mode == "F":
        grey_HW = np.nan_to_num(np.asarray(image, dtype=np.float32))
        return grey_HW * np.float32(255.0) if grey_HW.max(initial=0.0) <= 1.0 else grey_HW
    plain = "L" if image.mode in ("1", "L", "LA") else "RGB"
    return np.asarray(image.convert(plain))


def file_format(file: EncodedFile) -> Value:
    """Name of the format."""
    return file.image.format or NONE


def n_bytes(file: EncodedFile) -> Value:
    """Length of the file."""
    return float(len(file.content))


def bytes_per_pixel(file: EncodedFile) -> Value:
    """Length of the file by pixel: how much there was to encode."""
    return len(file.content) / max(1, file.image.width * file.image.height)


def height_px(file: EncodedFile) -> Value:
    """Height as stored."""
    return float(file.image.height)


def width_px(file: EncodedFile) -> Value:
    """Width as stored."""
    return float(file.image.width)


def depth(file: EncodedFile) -> Value:
    """Pixel mode, which says channels and bits."""
    if file.image.format == "PNG" and len(file.content) > 24:
        return f"{file.image.mode}, {file.content[24]} bit"
    return file.image.mode


def luma_table(file: EncodedFile) -> Value:
    """Sum of the first quantisation table of a JPEG."""
    return _table_sum(file, 0)


def chroma_table(file: EncodedFile) -> Value:
    """Sum of the second quantisation table of a JPEG."""
    return _table_sum(file, 1)


def quality(file: EncodedFile) -> Value:
    """JPEG quality that scales the standard's luminance table to this sum (IJG); too high below 25."""
    total = luma_table(file)
    if not isinstance(total, float):
        return None
    scale = 100.0 * total / _SUM_AT_50
    return (200.0 - scale) / 2.0 if scale <= 100.0 else 5000.0 / scale


def tables(file: EncodedFile) -> Value:
    """Digest of all quantisation tables of a JPEG: the encoder's hand."""
    found = _tables(file)
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:8] if found else NONE


def subsampling(file: EncodedFile) -> Value:
    """How much coarser a JPEG stores colour than light."""
    layers = getattr(file.image, "layer", None) if file.is_jpeg else None
    if not layers:
        return NONE
    if len(layers) < 3:
        return "grey"
    (_, h, v, _), (_, h2, v2, _) = layers[:2]
    return _SUBSAMPLINGS.get((h // max(h2, 1), v // max(v2, 1)), f"{h}x{v} to {h2}x{v2}")


def progressive(file: EncodedFile) -> Value:
    """Whether a JPEG comes in several scans."""
    if not file.is_jpeg:
        return NONE
    return "progressive" if file.image.info.get("progressive") else "baseline"


def structure(file: EncodedFile) -> Value:
    """Names of the parts of a JPEG or PNG in their order, each run of one name once."""
    try:
        names = list(_markers(file.content) if file.is_jpeg else _chunk_names(file))
    except (struct.error, IndexError):
        return "damaged"
    runs = [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]
    return " ".join(runs)[: 2 * _LONGEST_WORDS] or NONE


def png_level(file: EncodedFile) -> Value:
    """How hard a PNG was compressed, as its zlib header says (RFC 1950, FLEVEL)."""
    data = _png_data(file)
    return _PNG_LEVELS[data[1] >> 6] if len(data) > 1 else NONE


def png_filter(file: EncodedFile) -> Value:
    """Most frequent line filter in the first 64 KB of a PNG's lines; "none" for other formats too."""
    data, bands = _png_data(file), {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 2}
    size = bands.get(file.image.mode)
    if not data or size is None or file.content[28] != 0:
        return NONE
    bits = file.content[24] if file.image.mode != "I;16" else 8
    stride = 1 + (file.image.width * size * bits + 7) // 8
    try:
        lines = zlib.decompressobj().decompress(data, _INFLATED_BYTES)
    except zlib.error:
        return "damaged"
    filters = np.frombuffer(lines, np.uint8)[::stride]
    counts = np.bincount(filters[filters < len(_FILTERS)], minlength=len(_FILTERS))
    return f"PNG {_FILTERS[int(counts.argmax())]}"


def tiff_compression(file: EncodedFile) -> Value:
    """Number of a TIFF's compression."""
    tags = getattr(file.image, "tag_v2", None)
    return NONE if tags is None else str(tags.get(_TIFF_COMPRESSION, 1))


def resolution(file: EncodedFile) -> Value:
    """Pixels per inch that the file claims."""
    found = file.image.info.get("dpi")
    return NONE if not found else " x ".join(f"{float(each):.0f}" for each in found)


def has_exif(file: EncodedFile) -> Value:
    """Whether a camera or a program wrote EXIF."""
    return "yes" if file.exif else "no"


def software(file: EncodedFile) -> Value:
    """Name of the program that wrote the file, where it says so."""
    return _words(file.exif.get(ExifTags.Base.Software) or file.image.info.get("Software"))


def camera(file: EncodedFile) -> Value:
    """Make and model of the camera, where it says so."""
    parts = (file.exif.get(tag) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    return _words(" ".join(str(part).strip("\0 ") for part in parts if part))


def colour_profile(file: EncodedFile) -> Value:
    """Digest of the colour profile."""
    profile = file.image.info.get("icc_profile")
    return hashlib.sha256(profile).hexdigest()[:8] if profile else NONE


def _words(found: object) -> str:
    text = "" if found is None else str(found).strip("\0 ")
    return text[:_LONGEST_WORDS] or NONE


def _tables(file: EncodedFile) -> dict[int, list[int]]:
    return dict(getattr(file.image, "quantization", None) or {}) if file.is_jpeg else {}


def _table_sum(file: EncodedFile, at: int) -> float | None:
    found = _tables(file)
    return float(sum(found[at])) if at in found else None


def _markers(content: bytes) -> Iterator[str]:
    """Segments up to the first scan; EXIF is told from other application data."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        code, length = struct.unpack_from(">xBH", content, position)
        if 0xE0 <= code <= 0xEF:
            yield f"APP{code - 0xE0}"
        else:
            yield {0xDB: "DQT", 0xC4: "DHT", 0xFE: "COM", 0xDD: "DRI", 0xDA: "SOS"}.get(
                code, f"{code:02X}"
            )
        if code == 0xDA:
            return
        position += 2 + length


def _chunks(content: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, start and length of the data of every chunk of a PNG."""
    position = _PNG_SIGNATURE_BYTES
    while position + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        yield name.decode("latin-1"), position + 8, length
        position += 12 + length


def _chunk_names(file: EncodedFile) -> Iterator[str]:
    if file.image.format == "PNG":
        yield from (name for name, _, _ in _chunks(file.content))


def _png_data(file: EncodedFile) -> bytes:
    """Compressed lines of a PNG as far as 64 KB of them need, b"" for other formats."""
    if file.image.format != "PNG":
        return b""
    found = bytearray()
    for name, start, length in _chunks(file.content):
        if name == "IDAT":
            found += file.content[start : start + length]
        if len(found) >= _INFLATED_BYTES:
            break
    return bytes(found)
