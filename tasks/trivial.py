"""What a Dask worker measures of a batch to screen: trivial properties of files, photographs, boards.

Imports no Prefect and no torch. Nothing is committed here: a row is a few hundred bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from storage.images import ImageStore
from storage.stores import Stores
from tasks.archive.decoding import decode
from tasks.archive.reading import read_photograph
from tasks.archive.settings import PhotographSettings
from tasks.archive.sources import Photograph
from tasks.confounds.columns import Column, Value
from tasks.confounds.files import opened
from tasks.confounds.properties import file_columns, file_values, pixel_columns, pixel_values
from tasks.vocabulary.errors import InputError, NoAnswerError

BOARD, PHOTOGRAPH = "board", "photograph"


@dataclass(frozen=True)
class Screened:
    """One image to screen: its id, and its file if the archive still lists it."""

    image_id: str
    photograph: Photograph | None


@dataclass(frozen=True)
class Trivial:
    """Properties of one image; `lost` says why its file could not be measured, None if it was."""

    image_id: str
    values: dict[str, Value]
    lost: str | None = None


def trivial_columns() -> tuple[Column, ...]:
    """All columns that a batch can fill."""
    return (
        *file_columns(),
        *pixel_columns(PHOTOGRAPH, "of the photograph"),
        *pixel_columns(BOARD, "of the aligned board"),
    )


def trivial_properties(
    stores: Stores,
    line: str,
    images_fingerprint: str,
    expected: PhotographSettings,
    batch: tuple[Screened, ...],
) -> list[Trivial]:
    """Measure a batch. A file that is gone or has changed lacks its properties; boards never do.

    Raises `ConnectionError` or `TimeoutError` where the archive does not answer: that says nothing
    about one file.
    """
    images = _image_store(stores.root, line, images_fingerprint)
    boards_NHWC = images.read([one.image_id for one in batch])
    found = []
    for one, board_HWC in zip(batch, boards_NHWC, strict=True):
        of_board = dict(pixel_values(BOARD, board_HWC))
        try:
            found.append(Trivial(one.image_id, of_board | _of_file(one, expected)))
        except (ConnectionError, TimeoutError):
            raise
        except (OSError, InputError, NoAnswerError) as error:
            found.append(Trivial(one.image_id, of_board, str(error)))
    return found


@lru_cache(maxsize=4)
def _image_store(root: Path | str, line: str, images_fingerprint: str) -> ImageStore:
    """One store a process: it remembers the receipts that it has read."""
    return Stores(root).images(line, images_fingerprint)


def _of_file(one: Screened, expected: PhotographSettings) -> dict[str, Value]:
    """Properties of the file and of its pixels before alignment."""
    if one.photograph is None:
        raise NoAnswerError("The archive lists the file no more.", "Put it back.")
    content = read_photograph(one.photograph)
    if hashlib.sha256(content).hexdigest() != one.image_id:
        raise NoAnswerError("The file has changed since it was taken in.", "Ingest again.")
    return file_values(opened(content)) | dict(pixel_values(PHOTOGRAPH, decode(content, expected)))
