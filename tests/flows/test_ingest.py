"""`zeroescape ingest` and what follows from it, on rendered boards with known poses."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import pytest

from flows import plan
from flows.settings import load_settings
from storage.ingests import IngestRecord
from storage.snapshots import SnapshotRow
from storage.stores import Stores
from tasks.choose_reference import choose_reference
from tasks.ingest import ingest
from tasks.progress import Progress, listening
from tasks.workers import Workers
from tests.archive.s3_server import S3Server
from tests.flows.board_line import (
    ABNORMALS,
    BOARDS,
    LINE,
    NORMALS,
    PER_PANEL,
    SIDE_PX,
    BoardLine,
    list_too,
    moved,
    photograph,
)
from tests.flows.prefect_api import asked, events
from tests.flows.test_cli import run

pytestmark = pytest.mark.slow

# Rows that are added to the manifest of the rendered boards: their quarantine kind.
ADDED = {
    "extra/turned.png": "misaligned",
    "extra/far.png": "misaligned",
    "extra/black.png": "misaligned",
    "extra/cut.png": "unusable",
    "extra/absent.png": "unreadable",
}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered boards and a few that no line should take in as they are."""
    archive = tmp_path_factory.mktemp("plant") / "boards"
    sizes = ("--normal", NORMALS, "--abnormal", ABNORMALS, "--side-px", SIDE_PX)
    assert run("synthesize", archive, *sizes, "--boards-per-panel", PER_PANEL).exit_code == 0
    with (archive / "manifest.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    normals = [archive / row["path"] for row in rows if row["label"] == "normal"]
    (archive / "extra").mkdir()
    spoilt = {
        "turned": photograph(normals[-1])[::-1, ::-1],
        "far": moved(photograph(normals[-2]), 40),
        "black": np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8),
    }
    for name, pixels_HWC in spoilt.items():
        cv2.imwrite(str(archive / "extra" / f"{name}.png"), pixels_HWC)
    (archive / "extra" / "cut.png").write_bytes(normals[0].read_bytes()[:9000])
    list_too(archive, ADDED)
    return archive


@dataclass(frozen=True)
class TakenIn:
    line: BoardLine
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def taken_in(
    plant: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> TakenIn:
    """The line after its first ingest, as a person runs it."""
    folder = tmp_path_factory.mktemp("line")
    line = BoardLine(folder, plant, environment)
    line.run("ingest", "--json", folder / "figures.json")
    return TakenIn(line, json.loads((folder / "figures.json").read_text()))


def test_the_figures_of_an_ingest_add_up(taken_in: TakenIn) -> None:
    figures = taken_in.figures
    assert figures["seen"] == BOARDS + len(ADDED)
    assert figures["ingested"] == BOARDS
    assert figures["duplicates"] == 0
    assert figures["quarantined"] == {"misaligned": 3, "unreadable": 1, "unusable": 1}
    counted = sum(row["normal"] + row["abnormal"] + row["undecided"] for row in figures["roles"])
    assert counted == figures["ingested"] == len(taken_in.line.rows())
    assert {"reference", "ingest", "total"} <= figures["seconds"].keys()
    entries = taken_in.line.quarantined()
    assert {name: entry.kind for name, entry in entries.items()} == ADDED
    assert all(entry.reason and entry.remedy for entry in entries.values())


def test_an_ingest_leaves_its_artifacts_in_prefect(
    taken_in: TakenIn, environment: dict[str, str]
) -> None:
    found = {one["key"]: one for one in asked(environment, "artifacts/latest/filter")}
    intake = {row["files"]: row["count"] for row in json.loads(found[f"{LINE}-intake"]["data"])}
    assert intake["seen"] == sum(count for what, count in intake.items() if what != "seen")
    assert json.loads(found[f"{LINE}-roles"]["data"]) == taken_in.figures["roles"]
    waiting = json.loads(found[f"{LINE}-quarantine"]["data"])
    assert {row["file"] for row in waiting} == ADDED.keys()
    assert all(row["why"] and row["since"] and row["remedy"] for row in waiting)
    alignment = found[f"{LINE}-alignment"]["data"]
    assert f"{BOARDS} boards registered" in alignment
    assert "data:image/png;base64," in alignment
    assert f"{LINE}-progress-read-and-align" in found
    aside = events(environment, "zeroescape.images.quarantined")
    told = [one["payload"] for one in aside if one["resource"]["zeroescape.line"] == LINE]
    assert (told[-1]["new"], told[-1]["waiting"]) == (len(ADDED), len(ADDED))
    assert all(one.partition(": ")[0] in ADDED for one in told[-1]["first"])


def test_no_panel_serves_two_roles_and_the_newest_certify(taken_in: TakenIn) -> None:
    rows = taken_in.line.rows()
    panels: dict[str, list[SnapshotRow]] = defaultdict(list)
    for row in rows:
        assert row.captured_at
        (panel,) = (name for name in row.group.split() if name.startswith("panel:"))
        panels[panel].append(row)
    assert len(panels) == BOARDS / PER_PANEL
    assert all(len({row.role for row in own}) == 1 for own in panels.values())
    # Panels with a defect are dealt apart from those without: no defect may train.
    for with_defect in (True, False):
        dealt = [
            (max(row.captured_at for row in own), own[0].role == "certification")
            for own in panels.values()
            if any(row.label == "abnormal" for row in own) == with_defect
        ]
        assert [certifies for _, certifies in sorted(dealt)] == sorted(c for _, c in dealt)
        assert with_defect <= any(certifies for _, certifies in dealt)
    assert {row.role for row in rows if row.label == "abnormal"} == {"development", "certification"}
    assert {row.family for row in rows if row.label == "normal"} == {""}
    assert "" not in {row.family for row in rows if row.label == "abnormal"}


def test_a_second_ingest_finds_everything(taken_in: TakenIn) -> None:
    line, place = taken_in.line, taken_in.line.folder / "again.json"
    line.run("ingest", "--json", place)
    again, first = json.loads(place.read_text()), taken_in.figures
    changing = {"seconds", "at", "key"}
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in first.items() if k not in changing
    }
    # One of them is not there, and might be by now.
    assert [one.seen for one in line.stores.ingests(LINE).history()] == [BOARDS + len(ADDED)] * 2


