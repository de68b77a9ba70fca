"""Help, settings and the check of a configuration must not wait for torch, Prefect or Dask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("torch", "prefect", "dask", "distributed", "sklearn", "zarr", "cv2")
_AFTERWARDS = f"""
import sys
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
sys.exit(f"imported {{loaded}}" if loaded else 0)
"""
_RUN = """
import sys
from flows.cli import app
sys.argv = ["zeroescape", {arguments}]
try:
    app()
except SystemExit as end:
    assert end.code == 0, end.code
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", program + _AFTERWARDS]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("module", ["flows.cli", "flows.settings", "flows.check"])
def test_the_light_modules_import_nothing_heavy(module: str) -> None:
    done = run(f"import {module}\n")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "'--help'",
        "'retrain', '--help'",
        "'study', '--help'",
        "'certify', '--help'",
        "'certificate', '--help'",
        "'backfill', '--help'",
        "'compare', '--help'",
        "'drift', '--help'",
        "'doctor', '--help'",
        "'gc', '--help'",
    ],
)
def test_help_imports_nothing_heavy(arguments: str) -> None:
    done = run(_RUN.format(arguments=arguments))
    assert done.returncode == 0, done.stderr
    assert "Example" in done.stdout


def test_check_imports_nothing_heavy(tmp_path: Path) -> None:
    for label, count in (("normal", 5), ("abnormal", 3)):
        (tmp_path / "images" / label).mkdir(parents=True)
        for at in range(count):
            (tmp_path / "images" / label / f"{at}.png").write_bytes(b"")
    config = tmp_path / "line.yaml"
    config.write_text(
        f"""
line: boards
title: Boards
store: {tmp_path / "store"}
source: {{kind: folder, path: {tmp_path / "images"}}}
photograph: {{height_px: 64, width_px: 64, channels: 1}}
alignment: {{kind: none, side_px: 64}}
roles: {{reconstruction: 2, validation: 1, mask: 1, development: {{normal: 1, abnormal: 2}}}}
perception: {{kind: pixels}}
reconstruction: {{kind: mean_image}}
classification: {{members: [{{kind: constant_score}}]}}
"""
    )
    done = run(_RUN.format(arguments=f"'check', {str(config)!r}"))
    assert done.returncode == 0, done.stderr
    assert "archive: 3 abnormal, 5 normal" in done.stdout
    assert not (tmp_path / "store").exists()


def test_labels_are_listed_without_what_trains_and_conducts() -> None:
    modules = ("torch", "prefect", "dask", "distributed", "sklearn", "cv2")
    program = f"import sys, flows.labels\nsys.exit(str(sorted(set({modules}) & set(sys.modules))))"
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.stderr.strip() == "[]"
