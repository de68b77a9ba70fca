"""Settings of the archive: source, expected photographs, roles."""

from __future__ import annotations

import os
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from tasks.vocabulary.settings import Settings

# A path object would turn s3://bucket into s3:/bucket, hence text.
PlaceName = Annotated[
    str,
    BeforeValidator(lambda place: os.fspath(place) if isinstance(place, os.PathLike) else place),
]
ManifestColumn = Literal[
    "path",
    "label",
    "family",
    "product",
    "line",
    "camera",
    "panel",
    "lot",
    "serial",
    "captured_at",
]


class ElpvSource(Settings):
    """The PyPI package `elpv-dataset`: 2,624 electroluminescence images of solar cells, 300 x 300 px."""

    kind: Literal["elpv"] = "elpv"
    cell_type: Literal["mono", "poly"] = "mono"


class _Place(Settings):
    """An archive at a local path or a URL: `images/pcba`, `s3://bucket/prefix`.

    Credentials of object stores come from their usual variables (AWS_ACCESS_KEY_ID, ...).
    """

    path: PlaceName
    endpoint_url: str | None = Field(
        None, description="of an S3-compatible server; unset: Amazon's, or AWS_ENDPOINT_URL"
    )
    suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


class _Labels(Settings):
    """The words that stand for each label."""

    normal: tuple[str, ...] = ("normal",)
    abnormal: tuple[str, ...] = ("abnormal",)
    undecided: tuple[str, ...] = ("undecided",)

    @model_validator(mode="after")
    def _one_label_a_word(self) -> Self:
        words = [*set(self.normal), *set(self.abnormal), *set(self.undecided)]
        if doubled := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"{', '.join(doubled)} stands for two labels; keep one of them")
        return self


class FolderSource(_Place, _Labels):
    """A directory or prefix with class folders anywhere in the path; elsewhere nothing is labelled.

    `2026-11-20/normal/a.png` and `normal/2026/11/20/a.png` are both normal. Two class folders of
    different labels in one path contradict each other and give no label.
    """

    kind: Literal["folder"] = "folder"
    captured_at: Literal["path", "modified"] = Field(
        "path", description="date in the names of the folders, or when the file was last written"
    )


class MvtecSource(_Place):
    """The layout of MVTec AD: `train/good`, `test/good`, `test/<defect>`; `ground_truth` is left out."""

    kind: Literal["mvtec"] = "mvtec"
    category: str | None = Field(None, description="one product; unset: all below path")


class ManifestSource(_Labels):
    """A CSV or Parquet table with a row for each photograph; every column but `path` may be missing."""

    kind: Literal["manifest"] = "manifest"
    path: PlaceName
    endpoint_url: str | None = None
    root: PlaceName | None = Field(
        None, description="of relative paths; unset: the folder of the manifest"
    )
    columns: dict[ManifestColumn, str] = Field(
        {}, description="our name: the manifest's name, where they differ"
    )
    only: dict[ManifestColumn, str] = Field({}, description="keeps the rows with these values")


SourceSettings = Annotated[
    ElpvSource | FolderSource | MvtecSource | ManifestSource, Field(discriminator="kind")
]


class PhotographSettings(Settings):
    """What a photograph of this line must be; anything else is quarantined, never guessed."""

    height_px: PositiveInt | None = Field(None, description="unset: any height")
    width_px: PositiveInt | None = Field(None, description="unset: any width")
    channels: Literal[1, 3]
    # Pillow refuses twice its own limit of 89 megapixels; a larger number here would be a false promise.
    largest_megapixels: int = Field(150, gt=0, le=178)
    bits: Literal[8, 16] = 8
    black_level: int = Field(0, ge=0, description="16 bits: becomes 0, as does what is darker")
    white_level: int = Field(65_535, le=65_535, description="16 bits: becomes 255")

    @model_validator(mode="after")
    def _levels_are_levels(self) -> Self:
        if self.black_level >= self.white_level:
            raise ValueError(
                f"black_level={self.black_level} is not below white_level={self.white_level}"
            )
        if self.bits == 8 and (self.black_level, self.white_level) != (0, 65_535):
            raise ValueError("black_level and white_level are for 16 bits; set bits: 16")
        return self

    @model_validator(mode="after")
    def _small_enough(self) -> Self:
        if (self.height_px or 1) * (self.width_px or 1) > self.largest_megapixels * 1_000_000:
            raise ValueError(
                f"{self.height_px} x {self.width_px} px are more than "
                f"largest_megapixels={self.largest_megapixels}; raise it"
            )
        return self


class ClassCounts(Settings):
    """How many images of each class a role takes."""

    normal: PositiveInt
    abnormal: PositiveInt


class RoleSettings(Settings):
    """Sizes of the roles in the order in which they are filled; certification takes what is left.

    The source paper (VQGanoDIP, section 4.1): 360 normals for the reconstruction, m = 30 further
    normals for the mask, 174 normal and 174 abnormal images for the metric table.
    """

    reconstruction: PositiveInt = 360
    validation: PositiveInt = Field(
        36, description="of the reconstruction images, chooses the checkpoint"
    )
    mask: int = Field(30, ge=0, description="0: products without a fixed position, no mask")
    development: ClassCounts = ClassCounts(normal=174, abnormal=174)
    balance_families: bool = Field(
        False, description="development takes the abnormal images evenly from the defect families"
    )
    certification: Literal["newest", "shuffled"] = Field(
        "newest", description="where photographs have a time: the other roles take the oldest"
    )
    group_by: tuple[Literal["panel", "lot", "serial"], ...] = Field(
        ("panel", "lot", "serial"), description="images that share one of these share their role"
    )
    near_duplicates: float | None = Field(
        0.85,
        gt=0.0,
        le=1.0,
        description="images that correlate more share their role; null: nothing is compared",
    )
    seed: int = 0

    @model_validator(mode="after")
    def _some_left_to_learn_from(self) -> Self:
        if self.validation >= self.reconstruction:
            raise ValueError(
                f"validation={self.validation} takes all of the {self.reconstruction} "
                "reconstruction images; lower it"
            )
        return self


class RetrainingSettings(Settings):
    """What of new images is kept to learn from, and when a night learns from it.

    Images that come after the first night certify, or wait with the chance `share` to be learnt from; a
    night that trains nothing costs only what is new. Waiting images are learnt from as soon as one
    of these holds, and `least` normals wait at all: `normals` of them wait, the line learnt `days` ago, or
    its certificate is suspended (`on_drift`). A person may always ask for it (`retrain --learn`).
    """

    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    normals: PositiveInt | None = 200
    days: PositiveInt | None = 30
    on_drift: bool = True
    least: PositiveInt = 20
