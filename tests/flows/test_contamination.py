"""`zeroescape contamination` on a tiny line: what it trains, finds again, tells and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.snapshots import SnapshotRow
from tests.product_line import LINE, ProductLine, receipts, write_archive

pytestmark = pytest.mark.slow

VAE: dict[str, Any] = {
    "kind": "vae",
    "widths": [4, 8, 8],
    "dense_width": 16,
    "latent_dimensions": 8,
    "draws": 2,
    "steps": 30,
    "batch_size": 4,
    "validate_every": 10,
    "checkpoint_every": 10,
    "precision": "float32",
    "device": "cpu",
}


class OtherLine(ProductLine):
    """`changes` of the reconstruction replace it: another kind has other settings."""

    def _merged(self, name: str, value: Any) -> Any:
        if name == "reconstruction":
            return self.changes.get(name, value)
        return super()._merged(name, value)


def line_of(folder: Path, environment: dict[str, str], reconstruction: dict[str, Any]) -> OtherLine:
    archive = write_archive(folder / "archive")
    return OtherLine(folder / "line", archive, environment, {"reconstruction": reconstruction})


@pytest.mark.faults
def test_a_line_learns_from_defects_and_says_what_that_costs(
    tmp_path: Path, busy_environment: dict[str, str]
) -> None:
    line, place = line_of(tmp_path, busy_environment, VAE), tmp_path / "found.json"
    assert "has no images yet" in line.run("contamination", code=2)
    line.run("ingest")
    shares = ("--shares", 0, "--shares", 0.25)
    printed = line.run("contamination", *shares, "--json", place)
    assert "2 of 8, 25 %" in printed
    found = json.loads(place.read_text())
    assert [one["abnormal"] for one in found["rows"]] == [0, 2]
    assert found["own_scores"] == ["negative_elbo", "kl", "likelihood_loss"]
    # Twelve abnormal development images, two of them learnt from.
    assert (found["n_normal"], found["n_abnormal"]) == (12, 10)
    rows = _rows(line)
    assert {rows[one].role for one in found["mixed"]} == {"development"}
    assert {rows[one].label for one in found["mixed"]} == {"abnormal"}
    first, last = (one["scores"]["negative_elbo"] for one in found["rows"])
    assert first["change"]["difference"] == 0.0
    moved = last["auroc"]["figure"] - first["auroc"]["figure"]
    assert last["change"]["difference"] == pytest.approx(moved)
    committed = receipts(line.store)
    again = tmp_path / "again.json"
    line.run("contamination", *shares, "--json", again)
    assert receipts(line.store) == committed
    assert json.loads(again.read_text())["rows"] == found["rows"]


def _rows(line: ProductLine) -> dict[str, SnapshotRow]:
    snapshot = line.stores.snapshots(LINE).latest()
    assert snapshot is not None
    return {row.image_id: row for row in snapshot.rows}


def test_a_reconstructor_without_own_scores_is_refused(
    tmp_path: Path, busy_environment: dict[str, str]
) -> None:
    line = line_of(tmp_path, busy_environment, {"kind": "mean_image"})
    assert "has no score of its own" in line.run("contamination", code=2)
