"""Two bundles on the past: what is paired, what is counted once, what is named, what is left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from storage.snapshots import Snapshot, SnapshotRow
from tasks.backfilling.wanted import Wanted
from tasks.hindsight import CERTIFYING, Hindsight, figures_of, side_by_side
from tasks.judging import Opinion
from tasks.past import Judge, Past, PastBoard
from tests.flows.test_plan import certified

WHOLE = Wanted()
THRESHOLDS = {"champion": 0.5, "challenger": 10.0}


def judge(name: str, **more: Any) -> Judge:
    bundle = replace(certified(), threshold=THRESHOLDS[name])
    return replace(Judge(name, bundle, "images", frozenset(), True), **more)


def board(name: str, label: str = "normal", **more: Any) -> PastBoard:
    plain = PastBoard(name, name, label, "certification", "2026-10-01", frozenset())
    return replace(plain, **more)


def score(image_id: str, value: float) -> Opinion:
    return Opinion(image_id, "score", value)


def past(*boards: PastBoard) -> Past:
    rows = [SnapshotRow(one.image_id, one.name, one.label, one.role) for one in boards if one.role]
    return Past(tuple(boards), Snapshot("line", 3, tuple(rows), "images", "roles"), 0)


def told(
    boards: list[PastBoard],
    champion: Sequence[float | Opinion],
    challenger: Sequence[float | Opinion],
    **of_challenger: Any,
) -> Hindsight:
    """Both bundles' opinions, given as scores where they have one."""
    asked = []
    for name, scores in (("champion", champion), ("challenger", challenger)):
        opinions = [
            one if isinstance(one, Opinion) else score(b.image_id, one)
            for b, one in zip(boards, scores, strict=True)
        ]
        more = of_challenger if name == "challenger" else {}
        asked.append((judge(name, **more), opinions))
    return side_by_side(past(*boards), asked[0], asked[1])


def figures(found: Hindsight, *boards: PastBoard) -> dict[str, Any]:
    return figures_of(found, past(*boards), WHOLE)


def stratum(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["strata"] if one["boards"] == name)


@pytest.mark.parametrize(
    ("label", "champion", "challenger", "change"),
    [
        ("abnormal", 0.5, 9.0, "escape added"),
        ("abnormal", 0.4, 10.0, "escape saved"),
        ("normal", 0.5, 9.0, "false call saved"),
        ("normal", 0.4, 10.0, "false call added"),
        ("undecided", 0.4, 10.0, "undecided flagged"),
        ("", 0.5, 9.0, "undecided passed"),
        ("normal", 0.5, 10.0, ""),
        ("abnormal", 0.4, 9.0, ""),
    ],
)
def test_each_verdict_is_at_the_bundles_own_threshold(
    label: str, champion: float, challenger: float, change: str
) -> None:
    (pair,) = told([board("a", label)], [champion], [challenger]).pairs
    assert pair.change == change


@pytest.mark.parametrize("answer", ["no answer", "refused"])
def test_a_board_without_a_score_is_flagged(answer: Any) -> None:
    silent = Opinion("a", answer, why="no candidates")
    (pair,) = told([board("a", "abnormal")], [silent], [9.0]).pairs
    assert pair.change == "escape added"
    (verdict,) = figures(told([board("a", "abnormal")], [silent], [9.0]), board("a"))["changes"]
    assert verdict["champion"] == {"score": None, "flagged": True, "why": "no candidates"}


def test_what_cannot_be_asked_is_left_out_with_the_reason() -> None:
    boards = [board("a"), board("b"), board("c"), board("d")]
    gone, unmeasured = Opinion("a", "gone"), Opinion("b", "not measured")
    refused = Opinion("", "refused", why="cut off")
    found = told(boards, [gone, 0.4, refused, 0.4], [1.0, unmeasured, refused, 1.0])
    assert [pair.board.name for pair in found.pairs] == ["d"]
    assert sum(found.left_out.values()) == 2
    assert found.refused == (("c", "cut off"),)


def test_boards_that_certify_are_shown_only_where_both_looks_were_counted() -> None:
    boards = [board("a"), board("b", role="development")]
    found = told(boards, [0.4, 0.4], [1.0, 1.0], certified=False)
    assert [pair.board.name for pair in found.pairs] == ["b"]
    assert found.left_out == Counter({CERTIFYING: 1})
    assert len(told(boards, [0.4, 0.4], [1.0, 1.0]).pairs) == 2


def test_copies_count_once_and_copies_that_disagree_have_no_label() -> None:
    known = board("x")
    boards = [
        known,
        board("copy of x", image_id="", role=""),
        board("one", "abnormal", image_id="", role=""),
        board("other", "normal", image_id="", role=""),
    ]
    digests = ["x", "x", "y", "y"]
    opinions: list[float | Opinion] = [score(digest, 0.4) for digest in digests]
    found = told(boards, opinions, opinions)
    assert [(pair.board.name, pair.board.label) for pair in found.pairs] == [
        ("x", "normal"),
        ("one", ""),
    ]
    assert sum(found.left_out.values()) == 2
    assert figures(found, *boards)["boards"]["unlabelled"] == 1


