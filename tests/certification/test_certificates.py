"""The certificate's counts, bounds and words."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from tasks.certification.bounds import escape_upper_bound, exact_interval
from tasks.certification.certificates import certificate
from tasks.certification.settings import CertificationSettings
from tasks.certification.thresholds import flagged
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

NORMAL = np.linspace(0.0, 1.0, 174)


def test_the_sentence_without_escapes() -> None:
    assert certificate(NORMAL, np.ones(174), 0.9).sentence() == (
        "0 of 174 held-out defects were missed. With 95 % confidence fewer than 1.7 in 100 "
        "defects of the kinds collected here are missed, as long as new defects come from the same "
        "process. New kinds are not covered."
    )


def test_the_sentence_with_escapes() -> None:
    abnormal = np.ones(174)
    abnormal[0] = 0.1
    one = certificate(NORMAL, abnormal, 0.9).sentence()
    assert one.startswith("1 of 174 held-out defects was missed. With 95 % confidence fewer than ")
    assert "fewer than 2.7 in 100" in one
    abnormal[:3] = 0.1
    many = certificate(NORMAL, abnormal, 0.9, confidence=0.99).sentence()
    assert many.startswith("3 of 174 held-out defects were missed. With 99 % confidence fewer than")


def test_small_bounds_keep_two_digits() -> None:
    assert "fewer than 0.10 in 100" in certificate(NORMAL, np.ones(3000), 0.9).sentence()


@pytest.mark.parametrize(("n", "said"), [(299, "1.0"), (298, "1.0"), (200, "1.5"), (9, "28.3")])
def test_bounds_of_one_in_hundred_and_more_keep_one_decimal(n: int, said: str) -> None:
    assert f"fewer than {said} in 100" in certificate(NORMAL, np.ones(n), 0.9).sentence()


def test_no_bound_is_claimed_where_every_defect_escaped() -> None:
    assert certificate(NORMAL, np.zeros(5), 0.9).sentence() == (
        "5 of 5 held-out defects were missed. No bound on the escape rate can be given."
    )


def test_the_sentence_about_false_calls() -> None:
    made = certificate(np.array([0.1, 0.2, 0.3, 0.95]), np.ones(10), 0.9)
    assert made.false_call_sentence() == (
        "1 of 4 held-out good products were flagged: 25.0 % (95 % interval 0.6 to 80.6 %)."
    )


def test_a_wide_interval_is_said_to_its_last_digit() -> None:
    made = certificate(np.linspace(0, 1, 40), np.ones(10), 0.5)
    low, high = exact_interval(20, 40, 0.95)
    assert f"{100 * low:.1f} to {100 * high:.1f} %)." in made.false_call_sentence()


def test_counts_and_bounds() -> None:
    made = certificate(NORMAL, np.array([0.95, 0.2, np.nan, 0.9]), 0.9)
    assert (made.n_normal, made.n_abnormal, made.escapes) == (174, 4, 1)
    assert made.false_calls == int(flagged(NORMAL, 0.9).sum())
    assert made.escape_upper == escape_upper_bound(1, 4, 0.95)
    interval = (made.false_call_low, made.false_call_high)
    assert interval == exact_interval(made.false_calls, 174, 0.95)
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301  # receipts cross processes


def test_every_further_look_widens_the_bound() -> None:
    bounds = [certificate(NORMAL, np.ones(174), 0.9, looks=looks) for looks in (1, 2, 10)]
    assert bounds[0].escape_upper < bounds[1].escape_upper < bounds[2].escape_upper
    assert bounds[2].escape_upper == pytest.approx(escape_upper_bound(0, 174, 0.995))
    assert bounds[2].confidence == 0.95


def test_nothing_is_certified_on_nothing() -> None:
    with pytest.raises(NoSafeThresholdError):
        certificate(NORMAL, np.zeros(0), 0.9)
    with pytest.raises(InputError):
        certificate(np.zeros(0), np.ones(3), 0.9)
    for threshold in (np.inf, -np.inf, np.nan):
        with pytest.raises(NoSafeThresholdError):
            certificate(NORMAL, np.ones(3), threshold)


def test_settings_refuse_what_is_no_share() -> None:
    assert CertificationSettings().escape_fractions == (0.0, 0.01, 0.02, 0.05)
    with pytest.raises(ValueError, match="less than 1"):
        CertificationSettings(confidence=95)
    with pytest.raises(ValueError, match="less than 1"):
        CertificationSettings(escape_fractions=(0.0, 1.0))
