"""The page of a backfill and its words: the verdict first, every name escaped, no other file."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from tasks.reporting.backfill_content import BackfillContent, PicturedBoard
from tasks.reporting.backfill_page import groups_of, render_backfill
from tasks.reporting.backfill_words import sentences, verdict_of

HOSTILE = 'normal/<script>alert("x")</script>&.png'
BOXES = np.array([[4, 4, 9, 9], [10, 10, 14, 14]])


def stratum(boards: str, **more: Any) -> dict[str, Any]:
    plain = {
        "boards": boards,
        "n_normal": 1000,
        "champion_false_calls": 80,
        "challenger_false_calls": 60,
        "false_calls_saved": 30,
        "false_calls_added": 10,
        "saved_per_1000": 20.0,
        "saved_per_1000_low": 1.0,
        "saved_per_1000_high": 41.0,
        "confidence": 0.95,
        "p": 0.0022,
        "n_abnormal": 12,
        "champion_misses": 1,
        "challenger_misses": 0,
        "escapes_saved": 1,
        "escapes_added": 0,
    }
    return plain | more


def change(kind: str, name: str, label: str, **more: Any) -> dict[str, Any]:
    plain = {
        "change": kind,
        "name": name,
        "image_id": f"id of {name}",
        "label": label,
        "role": "certification",
        "captured_at": "2026-10-02T06:00:00",
        "new": True,
        "champion": {"score": 0.25, "flagged": False, "why": None},
        "challenger": {"score": None, "flagged": True, "why": "no candidates"},
    }
    return plain | more


def bundle(key: str, promotion: int | None) -> dict[str, Any]:
    return {
        "bundle": key * 8,
        "promotion": promotion,
        "classifier": "lightgbm",
        "threshold": 0.5,
        "other_code": False,
        "certified": True,
    }


def figures(**more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "line": "boards",
        "champion": bundle("champion", 3),
        "challenger": bundle("challenge", None),
        "period": {"since": "2026-10-01", "until": None, "where": [], "words": "since 2026-10-01"},
        "snapshot": 7,
        "boards": {
            "asked": 1020,
            "compared": 1015,
            "normal": 1000,
            "abnormal": 12,
            "undecided": 2,
            "unlabelled": 1,
            "without_image": 2,
            "without_day": 4,
            "certification": 40,
        },
        "left_out": [{"why": "copies of boards that are counted", "count": 3}],
        "strata": [
            stratum("new"),
            stratum("learned", n_normal=0, n_abnormal=0, escapes_saved=0),
            stratum("all"),
        ],
        "undecided": {"n": 3, "champion_flagged": 2, "challenger_flagged": 1},
        "times": [
            {"time": "2026-10", "n": 900, "champion_flagged": 50, "challenger_flagged": 44},
            {"time": "", "n": 115, "champion_flagged": 30, "challenger_flagged": 16},
        ],
        "changes": [
            change("escape saved", "abnormal/won.png", "abnormal"),
            change("false call saved", HOSTILE, "normal"),
            change("false call saved", "normal/second.png", "normal"),
        ],
        "missed_by_both": [],
        "refused": [{"name": "normal/cut.png", "why": "It is damaged or truncated."}],
    }
    return plain | more


def worse(**more: Any) -> list[dict[str, Any]]:
    """The strata where all boards are told by these."""
    return [stratum("new", **more), stratum("learned", n_normal=0), stratum("all", **more)]


class Tags(HTMLParser):
    """Counts tags and collects what a browser would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_no_other_file_and_names_stay_names() -> None:
    board = PicturedBoard(np.zeros((16, 16, 1), np.uint8), BOXES, np.array([2.0, 1.0]))
    page = render_backfill(
        BackfillContent("Boards", "2026-11-01T02:00:00", figures(), {f"id of {HOSTILE}": board})
    )
    found = Tags(page)
    assert "script" not in found.tags
    assert found.tags.count("img") == 2
    assert all(source.startswith("data:image/") for source in found.fetched)
    assert "&lt;script&gt;" in page


