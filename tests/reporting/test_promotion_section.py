"""What the gate decided, in the report: the sentence, every reason, defects that change hands by name."""

from __future__ import annotations

import dataclasses

import pytest

from tasks.gates import Contest, Gate, shown_gate
from tasks.gating.decision import JudgedDefect
from tasks.reporting.content import ReportContent
from tasks.reporting.report import render_report

LOST = JudgedDefect("1" * 64, "<b>crack 7</b>.png", 0.91, 0.5, 0.2, 0.4)
UNSEEN = JudgedDefect("2" * 64, "crack-8.png", 0.91, 0.5, None, 0.4)
WON = JudgedDefect("3" * 64, "crack-9.png", 0.1, 0.5, 0.7, 0.4)
SHUT = Gate(
    Contest("tiles", "c" * 64, "d" * 64, 3),
    "2026-11-22T02:10:00+00:00",
    passes=False,
    reasons=("1 defect that the champion catches would be missed.", "And <i>more</i>."),
    obstacles=("1 defect that the champion catches would be missed.",),
    lost=(LOST,),
    won=(WON,),
    unseen=(UNSEEN,),
)


def page_of(content: ReportContent, gate: Gate) -> str:
    page = render_report(dataclasses.replace(content, promotion=shown_gate(gate)))
    return page.partition('<section id="promotion">')[2].partition("</section>")[0]


def test_a_refusal_names_every_defect_that_changes_hands(content: ReportContent) -> None:
    section = page_of(content, SHUT)
    assert "The gate stays shut: the champion stays" in section
    assert all(
        f"<li>{reason.replace('<i>', '&lt;i&gt;').replace('</i>', '&lt;/i&gt;')}" in section
        for reason in SHUT.reasons
    )
    order = [
        section.index(words)
        for words in (
            "Caught by the champion, missed by this bundle",
            "&lt;b&gt;crack 7&lt;/b&gt;.png",
            "A loss cannot be excluded",
            "crack-8.png",
            "Missed by the champion, caught by this bundle",
            "crack-9.png",
        )
    ]
    assert order == sorted(order)
    assert "not asked" in section
    assert "2026-11-22 02:10 UTC" in section


@pytest.mark.parametrize(
    ("champion", "passes", "said"),
    [
        ("c" * 64, True, "may take the champion"),
        (None, True, "the line has no champion yet, and this bundle may be the first"),
        (None, False, "the line has no champion until a person decides"),
    ],
)
def test_each_decision_has_its_sentence(
    content: ReportContent, champion: str | None, passes: bool, said: str
) -> None:
    contest = dataclasses.replace(SHUT.contest, champion=champion)
    gate = dataclasses.replace(SHUT, contest=contest, passes=passes, lost=(), won=(), unseen=())
    section = page_of(content, gate)
    assert said in section
    assert "<table>" not in section
    assert ("against the champion" in section) is (champion is not None)


def test_without_a_decision_there_is_no_section(content: ReportContent) -> None:
    assert 'id="promotion"' not in render_report(content)
