"""A synthetic archive as a command: photographs, a manifest, the truth; the same ones every time."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from flows.cli import WRONG_INPUT
from tests.flows.test_cli import plain, run

SMALL = ("--normal", 3, "--abnormal", 2, "--side-px", 96)


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
def test_the_same_arguments_give_the_same_archive(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    done = run("synthesize", first, *SMALL)
    assert done.exit_code == 0
    assert "5 photographs" in plain(done.output)
    with (first / "manifest.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["label"] for row in rows].count("abnormal") == 2
    truth = json.loads((first / "truth.json").read_text())
    assert truth["images"].keys() == {row["path"] for row in rows}
    # What an interrupted call left is no archive yet, and no obstacle.
    second.mkdir()
    (second / "half.png").write_bytes(b"")
    run("synthesize", second, *SMALL)
    (second / "half.png").unlink()
    assert content(second) == content(first)


def test_a_finished_archive_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path\n")
    done = run("synthesize", tmp_path, *SMALL)
    assert done.exit_code == WRONG_INPUT
    assert "holds an archive already" in plain(done.stderr)


def test_wrong_values_are_named(tmp_path: Path) -> None:
    done = run("synthesize", tmp_path / "boards", "--side-px", 10, "--density", 0)
    assert done.exit_code == WRONG_INPUT
    assert "height_px" in plain(done.stderr) or "side" in plain(done.stderr)
    assert not (tmp_path / "boards").exists()
