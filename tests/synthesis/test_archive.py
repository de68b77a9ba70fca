from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.synthesis.archive import BoardTruth, plan_archive, write_board, write_records
from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import BoardDesign
from tasks.synthesis.rendering import render_board
from tasks.synthesis.settings import ArchiveSettings, PerturbationSettings

SETTINGS = ArchiveSettings(normal=3, abnormal=7, boards_per_panel=2, panels_per_lot=2)


def written(folder: Path, design: BoardDesign, settings: ArchiveSettings) -> list[BoardTruth]:
    """Write a whole archive, last board first: the order must not matter."""
    perturbation = PerturbationSettings()
    truths = [
        write_board(folder, design, board, settings, perturbation)
        for board in reversed(plan_archive(design, settings))
    ]
    write_records(folder, design, truths, settings, perturbation)
    return truths


def test_the_plan_has_every_kind_and_groups(design: BoardDesign) -> None:
    boards = plan_archive(design, SETTINGS)
    assert sorted(kind for board in boards for kind in board.defects) == sorted(DefectKind)
    assert len({board.panel for board in boards}) == 5
    assert len({board.lot for board in boards}) == 3
    times = [datetime.fromisoformat(board.captured_at) for board in boards]
    assert times == sorted(set(times))
    assert len({board.path for board in boards}) == len(boards)


def test_the_records_tell_of_every_file(design: BoardDesign, tmp_path: Path) -> None:
    written(tmp_path, design, SETTINGS)
    with (tmp_path / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert len(rows) == 10
    assert [row["path"] for row in rows] == list(truth["images"])
    for row in rows:
        image = truth["images"][row["path"]]
        assert (tmp_path / row["path"]).is_file()
        assert (row["label"] == "abnormal") is bool(image["defects"])
        assert row["family"] == "+".join(defect["kind"] for defect in image["defects"])
        assert row["serial"] == image["serial"]
        assert np.array(image["pose_33"]).shape == (3, 3)


def test_a_png_is_the_rendered_photograph(design: BoardDesign, tmp_path: Path) -> None:
    board = plan_archive(design, SETTINGS)[2]
    truth = write_board(tmp_path, design, board, SETTINGS, PerturbationSettings())
    stored_HWC = cv2.imread(str(tmp_path / board.path), cv2.IMREAD_UNCHANGED)
    photograph = render_board(design, board.number, board.defects)
    assert stored_HWC is not None
    np.testing.assert_array_equal(stored_HWC[..., ::-1], photograph.pixels_HWC)
    np.testing.assert_array_equal(truth.pose_33, photograph.pose_33)


@pytest.mark.parametrize("file_type", ["png", "jpeg"])
def test_grey_archives_hold_one_channel(
    design: BoardDesign, tmp_path: Path, file_type: str
) -> None:
    settings = ArchiveSettings.model_validate({"file_type": file_type, "channels": 1})
    board = plan_archive(design, settings)[0]
    write_board(tmp_path, design, board, settings, PerturbationSettings())
    stored = cv2.imread(str(tmp_path / board.path), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert stored.shape == (160, 190)