@dataclass
class Copied:
    """The line in a copy of its store, which a test may change; worked on in this process."""

    line: BoardLine
    workers: Workers
    read: int = 0

    def ingest(self) -> IngestRecord:
        self.read = 0

        def count(progress: Progress) -> None:
            if progress.stage == "read and align":
                self.read = progress.done

        settings = load_settings(self.line.config)
        stores, job = Stores(settings.store), plan.ingest_job(settings)
        reference = choose_reference.fn(stores, job, self.workers)
        with listening(count):
            record: IngestRecord = ingest.fn(stores, job, reference, self.workers)
        assert record.seen == record.ingested + record.duplicates + record.in_quarantine
        return record


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(None, 1, 16) as started:
        yield started


@pytest.fixture
def copied(taken_in: TakenIn, workers: Workers, tmp_path: Path) -> Copied:
    shutil.copytree(taken_in.line.store, tmp_path / "line" / "store")
    archive = Path(shutil.copytree(taken_in.line.archive, tmp_path / "boards"))
    line = BoardLine(tmp_path / "line", archive, {})
    # The file that is not there is tried every time.
    shutil.copy(archive / "extra" / "black.png", archive / "extra" / "absent.png")
    return Copied(line, workers)


ANSWER = ("--by", "A. Ray", "--note", "looked at")


def test_a_released_board_is_taken_in_and_one_without_a_pose_says_why_not(copied: Copied) -> None:
    line = copied.line
    names = ["extra/far.png", "extra/turned.png", "extra/black.png"]
    assert run("quarantine", "release", line.config, *names, *ANSWER).exit_code == 0
    record = copied.ingest()
    assert {"extra/far.png", "extra/turned.png"} <= line.sources()
    assert record.quarantined == {"misaligned": 1, "unusable": 1}
    assert "correlates" in line.quarantined()["extra/absent.png"].reason
    copied.ingest()
    assert copied.read == 0
    # Other limits judge again; what a person released stays.
    line.changes["alignment"] = {"limits": {"overlap": 0.95}}
    copied.ingest()
    assert {"extra/far.png", "extra/turned.png"} <= line.sources()


def test_limits_judge_stored_boards_without_reading_them(copied: Copied) -> None:
    line, marginal = copied.line, {f"extra/shifted-{number}.png" for number in range(2)}
    sources = sorted(row.source for row in line.rows())
    for name, source in zip(sorted(marginal), sources, strict=False):
        pixels_HWC = moved(photograph(line.archive / source), 16)
        cv2.imwrite(str(line.archive / name), pixels_HWC)
    list_too(line.archive, marginal)
    first = copied.ingest()
    assert marginal < line.sources()
    line.changes["alignment"] = {"limits": {"overlap": 0.95}}
    strict = copied.ingest()
    assert strict.ingested == first.ingested - len(marginal)
    assert marginal < line.quarantined().keys()
    # What other limits refused is judged anew; what is stored is not.
    refused = first.in_quarantine + first.duplicates
    assert copied.read == refused
    line.changes["alignment"] = {"limits": {"overlap": 0.7}}
    loose = copied.ingest()
    assert copied.read == refused
    assert loose.ingested == first.ingested + 1
    assert {"extra/far.png", *marginal} < line.sources()
    # Back to the line's own limits: `far` has a board image now and is refused by its figures.
    line.changes = {}
    assert copied.ingest().ingested == first.ingested


