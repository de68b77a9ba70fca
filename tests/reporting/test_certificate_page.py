"""The page says what the figures say, escapes every text, and asks for nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.reporting.certificate_content import CertificateContent
from tasks.reporting.certificate_page import render_certificate
from tasks.reporting.certificate_plots import distributions, whisker
from tasks.reporting.thumbnails import thumbnail, thumbnail_of

STEP = {
    "misses": 0,
    "threshold": 0.4,
    "false_calls": 7,
    "n_normal": 40,
    "false_call_rate": 0.175,
    "low": 0.07,
    "high": 0.33,
    "escape_upper": 0.0171,
}
BOARD = {
    "name": "<b>D1</b>",
    "label": "abnormal",
    "score": 0.4,
    "flagged": True,
    "sets_threshold": True,
    "family": "scratch",
    "picture": None,
}
FIGURES: dict[str, Any] = {
    "certificate": "abc123",
    "made_at": "2026-01-02T03:04:05+00:00",
    "zeroescape": "0.1",
    "file": "<script>alert(1)</script>.csv",
    "data_sha256": "f" * 64,
    "set": "March",
    "recognised_by": "its name",
    "looks": 2,
    "rule": "lowest score of these defects",
    "rank": 1,
    "threshold": 0.4,
    "flagged_where": "score >= threshold",
    "n_images": 50,
    "n_normal": 40,
    "n_abnormal": 10,
    "group": "part",
    "escapes": 0,
    "confidence": 0.95,
    "confidence_each": 0.975,
    "escape_upper": 0.0171,
    "false_calls": 7,
    "false_call_rate": 0.175,
    "false_call_interval": [0.07, 0.33],
    "false_calls_per_1000_boards": 175.0,
    "auroc": 0.9,
    "labels": [{"word": "1", "read_as": 1, "rows": 10}, {"word": "0", "read_as": 0, "rows": 40}],
    "ladder": [STEP],
    "families": [{"name": "scratch", "n": 10, "missed": 0, "recall": 1.0, "recall_lower": 0.74199}],
    "sizes": [],
    "repeats": [{"fresh_defects": 10, "chance_of_escape": 0.5, "at_worst": False}],
    "boards": {},
    "price_set_by": [BOARD, BOARD | {"label": "normal", "score": None, "sets_threshold": False}],
    "sentence": "The sentence & its limits.",
    "conditions": ["First condition."],
    "warnings": ["First warning."],
}


def content(figures: dict[str, Any] | None = None, sign: float = 1.0) -> CertificateContent:
    generator = np.random.default_rng(1)
    return CertificateContent(
        figures=FIGURES | (figures or {}),
        score_name="<i>anomaly</i>",
        sign=sign,
        normal_U=np.append(generator.normal(size=39), np.inf),
        abnormal_U=generator.normal(3.0, size=10),
        threshold=0.4,
    )


def test_the_page_says_what_the_figures_say() -> None:
    page = render_certificate(content()).replace("\u00a0", " ")
    for said in (
        "“The sentence &amp; its limits.”",
        "First condition.",
        "First warning.",
        "7 of 40",
        "below 1.71 %",
        "set “March”",
        "Look 2 at this set",
        "“1” read as defective (10), “0” read as good (40)",
        "sets the threshold",
        "74.1 %",
        "Approved by (quality)",
        "f" * 64,
        "as 40 good and 10 defective parts",
    ):
        assert said in page


def test_hostile_names_stay_names_and_nothing_is_fetched() -> None:
    page = render_certificate(content())
    assert "<script" not in page
    assert "<b>D1</b>" not in page
    assert "<i>anomaly</i>" not in page
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


@pytest.mark.parametrize(
    ("figures", "tone", "said"),
    [
        ({}, "caution", "provided that these defects served only to set the threshold"),
        (
            {"rank": None},
            "good",
            "0 of 10 defects escaped; the true rate is below 1.71 % with 95 % confidence.",
        ),
        ({"rank": None, "false_call_rate": 0.2}, "caution", "0 of 10 defects escaped"),
        ({"rank": None, "escapes": 10, "escape_upper": 1.0}, "bad", "no bound on the true rate"),
        ({"rank": None, "escapes": 3}, "bad", "3 of 10 defects escaped"),
        ({"rank": None, "suspended": {"why": "drift"}}, "bad", "Suspended: what this certificate"),
    ],
)
def test_the_verdict_tells_the_two_statements_apart(
    figures: dict[str, Any], tone: str, said: str
) -> None:
    page = render_certificate(content(figures)).replace("\u00a0", " ")
    assert f'class="quote {tone}"' in page
    assert said in page


def test_boards_in_use_are_shown_where_they_are_known() -> None:
    time = {
        "flag_rate_today": 0.4,
        "flag_rate_here": 0.2,
        "seconds_today": 3.2,
        "seconds_here": 1.6,
        "seconds_saved": 1.6,
    }
    boards = {
        "prevalence": 0.01,
        "escapes_per_million_at_most": 171.0,
        "review_seconds": 8.0,
        "operator": time,
    }
    page = render_certificate(content({"boards": boards})).replace("\u00a0", " ")
    assert "at most 171 escape: 1,000,000 \u00d7 1 % \u00d7 1.71 %" in page
    assert "1.60 s saved a board" in page
    costly = boards | {"operator": time | {"seconds_saved": -0.5}}
    assert "0.50 s more a board" in render_certificate(content({"boards": costly}))


def test_pictures_are_embedded_and_a_broken_one_is_said(tmp_path: Path) -> None:
    Image.new("RGB", (900, 300), "green").save(tmp_path / "a.png")
    boards = [BOARD | {"picture": str(tmp_path / name)} for name in ("a.png", "absent.png")]
    page = render_certificate(content({"price_set_by": boards}))
    assert page.count("data:image/jpeg;base64,") == 1
    assert page.count("no readable picture") == 1


def test_boards_that_are_no_files_come_with_their_pictures() -> None:
    pictures = {"<b>D1</b>": thumbnail_of(np.full((300, 600, 3), 90, np.uint8))}
    page = render_certificate(replace(content(), pictures=pictures))
    assert page.count("data:image/jpeg;base64,") == 2
    assert thumbnail_of(np.zeros((4, 4, 1), np.uint8)).startswith("data:image/jpeg")


def test_what_is_open_is_never_rounded_to_certainty() -> None:
    sure = {"fresh_defects": 10, "chance_of_escape": 0.9981, "at_worst": False}
    page = render_certificate(content({"repeats": [sure]})).replace("\u00a0", " ")
    assert "over 99 % with 10 fresh defects" in page
    rare = render_certificate(content({"repeats": [sure | {"chance_of_escape": 0.985}]}))
    assert "98 % with 10" in rare.replace("\u00a0", " ")


def test_no_file_can_break_the_page(tmp_path: Path) -> None:
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "flat.tif")
    Image.new("RGBA", (4, 4)).save(tmp_path / "clear.png")
    for name in ("deep.png", "flat.tif", "clear.png"):
        assert (thumbnail(tmp_path / name) or "").startswith("data:image/jpeg")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.png").write_bytes((tmp_path / "deep.png").read_bytes()[:60])
    for name in ("text.png", "cut.png", "absent.png", "."):
        assert thumbnail(tmp_path / name) is None


def test_the_flagged_side_is_on_the_right_whichever_way_scores_run() -> None:
    drawn = distributions(content(sign=-1.0))
    assert "lower is worse" in drawn
    assert "threshold -0.4" in drawn
    assert "1 no score" in drawn
    assert "lower is worse" not in distributions(content())


def test_many_boards_have_no_needles() -> None:
    few = content()
    many = CertificateContent(
        figures=FIGURES,
        score_name="s",
        sign=1.0,
        normal_U=np.random.default_rng(0).random(5000),
        abnormal_U=few.abnormal_U,
        threshold=0.4,
    )
    assert "needle normal" in distributions(few)
    assert "needle normal" not in distributions(many)
    assert "5,000 good" in distributions(many)


def test_a_missed_defect_is_a_dot() -> None:
    assert distributions(content()).count('class="escape"') == int(
        (content().abnormal_U < 0.4).sum()
    )
    assert "between 7.0 and 33.0 %" in whisker(0.07, 0.175, 0.33, 0.5)
    assert 'id=""' not in whisker(0.0, 0.0, 0.0, 0.0)
