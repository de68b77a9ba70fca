"""The section on trivial properties: rows, marks and words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tasks.reporting.content import ReportContent
from tasks.reporting.report import render_report
from tasks.reporting.trivial_plots import (
    together_rows,
    trivial_chart,
    trivial_rows,
    trivial_words,
)


def one(name: str, auroc: float, normalised: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "words": f"the {name.split('.')[1]} <of> it",
        "form": "raw",
        "auroc": auroc,
        "interval": [auroc - 0.05, min(1.0, auroc + 0.05)],
        "by_chance": 0.6,
        "category": None,
        "above": auroc >= 0.75,
        "normalised": normalised,
        **more,
    }


def screening(*properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    together = {
        name: {
            "features": 3,
            "auroc": auroc,
            "interval": [auroc - 0.1, auroc + 0.1],
            "auroc_groups_ignored": 0.9,
            "leak": 0.9 - auroc,
        }
        for name, auroc in {"all": 0.8, "raw": 0.7, "normalised": 0.6}.items()
    }
    return {
        "n_normal": 30,
        "n_abnormal": 20,
        "n_groups": 40,
        "level": 0.75,
        "confidence": 0.95,
        "properties": list(properties),
        "together": together,
        "lots": [],
        "notes": ["3 of 50 files could not be measured."],
        "warnings": ["The border <alone> tells."],
        **more,
    }


BORDER = one("photograph.border", 0.9, "photograph.border.normalised")
PLAIN = one("photograph.border.normalised", 0.6, form="normalised")
FILE = one("file.format", 0.8, category="PNG", form="file")
BOARD = one("board.border", 0.85)


def test_a_property_is_one_row_with_both_marks() -> None:
    rows = trivial_rows(screening(BORDER, BOARD, FILE, PLAIN))
    assert [row.words for row in rows] == ["the border <of> it", "the format <of> it: PNG"]
    assert rows[0].plain is not None
    assert rows[0].normalised is not None
    assert (rows[0].plain[0], rows[0].normalised[0]) == (0.9, 0.6)
    assert rows[1].normalised is None


def test_all_together_stand_beside_the_score() -> None:
    rows = together_rows(screening(BORDER), 0.93)
    assert [row.words for row in rows] == [
        "all of the pixels",
        "all together",
        "for comparison: the score itself",
    ]
    assert rows[0].best == 0.7
    assert len(together_rows(screening(BORDER), float("nan"))) == 2


def test_the_drawing_escapes_and_shows_the_level() -> None:
    drawn = trivial_chart(screening(BORDER, PLAIN, FILE), 0.93)
    assert "warning from 0.75" in drawn
    assert "&lt;of&gt;" in drawn
    assert "<of>" not in drawn
    assert drawn.count('class="hollow"') == 2
    assert "0.90 / 0.60" in drawn


def test_words_where_nothing_separates_and_where_all_together_do() -> None:
    calm = trivial_words(screening(one("photograph.border", 0.6)), 0.9)
    assert calm[0].startswith("No trivial property alone tells the classes apart: the best of 1")
    assert calm[1] == (
        "All of them together reach AUROC 0.800 out of fold, the score itself 0.900. "
        "Folds that tear groups apart would make it 0.900 (+0.100)."
    )
    assert calm[-1] == "3 of 50 files could not be measured."
    assert "tells no more than they do" in trivial_words(screening(BORDER), 0.79)[0]
    assert "none of them varies" in trivial_words(screening(), None)[0]


def test_the_report_has_the_section_only_where_there_was_a_screening(
    content: ReportContent,
) -> None:
    assert 'id="confounds"' not in render_report(content)
    page = render_report(replace(content, screening=screening(BORDER, PLAIN)))
    assert "Could it have learned something else?" in page
    assert 'href="#confounds"' in page
    assert "<alone>" not in page
    assert "30 good and 20 defective images in 40 groups" in page
