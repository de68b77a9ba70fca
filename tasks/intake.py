"""What a Dask worker does with a batch of photographs: read, decode, align, commit; or say why not.

Imports no Prefect. Memory is bounded by the batch: one photograph is open at a time, and only its board
image is kept until the batch is committed as one segment.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.images import ImageRow, ImageStore
from storage.receipts import Json
from storage.stores import Stores
from tasks.accounting import TakenIn, misaligned
from tasks.alignment.aligners import (
    AlignedBoard,
    align,
    board_image,
    register,
)
from tasks.alignment.reference import Reference, load_reference
from tasks.alignment.registration import MisalignedError
from tasks.alignment.settings import AlignmentSettings, NoAlignment
from tasks.archive.decoding import UnusablePhotographError, decode
from tasks.archive.near_duplicates import signature
from tasks.archive.reading import read_photograph
from tasks.archive.sorting import Refusal, unreadable
from tasks.archive.sources import Photograph
from tasks.jobs import BoardMaking
from tasks.vocabulary.arrays import UInt8Array


def take_in(stores: Stores, making: BoardMaking, batch: tuple[Photograph, ...]) -> list[TakenIn]:
    """Commit the board images of a batch as one segment; content that is stored is not decoded."""
    images = _images(stores.root, making.line, making.images_fingerprint)
    segment = _Segment(stores.root, making, images.rows())
    outcomes = [segment.take(photograph) for photograph in batch]
    if segment.boards:
        images.write_segment(np.stack(segment.boards), list(segment.rows.values()))
    return outcomes


@dataclass
class _Segment:
    """Board images on their way into the store; `stored` is all that is there already."""

    root: Path | str
    making: BoardMaking
    stored: Mapping[str, ImageRow]
    boards: list[UInt8Array] = field(default_factory=list)
    rows: dict[str, ImageRow] = field(default_factory=dict)

    def take(self, photograph: Photograph) -> TakenIn:
        """Read one photograph and add its board image, or say why not."""
        try:
            content = read_photograph(photograph)
        except (ConnectionError, TimeoutError):
            raise  # the archive does not answer: that says nothing about this file
        except OSError as error:
            return TakenIn(photograph, None, unreadable(photograph, None, error))
        digest = hashlib.sha256(content).hexdigest()
        if photograph.label is None:
            # Nobody said whether it is normal: it waits in quarantine, known by its content.
            return TakenIn(photograph, digest, None)
        known = self.rows.get(digest) or self.stored.get(digest)
        if known is not None:
            refusal = misaligned(photograph, digest, known.facts, self.making)
            return TakenIn(photograph, digest, refusal)
        return TakenIn(photograph, digest, self._add(photograph, content, digest))

    def _add(self, photograph: Photograph, content: bytes, digest: str) -> Refusal | None:
        try:
            photograph_HWC = decode(content, self.making.photograph)
            if digest in self.making.released:
                made = _released(photograph_HWC, self.root, self.making)
            else:
                making = self.making
                made = aligned(photograph_HWC, self.root, making.alignment, making.reference)
        except UnusablePhotographError as error:
            return Refusal(photograph, digest, "unusable", error.what, error.remedy)
        except MisalignedError as error:
            return Refusal(photograph, digest, "misaligned", error.what, error.remedy)
        self.boards.append(made.board_HWC)
        self.rows[digest] = ImageRow(digest, photograph.name, facts_of(photograph, made))
        return None


def aligned(
    photograph_HWC: UInt8Array,
    root: Path | str,
    alignment: AlignmentSettings,
    reference: str | None,
) -> AlignedBoard:
    """Board image of one photograph; raises `MisalignedError` beyond the limits of the line."""
    return align(photograph_HWC, alignment, _reference(root, reference))


def _released(photograph_HWC: UInt8Array, root: Path | str, making: BoardMaking) -> AlignedBoard:
    """A person looked and said that the pose is right: the limits do not apply."""
    reference = _reference(root, making.reference)
    if reference is None or isinstance(making.alignment, NoAlignment):
        return align(photograph_HWC, making.alignment, reference)
    found = register(photograph_HWC, making.alignment, reference)
    board_HWC = board_image(photograph_HWC, found, making.alignment, reference)
    return AlignedBoard(board_HWC, found)


@lru_cache(maxsize=4)
def _images(root: Path | str, line: str, images_fingerprint: str) -> ImageStore:
    """One store a process: it remembers the receipts that it has read."""
    return Stores(root).images(line, images_fingerprint)


@lru_cache(maxsize=4)
def _reference(root: Path | str, key: str | None) -> Reference | None:
    if key is None:
        return None
    return load_reference(Stores(root).registry.open("references", key))


def facts_of(photograph: Photograph, made: AlignedBoard) -> dict[str, Json]:
    """What is kept beside a board image: when and where it was taken, its pose, its signature."""
    facts: dict[str, Json] = {
        "captured_at": photograph.facts.captured_at,
        "camera": photograph.facts.camera,
        "signature": base64.b64encode(signature(made.board_HWC).tobytes()).decode(),
    }
    found = made.registration
    if found is not None:
        facts |= {
            "pose": np.asarray(found.pose_33, dtype=np.float64).ravel().tolist(),
            "residual_px": found.residual_px,
            "overlap": found.overlap,
            "confidence": found.confidence,
        }
    return facts


def signatures(images: ImageStore, image_ids: Sequence[str]) -> NDArray[np.int8]:
    """`int8 [N, S]` signatures of stored board images, for finding near-duplicates."""
    rows = images.rows()
    raw = b"".join(base64.b64decode(str(rows[one].facts["signature"])) for one in image_ids)
    return np.frombuffer(raw, dtype=np.int8).reshape(len(image_ids), -1)
