"""The boards that decide as Markdown: few, with pictures, and of bounded size whatever they are called."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tasks.reporting.content import BoardExample, ReportContent
from tasks.reporting.hardest import MOST_BYTES, SHOWN, code_cell, hardest_markdown

PICTURE = re.compile(r"!\[(input|candidates)\]\(data:image/jpeg;base64,([A-Za-z0-9+/=]+)\)")
Board = Callable[..., BoardExample]


def near(make_board: Board, *scores: float, **more: object) -> tuple[BoardExample, ...]:
    return tuple(make_board(number, "normal", s, **more) for number, s in enumerate(scores, 100))


def rows_under(page: str, heading: str) -> list[str]:
    section = page.partition(f"## {heading}")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_the_defects_and_the_false_calls_nearest_to_the_threshold_are_shown(
    content: ReportContent, make_board: Board
) -> None:
    page = hardest_markdown(
        dataclasses.replace(content, nearest=near(make_board, 0.26, 0.27, 0.3, 0.4, 0.9))
    )
    defects = rows_under(page, "Defects nearest to the threshold")
    assert len(defects) == SHOWN
    assert "panel_0.png" in defects[0]
    assert "sets the threshold" in defects[0]
    called = rows_under(page, "False calls nearest above the threshold")
    assert [row.split(" | ")[1] for row in called] == ["0.26", "0.27", "0.3", "0.4"]
    for row in defects + called:
        pictures = PICTURE.findall(row)
        assert [what for what, _ in pictures] == ["input", "candidates"]
        for _, data in pictures:
            side = max(Image.open(io.BytesIO(base64.b64decode(data))).size)
            assert 100 < side <= 240, "as large as a person needs to see it"


def test_without_a_false_call_the_page_says_so(content: ReportContent, make_board: Board) -> None:
    page = hardest_markdown(dataclasses.replace(content, nearest=near(make_board, 0.2, 0.1)))
    assert len(rows_under(page, "No false call; good boards with the highest scores")) == 2
    assert "good board, passed" in page
    assert "None." in hardest_markdown(dataclasses.replace(content, nearest=()))


def test_a_name_from_outside_is_no_markup(content: ReportContent, make_board: Board) -> None:
    name = "a|b`](javascript:x)\n# c.png"
    page = hardest_markdown(
        dataclasses.replace(content, nearest=near(make_board, 0.3, source_name=name))
    )
    (row,) = rows_under(page, "False calls nearest above the threshold")
    assert row.startswith("| `a\\|b'](javascript:x) # c.png` | 0.3 |")
    assert code_cell(" \n") == "`?`"


@pytest.mark.parametrize("side", [8, 300])
def test_the_page_stays_small(content: ReportContent, make_board: Board, side: int) -> None:
    # Noise is what a picture format can do least about.
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    boards = [make_board(n, "abnormal", 0.3, side=max(side, 32)) for n in range(SHOWN)]
    loud = tuple(
        dataclasses.replace(
            board,
            input_HWC=noise,
            reconstruction_HWC=noise,
            difference_HW=np.zeros((side, side)),
            boxes_Q4=np.array([[0, 0, 4, 4]]),
            box_scores_Q=None,
            masked_boxes_Q4=None,
        )
        for board in boards
    )
    page = hardest_markdown(dataclasses.replace(content, examples=loud, nearest=loud))
    assert len(page) <= MOST_BYTES + 5_000
    assert "panel_3.png" in page
