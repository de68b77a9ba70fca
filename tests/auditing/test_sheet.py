"""The audit as JSON and as a relabel file that a person fills in."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tasks.archive.relabels import read_relabels
from tasks.archive.settings import FolderSource
from tasks.auditing.sheet import COLUMNS, AuditedImage, LabelAudit, relabel_line

AUDIT = LabelAudit(
    "extra_trees",
    0.25,
    (
        AuditedImage(
            "a" * 64,
            'odd, "name"\n.png',
            "development",
            "abnormal",
            0.25,
            "sets the threshold",
            "crack",
            (("image", 0.5), ("mask", -0.25)),
            (("image.mse", 0.5),),
        ),
        AuditedImage("b" * 64, "normal/ü.png", "certification", "normal", 0.1 + 0.2, "false call"),
        AuditedImage("c" * 64, "n.png", "development", "normal", None, "no answer"),
    ),
)


def written(folder: Path, audit: LabelAudit) -> Path:
    place = folder / "label-audit.csv"
    place.write_bytes(audit.to_csv())
    return place


def rows(place: Path) -> list[dict[str, str]]:
    with place.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_json_reads_back_equal() -> None:
    assert LabelAudit.from_json(AUDIT.to_json()) == AUDIT


def test_the_sheet_prefills_the_given_label_and_says_nothing(tmp_path: Path) -> None:
    place = written(tmp_path, AUDIT)
    found = rows(place)
    assert [tuple(row) for row in found] == [COLUMNS] * 3
    assert [(row["label"], row["given_label"]) for row in found] == [
        ("abnormal", "abnormal"),
        ("normal", "normal"),
        ("normal", "normal"),
    ]
    assert {row["who"] + row["why"] for row in found} == {""}
    assert [row["file"] for row in found] == [image.file for image in AUDIT.images]
    assert found[2]["score"] == ""
    assert float(found[1]["score"]) == AUDIT.images[1].score
    assert read_relabels(str(place), FolderSource(path=str(tmp_path))).rows == ()


def test_a_filled_in_sheet_is_the_next_runs_relabel_file(tmp_path: Path) -> None:
    place = written(tmp_path, AUDIT)
    found = rows(place)
    found[0] |= {"label": "normal", "who": "Ann", "why": "only a shadow"}
    with place.open("w", encoding="utf-8", newline="") as lines:
        table = csv.DictWriter(lines, COLUMNS)
        table.writeheader()
        table.writerows(found)
    (said,) = read_relabels(str(place), FolderSource(path=str(tmp_path))).rows
    assert (said.image, said.label, said.who) == ("a" * 64, "normal", "Ann")


def test_the_line_to_add_says_the_opposite_once_somebody_signs_it(tmp_path: Path) -> None:
    lines = [relabel_line(image) for image in AUDIT.images[:2]]
    assert lines == ["a" * 64 + ",normal,,", "b" * 64 + ",abnormal,,"]
    place = tmp_path / "relabels.csv"
    place.write_text("\n".join(["image_id,label,who,why", lines[0], f"{lines[1][:-1]}Ann,burr"]))
    (said,) = read_relabels(str(place), FolderSource(path=str(tmp_path))).rows
    assert (said.image, said.label) == ("b" * 64, "abnormal")


@pytest.mark.parametrize("name", ["=1+1.png", "+x", "-x", "@x", "\tx"])
def test_no_file_name_becomes_a_formula_of_a_spreadsheet(name: str, tmp_path: Path) -> None:
    image = AuditedImage("d" * 64, name, "development", "normal", 0.5, "false call")
    (row,) = rows(written(tmp_path, LabelAudit("x", 0.5, (image,))))
    assert row["file"] == f"'{name}"


def test_an_empty_audit_is_a_header(tmp_path: Path) -> None:
    assert rows(written(tmp_path, LabelAudit("x", 0.5, ()))) == []