def test_the_page_says_verdict_limits_and_what_is_not_counted() -> None:
    page = " ".join(render_backfill(BackfillContent("Boards", "2026-11-01", figures())).split())
    for words in (
        "catches 1 known defect that the champion misses, and loses none",
        "95 % limits 1 to 41",
        "abnormal/won.png",
        "copies of boards that are counted",
        "It is damaged or truncated.",
        "no day known",
        "labels of snapshot 7",
        "chooses on the certification set",
        "never promoted",
    ):
        assert words in page


def test_boards_come_by_kind_pictures_first() -> None:
    board = PicturedBoard(np.zeros((16, 16, 3), np.uint8))
    content = BackfillContent("Boards", "", figures(), {"id of normal/second.png": board})
    won, saved = groups_of(content)
    assert (won.tone, len(won.pictured), len(won.others)) == ("good", 0, 1)
    ((one, pictures),) = saved.pictured
    assert one["name"] == "normal/second.png"
    assert [picture.heading for picture in pictures] == ["Input"]
    assert [one["name"] for one in saved.others] == [HOSTILE]


@pytest.mark.parametrize(
    ("strata", "tone", "words"),
    [
        (worse(escapes_added=2, escapes_saved=9), "bad", "misses 2\u00a0known defects"),
        (worse(n_abnormal=0), "caution", "nothing is known about escapes"),
        (worse(escapes_saved=0), "good", "flags fewer good boards"),
        (worse(escapes_saved=0, saved_per_1000_low=-5.0), "caution", "is open"),
        (
            worse(escapes_saved=0, saved_per_1000_low=-9.0, saved_per_1000_high=-1.0),
            "caution",
            "flags more good boards",
        ),
    ],
)
def test_one_lost_defect_outweighs_everything(
    strata: list[dict[str, Any]], tone: str, words: str
) -> None:
    found = verdict_of(figures(strata=strata))
    assert found[0] == tone
    assert words in found[1]


def test_an_escape_on_a_board_that_one_was_made_of_is_an_escape() -> None:
    """Strata flatter; a defect that is lost is lost wherever it was."""
    strata = [stratum("new"), stratum("learned", escapes_added=1), stratum("all", escapes_added=1)]
    assert verdict_of(figures(strata=strata))[0] == "bad"


def test_false_calls_are_told_with_n_limits_and_test() -> None:
    (said,) = [one for one in sentences(figures()) if "false calls saved" in one]
    for words in ("20 false calls saved per 1,000", "1 to 41", "30 saved, 10 added", "p = 0.0022"):
        assert words in said


def test_more_false_calls_have_a_minus_sign() -> None:
    strata = worse(saved_per_1000=-12.4, saved_per_1000_low=-20.0, saved_per_1000_high=-0.2)
    (said,) = [o for o in sentences(figures(strata=strata)) if "false calls saved" in o]
    assert "\u221212 false calls saved" in said
    assert "limits \u221220 to 0" in said


def test_the_champion_alone_is_told_without_a_comparison() -> None:
    alone = figures(challenger=bundle("champion", 3), changes=[])
    assert verdict_of(alone)[0] == "neutral"
    said = " ".join(sentences(alone))
    assert "saved" not in said
    assert "misses 1\u00a0of\u00a012 known defects" in said
    page = render_backfill(BackfillContent("Boards", "2026-11-01", alone))
    assert "Verdicts that change" not in page
    assert "Challenger flags" not in page


def test_of_very_many_boards_the_page_lists_some() -> None:
    many = [change("false call saved", f"normal/{at}.png", "normal") for at in range(700)]
    (group,) = groups_of(BackfillContent("Boards", "", figures(changes=many)))
    assert (len(group.others), group.unlisted) == (500, 200)
    assert "200 more are in the JSON" in render_backfill(
        BackfillContent("Boards", "2026-11-01", figures(changes=many))
    )
