"""Annotations of photographs as JSON: zeroescape's own truth, and COCO's.

https://cocodataset.org/#format-data: boxes are [x, y, width, height], polygons [x1, y1, x2, y2, ...], from
the outer edge of the first pixel. Run-length encoded segmentations count by their box.

Legend: H height, W width, h/w those of a box, N points.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from skimage.draw import polygon2mask

from tasks.archive.drawn import Box, Truth
from tasks.vocabulary.arrays import BoolArray
from tasks.vocabulary.errors import InputError

# Annotation tools round; what sticks out further was drawn on another photograph.
_SLACK_PX = 1.0
Read = TypeVar("Read", bound=BaseModel)


def annotated_truths(content: Any, names: Sequence[str], place: str) -> AnnotatedTruths:
    """The truth that a JSON file at `place` holds about the photographs of these names.

    Raises `InputError` where it is of neither form, or speaks of other photographs.
    """
    if isinstance(content, dict) and isinstance(content.get("images"), dict):
        return _synthetic(_read(_Synthetic, content, place), names, place)
    return _coco(_read(_Coco, content, place), names, place)


class _Foreign(BaseModel):
    """What another program wrote: it may say more than is read here."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _SyntheticDefect(_Foreign):
    kind: str
    box_photograph: Box


class _SyntheticImage(_Foreign):
    defects: list[_SyntheticDefect]


class _SyntheticDesign(_Foreign):
    height_px: int
    width_px: int


class _Synthetic(_Foreign):
    design: _SyntheticDesign
    images: dict[str, _SyntheticImage]


class _CocoImage(_Foreign):
    id: int | str
    file_name: str
    height: int
    width: int


class _CocoAnnotation(_Foreign):
    image_id: int | str
    category_id: int | str
    bbox: Box
    segmentation: list[list[float]] | dict[str, Any] | None = None


class _CocoCategory(_Foreign):
    id: int | str
    name: str


class _Coco(_Foreign):
    images: list[_CocoImage]
    annotations: list[_CocoAnnotation]
    categories: list[_CocoCategory] = []


@dataclass(frozen=True)
class AnnotatedTruths:
    """Truths that were read from one file, with the size of the photograph that they were drawn on."""

    place: str
    found: Mapping[str, tuple[tuple[int, int], tuple[Truth, ...]]]

    def of(self, name: str, size_hw: tuple[int, int]) -> tuple[Truth, ...] | None:
        """Truths of one photograph, each within its borders."""
        if name not in self.found:
            return None
        drawn_hw, truths = self.found[name]
        if drawn_hw != size_hw:
            raise InputError(
                f"{self.place} describes {name} as {drawn_hw[1]} x {drawn_hw[0]} px; the photograph has "
                f"{size_hw[1]} x {size_hw[0]} px.",
                "Annotate the photographs of the archive as they are.",
            )
        return truths


def _synthetic(content: _Synthetic, names: Sequence[str], place: str) -> AnnotatedTruths:
    size_hw = content.design.height_px, content.design.width_px
    found = {
        name: (
            size_hw,
            tuple(
                Truth(each.kind, _within(each.box_photograph, size_hw, name, place))
                for each in image.defects
            ),
        )
        for name, image in content.images.items()
    }
    _refuse_strangers(found, names, place)
    return AnnotatedTruths(place, found)


def _coco(content: _Coco, names: Sequence[str], place: str) -> AnnotatedTruths:
    kinds = {each.id: each.name for each in content.categories}
    known = _archive_names([each.file_name for each in content.images], names, place)
    images = {each.id: each for each in content.images}
    truths: dict[int | str, list[Truth]] = {each.id: [] for each in content.images}
    for each in content.annotations:
        if each.image_id not in images:
            raise InputError(
                f"{place} annotates an image {each.image_id} that it does not list.",
                "Export it again.",
            )
        image = images[each.image_id]
        kind = kinds.get(each.category_id)
        truths[each.image_id].append(_annotated(each, image, kind, place))
    found = {
        known[each.file_name]: ((each.height, each.width), tuple(truths[each.id]))
        for each in content.images
        if each.file_name in known
    }
    _refuse_strangers(found, names, place)
    return AnnotatedTruths(place, found)


