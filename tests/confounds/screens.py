"""Images, tables and screenings that the tests of this room start from."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.confounds.columns import Column, PropertyTable, collected
from tasks.confounds.files import opened, pixels_of
from tasks.confounds.properties import file_columns, file_values, pixel_columns, pixel_values
from tasks.confounds.screening import Screening, screened
from tasks.confounds.separation import Separation, features_of, separations
from tasks.confounds.settings import ConfoundSettings

QUICK = ConfoundSettings(permutations=60, repeats=2)


def encoded(pixels: NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:
    place = io.BytesIO()
    Image.fromarray(pixels).save(place, kind, **options)
    return place.getvalue()


def noise(number: int, side: int = 40, channels: int = 1) -> NDArray[np.uint8]:
    generator = np.random.default_rng(number)
    shape = (side, side) if channels == 1 else (side, side, channels)
    return np.clip(generator.normal(120, 15, shape), 0, 255).astype(np.uint8)


def screen_files(files: list[bytes], abnormal: list[bool], pixels: bool = False) -> Screening:
    """Screen encoded files, each of them its own part."""
    rows = []
    for content in files:
        file = opened(content)
        more = dict(pixel_values("photograph", pixels_of(file))) if pixels else {}
        rows.append(file_values(file) | more)
    columns = (*file_columns(), *(pixel_columns("photograph", "") if pixels else ()))
    return screen_table(collected(columns, rows), abnormal)


def screen_pixels(
    count: int, change: Callable[[NDArray[np.float64], bool], NDArray[np.float64]]
) -> Screening:
    """Screen images of noise of which every other one is a defect, after `change`."""
    rows = []
    for number in range(count):
        changed = change(noise(number).astype(np.float64), number % 2 == 1)
        rows.append(pixel_values("photograph", np.clip(changed, 0, 255).astype(np.uint8)))
    table = collected(pixel_columns("photograph", "of the photograph"), rows)
    return screen_table(table, [number % 2 == 1 for number in range(count)])


def screen_table(
    table: PropertyTable, abnormal: list[bool], groups: list[int] | None = None
) -> Screening:
    numbers = np.arange(len(abnormal)) if groups is None else np.array(groups)
    return screened(table, np.array(abnormal), numbers, QUICK)


def separate(
    table: PropertyTable,
    abnormal: list[bool],
    groups: list[int] | None = None,
    permutations: int = 60,
) -> tuple[Separation, ...]:
    """Every property alone, without fitting anything."""
    numbers = np.arange(len(abnormal)) if groups is None else np.array(groups)
    labels = np.array(abnormal)
    return separations(table, features_of(table), labels, numbers, permutations, 0.95, 0)


def numbers(**columns: list[float | None]) -> PropertyTable:
    made = tuple(Column(name, f"the {name}", "the lamp", "raw") for name in columns)
    return PropertyTable(made, dict(columns))


def of(screening: Screening, name: str) -> Separation:
    return next(one for one in screening.properties if one.column.name == name)
