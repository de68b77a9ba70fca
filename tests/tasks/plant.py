"""Rendered boards in an archive that a test spoils, and the ingest of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2

from storage.ingests import IngestRecord
from storage.quarantine import QuarantineEntry
from storage.stores import Stores
from tasks.alignment.settings import EccAlignment, ReferenceSettings
from tasks.archive.settings import FolderSource, PhotographSettings, RoleSettings
from tasks.choose_reference import choose_reference
from tasks.ingest import ingest
from tasks.jobs import IngestJob
from tasks.progress import Progress, listening
from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.rendering import render_board
from tasks.synthesis.settings import UNPERTURBED, BoardDesignSettings, PerturbationSettings
from tasks.vocabulary.arrays import UInt8Array
from tasks.workers import Workers

SIDE_PX = 192
LINE = "boards"
GOLDEN = "normal/golden.png"
NORMALS, ABNORMALS = 12, 5
JOB = IngestJob(
    LINE,
    FolderSource(path="set by the fixture"),
    PhotographSettings(channels=3),
    EccAlignment(side_px=128, reference=ReferenceSettings(golden=GOLDEN)),
    RoleSettings.model_validate(
        {
            "reconstruction": 6,
            "validation": 2,
            "mask": 2,
            "development": {"normal": 3, "abnormal": 3},
        }
    ),
)


@cache
def design(seed: int = 0) -> BoardDesign:
    return design_board(BoardDesignSettings(height_px=SIDE_PX, width_px=SIDE_PX, seed=seed))


@cache
def board(number: int, *defects: DefectKind) -> UInt8Array:
    return render_board(design(), number, defects, PerturbationSettings()).pixels_HWC


def png(pixels_HWC: UInt8Array) -> bytes:
    done, content = cv2.imencode(".png", pixels_HWC[..., ::-1])
    assert done
    return content.tobytes()


@dataclass
class Plant:
    """An archive with its store, and which files its last ingest tried to read."""

    archive: Path
    stores: Stores
    workers: Workers
    job: IngestJob
    read: int = 0

    def ingest(self) -> IngestRecord:
        self.read = 0

        def count(progress: Progress) -> None:
            if progress.stage == "read and align":
                self.read = progress.done

        reference = choose_reference.fn(self.stores, self.job, self.workers)
        with listening(count):
            record: IngestRecord = ingest.fn(self.stores, self.job, reference, self.workers)
        assert record.seen == record.ingested + record.duplicates + record.in_quarantine
        snapshot = self.stores.snapshots(LINE).read(record.snapshot)
        assert len(snapshot.rows) == record.ingested
        entries = list(self.quarantined().values())
        assert len(entries) == record.duplicates + record.in_quarantine
        assert all(entry.kind and entry.reason and entry.remedy for entry in entries)
        return record

    def quarantined(self) -> dict[str, QuarantineEntry]:
        return {entry.source: entry for entry in self.stores.quarantine(LINE).entries()}

    def sources(self) -> set[str]:
        last = self.stores.ingests(LINE).last()
        assert last is not None
        return {row.source for row in self.stores.snapshots(LINE).read(last.snapshot).rows}

    def put(self, name: str | bytes, content: bytes) -> Path:
        place = self.archive / os.fsdecode(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place


def new_plant(folder: Path, workers: Workers) -> Plant:
    """Good boards only: a golden one, normals and abnormals."""
    archive = folder / "archive"
    job = IngestJob(LINE, FolderSource(path=str(archive)), JOB.photograph, JOB.alignment, JOB.roles)
    plant = Plant(archive, Stores(folder / "store"), workers, job)
    plant.put(GOLDEN, png(render_board(design(), 100, (), UNPERTURBED).pixels_HWC))
    for number in range(NORMALS):
        plant.put(f"normal/n{number:02}.png", png(board(number)))
    for number, kind in zip(range(50, 50 + ABNORMALS), DefectKind, strict=False):
        plant.put(f"abnormal/a{number}.png", png(board(number, kind)))
    return plant
