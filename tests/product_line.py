"""A tiny product line on disk, and the program that runs it: what slow tests start from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml
from PIL import Image

from storage.stores import Stores
from tasks.vocabulary.arrays import UInt8Array

REPOSITORY = Path(__file__).parents[1]
SIDE_PX = 64
LINE = "tiles"
COUNTS = {"normal": 36, "abnormal": 18, "undecided": 4}
SETTINGS: dict[str, Any] = {
    "line": LINE,
    "title": "Synthetic tiles",
    "photograph": {"height_px": SIDE_PX, "width_px": SIDE_PX, "channels": 1},
    "alignment": {"kind": "none", "side_px": SIDE_PX},
    "roles": {
        "reconstruction": 12,
        "validation": 4,
        "mask": 4,
        "development": {"normal": 12, "abnormal": 12},
    },
    "perception": {"kind": "pixels"},
    "reconstruction": {
        "kind": "vqgan",
        "widths": [8],
        "downsampling": 4,
        "codebook_entries": 32,
        "codebook_dimensions": 8,
        "discriminator_widths": [8, 8],
        "discriminator_start_step": 10,
        "steps": 60,
        "batch_size": 4,
        "warmup_steps": 4,
        "validate_every": 10,
        "checkpoint_every": 5,
        "precision": "float32",
        "device": "cpu",
    },
    "candidates": {"pixels": 10, "sizes": 2, "growth_px": 4, "kept": 20},
    "classification": {
        "members": [{"kind": "extra_trees", "trees": 25}, {"kind": "logistic_regression"}],
        "folds": 3,
        "repeats": 2,
    },
    # Twelve normals can prove no small change of the false-call rate.
    "promotion": {"false_call_worsening": 1.0},
    "drift": {},
    "retraining": {},
    "certification": {},
    "compare": {},
    # Each worker costs seconds to start; test processes side by side have no processor for a second.
    "dask": {"workers": 1, "batch_images": 4},
}


def tile(number: int, label: str) -> UInt8Array:
    """`[H, W]`: a woven texture, slightly different every time; defects are a bright blob."""
    generator = np.random.default_rng((number, len(label)))
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    woven = 110 + 25 * np.sin(rows / 3) + 25 * np.sin(columns / 4 + generator.uniform(0, 0.5))
    woven += generator.normal(0, 4, woven.shape)
    row, column = generator.integers(12, SIDE_PX - 12, 2)
    blob = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18)
    height = {"normal": 0, "abnormal": 90, "undecided": 35}[label]
    return np.asarray(np.clip(woven + height * blob, 0, 255), dtype=np.uint8)


def write_archive(folder: Path, counts: Mapping[str, int] = COUNTS) -> Path:
    """One sub-folder a label, named as the defaults of the folder source."""
    for label, count in counts.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            name = f"{label[0]}{number:03}.png"
            Image.fromarray(tile(number, label)).save(folder / label / name)
    return folder


def receipts(store: Path, kind: str = "") -> set[str]:
    """Everything that is committed, by the folder of its receipt."""
    found = (store / kind).rglob("receipt.json")
    return {path.parent.relative_to(store).as_posix() for path in found}


@dataclass
class ProductLine:
    """A configuration with its own store; `changes` are merged into `SETTINGS` one level deep."""

    folder: Path
    archive: Path
    environment: Mapping[str, str]
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    relabels: Path | None = None

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def stores(self) -> Stores:
        return Stores(self.store)

    @property
    def config(self) -> Path:
        settings = {name: self._merged(name, value) for name, value in SETTINGS.items()}
        settings["source"] = {"kind": "folder", "path": str(self.archive)}
        settings["store"] = str(self.store)
        settings["relabels"] = None if self.relabels is None else str(self.relabels)
        settings["report"] = {"directory": str(self.folder / "reports"), "hardest": 2}
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / "tiles.yaml"
        place.write_text(yaml.safe_dump(settings))
        return place

    def _merged(self, name: str, value: Any) -> Any:
        return value | self.changes.get(name, {}) if isinstance(value, dict) else value

    def start(self, command: str, *arguments: object) -> subprocess.Popen[str]:
        """`zeroescape COMMAND CONFIG ...` in a process group of its own."""
        return self.start_words(command, self.config, *arguments)

    def start_words(self, *words: object) -> subprocess.Popen[str]:
        """`zeroescape WORDS` in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *map(str, words)],
            cwd=REPOSITORY,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, *arguments: object, code: int = 0) -> str:
        """Run to the end and return what was printed; the exit code must be `code`."""
        return ended(self.start(command, *arguments), code)

    def retrain(self) -> dict[str, Any]:
        """Retrain; returns the figures of `--json`."""
        place = self.folder / "figures.json"
        self.run("retrain", "--json", place)
        figures: dict[str, Any] = json.loads(place.read_text())
        return figures

    def verdicts(self) -> dict[str, Any]:
        """All that the champion decides and was certified with, without times and places."""
        stores = self.stores
        key = stores.registry.champion(LINE)
        assert key is not None
        bundle = json.loads((stores.registry.open("bundles", key) / "bundle.json").read_bytes())
        certificates = {
            receipt.rpartition("/")[2] for receipt in receipts(self.store, "certificates")
        }
        scores = {}
        for certificate in certificates:
            place = stores.registry.open("certificates", certificate)
            scores[certificate] = [
                json.loads((place / name).read_bytes())
                for name in ("scores.json", "undecided.json", "certificate.json")
            ]
        return {"bundle": key, "threshold": bundle["threshold"], "certificates": scores}


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """Output of a process at its end; the exit code must be `code`."""
    try:
        output, _ = process.communicate(timeout=400)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise
    assert process.returncode == code, output
    return output


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a started program with all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.communicate()


def descendants(process: subprocess.Popen[str], words: str) -> list[psutil.Process]:
    """Living children of a program at any depth whose command line holds these words."""
    found = []
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            if words in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:  # it ended between listing and asking
            continue
    return found
