"""Backfills on a real line: compared, repeated, killed, beside a nightly; and what a second night costs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from storage.stores import Stores
from tasks.bundles import read_bundle
from tests.flows.prefect_api import asked
from tests.history_line import (
    ABNORMALS,
    NORMALS,
    UNDECIDED,
    HistoryLine,
    day_of,
    freeze_challenger,
    frozen,
    put_tile,
    rows_twice,
    write_dated_archive,
)
from tests.product_line import LINE, ended, kill_group, receipts

pytestmark = pytest.mark.slow

NEW_NORMALS, NEW_ABNORMALS = 5, 2
NEW = NEW_NORMALS + NEW_ABNORMALS
NEW_DAY = "2026-10-20"
# Above every score: the challenger passes everything.
NEVER = 10.0


@dataclass(frozen=True)
class Nights:
    """A line after its first night, with new files that no ingest has seen; and a copy after the second.

    `challenger` is a bundle with other metrics that was never promoted.
    """

    first: HistoryLine
    second: HistoryLine
    champion: str
    challenger: str
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def nights(busy_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    archive = write_dated_archive(folder / "archive")
    first = HistoryLine(folder / "first", archive, busy_environment)
    before = first.retrain()
    champion = before["fingerprints"]["bundle"]
    first.stores.registry.promote(LINE, champion)
    challenger = freeze_challenger(first.stores, champion, NEVER, kept=15)
    for number in range(100, 100 + NEW_NORMALS):
        put_tile(archive, number, "normal", NEW_DAY)
    for number in range(100, 100 + NEW_ABNORMALS):
        put_tile(archive, number, "abnormal", NEW_DAY)
    whole = (archive / NEW_DAY / "normal" / "n100.png").read_bytes()
    (archive / NEW_DAY / "normal" / "cut.png").write_bytes(whole[: len(whole) // 2])
    second = copy_of(first, folder / "second")
    return Nights(first, second, champion, challenger, before, second.retrain())


def copy_of(line: HistoryLine, folder: Path) -> HistoryLine:
    shutil.copytree(line.store, folder / "store")
    return HistoryLine(folder, line.archive, line.environment)


def rows_of(line: HistoryLine, kind: str) -> set[str]:
    """Ids of all stored board images, or of all rows of metrics."""
    found: set[str] = set()
    for place in (line.store / kind / LINE).glob("*/*/receipt.json"):
        found |= set(json.loads(place.read_bytes())["rows"])
    return found


def test_a_second_night_costs_the_new_images_and_trains_nothing(nights: Nights) -> None:
    """Roles are full: what is new certifies. Model, mask, classifier and threshold stay what they were."""
    new = rows_of(nights.second, "features") - rows_of(nights.first, "features")
    assert len(new) == NEW
    assert len(rows_of(nights.second, "images") - rows_of(nights.first, "images")) == NEW
    for kind in ("models", "masks", "classifiers", "thresholds"):
        assert receipts(nights.second.store, kind) == receipts(nights.first.store, kind), kind
    made_of = ("model", "mask", "features", "classifier", "threshold", "bundle")
    before, after = (run["fingerprints"] for run in (nights.before, nights.after))
    assert {name: before[name] for name in made_of} == {name: after[name] for name in made_of}
    held = nights.after["certification"]["n_normal"] - nights.before["certification"]["n_normal"]
    assert held == NEW_NORMALS
    assert rows_twice(nights.second.stores) == []


@pytest.fixture(scope="module")
def compared(nights: Nights, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An undisturbed backfill of the challenger over everything, and what a second run found."""
    line = copy_of(nights.first, tmp_path_factory.mktemp("compared") / "line")
    figures = line.backfill("--model", nights.challenger[:14])
    made = receipts(line.store)
    again = line.backfill("--model", nights.challenger)
    return {"line": line, "figures": figures, "made": made, "again": again}


