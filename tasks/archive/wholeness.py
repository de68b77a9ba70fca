"""Whether the bytes of an image file are all there: decoders fill what is missing with grey or nothing."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any

from PIL import ImageFile

# A marker is 0xFF and a code; FF 00 is data, FF D0..D7 restarts it, FF FF is padding before a marker.
# One literal byte first: with a repetition there the search takes twenty times as long.
_MARKER_AFTER_DATA = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE, _TEMPORARY = 0xDA, 0xD9, 0x01
_PNG_SIGNATURE_BYTES = 8
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ROWS_PER_STRIP = 256, 257, 258, 259, 278
_TILE_WIDTH, _TILE_HEIGHT, _UNCOMPRESSED = 322, 323, 1
_LEAST_TILE_PX = 64
# Of strips and of tiles.
_OFFSETS_AND_COUNTS = ((273, 279), (324, 325))


def refuse_partial_jpeg(content: bytes) -> None:
    """Raise `ValueError` unless the segments lead from the start to the end-of-image marker.

    What follows that marker (a second, smaller picture; zeros) does not matter.
    """
    position = 2
    while True:
        if content[position : position + 1] != b"\xff":
            raise ValueError("a segment of the JPEG is missing")
        while content[position : position + 1] == b"\xff":
            position += 1
        code = content[position] if position < len(content) else None
        position += 1
        if code == _END_OF_IMAGE:
            return
        if code is None or position + 2 > len(content):
            raise ValueError("the JPEG ends before its end-of-image marker")
        if code != _TEMPORARY:
            position += struct.unpack_from(">H", content, position)[0]
        if code == _START_OF_SCAN:
            found = _MARKER_AFTER_DATA.search(content, position)
            if found is None:
                raise ValueError("the JPEG ends before its end-of-image marker")
            position = found.start()


def refuse_partial_png(content: bytes) -> bytes:
    """Raise `ValueError` unless all chunks to the last one are there, with their checksums.

    Returns what the EXIF chunk holds, b"" without one.
    """
    exif, position = b"", _PNG_SIGNATURE_BYTES
    view = memoryview(content)
    while True:
        if position + 12 > len(content):
            raise ValueError("the last chunk of the PNG is cut off")
        length, name = struct.unpack_from(">I4s", content, position)
        end = position + 12 + length
        if end > len(content):
            raise ValueError(f"the PNG ends within a chunk {name!r}")
        if (
            zlib.crc32(view[position + 4 : end - 4])
            != struct.unpack_from(">I", content, end - 4)[0]
        ):
            raise ValueError(f"the checksum of a chunk {name!r} of the PNG is wrong")
        if name == b"eXIf":
            exif = content[position + 8 : end - 4]
        if name == b"IEND":
            return exif
        position = end


def refuse_partial_bmp(content: bytes, image: ImageFile.ImageFile) -> bool:
    """Raise `ValueError` unless the file is as long as its header says (some cameras write 0).

    Returns whether the rows lie there uncompressed, all of them.
    """
    if struct.unpack_from("<I", content, 2)[0] > len(content):
        raise ValueError("the BMP is shorter than its header says")
    tile = image.tile[0]
    if tile[0] != "raw" or not isinstance(tile[3], tuple):
        return False
    stride_bytes: int = tile[3][1]
    if tile[2] + stride_bytes * image.height > len(content):
        raise ValueError("the BMP ends within its image data")
    return True


def refuse_partial_tiff(content: bytes, tags: Any) -> bool:
    """Raise `ValueError` unless all strips or tiles that the directory names lie in the file.

    Returns whether they are uncompressed, as long as their pixels need, and no tiny tiles.
    """
    offsets, counts = next(pair for pair in _OFFSETS_AND_COUNTS if pair[0] in tags)
    sizes = tuple(tags[counts])
    if len(tags[offsets]) != len(sizes) or not all(sizes):
        raise ValueError("a strip or tile of the TIFF has no data")
    if max(at + size for at, size in zip(tags[offsets], sizes, strict=True)) > len(content):
        raise ValueError("the TIFF ends within its image data")
    if tags.get(_COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED:
        return False
    return _long_enough(sizes, tags)


def _long_enough(sizes: tuple[int, ...], tags: Any) -> bool:
    bytes_a_pixel = sum(tags.get(_BITS, (1,))) // 8
    if _TILE_WIDTH in tags:
        # OpenCV cannot decode tiles of 16 x 16 px.
        if min(tags[_TILE_WIDTH], tags[_TILE_HEIGHT]) < _LEAST_TILE_PX:
            return False
        return bool(min(sizes) >= tags[_TILE_WIDTH] * tags[_TILE_HEIGHT] * bytes_a_pixel)
    rows = min(tags.get(_ROWS_PER_STRIP, tags[_HEIGHT]), tags[_HEIGHT])
    strips = -(-tags[_HEIGHT] // rows)
    last = tags[_HEIGHT] - (strips - 1) * rows
    row_bytes = tags[_WIDTH] * bytes_a_pixel
    full = all(size >= rows * row_bytes for size in sizes[:-1])
    return bool(full and len(sizes) == strips and sizes[-1] >= last * row_bytes)
