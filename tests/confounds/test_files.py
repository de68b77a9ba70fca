"""File properties of files whose encoder is known; bad files are no answer, never another error."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tasks.confounds.files import opened, pixels_of
from tasks.confounds.properties import FILE_PROPERTIES, file_columns, file_values
from tasks.vocabulary.errors import NoAnswerError
from tests.confounds.screens import encoded, noise

COLOUR = noise(2, 32, 3)


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_the_quality_of_a_jpeg_is_estimated_from_its_tables(quality: int) -> None:
    found = file_values(opened(encoded(COLOUR, "JPEG", quality=quality)))
    assert found["file.jpeg_quality"] == pytest.approx(quality, abs=1.0)
    assert found["file.format"] == "JPEG"


def test_a_jpeg_names_its_subsampling_scans_and_parts() -> None:
    full = file_values(opened(encoded(COLOUR, "JPEG", subsampling=0, progressive=True)))
    assert (full["file.jpeg_subsampling"], full["file.jpeg_scans"]) == ("4:4:4", "progressive")
    half = file_values(opened(encoded(COLOUR, "JPEG", subsampling=2, comment=b"x")))
    assert (half["file.jpeg_subsampling"], half["file.jpeg_scans"]) == ("4:2:0", "baseline")
    assert str(half["file.structure"]).startswith("APP0")
    assert "COM" in str(half["file.structure"])
    assert file_values(opened(encoded(noise(1), "JPEG")))["file.jpeg_subsampling"] == "grey"


def test_a_png_names_its_level_filter_and_text() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Software", "Line camera 3")
    fast = file_values(opened(encoded(COLOUR, "PNG", compress_level=1, pnginfo=told)))
    best = file_values(opened(encoded(COLOUR, "PNG", compress_level=9)))
    assert (fast["file.png_level"], best["file.png_level"]) == ("fastest", "best")
    assert str(best["file.png_filter"]).startswith("PNG ")
    assert (fast["file.software"], best["file.software"]) == ("Line camera 3", "none")
    assert best["file.structure"] == "IHDR IDAT IEND"
    assert (best["file.jpeg_quality"], best["file.jpeg_tables"]) == (None, "none")
    assert best["file.depth"] == "RGB, 8 bit"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_tells_camera_and_program(kind: str) -> None:
    exif = Image.Exif()
    exif[271], exif[272], exif[305] = "Maker", "Model 7", "Viewer 1"
    found = file_values(opened(encoded(COLOUR, kind, exif=exif)))
    wanted = ("yes", "Maker Model 7", "Viewer 1")
    assert (found["file.exif"], found["file.camera"], found["file.software"]) == wanted
    assert file_values(opened(encoded(COLOUR, "PNG")))["file.exif"] == "no"


def test_sizes_and_resolution() -> None:
    content = encoded(noise(1)[:20], "PNG", dpi=(300, 300))
    found = file_values(opened(content))
    assert (found["file.height"], found["file.width"]) == (20.0, 40.0)
    assert found["file.bytes"] == len(content)
    assert found["file.bytes_per_pixel"] == pytest.approx(len(content) / 800, rel=1e-5)
    assert found["file.resolution"] == "300 x 300"


def test_deep_and_float_images_become_0_to_255() -> None:
    deep = np.array([[0, 65535]], np.uint16)
    assert pixels_of(opened(encoded(deep, "PNG"))).tolist() == [[0.0, 255.0]]
    part = np.array([[0.0, 1.0]], np.float32)
    assert pixels_of(opened(encoded(part, "TIFF"))).tolist() == [[0.0, 255.0]]
    place = io.BytesIO()
    Image.new("RGBA", (3, 2), (10, 20, 30, 0)).save(place, "PNG")
    assert pixels_of(opened(place.getvalue())).shape == (2, 3, 3)


@pytest.mark.parametrize("content", [b"", b"text", encoded(COLOUR)[:20], b"\xff\xd8\xff" * 9])
def test_what_is_no_image_is_no_answer(content: bytes) -> None:
    with pytest.raises(NoAnswerError):
        opened(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_half_a_file_has_no_pixels(kind: str) -> None:
    whole = encoded(noise(1, 200), kind)
    with pytest.raises(NoAnswerError):
        pixels_of(opened(whole[: len(whole) // 2]))


@given(at=st.integers(0, 2000), byte=st.integers(0, 255), kind=st.sampled_from(["JPEG", "PNG"]))
def test_no_damage_breaks_the_screening(at: int, byte: int, kind: str) -> None:
    content = bytearray(encoded(COLOUR, kind))
    content[at % len(content)] = byte
    try:
        found = file_values(opened(bytes(content)))
    except NoAnswerError:
        return
    assert set(found) == {one.name for one in file_columns()}
    assert len(found) == len(FILE_PROPERTIES)
