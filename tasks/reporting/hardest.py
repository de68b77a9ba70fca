"""The boards that decide, as one short Markdown page with pictures, for places that take no HTML.

Shown are the defects nearest to the threshold and the false calls nearest above it; where there is no false
call, the good boards with the highest scores.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.reporting.content import BoardExample, ReportContent
from tasks.reporting.gallery import file_name
from tasks.reporting.overlays import candidate_overlay
from tasks.reporting.scaling import shown
from tasks.reporting.thumbnails import thumbnail_of
from tasks.reporting.wording import judgement, number

SHOWN = 4
# A page of the Prefect UI is slow with more, and its database keeps every version.
MOST_BYTES = 600_000
_LEAST_PX = 160


def hardest_markdown(content: ReportContent) -> str:
    """Two tables of at most four boards each, hardest first, of at most 600 kB together.

    Boards whose pictures would exceed that are named without them.
    """
    defects = sorted(
        (one for one in content.examples if one.label == "abnormal"), key=lambda one: one.score
    )
    said = [
        f"Threshold **{number(content.threshold)}**: boards at or above it are flagged. Scores are "
        "out-of-fold, on the development images. The frames are where input and reconstruction differ "
        "most.",
        "## Defects nearest to the threshold",
        *_table(defects[:SHOWN], MOST_BYTES // 2),
        f"## {_heading(content.nearest)}",
        *_table(content.nearest[:SHOWN], MOST_BYTES // 2),
    ]
    return "\n\n".join(said) + "\n"


def _heading(nearest: Sequence[BoardExample]) -> str:
    called = any(one.verdict == "flagged" for one in nearest)
    return (
        "False calls nearest above the threshold"
        if called
        else "No false call; good boards with the highest scores"
    )


def _table(examples: Sequence[BoardExample], most_bytes: int) -> list[str]:
    if not examples:
        return ["None."]
    rows, left = [], most_bytes
    for example in examples:
        pictures = [_picture("input", example), _picture("candidates", example)]
        left -= sum(map(len, pictures))
        if left < 0:
            pictures = ["see the report", ""]
        sets = ", **sets the threshold**" if example.sets_threshold else ""
        score = f"{number(example.score)}{sets}"
        rows.append([code_cell(file_name(example)), score, judgement(example)[1], *pictures])
    headings = ["board", "score", "verdict", "input", "where it differs"]
    lines = [headings, ["---"] * len(headings), *rows]
    return ["\n".join(f"| {' | '.join(cells)} |" for cells in lines)]


def _picture(what: str, example: BoardExample) -> str:
    small = shown(example)
    pixels_HWC = (
        small.input_HWC
        if what == "input"
        else candidate_overlay(small.input_HWC, small.boxes_Q4, small.box_scores_Q)
    )
    # Small boards are enlarged pixel by pixel: a table cell shows them as large as they are.
    times = max(1, _LEAST_PX // max(pixels_HWC.shape[:2]))
    large_HWC = pixels_HWC.repeat(times, axis=0).repeat(times, axis=1)
    return f"![{what}]({thumbnail_of(large_HWC)})"


def code_cell(text: str) -> str:
    """A name from outside as a cell of a Markdown table: shown as it is, never as markup."""
    flat = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return f"`{flat or '?'}`"
