"""A line that lost its store and got it back judges as before, and has nothing to do anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.collecting import collect
from storage.probing import store_time
from storage.retention import RetentionPolicy
from tests.conftest import Retrained
from tests.product_line import REPOSITORY, ProductLine, receipts

pytestmark = pytest.mark.slow


def judged(line: ProductLine, folder: Path) -> list[dict[str, Any]]:
    """Verdicts on some photographs, without the places of the overlays."""
    files = sorted((line.archive / "abnormal").glob("*.png"))[:3]
    files += sorted((line.archive / "normal").glob("*.png"))[:3]
    line.run("inspect", *files, "--out", folder)
    lines = (folder / "verdicts.jsonl").read_text().splitlines()
    return [{**json.loads(one), "overlay": None} for one in lines]


@pytest.mark.faults
def test_a_restored_line_judges_as_before_also_after_a_collection(
    retrained: Retrained, environment: dict[str, str], tmp_path: Path
) -> None:
    line = ProductLine(retrained.line.folder, retrained.line.archive, environment)
    again = ProductLine(tmp_path / "again", line.archive, environment)
    before = judged(line, tmp_path / "before")
    assert len({one["score"] for one in before}) > 3
    backup = tmp_path / "backup"
    assert "champion with" in restored(line, again, backup)
    assert again.verdicts() == line.verdicts()
    assert judged(again, tmp_path / "after") == before
    committed = receipts(again.store)
    again.retrain()
    # Where a report goes is part of what it says.
    assert {one for one in receipts(again.store) - committed if "reports/" not in one} == set()
    everything = RetentionPolicy(keep_champions=1, older_than_seconds=0.0, grace_seconds=0.0)
    stores = again.stores
    assert collect(stores, everything, store_time(stores.objects) + 60).due
    assert judged(again, tmp_path / "collected") == before
    assert again.verdicts()["threshold"] == line.verdicts()["threshold"]


def restored(line: ProductLine, again: ProductLine, backup: Path) -> str:
    """Copy the store away and back through the program; returns what it said."""
    program(line, "backup", backup, "--store", line.store)
    return program(again, "restore", backup, "--store", again.store)


def program(line: ProductLine, command: str, *words: object) -> str:
    """A command that takes no configuration."""
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", command, *map(str, words)],
        cwd=REPOSITORY,
        env={**os.environ, **line.environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