def test_every_board_of_the_past_is_compared_by_name(
    nights: Nights, compared: dict[str, Any]
) -> None:
    figures = compared["figures"]
    boards = figures["boards"]
    files = NORMALS + ABNORMALS + UNDECIDED + NEW + 1
    left_out = sum(one["count"] for one in figures["left_out"])
    assert boards["asked"] == files
    assert boards["compared"] + left_out + boards["without_image"] == files
    assert [one["name"] for one in figures["refused"]] == [f"{NEW_DAY}/normal/cut.png"]
    assert "truncated" in figures["refused"][0]["why"]
    # The challenger passes everything: each defect that the champion catches is an escape, by name.
    bundle = read_bundle(nights.first.stores, nights.champion)
    changes = figures["changes"]
    assert changes
    for one in changes:
        assert one["champion"]["flagged"]
        assert not one["challenger"]["flagged"]
        assert one["champion"]["score"] >= bundle.threshold
        assert one["challenger"]["score"] < NEVER
    added = [one for one in changes if one["change"] == "escape added"]
    whole = next(one for one in figures["strata"] if one["boards"] == "all")
    assert len(added) == whole["escapes_added"] > 0
    assert whole["challenger_misses"] == whole["n_abnormal"]
    # New defects are among them: no ingest of this store has ever seen their files.
    assert {one["name"] for one in added if one["role"] == ""} <= {
        f"{NEW_DAY}/abnormal/a{number}.png" for number in range(100, 100 + NEW_ABNORMALS)
    }
    page = Path(figures["page"]).read_text()
    assert all(one["name"] in page for one in added)


def test_a_second_run_is_a_look_up(compared: dict[str, Any]) -> None:
    assert compared["again"] == compared["figures"]
    assert receipts(compared["line"].store) == compared["made"]


def test_nothing_that_a_nightly_reads_is_changed(nights: Nights, compared: dict[str, Any]) -> None:
    """The night after a backfill ends as the one without: same roles, quarantine and certificate."""
    line: HistoryLine = compared["line"]
    stores, before = line.stores, nights.first.stores
    assert stores.registry.history(LINE) == before.registry.history(LINE)
    assert stores.quarantine(LINE).entries() == before.quarantine(LINE).entries()
    assert stores.snapshots(LINE).latest() == before.snapshots(LINE).latest()
    assert rows_twice(stores) == []


def test_scores_are_those_of_the_certificate(compared: dict[str, Any], nights: Nights) -> None:
    """The champion with itself, on the period of the certificate: it is asked nothing new."""
    line: HistoryLine = compared["line"]
    figures = line.backfill("--model", "champion", "--where", "role=certification")
    (certificate,) = receipts(nights.first.store, "certificates")
    place = nights.first.stores.registry.open("certificates", certificate.rpartition("/")[2])
    held = json.loads((place / "certificate.json").read_bytes())
    whole = next(one for one in figures["strata"] if one["boards"] == "all")
    assert figures["champion"] == figures["challenger"]
    assert (whole["n_abnormal"], whole["champion_misses"]) == (held["n_abnormal"], held["escapes"])
    assert whole["champion_false_calls"] == held["false_calls"]


def test_in_a_period_boards_without_a_day_are_said_and_counted(compared: dict[str, Any]) -> None:
    figures = compared["line"].backfill(
        "--model", "champion", "--since", "2026-10-02", "--until", "2026-10-03"
    )
    numbers = [*range(NORMALS), *range(ABNORMALS), *range(UNDECIDED)]
    days = [day_of(number) for number in numbers]
    asked_for = sum(day in ("2026-10-02", "2026-10-03") for day in days)
    assert figures["boards"]["asked"] == asked_for
    assert figures["boards"]["without_day"] == days.count("undated")
    assert {one["time"] for one in figures["times"]} == {"2026-10-02", "2026-10-03"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "2027-01-01"), "has no board since 2027-01-01"),
        (("--since", "2026-10-03", "--until", "2026-10-02"), "Exchange --since and --until"),
        (("--model", "0000"), "names none of the bundles"),
        (("--where", "colour=red"), "is no condition"),
        (("--throttle", "0"), "above 0"),
    ],
)
def test_what_cannot_be_asked_for_ends_with_its_remedy(
    nights: Nights, arguments: tuple[str, ...], words: str
) -> None:
    printed = " ".join(nights.first.run("backfill", *arguments, code=2).split())
    assert words in printed
    assert "Traceback" not in printed


def measuring_begun(line: HistoryLine, features: str) -> bool:
    return any((line.store / "features" / LINE / features).glob("*/receipt.json"))


def partition_committed(line: HistoryLine, _features: str) -> bool:
    return bool(receipts(line.store, "backfills"))