def _annotated(each: _CocoAnnotation, image: _CocoImage, kind: str | None, place: str) -> Truth:
    left, top, width, height = each.bbox
    size_hw = image.height, image.width
    box = _within((top, left, top + height, left + width), size_hw, image.file_name, place)
    mask_HW = _polygons(each, size_hw, place)
    if not mask_HW.any():
        return Truth(kind, box)
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    low, high = (int(rows[0]), int(columns[0])), (int(rows[-1]) + 1, int(columns[-1]) + 1)
    inside_hw = mask_HW[low[0] : high[0], low[1] : high[1]].copy()
    return Truth(kind, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), inside_hw)


def _polygons(each: _CocoAnnotation, size_hw: tuple[int, int], place: str) -> BoolArray:
    """Pixels `[H, W]` whose centres lie in the polygons; none where there are none."""
    mask_HW = np.zeros(size_hw, np.bool_)
    for polygon in each.segmentation if isinstance(each.segmentation, list) else []:
        if len(polygon) < 6 or len(polygon) % 2:
            raise InputError(
                f"{place} has a polygon of {len(polygon)} numbers.",
                "Give x and y of three corners or more.",
            )
        # Rows and columns of centres, as skimage counts.
        corners_N2 = np.asarray(polygon, np.float64).reshape(-1, 2)[:, ::-1] - 0.5
        mask_HW |= polygon2mask(size_hw, corners_N2)  # type: ignore[no-untyped-call]
    return mask_HW


def _within(box: Box, size_hw: tuple[int, int], name: str, place: str) -> Box:
    """A box cut to its photograph; one that sticks out of it or is empty is an `InputError`."""
    top, left, bottom, right = box
    over = max(-top, -left, bottom - size_hw[0], right - size_hw[1])
    if over > _SLACK_PX or top >= bottom or left >= right:
        raise InputError(
            f"{place} has a box of {name} that is empty or sticks out of {size_hw[1]} x {size_hw[0]} px.",
            "Annotate the photograph as it is in the archive, upright.",
        )
    return max(top, 0.0), max(left, 0.0), min(bottom, size_hw[0]), min(right, size_hw[1])


def _archive_names(file_names: Sequence[str], names: Sequence[str], place: str) -> dict[str, str]:
    """The archive's name of each file name: the same path, else the only one of the same last part."""
    if len(set(file_names)) != len(file_names):
        raise InputError(f"{place} lists a file twice.", "Keep one image for each file.")
    there = set(names)
    known = {name: name for name in file_names if name in there}
    others = [name for name in file_names if name not in known]
    alike = Counter(posixpath.basename(name) for name in others)
    by_last: dict[str, list[str]] = {}
    for name in there - known.keys():
        by_last.setdefault(posixpath.basename(name), []).append(name)
    for name in others:
        last = posixpath.basename(name)
        if last in by_last and len(by_last[last]) + alike[last] > 2:
            raise InputError(
                f"{place} calls a file {name}: that could be {', '.join(sorted(by_last[last])[:3])}.",
                "Write its path in the archive as file_name.",
            )
        if last in by_last:
            known[name] = by_last[last][0]
    return known


def _refuse_strangers(found: Mapping[str, object], names: Sequence[str], place: str) -> None:
    if not found.keys() & set(names):
        raise InputError(
            f"{place} knows none of the {len(names)} photographs of this line.",
            "Name the truth of this archive with --truth.",
        )


def _read(kind: type[Read], content: Any, place: str) -> Read:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise InputError(
            f"{place} is neither zeroescape's truth nor COCO annotations ({where}: {first['msg']}).",
            "Export it again as COCO.",
        ) from error
