"""What a study says, in tables and sentences, from figures as the verbs leave them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from rich.console import Console

from flows.studies import StudyFound
from flows.study_table import show_study
from tests.reporting.study_figures import FOUND, LABELS, SUSPECT

MADE = StudyFound("cells", "Cells", FOUND, 3.0, 2)


def said(part: str) -> str:
    return " ".join(StudyFound("cells", "Cells", {part: FOUND[part]}, 3.0, 2).sentences())


def test_families_are_told_by_what_they_cost() -> None:
    told = said("families")
    assert "All 14 metrics: AUROC 0.950, 40.0 % of 100 fresh normals flagged" in told
    assert "Best family alone: bank (7 metrics)" in told
    assert "Dearest to leave out: bank changes AUROC by -0.300 (-0.310 to -0.290)." in told
    assert "show no loss" not in told  # both limits lie below 0


def test_the_curve_tells_its_spread_and_what_few_defects_let_through() -> None:
    told = said("learning_curve")
    assert "With 10: AUROC 0.900 ± 0.004, and 7.0 of 50 fresh defects pass" in told
    one = {**FOUND["learning_curve"], "points": FOUND["learning_curve"]["points"][:1]}
    assert len(StudyFound("x", "X", {"learning_curve": one}, 1.0, 1).sentences()) == 1


def test_labels_out_are_never_the_headline_and_the_audit_is_held_to_the_setters() -> None:
    told = said("labels")
    assert told.startswith("Not the headline: without the 2 labels")
    assert "30.0 % false calls at zero escapes of the training part instead of 80.0 %" in told
    assert "25.0 % false calls, 9.0 of 50 fresh defects missed instead of 1.0" in told
    assert "2 images set the zero-escape threshold in 10 folds" in told
    assert "lists 1 of them, which set it in 6." in told
    bare = {**LABELS, "steps": LABELS["steps"][:1], "cleaned": LABELS["cleaned"][:1]}
    assert len(StudyFound("x", "X", {"labels": bare}, 1.0, 1).sentences()) == 1


def test_the_share_of_defects_is_told_from_the_fewest_to_the_best() -> None:
    told = said("defect_ratios")
    assert "with 8 defects among 80 training images F1 0.600; best 0.900 at 50 % defects." in told


def test_every_row_fills_its_headings_and_the_terminal_shows_them() -> None:
    tables = MADE.tables()
    assert len(tables) == 6
    assert all(len(row) == len(table.headings) for table in tables for row in table.rows)
    assert "NOT THE HEADLINE" in tables[3].title
    shown = io.StringIO()
    show_study(MADE, Console(file=shown, width=150), {"Page": Path("a.html")})
    for words in ("all without bank", "NOT THE HEADLINE", "2 (1 abnormal)", "a.html"):
        assert words in shown.getvalue()


def test_suspects_get_their_files_for_people() -> None:
    bare = [{key: value for key, value in SUSPECT.items() if key != "file"}]
    made = StudyFound("x", "X", {"labels": {**LABELS, "suspects": bare}}, 1.0, 1)
    pictures = {"a" * 64: np.zeros((2, 2, 1), np.uint8)}
    found = made.with_suspects({"a" * 64: "abnormal/7.png"}, pictures)
    assert found.machine_readable["labels"]["suspects"][0]["file"] == "abnormal/7.png"
    assert found.page_content.pictures == pictures
    assert list(found.page_content.sentences) == ["labels"]
