"""A line whose light changed: red, suspended, everything flagged, told, and lifted by a person."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from storage.stores import Stores
from tests.conftest import Retrained
from tests.flows.prefect_api import asked
from tests.product_line import LINE, ProductLine, ended, tile

pytestmark = pytest.mark.slow

BOARDS = 40


@pytest.fixture(scope="module")
def line(
    retrained: Retrained, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> ProductLine:
    """Our own copy: a suspension must not reach the tests of others."""
    folder = tmp_path_factory.mktemp("drift") / "line"
    shutil.copytree(retrained.line.folder, folder)
    # Others may have inspected with it.
    shutil.rmtree(folder / "store" / "inspections", ignore_errors=True)
    return ProductLine(folder, retrained.line.archive, environment)


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good tiles as the camera saw them after somebody turned up the lamp."""
    folder = tmp_path_factory.mktemp("bright")
    for number in range(BOARDS):
        pixels = np.clip(tile(5000 + number, "normal").astype(int) + 60, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"b{number:02}.png")
    return folder


def light(line: ProductLine, *arguments: object) -> dict[str, Any]:
    place = line.folder / "drift.json"
    line.run("drift", "--json", place, "--plot", line.folder / "drift.png", *arguments)
    found: dict[str, Any] = json.loads(place.read_text())
    return found


def verdicts(line: ProductLine, boards: Path) -> tuple[dict[str, Any], str]:
    out = line.folder / "inspected"
    printed = line.run("inspect", boards, "--out", out, "--json", out / "figures.json")
    figures: dict[str, Any] = json.loads((out / "figures.json").read_text())
    return figures, " ".join(printed.replace("│", " ").split())


def test_before_any_inspection_nothing_is_known(line: ProductLine) -> None:
    """Runs first: the others inspect."""
    found = light(line)
    assert found["light"] == "yellow"
    assert found["boards"] == 0
    assert found["suspended"] is None


def threshold_alone_is_recorded(
    line: ProductLine, found: dict[str, Any], before: dict[str, Any]
) -> None:
    rows = Stores(line.store).inspections(LINE, found["bundle"]).read().rows
    assert len(rows) == BOARDS
    by_threshold = {one["digest"]: one["verdict"] == "flagged" for one in before["verdicts"]}
    assert {row.image: row.flagged for row in rows} == by_threshold


def the_certificate_says_so(line: ProductLine) -> None:
    place, page = line.folder / "certificate.json", line.folder / "certificate.html"
    printed = " ".join(
        line.run("certificate", "--json", place, "--html", page).replace("│", " ").split()
    )
    assert "certificate is suspended since" in printed
    certificate = json.loads(place.read_text())
    assert certificate["suspended"]["by"] == "drift"
    assert certificate["sentence"].startswith("The escape certificate is suspended since")
    assert "Suspended: what this certificate says does not hold" in page.read_text()


def people_are_told(environment: dict[str, str]) -> set[str]:
    """Ids of the events of drift, of all red lights and of the suspension; the artifact says what it is."""
    kinds = ("drift.red", "light.red", "certificate.suspended")
    names = [f"zeroescape.{kind}" for kind in kinds]
    wanted = {"filter": {"event": {"name": names}}}
    events = asked(environment, "events/filter", wanted)["events"]
    assert {one["event"] for one in events} == set(names)
    assert {one["resource"]["prefect.resource.id"] for one in events} == {f"zeroescape.line.{LINE}"}
    key = {"artifacts": {"key": {"any_": [f"{LINE}-drift"]}}}
    assert "mean brightness" in asked(environment, "artifacts/latest/filter", key)[0]["data"]
    return {one["id"] for one in events}


@pytest.mark.faults
def test_a_lamp_that_is_turned_up_suspends_the_certificate_until_a_person_lifts_it(
    line: ProductLine, bright: Path, environment: dict[str, str]
) -> None:
    before, printed = verdicts(line, bright)
    assert before["suspended"] is None
    assert "suspended" not in printed
    found = light(line)
    assert found["light"] == "red"
    assert found["boards"] == BOARDS
    assert any("mean brightness is out of" in one["sentence"] for one in found["findings"])
    assert found["suspended"]["bundle"] == found["bundle"]

    after, printed = verdicts(line, bright)
    assert after["flagged"] == BOARDS
    assert "certificate is suspended" in after["suspended"]
    assert all("Every board is flagged" in one["reason"] for one in after["verdicts"])
    assert [one["score"] for one in after["verdicts"]] == [
        one["score"] for one in before["verdicts"]
    ]
    assert "Certificate suspended" in printed

    threshold_alone_is_recorded(line, found, before)
    the_certificate_says_so(line)
    events = people_are_told(environment)

    again = light(line)
    assert again["suspended"] == found["suspended"]
    assert people_are_told(environment) == events

    assert "--by" in ended(line.start("drift", "--lift"), 2)
    line.run("drift", "--lift", "--by", "A. Ray", "--why", "lamp turned down, boards looked at")
    lifted, printed = verdicts(line, bright)
    assert lifted["suspended"] is None
    assert lifted["verdicts"] == before["verdicts"]
    assert "not suspended" in ended(line.start("drift", "--lift", "--by", "x", "--why", "y"), 2)


@pytest.mark.faults
def test_a_line_that_warns_keeps_its_verdicts(
    line: ProductLine, bright: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "line"
    shutil.copytree(line.folder, folder)
    warned = ProductLine(folder, line.archive, line.environment, {"drift": {"on_red": "warn"}})
    key = warned.stores.registry.champion(LINE)
    assert key is not None
    for place in (warned.store / "suspensions" / LINE).iterdir():
        if "lifted" in place.read_text():
            place.unlink()
    assert warned.stores.suspensions(LINE).suspended(key) is not None
    figures, printed = verdicts(warned, bright)
    rows = warned.stores.inspections(LINE, key).read().rows
    assert figures["flagged"] == sum(row.flagged for row in rows)
    assert "certificate is suspended" in figures["suspended"]
    assert "Certificate suspended" in printed


def test_a_time_that_is_none_is_refused(line: ProductLine) -> None:
    assert "is no time" in ended(line.start("drift", "--since", "yesterday"), 2)
