"""The champion judges new files: what has no answer is flagged, and nothing stops the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import Retrained
from tests.product_line import LINE, ProductLine, ended

pytestmark = pytest.mark.slow

FIELDS = {
    "file",
    "digest",
    "verdict",
    "score",
    "threshold",
    "reason",
    "candidates",
    "overlay",
    "size_hw",
    "regions",
    "observed",
}


def certified_scores(line: ProductLine) -> dict[str, float]:
    """Scores of the certification role by image id, as the certificate was made of them."""
    (entry,) = line.verdicts()["certificates"].values()
    sheet = entry[0]
    return dict(zip(sheet["image_ids"], sheet["scores"], strict=True))


@pytest.fixture(scope="module")
def boards(retrained: Retrained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight certification images, half of them defective, a cut file and a link to nowhere."""
    folder = tmp_path_factory.mktemp("boards")
    snapshot = retrained.line.stores.snapshots(LINE).latest()
    assert snapshot is not None
    held_out = [row for row in snapshot.rows if row.role == "certification"]
    for label in ("normal", "abnormal"):
        for row in [row for row in held_out if row.label == label][:4]:
            content = (retrained.line.archive / row.source).read_bytes()
            (folder / Path(row.source).name).write_bytes(content)
    (folder / "cut.png").write_bytes((retrained.line.archive / "normal/cut.png").read_bytes())
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    return folder


@pytest.fixture(scope="module")
def inspected(
    retrained: Retrained,
    environment: dict[str, str],
    boards: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    line = ProductLine(retrained.line.folder, retrained.line.archive, environment)
    out = tmp_path_factory.mktemp("inspected")
    line.run("inspect", boards, "--out", out, "--json", out / "figures.json")
    return out


@pytest.fixture(scope="module")
def verdicts(inspected: Path, boards: Path) -> dict[str, dict[str, Any]]:
    out = inspected
    rows = [json.loads(row) for row in (out / "verdicts.jsonl").read_text().splitlines()]
    assert [row["file"] for row in rows] == sorted(str(path) for path in boards.iterdir())
    figures = json.loads((out / "figures.json").read_text())
    assert figures["verdicts"] == rows
    assert figures["n"] == 10 == figures["flagged"] + figures["passed"]
    return {Path(row["file"]).name: row for row in rows}


def test_every_file_has_a_verdict_in_json(verdicts: dict[str, dict[str, Any]]) -> None:
    assert len(verdicts) == 10
    assert all(row.keys() == FIELDS for row in verdicts.values())
    assert {row["verdict"] for row in verdicts.values()} <= {"flagged", "passed"}


@pytest.mark.parametrize(
    ("name", "words"), [("cut.png", "damaged or truncated"), ("gone.png", "cannot be read")]
)
def test_a_file_without_an_answer_is_flagged_with_the_reason(
    verdicts: dict[str, dict[str, Any]], name: str, words: str
) -> None:
    row = verdicts[name]
    assert row["verdict"] == "flagged"
    assert words in row["reason"]
    assert row["score"] is row["overlay"] is None


def test_scores_are_those_of_the_certificate(
    verdicts: dict[str, dict[str, Any]], retrained: Retrained
) -> None:
    certified = certified_scores(retrained.line)
    scored = [row for row in verdicts.values() if row["score"] is not None]
    assert len(scored) == 8
    for row in scored:
        assert row["score"] == certified[row["digest"]]
        assert row["verdict"] == ("flagged" if row["score"] >= row["threshold"] else "passed")


def test_overlays_and_candidates_are_there_to_look_at(verdicts: dict[str, dict[str, Any]]) -> None:
    for row in verdicts.values():
        if row["score"] is None:
            continue
        with Image.open(row["overlay"]) as overlay:
            assert min(overlay.size) >= 64
        assert len(row["candidates"]) == 20
        for top, left, bottom, right, distance in row["candidates"]:
            assert 0 <= top < bottom <= 64
            assert 0 <= left < right <= 64
            assert distance >= 0


def test_regions_are_what_coco_tools_read(
    inspected: Path, verdicts: dict[str, dict[str, Any]]
) -> None:
    document = json.loads((inspected / "localisation.json").read_text())
    unanswered = {Path(one["file_name"]).name for one in document["info"]["without_answer"]}
    assert unanswered == {"cut.png", "gone.png"}
    names = {image["id"]: Path(image["file_name"]).name for image in document["images"]}
    boxes: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    for annotation in document["annotations"]:
        boxes[names[annotation["image_id"]]].append(annotation["bbox"])
    assert boxes.keys() == verdicts.keys() - unanswered
    for name, found in boxes.items():
        assert found
        expected = [region["box"] for region in verdicts[name]["regions"]]
        assert found == [[x, y, right - x, low - y] for y, x, low, right in expected]


def test_without_a_champion_there_is_no_verdict(
    retrained: Retrained, environment: dict[str, str], boards: Path, tmp_path: Path
) -> None:
    line = ProductLine(tmp_path / "line", retrained.line.archive, environment)
    inspecting = line.start("inspect", boards, "--out", tmp_path / "out")
    absent = line.start("inspect", boards / "absent.png", "--out", tmp_path / "out")
    printed = " ".join(ended(inspecting, 2).split())
    assert "has no champion yet" in printed
    assert "zeroescape retrain" in printed
    assert "does not exist" in " ".join(ended(absent, 2).split())
    assert not (tmp_path / "out" / "verdicts.jsonl").exists()
