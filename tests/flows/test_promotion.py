"""The gate at the end of real retrainings, a person's word against it, and inspections meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tasks.bundles import champion_bundle
from tasks.contest import CERTIFYING, FITTED_ON
from tests.conftest import Retrained
from tests.flows.prefect_api import asked, events
from tests.product_line import LINE, REPOSITORY, ProductLine, kill_group, tile

pytestmark = pytest.mark.slow

STRICT = {"false_call_worsening": 0.05}
CONSTANT = {"members": [{"kind": "constant_score"}]}


def copied(retrained: Retrained, environment: dict[str, str], folder: Path) -> ProductLine:
    shutil.copytree(retrained.line.store, folder / "store")
    return ProductLine(folder, retrained.line.archive, environment)


def in_one_line(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.fixture(scope="module")
def line(
    retrained: Retrained, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> ProductLine:
    made = copied(retrained, environment, tmp_path_factory.mktemp("gate"))
    made.changes = {"promotion": STRICT, "classification": CONSTANT}
    return made


@pytest.fixture(scope="module")
def kept_back(line: ProductLine) -> tuple[dict[str, Any], str]:
    """Figures and output of a run whose challenger has a constant score: it flags every board."""
    place = line.folder / "figures.json"
    printed = line.run("retrain", "--json", place)
    figures: dict[str, Any] = json.loads(place.read_text())
    return figures, in_one_line(printed)


def test_the_first_bundle_was_promoted_without_comparison(retrained: Retrained) -> None:
    found = retrained.figures["promotion"]
    assert (found["promoted"], found["number"], found["compared_with"]) == (True, 1, None)
    assert "no champion yet" in found["reasons"][0]
    (first,) = retrained.line.stores.registry.history(LINE)
    assert (first.facts["how"], first.facts["gate"]) == ("first", found["gate"])


def test_a_worse_challenger_is_kept_back_and_the_reason_told(
    retrained: Retrained, line: ProductLine, kept_back: tuple[dict[str, Any], str]
) -> None:
    figures, printed = kept_back
    found = figures["promotion"]
    champion = retrained.figures["fingerprints"]["bundle"]
    assert line.stores.registry.champion(LINE) == champion == found["champion"]
    assert (found["promoted"], found["is_champion"]) == (False, False)
    assert found["challenger"] == figures["fingerprints"]["bundle"] != champion
    assert (found["defects"], found["lost"], found["unseen"]) == (12, [], [])
    calls = found["false_calls"]
    assert (calls["n"], calls["challenger"]) == (12, 12)
    assert calls["champion"] == retrained.figures["fpr_at_fn"]["0"]["fpr"] * 12
    assert "False calls may be up to" in found["obstacles"][0]
    for words in ("Not promoted: the champion stays.", found["obstacles"][0], "zeroescape promote"):
        assert words in printed


def test_the_decision_is_shown_by_prefect(
    kept_back: tuple[dict[str, Any], str], environment: dict[str, str]
) -> None:
    found = asked(environment, "artifacts/latest/filter")
    (shown,) = [one["data"] for one in found if one["key"] == f"{LINE}-promotion"]
    assert "**Not promoted: the champion stays.**" in shown
    assert kept_back[0]["promotion"]["obstacles"][0] in shown
    bundle = kept_back[0]["fingerprints"]["bundle"]
    all_told = [one["payload"] for one in events(environment, "zeroescape.challenger.kept-back")]
    (told, *_) = [one for one in all_told if one["bundle"] == bundle]
    assert kept_back[0]["promotion"]["obstacles"][0] in told["why"]
    page = Path(kept_back[0]["report"]).read_text()
    assert "The gate stays shut: the champion stays until a person decides otherwise." in page


def test_sign_off_promotes_rollback_restores_and_history_tells(
    retrained: Retrained,
    line: ProductLine,
    kept_back: tuple[dict[str, Any], str],
    environment: dict[str, str],
) -> None:
    challenger, champion = kept_back[0]["fingerprints"]["bundle"], champion_of(retrained.line)
    printed = line.run("promote", "--by", "A. Ray", "--why", "a trial over the weekend")
    assert "signed by A. Ray" in printed
    assert champion_of(line) == challenger
    again = line.retrain()["promotion"]
    assert (again["promoted"], again["is_champion"], again["number"]) == (False, True, 2)

    assert "No known defect" in line.run("rollback", "--by", "B. Fox", "--why", "flags all")
    assert champion_of(line) == champion
    # The next night makes the same bundle again: whatever the gate allows, a person said no.
    line.changes["promotion"] = {"false_call_worsening": 1.0}
    night = line.retrain()["promotion"]
    assert (night["promoted"], night["challenger"]) == (False, challenger)
    assert "B. Fox rolled back from this very bundle" in night["obstacles"][0]
    assert champion_of(line) == champion

    place = line.folder / "history.json"
    shown = in_one_line(line.run("history", "--json", place))
    for words in ("A. Ray", "a trial over the weekend", "B. Fox", "flags all"):
        assert words in shown
    promotions = json.loads(place.read_text())["promotions"]
    assert [one["facts"]["how"] for one in promotions] == ["first", "signed", "rollback"]
    assert [one["bundle"] for one in promotions] == [champion, challenger, champion]
    told = [one["payload"] for one in events(environment, "zeroescape.champion.promoted", 2)]
    assert {"A. Ray": challenger, "B. Fox": champion}.items() <= {
        one["by"]: one["bundle"] for one in told
    }.items()


def champion_of(line: ProductLine) -> str | None:
    return line.stores.registry.champion(LINE)


@pytest.mark.faults
def test_the_frozen_champion_is_asked_about_boards_that_are_new_to_it(
    retrained: Retrained, environment: dict[str, str], tmp_path: Path
) -> None:
    """Roles are dealt anew with more boards: some trained or certified the champion, some are new."""
    archive = tmp_path / "archive"
    shutil.copytree(retrained.line.archive, archive, symlinks=True)
    for number in range(40, 46):
        for label in ("normal", "abnormal"):
            board = Image.fromarray(tile(number, label))
            board.save(archive / label / f"{label[0]}{number:03}.png")
    shutil.copytree(retrained.line.store, tmp_path / "store")
    line = ProductLine(tmp_path, archive, environment)
    line.changes["roles"] = {"development": {"normal": 14, "abnormal": 18}}
    figures = line.retrain()
    before, after = (
        {row.image_id: row for row in line.stores.snapshots(LINE).read(number).rows}
        for number in (1, 2)
    )
    development = [row for row in after.values() if row.role == "development"]
    earlier = {
        row.image_id: before[row.image_id].role for row in development if row.image_id in before
    }
    asked_about = [
        row for row in development if earlier.get(row.image_id, "new") in ("new", "development")
    ]
    assert len(earlier) < len(development) > len(asked_about)
    found = figures["promotion"]
    assert found["defects"] == sum(row.label == "abnormal" for row in asked_about)
    assert found["false_calls"]["n"] == sum(row.label == "normal" for row in asked_about)
    reasons = " ".join(found["reasons"])
    assert FITTED_ON in reasons
    assert CERTIFYING in reasons
    features = retrained.figures["fingerprints"]["features"]
    assert figures["fingerprints"]["features"] != features
    measured = line.stores.features(LINE, features).rows()
    assert {row.image_id for row in asked_about} <= measured.keys()


_ALTERNATE = """
import sys
from storage.stores import Stores
registry = Stores(sys.argv[1]).registry
while True:
    for bundle in sys.argv[3:]:
        registry.promote(sys.argv[2], bundle)