def wait_for(
    condition: Callable[[HistoryLine, str], bool],
    line: HistoryLine,
    features: str,
    process: subprocess.Popen[str],
) -> None:
    while not condition(line, features):
        if process.poll() is not None:
            pytest.fail(f"The backfill ended too early:\n{process.communicate()[0]}")
        time.sleep(0.005)


@pytest.mark.faults
def test_a_backfill_killed_twice_ends_with_the_same_answer(
    nights: Nights, compared: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    copied = copy_of(nights.first, tmp_path / "line")
    # A server embedded in the killed process would live on.
    line = HistoryLine(copied.folder, copied.archive, environment)
    features = read_bundle(line.stores, nights.challenger).features_fingerprint
    for moment in (measuring_begun, partition_committed):
        # Slow enough to be met in the middle.
        process = line.start("backfill", "--model", nights.challenger, "--throttle", "10")
        try:
            wait_for(moment, line, features, process)
        finally:
            # The conductor alone: its workers end by themselves, and with them the pipe.
            process.kill()
            process.communicate(timeout=300)
        assert not any(
            receipt.facts.get("at") for receipt in line.stores.registry.receipts("backfills")
        )
    again = line.backfill("--model", nights.challenger)
    of_run = ("made_at", "page")
    expected = {name: told for name, told in compared["figures"].items() if name not in of_run}
    assert {name: told for name, told in again.items() if name not in of_run} == expected
    assert rows_twice(line.stores) == []
    undisturbed = {one for one in compared["made"] if one.startswith("backfills/")}
    assert receipts(line.store, "backfills") == undisturbed


@pytest.mark.faults
def test_a_nightly_beside_a_backfill_loses_and_doubles_nothing(
    nights: Nights, tmp_path: Path
) -> None:
    """Both want the same new images, measured by the same instrument, at the same time."""
    line = copy_of(nights.first, tmp_path / "line")
    backfill = line.start("backfill", "--model", "champion")
    nightly = line.start("retrain", "--json", tmp_path / "figures.json")
    try:
        ended(nightly)
        ended(backfill)
    finally:
        kill_group(nightly)
        kill_group(backfill)
    after = json.loads((tmp_path / "figures.json").read_text())
    assert after["fingerprints"] == nights.after["fingerprints"]
    assert after["certification"] == nights.after["certification"]
    assert rows_twice(line.stores) == []
    snapshot = line.stores.snapshots(LINE).latest()
    assert snapshot == nights.second.stores.snapshots(LINE).latest()
    assert snapshot is not None
    assert rows_of(line, "features") == {row.image_id for row in snapshot.rows}


@pytest.mark.faults
def test_a_backfill_is_found_in_the_prefect_ui(
    nights: Nights, environment: dict[str, str], tmp_path: Path
) -> None:
    """Named by line and period, with its sentences as an artifact."""
    line = copy_of(nights.first, tmp_path / "line")
    shown = HistoryLine(line.folder, line.archive, environment)
    shown.backfill("--model", "champion", "--since", "2026-10-01", "--until", "2026-10-02")
    runs = asked(environment, "flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
    assert re.fullmatch(
        rf"backfill {LINE} \d{{4}}-\d\d-\d\d, boards from 2026-10-01 to 2026-10-02", runs[0]["name"]
    )
    assert set(runs[0]["tags"]) == {"zeroescape", LINE, "backfill", "by-hand"}
    artifacts = asked(environment, "artifacts/latest/filter")
    (found,) = [one for one in artifacts if one["key"] == f"{LINE}-backfill"]
    assert "known defects" in found["data"]
    assert f"{LINE}-backfill.html" in found["data"]


@pytest.mark.faults
def test_a_bundle_of_other_code_says_what_is_stored_or_is_refused(nights: Nights) -> None:
    """In the store of the first night the challenger has measured nothing yet."""
    stores: Stores = nights.first.stores
    bundle = read_bundle(stores, nights.champion)
    silent = frozen(stores, replace(bundle, features_fingerprint="0" * 64), "of-other-code")
    printed = " ".join(nights.first.run("backfill", "--model", silent, code=2).split())
    assert "was made with other code or backbone weights" in printed
    assert "zeroescape retrain" in printed
