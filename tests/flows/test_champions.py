"""Sign-off, rollback and history on a real store: who, why, and which defects are given up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from flows.champions import champions_of, rolled_back, signed_off
from flows.cli import WRONG_INPUT, app
from storage.receipts import Json
from storage.stores import Stores
from tasks.vocabulary.errors import InputError
from tests.flows.test_light_doors import REPOSITORY
from tests.flows.test_settings import SMALLEST
from tests.tasks.rivals import BAD, GOOD, LINE, Rivals, rows, scores

ANSWERED = {"by": "A. Ray", "why": "the boards are scrap"}


class Plant:
    """A champion, a challenger that the gate kept back for two defects, and the line's file."""

    def __init__(self, folder: Path) -> None:
        self.rivals = Rivals(Stores(folder / "store"))
        self.registry = self.rivals.stores.registry
        self.registry.put("models", "model", {"weights": b"w"})
        self.registry.put("thresholds", "threshold", {"threshold.json": b"{}"})
        snapshot = self.rivals.see(rows([*GOOD, *BAD]))
        self.rivals.bundle("champion", scores(), snapshot)
        self.rivals.bundle("challenger", scores(missed=[3, 8]), snapshot)
        self.registry.promote(LINE, "champion", {"how": "first", "at": "2026-01-01T00:00:00+00:00"})
        assert not self.rivals.gate("champion", "challenger").passes
        content: dict[str, Any] = {**SMALLEST, "line": LINE, "store": str(folder / "store")}
        self.config = folder / "line.yaml"
        self.config.write_text(yaml.safe_dump(content))

    def champion(self) -> str | None:
        return self.registry.champion(LINE)

    def last(self) -> dict[str, Json]:
        return dict(self.registry.history(LINE)[-1].facts)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_person_signs_for_the_defects_by_name(plant: Plant) -> None:
    done = signed_off(plant.config, None, **ANSWERED)
    assert (done.number, done.bundle, plant.champion()) == (2, "challenger", "challenger")
    assert done.missed == ("bad-3.png", "bad-8.png")
    assert "bad-3.png, bad-8.png" in done.sentences[-1]
    facts = plant.last()
    assert (facts["how"], facts["by"], facts["why"]) == ("signed", *ANSWERED.values())
    assert (facts["missed"], facts["from"]) == (["bad-3.png", "bad-8.png"], "champion")
    assert facts["gate"] == plant.registry.receipts("gates")[0].key


@pytest.mark.parametrize("answered", [{"by": " ", "why": "w"}, {"by": "A. Ray", "why": ""}])
def test_nobody_signs_for_nothing(plant: Plant, answered: dict[str, str]) -> None:
    with pytest.raises(InputError, match="Nobody answers"):
        signed_off(plant.config, None, **answered)
    with pytest.raises(InputError, match="Nobody answers"):
        rolled_back(plant.config, None, **answered)
    assert plant.champion() == "champion"


