"""A product line of rendered boards with a manifest, as `zeroescape synthesize` makes them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from storage.quarantine import QuarantineEntry
from storage.snapshots import SnapshotRow
from tasks.vocabulary.arrays import UInt8Array
from tests.product_line import ProductLine

LINE = "pcb"
SIDE_PX = 256
NORMALS, ABNORMALS, PER_PANEL = 56, 16, 2
SETTINGS: dict[str, Any] = {
    "line": LINE,
    "title": "Rendered boards",
    "photograph": {"channels": 3},
    "alignment": {"kind": "ecc", "side_px": 128, "reference": {"median_of": 5}},
    "roles": {
        "reconstruction": 10,
        "validation": 3,
        "mask": 3,
        "development": {"normal": 6, "abnormal": 6},
        "group_by": ["panel"],
    },
    "perception": {"kind": "pixels"},
    "reconstruction": {"kind": "mean_image"},
    "candidates": {"pixels": 10, "sizes": 2, "growth_px": 4, "kept": 20},
    "classification": {
        "members": [{"kind": "logistic_regression"}],
        "folds": 3,
        "repeats": 2,
    },
    "dask": {"workers": 1, "batch_images": 16},
}
BOARDS = NORMALS + ABNORMALS


@dataclass
class BoardLine(ProductLine):
    """A line of rendered boards; `source` says where its manifest lies."""

    @property
    def config(self) -> Path:
        source = {"kind": "manifest", "path": str(self.archive / "manifest.csv")}
        settings = {
            **{name: self._merged(name, value) for name, value in SETTINGS.items()},
            "source": source | self.changes.get("source", {}),
            "store": str(self.store),
            "report": {"directory": str(self.folder / "reports"), "hardest": 2},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / "pcb.yaml"
        place.write_text(yaml.safe_dump(settings))
        return place

    def rows(self) -> tuple[SnapshotRow, ...]:
        last = self.stores.ingests(LINE).last()
        assert last is not None
        return self.stores.snapshots(LINE).read(last.snapshot).rows

    def sources(self) -> set[str]:
        return {row.source for row in self.rows()}

    def quarantined(self) -> dict[str, QuarantineEntry]:
        return {entry.source: entry for entry in self.stores.quarantine(LINE).entries()}


def photograph(place: Path) -> UInt8Array:
    return np.asarray(cv2.imread(str(place)), dtype=np.uint8)


def moved(pixels_HWC: UInt8Array, right_px: int) -> UInt8Array:
    shifted = np.zeros_like(pixels_HWC)
    shifted[:, right_px:] = pixels_HWC[:, :-right_px]
    return shifted


def list_too(archive: Path, names: Iterable[str]) -> None:
    """Add rows to the manifest: the newest boards, because the oldest make the reference."""
    manifest = archive / "manifest.csv"
    with manifest.open(newline="") as lines:
        columns = next(csv.reader(lines))
    with manifest.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, columns)
        for name in sorted(names):
            row = {"path": name, "label": "normal", "camera": "top", "panel": name}
            writer.writerow(row | {"captured_at": "2026-01-09T06:00:00+00:00"})
