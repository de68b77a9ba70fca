"""What opens the gate and what keeps it shut; every refusal says why in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.gating.decision import Comparison, JudgedDefect, decided, named, per_thousand
from tasks.gating.paired import PairedChange, paired_change
from tasks.gating.settings import GateSettings

SETTINGS = GateSettings()


def change(b: int, c: int, n: int = 400) -> PairedChange:
    champion = np.arange(n) < b
    challenger = (np.arange(n) >= b) & (np.arange(n) < b + c)
    return paired_change(champion, challenger, SETTINGS.confidence)


def defect(name: str) -> JudgedDefect:
    return JudgedDefect(name, f"abnormal/{name}.png", 0.9, 0.5, 0.4, 0.6)


SAME = Comparison(change(0, 0), defects=50, defects_set_threshold=50)


def test_what_is_provably_not_worse_is_promoted_with_its_figures() -> None:
    found = decided(SETTINGS, SAME, None)
    assert found.passes
    said = " ".join(found.reasons)
    assert "of 50 that both were asked about" in said
    assert "set on 50 of them, which proves nothing" in said
    assert "Of 400 good boards the champion flags 0, the challenger 0: 0 more per 1,000" in said


@pytest.mark.parametrize("field", ["lost", "unseen"])
def test_a_caught_defect_that_would_be_missed_needs_a_person(field: str) -> None:
    found = decided(SETTINGS, replace(SAME, **{field: (defect("a"), defect("b"))}), None)  # type: ignore[arg-type]
    assert not found.passes
    assert len(found.obstacles) == 1
    assert found.obstacles[0].startswith("2 defects")
    assert "abnormal/a.png, abnormal/b.png" in found.obstacles[0]


def test_more_false_calls_than_allowed_are_refused() -> None:
    found = decided(SETTINGS, replace(SAME, false_calls=change(0, 30)), None)
    assert not found.passes
    assert "50 more are allowed" in found.obstacles[0]
    assert decided(
        GateSettings(false_call_worsening=0.2), replace(SAME, false_calls=change(0, 30)), None
    ).passes


def test_too_few_boards_to_know_are_refused_even_without_any_change() -> None:
    found = decided(SETTINGS, replace(SAME, false_calls=change(0, 0, 12)), None)
    assert not found.passes


def test_a_proven_gain_needs_no_margin() -> None:
    strict = GateSettings(false_call_worsening=0.0)
    assert decided(strict, replace(SAME, false_calls=change(20, 5)), None).passes
    assert not decided(strict, replace(SAME, false_calls=change(5, 5)), None).passes


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_margin_never_refuses_what_a_smaller_one_allows(
    b: int, c: int, one: float, other: float
) -> None:
    found = replace(SAME, false_calls=change(b, c))
    small, large = (
        decided(GateSettings(false_call_worsening=margin), found, None).passes
        for margin in sorted((one, other))
    )
    assert large >= small


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (replace(SAME, defects=0), "no known defect"),
        (replace(SAME, false_calls=change(0, 0, 0)), "no good board"),
    ],
)
def test_nothing_to_compare_on_is_no_proof(comparison: Comparison, words: str) -> None:
    found = decided(SETTINGS, comparison, None)
    assert not found.passes
    assert words in found.obstacles[0]


@pytest.mark.parametrize(
    ("upper", "passes"),
    [(0.02, True), (0.05, True), (0.051, False), (None, False), (math.nan, False)],
)
@pytest.mark.parametrize("comparison", [SAME, None])
def test_the_contract_binds_the_first_bundle_too(
    upper: float | None, passes: bool, comparison: Comparison | None
) -> None:
    found = decided(GateSettings(escape_rate=0.05), comparison, upper)
    assert found.passes is passes
    assert any("contract" in reason for reason in found.reasons)


def test_without_a_contract_the_certificate_is_not_used() -> None:
    assert decided(SETTINGS, SAME, 1.0) == decided(SETTINGS, SAME, None)


def test_the_first_bundle_is_compared_with_nothing() -> None:
    assert decided(SETTINGS, None, None).passes


def test_a_person_who_rolled_back_is_not_overruled() -> None:
    for comparison in (SAME, None):
        found = decided(SETTINGS, comparison, None, ["A. Ray rolled back from this bundle."])
        assert not found.passes
        assert found.obstacles == ("A. Ray rolled back from this bundle.",)


def test_a_line_that_promotes_nothing_by_itself_says_so() -> None:
    for comparison in (SAME, None):
        found = decided(GateSettings(automatic=False), comparison, None)
        assert not found.passes
        assert "promotion.automatic" in found.reasons[0]


def test_gains_and_what_was_left_out_are_told() -> None:
    found = decided(
        SETTINGS, replace(SAME, won=(defect("a"),), left_out=(("they certify.", 7),)), None
    )
    assert found.passes
    said = " ".join(found.reasons)
    assert "1 defect that the champion misses would be caught: abnormal/a.png." in said
    assert "Not compared: 7 images: they certify." in said


def test_many_names_are_cut_and_counted() -> None:
    assert named([defect(str(at)) for at in range(13)]).endswith("abnormal/9.png and 3 more")
    assert [per_thousand(rate) for rate in (-0.0124, 0.0, 0.05)] == [
        "12 fewer",
        "0 more",
        "50 more",
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"escape_rate": 0.0}, {"false_call_worsening": -0.1}, {"confidence": 1.0}, {"margin": 0.1}],
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        GateSettings.model_validate(wrong)
