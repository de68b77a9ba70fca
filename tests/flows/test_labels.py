"""What a person sees of changed labels, and what the check says of a relabel file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cli import WRONG_INPUT
from storage.ingests import IngestRecord
from storage.label_changes import LabelChange
from storage.snapshots import SnapshotRow
from storage.stores import Stores
from tests.flows.test_cli import plain, run
from tests.flows.test_settings import SMALLEST, written

MONDAY, TUESDAY = "2026-11-16T08:00:00+00:00", "2026-11-17T08:00:00+00:00"
ID = "3fa9c1d07e" + "0" * 54
FIRST = LabelChange(ID, "normal/[b]17.png", "normal", "abnormal", "A. Ray", "bridge", MONDAY, False)
CHANGES = [
    FIRST,
    LabelChange("i2", "normal/b.png", "normal", "undecided", "B. Lee", "dark", MONDAY, True),
    LabelChange(
        ID, "normal/[b]17.png", "abnormal", "normal", "", "the row was taken out", TUESDAY, True
    ),
]
WAITING = "Row 4 of the relabel file (x.png, normal) waits: the image is not in the archive now."
RECORD = IngestRecord(
    key="k",
    at=TUESDAY,
    snapshot=1,
    images_fingerprint="f",
    reference=None,
    seen=2,
    ingested=2,
    duplicates=0,
    quarantined={},
    quarantine="q",
    waiting=[WAITING],
)
ROLES = {
    "reconstruction": 2,
    "validation": 1,
    "mask": 1,
    "development": {"normal": 1, "abnormal": 2},
}


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path / "store")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for label, count in (("normal", 6), ("abnormal", 3)):
        (tmp_path / "images" / label).mkdir(parents=True)
        for at in range(count):
            (tmp_path / "images" / label / f"{label[0]}{at}.png").write_bytes(b"")
    content: dict[str, Any] = SMALLEST | {"store": str(tmp_path / "store"), "roles": ROLES}
    content["source"] = {"kind": "folder", "path": str(tmp_path / "images")}
    return written(tmp_path, content | {"relabels": str(tmp_path / "relabels.csv")})


def say(config: Path, *rows: str) -> None:
    lines = "\n".join(("image_id,label,who,why", *rows))
    config.with_name("relabels.csv").write_text(lines, encoding="utf-8")


def test_every_change_is_listed_with_who_when_and_why(
    config: Path, stores: Stores, tmp_path: Path
) -> None:
    stores.labels("boards").append(CHANGES[:2])
    stores.labels("boards").append(CHANGES[2:])
    stores.ingests("boards").append(RECORD)
    figures = tmp_path / "labels.json"
    shown = run("labels", config, "--json", figures)
    assert shown.exit_code == 0
    found = json.loads(figures.read_text())
    assert (found["changed"], found["changed_after_scores"]) == (1, 2)
    assert found["waiting"] == [WAITING]
    assert [change["in_force"] for change in found["changes"]] == [False, True, True]
    assert {name: found["changes"][0][name] for name in ("source", "who", "why", "at")} == {
        "source": "normal/[b]17.png",
        "who": "A. Ray",
        "why": "bridge",
        "at": MONDAY,
    }
    said = plain(shown.output)
    assert "1 images have another label now than the archive gave them at first" in said
    assert "2 have another than when their scores were first seen" in said
    assert WAITING in said


@pytest.mark.usefixtures("stores")
def test_a_line_without_changes_says_so(config: Path) -> None:
    assert "No label was ever changed." in plain(run("labels", config).output)


def test_a_line_without_a_store_says_what_to_run(config: Path) -> None:
    done = run("labels", config)
    assert done.exit_code == WRONG_INPUT
    assert "zeroescape ingest" in plain(done.stderr)


def test_check_counts_the_rows_that_say_something(config: Path) -> None:
    say(config, "normal/n1.png,abnormal,A. Ray,bridge", "normal/n2.png,normal,,")
    done = run("check", config)
    assert done.exit_code == 0
    assert "relabels: 1 rows of" in plain(done.output)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["n1.png,abnormal,A. Ray,bridge"], "images that the line never had: n1.png (row 1)"),
        (["normal/n1.png,abnormal,A. Ray,"], "has no why in row 1"),
        (["normal/n1.png,bad,A. Ray,bridge"], "has the label 'bad' in row 1"),
        (
            ["normal/n1.png,abnormal,A. Ray,x", "normal/n1.png,normal,B. Lee,y"],
            "rows 1 (normal/n1.png: abnormal, A. Ray) and 2 (normal/n1.png: normal, B. Lee) disagree",
        ),
        (None, "cannot be read"),
    ],
)
def test_check_finds_what_would_stop_an_ingest(
    config: Path, rows: list[str] | None, words: str
) -> None:
    if rows is not None:
        say(config, *rows)
    done = run("check", config)
    assert done.exit_code == WRONG_INPUT
    assert words in plain(done.output)
    assert not config.with_name("store").exists()


def test_check_looks_ids_up_where_there_was_an_ingest(config: Path, stores: Stores) -> None:
    # A store without any ingest knows as little as none.
    say(config, f"{ID[:8]},abnormal,A. Ray,bridge")
    first = run("check", config)
    assert first.exit_code == 0
    assert "1 image ids are looked up by the first ingest" in plain(first.output)

    row = SnapshotRow("4" * 64, "normal/n1.png", "normal", "development")
    stores.snapshots("boards").commit([row], "f", "r")
    done = run("check", config)
    assert done.exit_code == WRONG_INPUT
    assert f"never had: {ID[:8]} (row 1)" in plain(done.output)

    stores.labels("boards").append([FIRST])
    say(config, f"{ID[:8]},abnormal,A. Ray,bridge", f"{FIRST.source},abnormal,A. Ray,bridge")
    assert run("check", config).exit_code == 0
    say(config, "44444444,abnormal,A. Ray,bridge", "normal/n1.png,normal,B. Lee,dust")
    assert "disagree" in plain(run("check", config).output)
