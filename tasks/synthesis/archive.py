"""An archive of synthetic photographs: files, a manifest of the plant's facts, and the truth.

One process can write any of the boards, so that a pool may share them out:

    boards = plan_archive(design, settings)
    truths = [write_board(folder, design, board, settings, perturbation) for board in boards]
    write_records(folder, design, truths, settings, perturbation)
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np

from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import BoardDesign
from tasks.synthesis.rendering import Defect, render_board
from tasks.synthesis.serials import serial_number
from tasks.synthesis.settings import ArchiveSettings, PerturbationSettings
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError

COLUMNS = (
    "path",
    "label",
    "family",
    "product",
    "line",
    "camera",
    "panel",
    "lot",
    "serial",
    "captured_at",
)
MANIFEST = "manifest.csv"
TRUTH = "truth.json"


@dataclass(frozen=True)
class PlannedBoard:
    """One board of an archive before it is rendered; `number` is what `render_board` takes."""

    number: int
    path: str
    defects: tuple[DefectKind, ...]
    panel: str
    lot: str
    serial: str
    captured_at: str


@dataclass(frozen=True)
class BoardTruth:
    """What is true of one written photograph; `pose_33` as three rows of three."""

    board: PlannedBoard
    pose_33: tuple[tuple[float, ...], ...]
    defects: tuple[Defect, ...]
    occluded: tuple[int, ...]


def plan_archive(design: BoardDesign, settings: ArchiveSettings) -> tuple[PlannedBoard, ...]:
    """Lay down every board of an archive in order of time; defects are strewn over all of it."""
    rng = np.random.default_rng([design.settings.seed, 20])
    total = settings.normal + settings.abnormal
    kinds = list(DefectKind)
    defects: list[tuple[DefectKind, ...]] = [()] * total
    for turn, number in enumerate(rng.permutation(total)[: settings.abnormal]):
        defects[int(number)] = (kinds[turn % len(kinds)],)
    return tuple(
        plan_board(design, settings, number, struck) for number, struck in enumerate(defects)
    )


def plan_board(
    design: BoardDesign, settings: ArchiveSettings, number: int, defects: tuple[DefectKind, ...]
) -> PlannedBoard:
    """Give one board its panel, lot, serial number, time and file name."""
    moment = settings.started_at + timedelta(seconds=number * settings.seconds_per_board)
    panel = number // settings.boards_per_panel
    serial = serial_number(design.settings.seed, number)
    suffix = "jpg" if settings.file_type == "jpeg" else "png"
    return PlannedBoard(
        number,
        f"{moment.date().isoformat()}/{serial}.{suffix}",
        defects,
        f"P{panel:05d}",
        f"L{panel // settings.panels_per_lot:04d}",
        serial,
        moment.isoformat(),
    )


def write_board(
    folder: Path,
    design: BoardDesign,
    board: PlannedBoard,
    settings: ArchiveSettings,
    perturbation: PerturbationSettings,
) -> BoardTruth:
    """Render one board and write its file below `folder`; return the truth about it."""
    photograph = render_board(design, board.number, board.defects, perturbation)
    target = folder / board.path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encoded(photograph.pixels_HWC, settings))
    pose_33 = tuple(tuple(float(value) for value in row) for row in photograph.pose_33)
    return BoardTruth(board, pose_33, photograph.defects, photograph.occluded)


def encoded(pixels_HWC: UInt8Array, settings: ArchiveSettings) -> bytes:
    """Encode a photograph as the archive keeps it."""
    if settings.channels == 1:
        stored = cv2.cvtColor(pixels_HWC, cv2.COLOR_RGB2GRAY)
    else:
        stored = cv2.cvtColor(pixels_HWC, cv2.COLOR_RGB2BGR)
    if settings.file_type == "jpeg":
        quality = [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality]
        done, content = cv2.imencode(".jpg", stored, quality)
    else:
        done, content = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise InputError(
            f"A photograph of shape {pixels_HWC.shape} cannot be stored as {settings.file_type}.",
            "Draw the board smaller, or store it as png.",
        )
    return content.tobytes()


def write_records(
    folder: Path,
    design: BoardDesign,
    truths: Sequence[BoardTruth],
    settings: ArchiveSettings,
    perturbation: PerturbationSettings,
) -> None:
    """Write `manifest.csv`, what a plant would know, and `truth.json`, what only a renderer knows."""
    in_order = sorted(truths, key=lambda truth: truth.board.number)
    with (folder / MANIFEST).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(manifest_row(truth.board, design, settings) for truth in in_order)
    record = {
        "design": design.settings.model_dump(mode="json"),
        "perturbation": perturbation.model_dump(mode="json"),
        "fiducials_xy": design.fiducials_xy.tolist(),
        "fiducial_radius_px": design.fiducial_radius_px,
        "images": {truth.board.path: image_record(truth) for truth in in_order},
    }
    (folder / TRUTH).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def manifest_row(
    board: PlannedBoard, design: BoardDesign, settings: ArchiveSettings
) -> dict[str, str]:
    """Return one row of the manifest."""
    values = (
        board.path,
        "abnormal" if board.defects else "normal",
        "+".join(kind.value for kind in board.defects),
        f"ZE{design.settings.seed % 1000:03d}",
        settings.line,
        settings.camera,
        board.panel,
        board.lot,
        board.serial,
        board.captured_at,
    )
    return dict(zip(COLUMNS, values, strict=True))


def image_record(truth: BoardTruth) -> dict[str, object]:
    """Return the truth about one photograph as JSON; boxes are (top, left, bottom, right)."""
    return {
        "serial": truth.board.serial,
        "pose_33": truth.pose_33,
        "occluded_fiducials": truth.occluded,
        "defects": [asdict(defect) for defect in truth.defects],
    }
