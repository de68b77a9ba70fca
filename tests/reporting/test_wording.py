from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.reporting.content import CertificateFigures, LadderRow
from tasks.reporting.wording import (
    choice_words,
    counted_once_words,
    duration,
    metric_words,
    number,
    percent,
    price_words,
    probability,
    upper_bound,
    verdict_words,
)


def plain(words: str) -> str:
    return words.replace("\u00a0", " ")


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 1.0))
def test_a_bound_is_never_rounded_down(share: float) -> None:
    shown = float(plain(upper_bound(share)).split(" ")[0])
    assert shown >= 100.0 * share - 1e-5
    assert shown <= 100.0 * share + 0.0101


def test_published_bound() -> None:
    assert plain(upper_bound(1.0 - 0.05 ** (1.0 / 174.0))) == "1.71 %"


def test_numbers_in_words() -> None:
    assert number(math.inf) == "infinite"
    assert number(math.nan) == "no number"
    assert plain(percent(0.0231)) == "2.3 %"
    assert percent(math.nan) == "not known"
    assert plain(duration(0.42)) == "0.42 s"
    assert plain(duration(245.0)) == "4 min 05 s"
    assert plain(duration(7800.0)) == "2 h 10 min"
    assert metric_words("masked.patch.ssim.sum") == "candidates · SSIM · sum · with mask"
    assert metric_words("masked") == "masked"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.6553e-05, "1.66e-05"),
        (0.33149, "0.331"),
        (0.99851, "0.999"),
        (0.99996, "0.99996"),
        (1.0 - 3e-9, "1 \u2212 3e-09"),
        (1.0, "1"),
        (0.0, "0"),
        (-12345.6, "-12,346"),
        (1e9, "1e+09"),
    ],
)
def test_scores_have_three_digits(value: float, said: str) -> None:
    assert plain(number(value)) == said


@given(st.floats(0.0, 1.0, exclude_max=True))
def test_less_than_one_never_reads_as_one(value: float) -> None:
    assert number(value) != "1"
    assert plain(probability(value)) != "100 %"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (9.711e-06, "0.000971 %"),
        (0.5, "50 %"),
        (0.0223, "2.23 %"),
        (0.99996, "99.996 %"),
        (1e-12, "1e-10 %"),
    ],
)
def test_probabilities_in_per_cent(share: float, said: str) -> None:
    assert plain(probability(share)) == said


def test_choice_among_classifiers_is_owned_up_to() -> None:
    assert choice_words(1, certified=True) == ""
    assert "slightly flattering" in choice_words(4, certified=True)
    assert "Only the certification figures are untouched" in choice_words(4, certified=True)
    assert "no figure here is untouched" in choice_words(2, certified=False)


@pytest.mark.parametrize(
    ("escapes", "false_calls", "tone"), [(0, 1, "good"), (0, 14, "caution"), (2, 0, "bad")]
)
def test_tone_is_good_only_when_both_are(escapes: int, false_calls: int, tone: str) -> None:
    figures = CertificateFigures(24, 139, escapes, false_calls, 0.02, "sentence")
    assert verdict_words(figures)[0] == tone


def test_nothing_held_out_is_no_certificate() -> None:
    assert verdict_words(None)[0] == "caution"
    assert verdict_words(CertificateFigures(24, 0, 0, 0, math.nan, ""))[0] == "caution"


def step(misses: int, false_calls: int) -> LadderRow:
    return LadderRow(misses / 100, misses, 0.5, false_calls, 100, false_calls / 100, 0.0, 1.0)


@pytest.mark.parametrize(("calls", "word"), [(61, "dear"), (12, "price"), (3, "cheap")])
def test_price_is_named(calls: int, word: str) -> None:
    said, detail = price_words((step(0, calls), step(1, 2)), 100)
    assert word in said
    assert (
        f"{calls - 2} {'is' if calls == 3 else 'are'} owed to the hardest one of 100 defects"
        in plain(detail)
    )


def test_price_without_a_cheaper_step_or_a_ladder() -> None:
    assert "not known" in price_words((), 10)[0]
    assert "not known" in price_words((step(1, 4),), 10)[0]
    assert "owed" not in price_words((step(0, 4), step(0, 4)), 10)[1]
    assert "would save none" in price_words((step(0, 4), step(1, 4)), 10)[1]


def test_a_ladder_that_counts_groups_says_so() -> None:
    rows = (step(0, 4),)
    assert counted_once_words(rows, rows[0].n_normal) == ""
    assert counted_once_words((), 10) == ""
    said = counted_once_words(rows, rows[0].n_normal + 6)
    assert "106" in said
    assert "make 100." in said
