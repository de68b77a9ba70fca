"""The synthetic demo with and without alignment: what the mask and the registration save in false calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from flows.display import Terminal
from flows.settings import load_settings
from tasks.archive.settings import ManifestSource
from tasks.progress import Listener
from tasks.vocabulary.errors import InputError, ZeroescapeError
from tests.benchmarks.alignment.false_calls import false_calls_of, rates
from tests.benchmarks.alignment.learnt import Learnt, opened
from tests.benchmarks.alignment.localisation import found_defects
from tests.benchmarks.alignment.settings import Sizes
from tests.benchmarks.alignment.timing import under

LINES = ("aligned", "unaligned")


def measure_demo(sizes: Sizes, heard: Listener) -> dict[str, Any]:
    """Retrain both lines (what is committed is found again), then read their stores."""
    archive = archive_of(sizes.configuration)
    bare = unaligned(sizes.configuration, sizes.workplace.absolute().parent)
    places = dict(zip(LINES, (sizes.configuration, bare), strict=True))
    figures: dict[str, dict[str, Any]] = {}
    facts: dict[str, Any] = {}
    for name, configuration in places.items():
        retrained(configuration)
        line = opened(configuration)
        figures |= {f"{name}_{way}": one for way, one in false_calls_of(line).items()}
        with Terminal().bars() as bars:
            found = found_defects(line, archive, sizes.workers, under(bars, name))
        facts[name] = {**_intake(line), "defects_found": found}
    return {
        "synthetic_fpr0": rates(figures, list(figures)),
        "defects_found_by_candidates": facts["aligned"]["defects_found"]["masked"],
        "demo": {
            "configuration": str(sizes.configuration),
            "false_calls": "out-of-fold on the development images, threshold under every known defect",
            "figures": figures,
            "lines": facts,
        },
    }


def archive_of(configuration: Path) -> Path:
    """Folder of the synthetic archive; `InputError` where it was not rendered yet."""
    source = load_settings(configuration).source
    if not isinstance(source, ManifestSource):
        raise InputError(f"{configuration} has no manifest.", "Give one of a synthetic archive.")
    manifest = Path(source.path)
    if not manifest.is_file():
        raise InputError(
            f"The synthetic archive {manifest} is not there.",
            "Run `make demo-synthetic` first: it renders the archive and retrains the line.",
        )
    return manifest.parent


def unaligned(configuration: Path, folder: Path) -> Path:
    """Write the same configuration for a line whose photographs are taken as they come."""
    content: dict[str, Any] = yaml.safe_load(configuration.read_text(encoding="utf-8"))
    content["line"] = f"{content['line']}-unaligned"
    content["title"] = f"{content['title']}, not aligned"
    content["alignment"] = {"kind": "none", "side_px": content["alignment"]["side_px"]}
    place = folder / f"{content['line']}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    place.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return place


def retrained(configuration: Path) -> None:
    """`zeroescape retrain`, in a process of its own, with its own progress bars."""
    command = [sys.executable, "-m", "flows.cli", "retrain", str(configuration)]
    if code := subprocess.call(command):
        raise ZeroescapeError(
            f"Retraining {configuration} ended with {code}.", "See what it printed, and run again."
        )


def _intake(line: Learnt) -> dict[str, Any]:
    """What became of the files, and which model measured."""
    record = line.stores.ingests(line.settings.line).last()
    assert record is not None
    return {
        "line": line.settings.line,
        "seen": record.seen,
        "ingested": record.ingested,
        "quarantined": dict(record.quarantined),
        "model": line.measuring.instrument.model_key,
        "mask": line.measuring.instrument.mask_key,
    }
