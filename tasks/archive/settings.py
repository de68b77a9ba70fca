"""Settings of the archive: source, expected photographs, roles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from tasks.vocabulary.settings import Settings


class ElpvSource(Settings):
    """The PyPI package `elpv-dataset`: 2,624 electroluminescence images of solar cells, 300 x 300 px."""

    kind: Literal["elpv"] = "elpv"
    cell_type: Literal["mono", "poly"] = "mono"


class FolderSource(Settings):
    """A directory with one sub-folder per class; images in any other place count as unlabelled."""

    kind: Literal["folder"] = "folder"
    path: Path
    normal: tuple[str, ...] = ("normal",)
    abnormal: tuple[str, ...] = ("abnormal",)
    undecided: tuple[str, ...] = ("undecided",)
    suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


SourceSettings = Annotated[ElpvSource | FolderSource, Field(discriminator="kind")]


class PhotographSettings(Settings):
    """What a photograph of this line must be; anything else is quarantined, never guessed."""

    height_px: PositiveInt
    width_px: PositiveInt
    channels: Literal[1, 3]


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
    seed: int = 0

    @model_validator(mode="after")
    def _some_left_to_learn_from(self) -> Self:
        if self.validation >= self.reconstruction:
            raise ValueError(
                f"validation={self.validation} takes all of the {self.reconstruction} "
                "reconstruction images; lower it"
            )
        return self
