"""Lots of one class, torn groups, twins of both labels, times; and the words for them."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.confounds.given import LOT, names_of, numbers_of, seconds_of, times_of
from tasks.confounds.grouping import (
    Grouped,
    Lots,
    lots_by_kind,
    lots_of,
    shown,
    torn,
    twins_of_both_labels,
)
from tasks.confounds.wording import lot_warning, torn_warning, twins_warning
from tests.confounds.screens import of, screen_table


def board(name: str, groups: str, role: str = "development", bad: bool | None = False) -> Grouped:
    return Grouped(name, frozenset(groups.split()), role, bad)


def judged(lots: list[int], abnormal: list[bool]) -> Lots:
    found = lots_of("lot", np.array(lots), np.array(abnormal), 100, 0)
    assert found is not None
    return found


def test_lots_of_one_class_are_confounded_with_the_label() -> None:
    lots = [at // 5 for at in range(60)]
    found = judged(lots, [lot % 2 == 0 for lot in lots])
    assert (found.count, found.one_class, found.share) == (12, 12, 1.0)
    assert found.is_confounded
    assert "12 of 12 lots hold one class only" in lot_warning(found)[0]


def test_few_defects_leave_most_lots_clean_and_that_is_no_alarm() -> None:
    abnormal = [at in (3, 77) for at in range(200)]
    found = judged([at // 5 for at in range(200)], abnormal)
    assert found.share > 0.9
    assert not found.is_confounded
    assert lot_warning(found) == []


def test_lots_of_one_image_say_nothing() -> None:
    assert not judged(list(range(10)), [True, False] * 5).is_confounded
    assert lots_of("lot", np.full(4, -1), np.array([True, False] * 2), 10, 0) is None


def test_two_lots_are_a_property_like_any_other() -> None:
    abnormal = [at >= 20 for at in range(40)]
    names = names_of(LOT, ["B" if bad else "A" for bad in abnormal])
    assert "the score may have learned the lot" in screen_table(names, abnormal).warnings[0].lower()


def test_groups_that_serve_two_roles_and_twins_of_both_labels() -> None:
    images = [
        board("a", "lot:1 near:x"),
        board("b", "lot:1", "certification"),
        board("c", "near:x", bad=True),
        board("d", "lot:2 near:y"),
        board("e", "near:y", bad=None),
    ]
    assert torn(images) == {"lot:1": ("a", "b")}
    assert twins_of_both_labels(images) == {"near:x": ("a", "c")}
    assert {k: v.tolist() for k, v in lots_by_kind(images).items()} == {"lot": [0, 0, -1, 1, -1]}


def test_words_count_and_name_examples() -> None:
    assert torn_warning(0, "") == twins_warning(0, "") == []
    assert torn_warning(1, "lot:1")[0].startswith("1 group serves several roles (lot:1)")
    assert torn_warning(1200, "x")[0].startswith("1,200 groups serve")
    assert twins_warning(2, "a, b")[0].startswith("2 sets of near-duplicate photographs carry both")
    assert shown(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_the_day_of_capture_tells_where_the_order_of_time_does_not() -> None:
    """All defects were photographed on the middle one of three days."""
    days = ["2026-03-01", "2026-03-02", "2026-03-03"]
    texts = [f"{days[at % 3]}T{8 + at % 7:02}:00:00+00:00" for at in range(90)]
    found = screen_table(times_of(seconds_of(texts)), [at % 3 == 1 for at in range(90)])
    day = of(found, "given.day")
    assert (day.auroc, day.level) == (1.0, "2026-03-02")
    assert (of(found, "given.time").auroc or 0.0) < 0.6
    assert "the score may have learned the day" in found.warnings[0].lower()


def test_times_with_offsets_and_without_a_time() -> None:
    seconds = seconds_of(["1970-01-01T02:00:00+01:00", "1970-01-02", "", "noon"])
    np.testing.assert_array_equal(seconds, [3600.0, 86400.0, np.nan, np.nan])
    table = times_of(seconds)
    assert table.values["given.hour"] == [1.0, 0.0, None, None]
    assert table.values["given.day"] == ["1970-01-01", "1970-01-02", None, None]
    assert numbers_of(LOT, np.array([1.0, np.nan])).values[LOT.name] == [1.0, None]
    assert times_of(np.empty(0)).values["given.time"] == []


@pytest.mark.parametrize("abnormal", [[True, False] * 20])
def test_time_that_runs_along_with_the_label(abnormal: list[bool]) -> None:
    seconds = np.array([at + 1e6 * bad for at, bad in enumerate(abnormal)])
    found = screen_table(times_of(seconds), abnormal)
    assert of(found, "given.time").auroc == 1.0
    assert found.warnings
