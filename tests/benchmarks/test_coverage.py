"""The promised coverage holds in simulation, at every n that supports the promise."""

from __future__ import annotations

import math

import pytest

from tests.benchmarks.coverage import CONFIDENCES, RATES, SIZES, cell, table

STUDIES = 1500


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_no_promise_is_broken_more_often_than_promised(n: int) -> None:
    cells = [cell(n, rate, level, STUDIES) for rate in RATES for level in CONFIDENCES]
    for one in cells:
        assert (one.rank is None) == (n < one.needed)
        if one.rank is None or one.exact is None:
            continue
        assert one.exact <= 1 - one.confidence
        slack = 4 * math.sqrt(one.exact * (1 - one.exact) / STUDIES)
        for name in ("uniform", "normal"):
            assert one.broken[name] == pytest.approx(one.exact, abs=slack)
        assert one.broken["uneven"] <= one.exact + slack
        assert one.mean_miss_rate["uniform"] == pytest.approx(one.mean_promised, rel=0.15)
    assert table(cells).row_count == len(cells)


def test_refusals_name_what_they_need() -> None:
    assert [cell(18, 0.05, level, 1).needed for level in CONFIDENCES] == [45, 59, 90]
    assert cell(18, 0.05, 0.9, 1).rank is None