@pytest.mark.parametrize(
    ("asked", "words"),
    [("champion", "champion already"), ("chal", "names 1 bundles"), ("absent-bundle", "names 0")],
)
def test_what_cannot_be_promoted_is_refused(plant: Plant, asked: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        signed_off(plant.config, asked, **ANSWERED)
    assert plant.champion() == "champion"


def test_a_bundle_of_another_line_is_not_promoted(plant: Plant) -> None:
    plant.registry.put("bundles", "foreigner", {"bundle.json": b"{}"}, facts={"line": "other"})
    with pytest.raises(InputError, match="names 0 bundles"):
        signed_off(plant.config, "foreigner", **ANSWERED)


def test_bundles_that_never_met_are_compared_first(plant: Plant) -> None:
    snapshot = plant.rivals.snapshots[0]
    plant.rivals.bundle("stranger", scores(missed=[5]), snapshot)
    done = signed_off(plant.config, "strang", **ANSWERED)
    assert done.missed == ("bad-5.png",)
    assert any("Compared on stored scores only" in sentence for sentence in done.sentences)


def test_nothing_waits_where_the_newest_challenger_passed(plant: Plant) -> None:
    plant.rivals.bundle("better", scores(), plant.rivals.snapshots[0])
    gates = plant.registry.receipts("gates")
    assert plant.rivals.gate("champion", "better").passes
    plant.rivals.stores.objects.delete_folder(f"gates/{gates[0].key}")
    with pytest.raises(InputError, match="No challenger"):
        signed_off(plant.config, None, **ANSWERED)


def test_a_rollback_names_what_the_newer_one_caught(plant: Plant) -> None:
    plant.registry.promote(LINE, "challenger")
    plant.rivals.gate("challenger", "champion", false_call_worsening=1.0)
    plant.registry.promote(LINE, "champion")
    done = rolled_back(plant.config, None, **ANSWERED)
    assert plant.champion() == "challenger"
    assert done.missed == ("bad-3.png", "bad-8.png")
    facts = plant.last()
    assert (facts["how"], facts["to"], facts["from"]) == ("rollback", 2, "champion")


def test_a_second_rollback_goes_further_back(plant: Plant) -> None:
    plant.rivals.bundle("third", scores(), plant.rivals.snapshots[0])
    for bundle in ("challenger", "third"):
        plant.registry.promote(LINE, bundle)
    champions = []
    for _ in range(2):
        rolled_back(plant.config, None, **ANSWERED)
        champions.append(plant.champion())
    assert champions == ["challenger", "champion"]
    with pytest.raises(InputError, match="no earlier promotion"):
        rolled_back(plant.config, None, **ANSWERED)
    rolled_back(plant.config, 3, **ANSWERED)
    assert plant.champion() == "third"
    assert [one.bundle for one in plant.registry.history(LINE)] == [
        "champion",
        "challenger",
        "third",
        "challenger",
        "champion",
        "third",
    ]


@pytest.mark.parametrize(("to", "words"), [(9, "no promotion 9"), (1, "present champion's own")])
def test_a_wrong_number_is_refused(plant: Plant, to: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        rolled_back(plant.config, to, **ANSWERED)
    assert len(plant.registry.history(LINE)) == 1


def test_an_incomplete_bundle_never_becomes_the_champion(plant: Plant) -> None:
    plant.registry.promote(LINE, "challenger")
    plant.rivals.stores.objects.delete_folder("models/model")
    with pytest.raises(InputError, match=r"models/model is gone.*backup"):
        rolled_back(plant.config, None, **ANSWERED)
    assert plant.champion() == "challenger"


def test_history_shows_who_why_and_who_was_kept_back(plant: Plant, tmp_path: Path) -> None:
    found = champions_of(plant.config)
    assert [gate.contest.challenger for gate in found.kept_back] == ["challenger"]
    place = tmp_path / "history.json"
    shown = run("history", plant.config, "--json", place)
    assert shown.exit_code == 0
    assert "Kept back" in shown.output
    assert "bad-3.png, bad-8.png" in " ".join(shown.output.split())
    assert run("promote", plant.config, "--by", "A. Ray", "--why", "scrap").exit_code == 0
    assert run("rollback", plant.config, "--by", "B. Fox", "--why", "dust").exit_code == 0
    shown = run("history", plant.config, "--json", place)
    assert "Kept back" not in shown.output
    figures = json.loads(place.read_text())
    assert figures["champion"] == "champion"
    told = [(one["facts"].get("by"), one["facts"].get("why")) for one in figures["promotions"]]
    assert told == [(None, None), ("A. Ray", "scrap"), ("B. Fox", "dust")]
    for words in ("A. Ray", "scrap", "B. Fox", "dust", "rolled back", "signed by a person"):
        assert words in shown.output


def test_without_a_store_there_is_no_history(tmp_path: Path) -> None:
    content = {**SMALLEST, "store": str(tmp_path / "none")}
    config = tmp_path / "line.yaml"
    config.write_text(yaml.safe_dump(content))
    shown = run("history", config)
    assert shown.exit_code == WRONG_INPUT
    assert not (tmp_path / "none").exists()
    assert run("promote", config, "--by", "A").exit_code == WRONG_INPUT


def test_these_commands_import_nothing_that_trains_and_conducts(plant: Plant) -> None:
    program = f"""
import sys
from pathlib import Path
from flows.champions import champions_of, rolled_back, signed_off
config = Path({str(plant.config)!r})
signed_off(config, None, by="A. Ray", why="scrap")
rolled_back(config, None, by="A. Ray", why="dust")
assert len(champions_of(config).promotions) == 3
sys.exit(str(sorted({{"torch", "prefect", "dask", "distributed", "sklearn", "cv2"}} & set(sys.modules))))
"""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.stderr.strip() == "[]"