def test_a_retried_file_is_read_again(copied: Copied) -> None:
    copied.ingest()
    copied.ingest()
    assert copied.read == 0
    done = run("quarantine", "retry", copied.line.config, "extra/cut.png")
    assert done.exit_code == 0
    record = copied.ingest()
    assert copied.read == 1
    assert record.quarantined["unusable"] == 1


@pytest.fixture(scope="module")
def bucket(plant: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The same archive behind an S3 server; the variables that a reader of it needs."""
    pytest.importorskip("moto", reason="the dev extra brings an S3 server")
    server = S3Server(tmp_path_factory.mktemp("s3") / "log.txt")
    keys = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "secret"}
    try:
        server.wait()
        store = fsspec.filesystem(
            "s3",
            key=keys["AWS_ACCESS_KEY_ID"],
            secret=keys["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=server.endpoint_url,
        )
        store.mkdir("plant")
        store.put(str(plant), "plant/boards", recursive=True)
        yield {**keys, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": server.endpoint_url}
    finally:
        server.stop()


def test_the_same_archive_in_a_bucket_gives_the_same_line(
    taken_in: TakenIn, bucket: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    line = BoardLine(tmp_path / "line", taken_in.line.archive, {**environment, **bucket})
    place = {"path": "s3://plant/boards/manifest.csv", "endpoint_url": bucket["AWS_ENDPOINT_URL"]}
    line.changes["source"] = place
    line.run("ingest")
    assert line.rows() == taken_in.line.rows()
    kinds = {name: entry.kind for name, entry in line.quarantined().items()}
    assert kinds == ADDED


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.faults
def test_a_full_disk_is_one_sentence_and_room_is_all_it_needs(
    taken_in: TakenIn, environment: dict[str, str], workers: Workers, small_disk: Path
) -> None:
    line = BoardLine(small_disk / "line", taken_in.line.archive, environment)
    printed = " ".join(line.run("ingest", code=1).split())
    assert "StorageFullError" in printed
    assert "Free space" in printed
    assert "Traceback" not in printed
    assert line.stores.snapshots(LINE).latest() is None
    before = len(list((line.store / "images").rglob("receipt.json")))
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    record = Copied(line, workers).ingest()
    assert record.ingested == BOARDS
    assert line.rows() == taken_in.line.rows()
    assert len(list((line.store / "images").rglob("receipt.json"))) > before


@pytest.fixture(scope="module")
def inspected(
    taken_in: TakenIn, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Verdicts of the champion on boards that lie well, and on some that do not."""
    folder = tmp_path_factory.mktemp("inspected")
    line = BoardLine(folder, taken_in.line.archive, environment)
    shutil.copytree(taken_in.line.store, line.store)
    line.run("retrain")
    boards = folder / "boards"
    boards.mkdir()
    certifying = [row for row in line.rows() if row.role == "certification"]
    well = [row.source for row in certifying][:2]
    for name in (*well, "extra/turned.png", "extra/far.png", "extra/black.png"):
        shutil.copy(line.archive / name, boards / Path(name).name)
    shutil.copy(line.archive / well[0], boards / ("x" * 251 + ".png"))
    os.mkfifo(folder / "pipe")
    (boards / "pipe.png").symlink_to(folder / "pipe")
    line.run("inspect", boards, "--out", folder / "out")
    lines = (folder / "out" / "verdicts.jsonl").read_text().splitlines()
    return {Path(verdict["file"]).name: verdict for verdict in map(json.loads, lines)}


@pytest.mark.parametrize("name", ["turned.png", "far.png", "black.png", "pipe.png"])
def test_a_board_that_lies_wrong_is_flagged_with_the_reason(
    inspected: dict[str, dict[str, Any]], name: str
) -> None:
    verdict = inspected[name]
    assert verdict["verdict"] == "flagged"
    assert verdict["score"] is verdict["overlay"] is None
    words = {"black.png": "correlates", "pipe.png": "a pipe"}.get(name, "not aligned")
    assert words in verdict["reason"]


def test_a_board_that_lies_well_is_judged(inspected: dict[str, dict[str, Any]]) -> None:
    judged = [verdict for verdict in inspected.values() if verdict["score"] is not None]
    assert len(judged) == 3
    for verdict in judged:
        flagged = verdict["score"] >= verdict["threshold"]
        assert verdict["verdict"] == ("flagged" if flagged else "passed")
        assert Path(verdict["overlay"]).is_file()
    assert inspected["x" * 251 + ".png"]["score"] is not None
