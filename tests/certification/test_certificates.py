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


def test_counts_and_bounds() -> None:
    made = certificate(NORMAL, np.array([0.95, 0.2, np.nan, 0.9]), 0.9)
    assert (made.n_normal, made.n_abnormal, made.escapes) == (174, 4, 1)
    assert made.false_calls == int(flagged(NORMAL, 0.9).sum())
    assert made.false_call_rate == made.false_calls / 174
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
    assert CertificationSettings().escape_rate is None
    for share in (0.0, 1.0, 5.0):
        with pytest.raises(ValueError, match="escape_rate"):
            CertificationSettings(escape_rate=share)
