"""What a column of properties is: its name, its words for people, and what it would mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["raw", "normalised", "file", "given"]
"""`normalised`: of an image with zero mean and unit spread; `given`: told by the archive or the file
of scores, not measured."""

Value = float | str | None
"""A number, or the name of a category; None where the property could not be read."""


@dataclass(frozen=True)
class Column:
    """One property of every image.

    `words` name it in a sentence; `instead` is what a score may have learned if it separates the
    classes; `may_be_defect` where a large defect changes it by itself. `partner` is the same property
    after normalisation.
    """

    name: str
    words: str
    instead: str
    form: Form
    may_be_defect: bool = False
    partner: str | None = None


@dataclass(frozen=True)
class PropertyTable:
    """Properties of N images: `values[name]` has one value an image, in the order of all others."""

    columns: tuple[Column, ...]
    values: Mapping[str, Sequence[Value]] = field(default_factory=dict)

    def beside(self, other: PropertyTable) -> PropertyTable:
        """The properties of both tables, which are of the same images."""
        return PropertyTable(self.columns + other.columns, {**self.values, **other.values})


def collected(columns: Sequence[Column], images: Sequence[Mapping[str, Value]]) -> PropertyTable:
    """Turn one mapping an image into columns; what an image does not have is None."""
    return PropertyTable(
        tuple(columns), {one.name: [image.get(one.name) for image in images] for one in columns}
    )
