"""A product line with a dated archive, a champion, and challengers that differ from it in known ways."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from flows import plan
from storage.stores import Stores
from tasks.bundles import BUNDLES, read_bundle
from tasks.candidates.settings import CandidatesSettings
from tasks.extract import features_fingerprint
from tasks.jobs import Bundle
from tests.product_line import LINE, SETTINGS, ProductLine, tile

NORMALS, ABNORMALS, UNDECIDED = 40, 24, 4
DAYS = 8


@dataclass
class HistoryLine(ProductLine):
    """The tiny line without a network to train, which promotes nothing by itself."""

    @property
    def config(self) -> Path:
        settings = {
            **SETTINGS,
            "reconstruction": {"kind": "mean_image"},
            "classification": {
                "members": [{"kind": "logistic_regression"}],
                "folds": 3,
                "repeats": 1,
            },
            "promotion": {"automatic": False},
            # Whatever is new certifies, at once.
            "retraining": {"share": 0.0},
            "certification": {"renewal": 0.0},
            "source": {"kind": "folder", "path": str(self.archive)},
            "store": str(self.store),
            "report": {"directory": str(self.folder / "reports"), "hardest": 2},
            "dask": {"workers": 1, "batch_images": 16} | self.changes.get("dask", {}),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / "tiles.yaml"
        place.write_text(yaml.safe_dump(settings))
        return place

    def backfill(self, *arguments: object) -> dict[str, Any]:
        """Run to the end; returns the figures of `--json`."""
        place = self.folder / "backfill.json"
        self.run("backfill", *arguments, "--json", place)
        figures: dict[str, Any] = json.loads(place.read_text())
        return figures


def write_dated_archive(folder: Path) -> Path:
    """Boards of `DAYS` days in October; every eighth lies in a folder that names no day."""
    for label, count in (("normal", NORMALS), ("abnormal", ABNORMALS), ("undecided", UNDECIDED)):
        for number in range(count):
            put_tile(folder, number, label, day_of(number))
    return folder


def day_of(number: int) -> str:
    """The folder of a day."""
    return "undated" if number % DAYS == DAYS - 1 else f"2026-10-{1 + number % DAYS:02}"


def put_tile(archive: Path, number: int, label: str, day: str) -> Path:
    """A tile as a file of its day and class."""
    place = archive / day / label / f"{label[0]}{number:03}.png"
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(tile(number, label)).save(place)
    return place


def freeze_challenger(stores: Stores, champion: str, threshold: float, kept: int) -> str:
    """Key of a bundle like the champion, with another threshold and other candidates: other metrics."""
    bundle = read_bundle(stores, champion)
    candidates = bundle.instrument.candidates.model_dump() | {"kept": kept}
    instrument = replace(bundle.instrument, candidates=CandidatesSettings(**candidates))
    images = plan.board_images_of(bundle)
    assert images is not None
    other = replace(
        bundle,
        threshold=threshold,
        instrument=instrument,
        features_fingerprint=features_fingerprint(instrument, images),
    )
    return frozen(stores, other, f"challenger-{kept}-{threshold:g}".replace(".", "_"))


def frozen(stores: Stores, bundle: Bundle, key: str) -> str:
    """Commit a bundle under a key of our choice."""
    facts = {"line": LINE}
    stores.registry.put("bundles", key, {"bundle.json": BUNDLES.dump_json(bundle)}, facts=facts)
    return key


def rows_twice(stores: Stores) -> list[str]:
    """Images with more than one stored board image or row of metrics under one fingerprint."""
    root = Path(str(stores.root))
    counts: Counter[tuple[str, str]] = Counter()
    for kind in ("images", "features"):
        for place in (root / kind / LINE).glob("*/*/receipt.json"):
            rows = json.loads(place.read_bytes())["rows"]
            counts.update((f"{kind}/{place.parts[-3]}", row) for row in rows)
    return [f"{where}: {row}" for (where, row), count in counts.items() if count > 1]
