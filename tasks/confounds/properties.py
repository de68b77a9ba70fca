"""The trivial properties, one row each: none of them sees the product, so none should see a defect.

A property that does separate the classes says what a score may have learned in place of the defect:
the lamp, the encoder, the crop, the day. Pixel properties come twice, raw and after photometric
normalisation (zero mean, unit spread), which takes brightness and contrast out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tasks.confounds import files, pictures
from tasks.confounds.columns import Column, Value
from tasks.confounds.files import EncodedFile
from tasks.confounds.pictures import QUANTILES, Picture

LAMP, LENS = "the lamp", "the focus or the camera's noise"
ENCODER, CROP, PROGRAM = "the encoder", "the crop or the camera", "the program that wrote the files"


@dataclass(frozen=True)
class PixelProperty:
    """A number of one image.

    `words` name it, `instead` is what a score may have learned; `survives`: is something left of it
    after normalisation; `may_be_defect`: a large defect changes it by itself.
    """

    name: str
    measure: Callable[[Picture], float]
    words: str
    instead: str = LAMP
    survives: bool = True
    may_be_defect: bool = True


@dataclass(frozen=True)
class FileProperty:
    """A number or a category of one file, from its head."""

    name: str
    measure: Callable[[EncodedFile], Value]
    words: str
    instead: str = ENCODER
    may_be_defect: bool = False


def _quantile(picture: Picture, at: int) -> float:
    return float(picture.quantiles_Q[at])


PIXEL_PROPERTIES: tuple[PixelProperty, ...] = (
    PixelProperty("grey_mean", pictures.mean, "the mean grey", survives=False),
    PixelProperty("grey_spread", pictures.spread, "the contrast", survives=False),
    *(
        PixelProperty(
            f"grey_q{round(100 * share):02d}",
            partial(_quantile, at=at),
            f"the {100 * share:g} % quantile of grey",
        )
        for at, share in enumerate(QUANTILES)
    ),
    PixelProperty(
        "border_mean", pictures.frame_mean, "the brightness of the border", may_be_defect=False
    ),
    PixelProperty(
        "border_spread", pictures.frame_spread, "the contrast in the border", may_be_defect=False
    ),
    PixelProperty("border_difference", pictures.frame_difference, "the border less the middle"),
    PixelProperty("lit_from_left", pictures.lit_from_left, "how much brighter the left half is"),
    PixelProperty("lit_from_above", pictures.lit_from_above, "how much brighter the upper half is"),
    PixelProperty("gradient_energy", pictures.gradient_energy, "the gradient energy", LENS),
    PixelProperty("sharpness", pictures.sharpness, "the sharpness", LENS),
    PixelProperty("blocks", pictures.blocks, "the blocks that JPEG leaves", ENCODER, False, False),
    PixelProperty("clipped", pictures.clipped, "the share of black or white pixels", LAMP, False),
    PixelProperty("grey_levels", pictures.grey_levels, "the number of grey levels", LAMP, False),
    PixelProperty("red_cast", pictures.red_cast, "the cast of red"),
    PixelProperty("blue_cast", pictures.blue_cast, "the cast of blue"),
)

FILE_PROPERTIES: tuple[FileProperty, ...] = (
    FileProperty("format", files.file_format, "the file format"),
    FileProperty("bytes", files.n_bytes, "the file size", may_be_defect=True),
    FileProperty("bytes_per_pixel", files.bytes_per_pixel, "the bytes a pixel", may_be_defect=True),
    FileProperty("height", files.height_px, "the height of the image", CROP),
    FileProperty("width", files.width_px, "the width of the image", CROP),
    FileProperty("depth", files.depth, "channels and bit depth"),
    FileProperty("jpeg_luma", files.luma_table, "the sum of the JPEG luminance table"),
    FileProperty("jpeg_chroma", files.chroma_table, "the sum of the JPEG colour table"),
    FileProperty("jpeg_quality", files.quality, "the estimated JPEG quality"),
    FileProperty("jpeg_tables", files.tables, "the JPEG quantisation tables"),
    FileProperty("jpeg_subsampling", files.subsampling, "the JPEG colour subsampling"),
    FileProperty("jpeg_scans", files.progressive, "the JPEG scan order"),
    FileProperty("structure", files.structure, "the parts of the file"),
    FileProperty("png_level", files.png_level, "the PNG compression level"),
    FileProperty("png_filter", files.png_filter, "the PNG line filter"),
    FileProperty("tiff_compression", files.tiff_compression, "the TIFF compression"),
    FileProperty("resolution", files.resolution, "the resolution that the file claims", PROGRAM),
    FileProperty("exif", files.has_exif, "the presence of EXIF", PROGRAM),
    FileProperty("software", files.software, "the software tag", PROGRAM),
    FileProperty("camera", files.camera, "the camera tag", CROP),
    FileProperty("colour_profile", files.colour_profile, "the colour profile", PROGRAM),
)


def file_columns() -> tuple[Column, ...]:
    """Columns that `file_values` fills."""
    return tuple(
        Column(f"file.{one.name}", one.words, one.instead, "file", one.may_be_defect)
        for one in FILE_PROPERTIES
    )


def pixel_columns(source: str, of_what: str) -> tuple[Column, ...]:
    """Columns that `pixel_values` fills, for one `source` of images; `of_what` ends their words."""
    columns = []
    for one in PIXEL_PROPERTIES:
        words = f"{one.words} {of_what}".strip()
        name = f"{source}.{one.name}"
        plain = f"{name}.normalised" if one.survives else None
        columns.append(Column(name, words, one.instead, "raw", one.may_be_defect, plain))
        if plain is not None:
            said = f"{words} (brightness and contrast taken out)"
            columns.append(Column(plain, said, one.instead, "normalised", one.may_be_defect))
    return tuple(columns)


def file_values(file: EncodedFile) -> dict[str, Value]:
    """Every file property by the name of its column."""
    return {f"file.{one.name}": _finite(one.measure(file)) for one in FILE_PROPERTIES}


def pixel_values(source: str, pixels_HWC: NDArray[np.generic]) -> Mapping[str, Value]:
    """Every pixel property by the name of its column; uniform images have no normalised ones."""
    picture = Picture.of(pixels_HWC)
    found = {f"{source}.{one.name}": _finite(one.measure(picture)) for one in PIXEL_PROPERTIES}
    plain = picture.normalised()
    del picture  # with its gradients: three times the grey image
    if plain is not None:
        found |= {
            f"{source}.{one.name}.normalised": _finite(one.measure(plain))
            for one in PIXEL_PROPERTIES
            if one.survives
        }
    return found


def _finite(value: Value) -> Value:
    """Six significant digits, so that a last bit of arithmetic tells no classes apart."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if np.isfinite(value) else None
