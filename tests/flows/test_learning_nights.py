"""Nights of a real line on which images wait, and one on which the line learns from them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storage.snapshots import Snapshot
from tasks.archive.roles import Role
from tests.conftest import Retrained
from tests.product_line import LINE, ProductLine, tile

pytestmark = pytest.mark.slow
NEW = {"normal": 12, "abnormal": 4}
IDLE = {Role.CERTIFICATION, Role.WAITING, Role.UNDECIDED}


def retrained_again(line: ProductLine, *options: str) -> dict[str, Any]:
    place = line.folder / "figures.json"
    line.run("retrain", "--json", place, *options)
    figures: dict[str, Any] = json.loads(place.read_text())
    return figures


def latest(line: ProductLine) -> Snapshot:
    snapshot = line.stores.snapshots(LINE).latest()
    assert snapshot is not None
    return snapshot


def ids(snapshot: Snapshot, *roles: Role) -> set[str]:
    return {row.image_id for row in snapshot.rows if row.role in roles}


@pytest.mark.faults
def test_new_images_wait_until_somebody_asks_and_then_teach_everything(
    retrained: Retrained, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "line"
    shutil.copytree(retrained.line.folder, folder)
    shutil.copytree(retrained.line.archive, tmp_path / "archive")
    changes: dict[str, dict[str, Any]] = {"certification": {"renewal": 1.0}}
    line = ProductLine(folder, tmp_path / "archive", environment, changes)
    before = latest(line)
    for label, count in NEW.items():
        for number in range(500, 500 + count):
            place = line.archive / label / f"{label[0]}{number}.png"
            Image.fromarray(tile(number, label)).save(place)

    ordinary = retrained_again(line)
    waiting = ids(latest(line), Role.WAITING)
    assert ordinary["training"]["trained"] is False
    assert 0 < ordinary["training"]["waiting"] <= len(waiting) < sum(NEW.values())
    same = ("model", "mask", "classifier", "threshold", "bundle")
    first = retrained.figures["fingerprints"]
    assert {name: ordinary["fingerprints"][name] for name in same} == {
        name: first[name] for name in same
    }
    # Growth below the renewal: the first certificate stands, and nobody looked again.
    stands = {**ordinary["certification"], "warnings": None}
    assert stands == {**retrained.figures["certification"], "warnings": None}
    assert ordinary["to_certify"] == sum(NEW.values()) - len(waiting)

    asked = retrained_again(line, "--learn")
    after = latest(line)
    assert asked["training"] == {"trained": True, "why": ["it was asked for"], "waiting": 0}
    assert asked["fingerprints"]["model"] != first["model"]
    assert not ids(after, Role.WAITING)
    assert not waiting & ids(after, *IDLE)
    # What certifies was never learnt from, and what learns has never certified.
    assert ids(before, Role.CERTIFICATION) <= ids(after, Role.CERTIFICATION)
    held = asked["certification"]
    assert held["n_abnormal"] == sum(
        row.label == "abnormal" for row in after.rows if row.role == Role.CERTIFICATION
    )
    assert held["looks"] > ordinary["certification"]["looks"]
