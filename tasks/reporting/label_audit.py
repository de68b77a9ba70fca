"""Doubtful labels as the page shows them: two pictures, what made the score, and what to write."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.reporting.gallery import Picture, embedded
from tasks.reporting.label_audit_content import AuditedBoard, LabelAuditContent, MetricFamily
from tasks.reporting.overlays import candidate_overlay
from tasks.reporting.scaling import shown_boxes, shown_picture
from tasks.reporting.wording import MINUS, metric_words, number

FAMILY_WORDS: dict[MetricFamily, str] = {
    "image": "whole image",
    "pixel": "worst pixels",
    "candidates": "candidates",
    "mask": "seen through the mask",
    "memory": "beside all normals",
    "places": "beside normals, place by place",
    "embedding": "features as such",
    "system": "the system's own scores",
}
_HEADINGS = {
    ("defects", False): "Labelled defects that score low",
    ("defects", True): "Held-out defects that escaped",
    ("good", False): "Boards labelled good that score high",
    ("good", True): "Held-out good boards called falsely",
    ("unanswered", False): "Boards without an answer",
    ("unanswered", True): "Held-out boards without an answer",
}


@dataclass(frozen=True)
class Bar:
    """What one family added; `share` in percent of half the width, `side` for or against."""

    words: str
    value: str
    share: float
    side: str


@dataclass(frozen=True)
class AuditedRow:
    """One board of the section."""

    anchor: str
    board: AuditedBoard
    name: str
    score: str
    tone: str
    judged: str
    said: str
    pictures: tuple[Picture, ...]
    bars: tuple[Bar, ...]
    metrics: tuple[tuple[str, str, str], ...]
    unexplained: str


@dataclass(frozen=True)
class AuditGroup:
    """Boards of one kind under their heading."""

    heading: str
    rows: tuple[AuditedRow, ...]


def audit_groups(audit: LabelAuditContent | None) -> tuple[AuditGroup, ...]:
    """Group the boards by what is in doubt, in the order of the audit; empty groups are left out.

    One scale for all bars, so that a long bar means the same in every row.
    """
    if audit is None:
        return ()
    values = (abs(value) for board in audit.boards for _, value in board.families)
    longest = max(values, default=0.0)
    rows = [_row(f"audit-{at}", board, longest) for at, board in enumerate(audit.boards)]
    groups = []
    for kind, heading in _HEADINGS.items():
        own = tuple(row for row in rows if _kind(row.board) == kind)
        if own:
            groups.append(AuditGroup(heading, own))
    return tuple(groups)


def _kind(board: AuditedBoard) -> tuple[str, bool]:
    kinds = {"no answer": "unanswered", "false call": "good"}
    return kinds.get(board.reason, "defects"), board.role == "certification"


def _row(anchor: str, board: AuditedBoard, longest: float) -> AuditedRow:
    name = board.source_name.rpartition("/")[2].strip() or board.image_id[:12]
    tone, judged, said = _words(board)
    return AuditedRow(
        anchor,
        board,
        name,
        number(board.score),
        tone,
        judged,
        said,
        _pictures(board, name),
        tuple(_bar(family, value, longest) for family, value in board.families),
        tuple(
            (metric, metric_words(metric), signed(value, longest))
            for metric, value in board.metrics
        ),
        _unexplained(board),
    )


def _bar(family: MetricFamily, value: float, longest: float) -> Bar:
    share = round(100.0 * abs(value) / longest, 1) if longest else 0.0
    said = signed(value, longest)
    return Bar(FAMILY_WORDS[family], said, share, "for" if value > 0 else "against")


def signed(value: float, longest: float) -> str:
    """Say what was added with its sign, in decimals that give the longest bar three digits."""
    places = 0 if longest == 0 else max(0, 2 - math.floor(math.log10(longest)))
    said = f"{abs(value):.{places}f}"
    if float(said) == 0:
        return said
    return f"{'+' if value > 0 else MINUS}{said}"


def _words(board: AuditedBoard) -> tuple[str, str, str]:
    """Tone, pill and sentence of why this board is listed."""
    look = "Look at it: if there is no defect to see, the label may be wrong."
    held = board.role == "certification"
    match board.reason:
        case "sets the threshold":
            said = f"Its score is the threshold: every good board from there on is flagged. {look}"
            return "caution", "labelled defect, sets the threshold", said
        case "low defect":
            said = f"Among the lowest scores of all labelled defects. {look}"
            return "caution", "labelled defect, low score", said
        case "missed defect":
            where = "A held-out defect that escaped." if held else "A defect below the threshold."
            return "bad", "labelled defect, missed", f"{where} {look}"
        case "false call":
            said = "Look at it: a false call, or a defect that nobody labelled."
            return "caution", "labelled good, flagged", said
        case _:
            said = "It could not be measured, so it is flagged whatever its label; no score explains it."
            kind = "defect" if board.label == "abnormal" else "good"
            return "neutral", f"labelled {kind}, no answer", said


def _unexplained(board: AuditedBoard) -> str:
    if board.reason == "no answer":
        return ""
    if not board.families:
        return (
            "Not explained: fitted again, the classifier scores this board otherwise, most likely "
            "because a library has another version."
        )
    if not any(value for _, value in board.families):
        return "No metric moved this score: the classifier gives it whatever is measured."
    return ""


def _pictures(board: AuditedBoard, name: str) -> tuple[Picture, ...]:
    height, width = board.input_HWC.shape[:2]
    small = shown_picture(board.input_HWC)
    pictures = [Picture("Input", f"Input of board {name}", embedded(small, False), width, height)]
    if board.boxes_Q4 is not None:
        boxes_Q4 = shown_boxes(board.boxes_Q4, height, width)
        drawn = embedded(candidate_overlay(small, boxes_Q4, board.box_scores_Q))
        alt = f"Candidates of board {name}: {len(boxes_Q4)} boxes drawn on the input"
        pictures.append(Picture("Candidates", alt, drawn, width, height))
    return tuple(pictures)
