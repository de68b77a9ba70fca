"""What is true of the photographs of an archive: where their defects are, as somebody drew them.

Three forms are read: the masks of MVTec AD's layout (`ground_truth/<defect>/<name>_mask.png`), the
truth.json of `zeroescape synthesize`, and COCO annotations (their boxes, and polygons where they have some;
run-length encoded ones count by their box). A box is (top, left, bottom, right) in px of the photograph
as it is shown upright, the last two exclusive; pixel centres lie at integers, edges half a px around.

Legend: H height, W width, h/w those of a box, N points.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, assert_never

import numpy as np
from scipy import ndimage

from tasks.archive.annotations import annotated_truths
from tasks.archive.decoding import UnusablePhotographError, decode
from tasks.archive.drawn import Truth, board_mask
from tasks.archive.photograph import Photograph
from tasks.archive.reading import read_photograph
from tasks.archive.remote import is_remote, local_path
from tasks.archive.settings import (
    ElpvSource,
    FolderSource,
    ManifestSource,
    MvtecSource,
    PhotographSettings,
    SourceSettings,
)
from tasks.vocabulary.arrays import BoolArray
from tasks.vocabulary.errors import InputError

__all__ = ["Truth", "Truths", "board_mask", "open_truths", "truth_place"]

SYNTHETIC = "truth.json"
# Pixels that touch at a corner are one defect, as in MVTec's own evaluation.
_NEIGHBOURS = np.ones((3, 3), np.bool_)


class Truths(Protocol):
    """The truth about an archive."""

    def of(self, name: str, size_hw: tuple[int, int]) -> tuple[Truth, ...] | None:
        """Defects of the photograph of a name and size; None where nothing is known of it.

        Raises `InputError` where the truth cannot be read or was drawn on a photograph of another size.
        """
        ...


def truth_place(source: SourceSettings) -> str:
    """Where the truth of an archive lies if nobody says; `InputError` where there is no such place."""
    match source:
        case MvtecSource():
            return "/".join(part for part in (source.path.rstrip("/"), source.category) if part)
        case ManifestSource():
            return posixpath.join(posixpath.dirname(source.path), SYNTHETIC)
        case ElpvSource() | FolderSource():
            raise InputError(
                "This archive says nowhere where its defects are.",
                "Name a COCO file with --truth.",
            )
        case _:
            assert_never(source)


def open_truths(place: str, names: Sequence[str], endpoint_url: str | None = None) -> Truths:
    """The truth at a place (path or URL) about the photographs of these names.

    A name ending in .json is zeroescape's or COCO's, anything else the root of an archive in MVTec AD's
    layout. Raises `InputError` for a file that cannot be read, is neither, or speaks of other photographs;
    `ConnectionError` and `TimeoutError` pass, they may pass by themselves.
    """
    if not place.lower().endswith(".json"):
        return _Masks(place.rstrip("/").removesuffix("/ground_truth"), endpoint_url)
    try:
        content: Any = json.loads(_bytes(place, endpoint_url))
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise _unreadable(place, error) from error
    except ValueError as error:
        raise InputError(f"{place} is not JSON ({error}).", "Export it again.") from error
    return annotated_truths(content, names, place)


@dataclass(frozen=True)
class _Masks:
    """Masks in MVTec AD's layout, read when asked for."""

    root: str
    endpoint_url: str | None

    def of(self, name: str, size_hw: tuple[int, int]) -> tuple[Truth, ...] | None:
        """One truth for each connected component of the mask."""
        parts = name.split("/")
        if len(parts) < 3 or parts[-3] != "test":
            return None
        kind = parts[-2]
        if kind == "good":
            return ()
        folder = "/".join([self.root, *parts[:-3], "ground_truth", kind])
        stem = parts[-1].rpartition(".")[0]
        for place in (f"{folder}/{stem}_mask.png", f"{folder}/{stem}.png"):
            try:
                content = _bytes(place, self.endpoint_url)
            except FileNotFoundError:
                continue
            except (ConnectionError, TimeoutError):
                raise
            except OSError as error:
                raise _unreadable(place, error) from error
            return _components(kind, _mask(content, place, size_hw), place)
        return None


def _mask(content: bytes, place: str, size_hw: tuple[int, int]) -> BoolArray:
    try:
        mask_HW1 = decode(content, PhotographSettings(channels=1))
    except UnusablePhotographError as error:
        raise InputError(
            f"The mask {place} cannot be used. {error.what}", "Export it as grey PNG of 8 bits."
        ) from error
    if mask_HW1.shape[:2] != size_hw:
        height, width = mask_HW1.shape[:2]
        raise InputError(
            f"The mask {place} is {width} x {height} px, its photograph {size_hw[1]} x {size_hw[0]} px.",
            "Put the mask there that was drawn on this photograph.",
        )
    return np.asarray(mask_HW1[..., 0] > 0)


def _components(kind: str, mask_HW: BoolArray, place: str) -> tuple[Truth, ...]:
    label_HW, count = ndimage.label(mask_HW, _NEIGHBOURS)
    if count == 0:
        raise InputError(f"The mask {place} is empty.", "Draw the defect, or take the mask away.")
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(label_HW), start=1):
        box = (float(rows.start), float(columns.start), float(rows.stop), float(columns.stop))
        found.append(Truth(kind, box, label_HW[rows, columns] == number))
    return tuple(found)


def _bytes(place: str, endpoint_url: str | None) -> bytes:
    location = place if is_remote(place) else str(local_path(place))
    return read_photograph(Photograph(location, place, None, endpoint_url=endpoint_url))


def _unreadable(place: str, error: OSError) -> InputError:
    return InputError(
        f"The truth {place} cannot be read ({error.strerror}).", "Correct --truth, or its rights."
    )
