"""A backfill as one HTML page: what changes with the challenger, board by board; no other file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.reporting import backfill_words as words
from tasks.reporting import wording
from tasks.reporting.backfill_content import BackfillContent, PicturedBoard
from tasks.reporting.gallery import Picture, embedded
from tasks.reporting.overlays import candidate_overlay
from tasks.reporting.pages import style, template
from tasks.reporting.scaling import shown_boxes, shown_picture

_STYLES = ("report.css", "certificate.css", "label_audit.css", "backfill.css")
_LISTED = 500
"""Names of one kind in the page; the JSON has all."""


@dataclass(frozen=True)
class ChangeGroup:
    """Boards of one kind of change: those with pictures first, then the rest by name."""

    tone: str
    heading: str
    pictured: tuple[tuple[Mapping[str, Any], tuple[Picture, ...]], ...]
    others: tuple[Mapping[str, Any], ...]
    unlisted: int


def render_backfill(content: BackfillContent) -> str:
    """One self-contained page in the style of the reports; every text of the content is escaped."""
    figures = content.figures
    most = max((time["n"] for time in figures["times"]), default=1)
    return template("backfill.html.j2").render(
        content=content,
        figures=figures,
        say=wording,
        words=words,
        style=style(*_STYLES),
        tone_verdict=words.verdict_of(figures),
        alone=words.is_alone(figures),
        sentences=words.sentences(figures)[1:],
        all=words.stratum(figures, "all"),
        new=words.stratum(figures, "new"),
        most=most,
        groups=groups_of(content),
    )


def groups_of(content: BackfillContent) -> list[ChangeGroup]:
    """Changed verdicts by kind, the gravest first, the hardest board of each first; empty ones left out."""
    groups = []
    for kind, (tone, heading) in words.CHANGE_WORDS.items():
        rows = [one for one in content.figures["changes"] if one["change"] == kind]
        if not rows:
            continue
        pictured = [one for one in rows if one["image_id"] in content.pictures]
        others = [one for one in rows if one["image_id"] not in content.pictures]
        shown = tuple((one, _pictures(content.pictures[one["image_id"]], one)) for one in pictured)
        listed = tuple(others[:_LISTED])
        groups.append(ChangeGroup(tone, heading, shown, listed, len(others) - len(listed)))
    return groups


def _pictures(board: PicturedBoard, one: Mapping[str, Any]) -> tuple[Picture, ...]:
    height, width = board.input_HWC.shape[:2]
    small = shown_picture(board.input_HWC)
    name = one["name"]
    pictures = [Picture("Input", f"Input of board {name}", embedded(small, False), width, height)]
    if board.boxes_Q4 is not None:
        boxes_Q4 = shown_boxes(board.boxes_Q4, height, width)
        drawn = embedded(candidate_overlay(small, boxes_Q4, board.box_scores_Q))
        alt = f"Candidates of board {name}: {len(boxes_Q4)} boxes drawn on the input"
        pictures.append(Picture("Candidates", alt, drawn, width, height))
    return tuple(pictures)
