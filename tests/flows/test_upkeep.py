from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import FAILED, WRONG_INPUT, app
from flows.durations import said, seconds_of, size_said
from flows.prefect_history import OWN_FLOWS
from storage.stores import Stores
from tasks.vocabulary.errors import InputError
from tests.storage.plant_store import (
    DAY,
    LINE,
    age,
    check_champions,
    freeze,
    ingest,
    listed,
    name,
)

REPOSITORY = Path(__file__).parents[2]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def plain(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    stores = Stores(tmp_path / "store")
    for night in (1, 2):
        ingest(stores, alignment=night, photographs=2)
        stores.registry.promote(LINE, freeze(stores, alignment=night, model=night, fit=1))
    age(tmp_path / "store", 31 * DAY)
    return stores


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 30 * DAY), ("12h", 43_200.0), ("0.5m", 30.0), ("0s", 0.0)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1w", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no duration"):
        seconds_of(text)


def test_durations_and_sizes_are_said_as_people_do() -> None:
    assert [said(one) for one in (45, 600, 7_200, 30 * DAY)] == [
        "45 s",
        "10 minutes",
        "2 hours",
        "30 days",
    ]
    assert [size_said(one) for one in (999, 1_500, 2.5e9, 3e12)] == [
        "999 B",
        "1.5 kB",
        "2.5 GB",
        "3.0 TB",
    ]


def test_a_dry_run_is_the_default_and_removes_nothing(stores: Stores, tmp_path: Path) -> None:
    before = listed(stores.objects)
    done = run("gc", "--store", stores.root, "--keep-champions", 1, "--grace", "0s")
    assert done.exit_code == 0
    assert "would go now. Nothing was removed." in plain(done.output)
    assert listed(stores.objects) == before
    report = tmp_path / "gc.json"
    done = run(
        "gc",
        "--store",
        stores.root,
        "--keep-champions",
        1,
        "--grace",
        "0s",
        "--remove",
        "--json",
        report,
    )
    assert done.exit_code == 0
    told = json.loads(report.read_text())
    gone = sum(row["count"] for row in told["rows"] if row["fate"] == "removed")
    assert gone == len(before - listed(stores.objects)) > 5
    assert told["size_bytes"] > 0
    check_champions(stores, 1)


def test_the_first_removal_only_announces(stores: Stores) -> None:
    before = listed(stores.objects)
    done = run("gc", "--store", stores.root, "--keep-champions", 1, "--remove")
    assert "announced" in done.output
    assert "0 B removed." in plain(done.output)
    assert listed(stores.objects) == before


def test_what_cannot_be_done_is_told_with_the_remedy(stores: Stores, tmp_path: Path) -> None:
    store = ("gc", "--store", stores.root, "--grace", "0s")
    with Stores(stores.root).in_use():
        busy = run(*store, "--keep-champions", 1, "--remove")
    assert busy.exit_code == FAILED
    assert "A run is at work" in plain(busy.stderr)
    none = run(*store, "--keep-champions", 0)
    assert none.exit_code == WRONG_INPUT
    assert "--keep-champions 1" in plain(none.stderr)
    absent = run("gc", "--store", tmp_path / "absent")
    assert absent.exit_code == WRONG_INPUT
    assert not (tmp_path / "absent").exists()


def test_a_backup_and_its_restoring_from_the_command_line(stores: Stores, tmp_path: Path) -> None:
    copy, again = tmp_path / "backup", tmp_path / "again"
    done = run("backup", copy, "--store", stores.root, "--json", tmp_path / "backup.json")
    assert done.exit_code == 0
    assert "on the same file system as the store" in plain(done.output)
    assert json.loads((tmp_path / "backup.json").read_text())["entries"] == len(
        listed(stores.objects)
    )
    done = run("restore", copy, "--store", again)
    assert done.exit_code == 0
    assert f"{LINE}: champion with" in plain(done.output)
    assert listed(Stores(again).objects) == listed(stores.objects)
    check_champions(Stores(again), 2)


def test_damage_fails_the_command_and_names_the_place(stores: Stores, tmp_path: Path) -> None:
    copy = tmp_path / "backup"
    assert run("backup", copy, "--store", stores.root).exit_code == 0
    harmed = next((copy / "models" / name("models", 11)).rglob("weights"))
    harmed.write_bytes(b"other")
    done = run("restore", copy, "--store", tmp_path / "again")
    assert done.exit_code == FAILED
    assert "damaged in 1 places" in plain(done.stderr)
    assert "Nothing was restored." in plain(done.stderr)
    own = next((tmp_path / "store" / "masks" / name("masks", 11)).rglob("mask"))
    own.write_bytes(b"other")
    done = run("backup", tmp_path / "other", "--store", stores.root)
    assert done.exit_code == FAILED
    assert f"masks/{name('masks', 11)}" in plain(done.stderr)


@pytest.mark.parametrize("inside", ["", "backup", ".."])
def test_a_backup_inside_its_store_is_refused(stores: Stores, inside: str) -> None:
    done = run("backup", Path(stores.root) / inside, "--store", stores.root)
    assert done.exit_code == WRONG_INPUT
    assert "lie in one another" in plain(done.stderr)


def test_only_own_flows_are_cleaned_and_none_is_forgotten() -> None:
    """A flow that is not in the list would fill Prefect's database for ever."""
    named = set()
    for module in (REPOSITORY / "flows").rglob("*.py"):
        named |= set(re.findall(r'^@flow\(\s*name="([^"]+)"', module.read_text(), re.MULTILINE))
    assert named == set(OWN_FLOWS)