def test_false_calls_saved_per_thousand_with_exact_paired_limits() -> None:
    """30 boards: 6 saved, 1 added. Limits by scipy: each share at 98.75 %, subtracted."""
    boards = [board(f"b{at:02}") for at in range(30)]
    champion = [0.9] * 6 + [0.1] * 24
    challenger = [1.0] * 6 + [11.0] + [1.0] * 23
    found = stratum(figures(told(boards, champion, challenger), *boards), "new")
    assert (found["n_normal"], found["false_calls_saved"], found["false_calls_added"]) == (30, 6, 1)
    assert found["saved_per_1000"] == pytest.approx(1000 * 5 / 30)
    assert found["p"] == pytest.approx(stats.binomtest(1, 7).pvalue)
    shares = [stats.binomtest(k, 30).proportion_ci(0.975, method="exact") for k in (6, 1)]
    low, high = shares[0].low - shares[1].high, shares[0].high - shares[1].low
    assert found["saved_per_1000_low"] == pytest.approx(1000 * low, abs=1e-6)
    assert found["saved_per_1000_high"] == pytest.approx(1000 * high, abs=1e-6)


def test_good_boards_of_one_panel_count_once_and_one_flagged_image_decides() -> None:
    boards = [board(name, groups=frozenset({"panel:1"})) for name in "ab"] + [board("c")]
    found = stratum(figures(told(boards, [0.9, 0.1, 0.1], [1.0, 1.0, 1.0]), *boards), "all")
    assert (found["n_normal"], found["champion_false_calls"]) == (2, 1)
    assert found["challenger_false_calls"] == 0
    assert found["false_calls_saved"] == 1


def test_boards_that_a_bundle_was_made_of_stand_apart() -> None:
    boards = [board("a"), board("b"), board("c", "abnormal")]
    found = told(boards, [0.9] * 3, [1.0] * 3, learned=frozenset({"b", "c"}))
    told_apart = figures(found, *boards)
    assert [stratum(told_apart, name)["n_normal"] for name in ("new", "learned", "all")] == [
        1,
        1,
        2,
    ]
    assert [stratum(told_apart, name)["escapes_added"] for name in ("new", "all")] == [0, 1]
    assert {one["name"]: one["new"] for one in told_apart["changes"]} == {
        "a": True,
        "b": False,
        "c": False,
    }


def test_the_gravest_kind_comes_first_and_in_each_the_hardest_board() -> None:
    boards = [board(name, "abnormal") for name in ("easy", "hard", "won")]
    boards += [board(name) for name in ("nearly", "loud", "saved")]
    found = told(boards, [0.6, 0.6, 0.1, 0.1, 0.1, 0.9], [9.0, 2.0, 11.0, 10.5, 99.0, 1.0])
    changes = figures(found, *boards)["changes"]
    assert [one["name"] for one in changes] == ["hard", "easy", "won", "loud", "nearly", "saved"]


def test_undecided_boards_are_counted_apart_and_escapes_of_both_are_named() -> None:
    boards = [board("u", "undecided"), board("d", "abnormal"), board("n")]
    found = figures(told(boards, [0.9, 0.1, 0.1], [1.0, 1.0, 1.0]), *boards)
    assert found["undecided"] == {"n": 1, "champion_flagged": 1, "challenger_flagged": 0}
    assert stratum(found, "all")["n_normal"] == stratum(found, "all")["n_abnormal"] == 1
    assert [one["name"] for one in found["missed_by_both"]] == ["d"]


def test_over_time_by_day_or_by_month_where_there_are_many() -> None:
    days = ["", *(f"2026-10-{day:02}T06:00:00" for day in range(1, 31))]
    boards = [board(f"b{at:02}", captured_at=day) for at, day in enumerate(days)]
    found = figures(told(boards, [0.9] * 31, [1.0] * 31), *boards)["times"]
    assert [one["time"] for one in found] == [*(day[:10] for day in days[1:]), ""]
    boards += [board(f"c{at}", captured_at=f"2026-11-0{at}") for at in (1, 2)]
    found = figures(told(boards, [0.9] * 33, [1.0] * 33), *boards)["times"]
    assert [(one["time"], one["n"]) for one in found] == [("2026-10", 30), ("2026-11", 2), ("", 1)]
    assert found[0]["champion_flagged"] == 30


def test_no_board_says_nothing_rather_than_zero() -> None:
    found = stratum(figures(told([], [], [])), "all")
    assert (found["saved_per_1000_low"], found["saved_per_1000_high"]) == (-1000.0, 1000.0)
    assert not math.copysign(1.0, found["saved_per_1000"]) < 0
