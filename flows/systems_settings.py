"""Which published systems are compared on which images: a YAML file beside those of the lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PositiveInt, model_validator

from flows.settings import LineName, read_mapping, validated
from tasks.vocabulary.settings import Settings


class SystemSettings(Settings):
    """One system: what tables call it, and the configuration of its line, beside this file."""

    name: str
    config: Path


class ImageSetSettings(Settings):
    """Systems that are judged on the same images; all are paired with the composite of the first."""

    name: LineName
    systems: Annotated[tuple[SystemSettings, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        for found in ([one.name for one in self.systems], [one.config for one in self.systems]):
            if len(set(found)) < len(found):
                raise ValueError("a system is listed twice")
        return self


class SystemsSettings(Settings):
    """The whole comparison; `repeats` of the outer folds."""

    title: str
    repeats: PositiveInt = 2
    sets: Annotated[tuple[ImageSetSettings, ...], Field(min_length=1)]


def is_of_systems(path: Path) -> bool:
    """Whether a file compares systems, or is the configuration of one line; InputError for neither."""
    return "sets" in read_mapping(path)


def load_systems(path: Path) -> SystemsSettings:
    """Read the file; raises `InputError` that names every wrong key."""
    return validated(SystemsSettings, read_mapping(path), path)