"""


@pytest.mark.faults
def test_every_verdict_belongs_to_one_bundle_while_champions_change(
    retrained: Retrained,
    line: ProductLine,
    kept_back: tuple[dict[str, Any], str],
    tmp_path: Path,
) -> None:
    """Champions alternate as fast as a process can promote while another inspects again and again."""
    bundles = [retrained.figures["fingerprints"]["bundle"], kept_back[0]["fingerprints"]["bundle"]]
    boards = tmp_path / "boards"
    boards.mkdir()
    for path in sorted((line.archive / "abnormal").glob("a0*.png"))[:3]:
        shutil.copy(path, boards)
    expected = []
    for bundle in bundles:
        line.stores.registry.promote(LINE, bundle)
        expected.append(inspected(line, boards, tmp_path / bundle[:8]))
        assert champion_bundle(line.stores, LINE).threshold == expected[-1][0][2]
    assert expected[0] != expected[1]
    before = len(line.stores.registry.history(LINE))
    command = [sys.executable, "-c", _ALTERNATE, str(line.store), LINE, *bundles]
    promoting = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        for number in range(2):
            found = inspected(line, boards, tmp_path / str(number))
            assert found in expected
            assert promoting.poll() is None
    finally:
        kill_group(promoting)
    assert len(line.stores.registry.history(LINE)) > before + 2


def inspected(line: ProductLine, boards: Path, out: Path) -> list[tuple[str, float, float]]:
    """File, score and threshold of every verdict, by `zeroescape inspect`."""
    line.run("inspect", boards, "--out", out)
    rows = [json.loads(row) for row in (out / "verdicts.jsonl").read_text().splitlines()]
    assert len(rows) == 3
    return [(Path(row["file"]).name, row["score"], row["threshold"]) for row in rows]
