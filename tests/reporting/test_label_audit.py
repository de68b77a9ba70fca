"""The section on doubtful labels: what it shows of each board, and what it never lets through."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tasks.reporting.content import ReportContent
from tasks.reporting.label_audit import audit_groups, signed
from tasks.reporting.label_audit_content import AuditedBoard, LabelAuditContent
from tasks.reporting.report import render_report

BOXES = np.array([[4, 4, 9, 9], [10, 10, 14, 14]])


def board(number: int, **more: object) -> AuditedBoard:
    fields: dict[str, object] = {
        "image_id": f"{number:02}" * 32,
        "source_name": f"abnormal/panel_{number}.png",
        "role": "development",
        "label": "abnormal",
        "score": 0.25 + number / 100,
        "reason": "low defect",
        "line": f"{f'{number:02}' * 32},normal,,",
        "input_HWC": np.random.default_rng(number).integers(0, 255, (32, 32, 1), dtype=np.uint8),
        "boxes_Q4": BOXES,
        "box_scores_Q": np.array([2.0, 1.0]),
        "families": (("image", -1.5), ("pixel", 0.001), ("candidates", 0.75), ("mask", 0.0)),
        "metrics": (("image.mse", -1.25), ("masked.patch.ssim.sum", 0.5)),
    }
    return AuditedBoard(**{**fields, **more})  # type: ignore[arg-type]  # fields of any type


def audit(*boards: AuditedBoard) -> LabelAuditContent:
    return LabelAuditContent(boards, "line-label-audit.csv")


def section(content: ReportContent, audited: LabelAuditContent | None) -> str:
    page = render_report(replace(content, label_audit=audited))
    _, found, rest = page.partition('<section id="labels">')
    return rest.partition("</section>")[0] if found else ""


def test_a_report_without_an_audit_has_no_section(content: ReportContent) -> None:
    assert section(content, None) == ""
    assert 'href="#labels"' not in render_report(content)


def test_a_board_shows_score_reason_bars_metrics_and_the_line_to_write(
    content: ReportContent,
) -> None:
    found = section(content, audit(board(1)))
    for words in ("panel_1.png", "score <b>0.26</b>", "Look at it", "line-label-audit.csv"):
        assert words in found
    assert f"{'01' * 32},normal,,</code>" in found
    assert found.count("<img ") == 2
    assert found.count('class="swing"') == 4
    assert "whole image · MSE <b>−1.25</b>" in found  # noqa: RUF001 -- a true minus
    assert "candidates · SSIM · sum · with mask <b>+0.50</b>" in found


def test_bars_lie_on_their_side_on_one_scale(content: ReportContent) -> None:
    boards = board(1), board(2, families=(("image", 3.0), ("mask", -0.75)))
    rows = [row for group in audit_groups(audit(*boards)) for row in group.rows]
    assert [(bar.side, bar.share) for bar in rows[0].bars] == [
        ("against", 50.0),
        ("for", 0.0),
        ("for", 25.0),
        ("against", 0.0),
    ]
    assert [(bar.side, bar.share) for bar in rows[1].bars] == [("for", 100.0), ("against", 25.0)]


@pytest.mark.parametrize(
    ("value", "longest", "said"),
    [(0.001, 3.0, "0.00"), (-1.5, 3.0, "−1.50"), (0.0123, 0.04, "+0.0123"), (140, 523, "+140")],  # noqa: RUF001
)
def test_what_was_added_is_said_as_finely_as_its_bar(
    value: float, longest: float, said: str
) -> None:
    assert signed(value, longest) == said


def test_every_kind_of_doubt_has_its_own_heading_and_the_held_out_are_apart() -> None:
    boards = (
        board(1, reason="sets the threshold"),
        board(2),
        board(3, reason="false call", label="normal"),
        board(4, reason="no answer", score=math.inf),
        board(5, reason="missed defect", role="certification"),
        board(6, reason="false call", label="normal", role="certification"),
        board(7, reason="no answer", score=math.inf, role="certification", label="normal"),
        board(8, reason="missed defect"),
    )
    groups = audit_groups(audit(*boards))
    shown = [[row.board.image_id[:2] for row in group.rows] for group in groups]
    assert shown == [["01", "02", "08"], ["05"], ["03"], ["06"], ["04"], ["07"]]
    pills = {row.judged for group in groups for row in group.rows}
    assert pills == {
        "labelled defect, sets the threshold",
        "labelled defect, low score",
        "labelled defect, missed",
        "labelled good, flagged",
        "labelled defect, no answer",
        "labelled good, no answer",
    }


def test_a_board_without_an_answer_shows_its_input_and_no_bars(content: ReportContent) -> None:
    silent = board(1, reason="no answer", score=math.inf, boxes_Q4=None, families=(), metrics=())
    found = section(content, audit(silent))
    assert found.count("<img ") == 1
    assert "swing" not in found
    assert "infinite" in found
    assert "Not explained" not in found


def test_a_score_that_nothing_explains_says_why(content: ReportContent) -> None:
    assert "another version" in section(content, audit(board(1, families=(), metrics=())))
    nothing = (("image", 0.0), ("pixel", 0.0), ("candidates", 0.0), ("mask", 0.0))
    found = section(content, audit(board(1, families=nothing, metrics=())))
    assert "No metric moved this score" in found
    assert "swing" not in found


def test_nothing_in_doubt_is_said(content: ReportContent) -> None:
    assert "No label is in doubt" in section(content, audit())


def test_further_boards_fold_away(content: ReportContent) -> None:
    found = section(content, audit(*(board(number) for number in range(1, 7))))
    assert "Show 2 more" in found
    assert found.count("<article") == 6


def test_hostile_names_stay_names(content: ReportContent) -> None:
    hostile = board(1, source_name="x/<script>alert(1)</script>", defect="<b>crack</b>")
    found = section(content, audit(hostile))
    assert "<script>" not in found
    assert "<b>crack" not in found
    assert "&lt;b&gt;crack" in found


class Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value is not None]


def test_every_place_of_the_page_has_its_own_name(
    content: ReportContent,
) -> None:
    parser = Ids()
    page = replace(content, label_audit=audit(board(1), board(2, label="normal")))
    parser.feed(render_report(page))
    assert len(set(parser.ids)) == len(parser.ids)
    assert "audit-1" in parser.ids
