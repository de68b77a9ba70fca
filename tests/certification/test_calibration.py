"""Which score becomes the threshold, and which images are named for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from tasks.certification.bounds import order_statistic
from tasks.certification.calibration import calibrated
from tasks.certification.thresholds import flagged
from tasks.certification.units import defective_units
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import NoSafeThresholdError

SCORES = arrays(np.float64, st.integers(1, 60), elements=st.integers(-5, 5).map(float))


def test_without_a_wanted_rate_no_known_defect_is_missed() -> None:
    scores = np.array([0.7, np.nan, 0.2, 0.2, 0.9])
    found = calibrated(defective_units(scores, None, "every-image"), None, 0.95)
    assert (found.threshold, found.rank, found.rows_K.tolist()) == (0.2, 1, [2])


def test_a_wanted_rate_names_the_images_up_to_the_rank() -> None:
    scores = np.linspace(2.0, 0.3, 174)
    found = calibrated(defective_units(scores, None, "every-image"), 0.05, 0.95)
    assert found.rank == order_statistic(174, 0.05, 0.95) == 4
    assert found.rows_K.tolist() == [173, 172, 171, 170]
    assert found.threshold == scores[170]


def test_images_of_one_part_count_once_and_its_weakest_decides() -> None:
    scores = np.array([0.9, 0.1, 0.5, 0.6, 0.7])
    units = defective_units(scores, np.array([3, 3, 1, 1, 2]), "every-image")
    found = calibrated(units, 0.8, 0.6)
    # Of 3 parts, not of 5 images: BinomCDF(1; 3, 0.8) = 0.104 <= 0.4 < BinomCDF(2; 3, 0.8).
    assert (found.rank, found.threshold, found.rows_K.tolist()) == (2, 0.5, [1, 2])


def test_the_order_of_ties_is_that_of_the_images() -> None:
    units = defective_units(np.full(59, 0.5), None, "every-image")
    found = calibrated(units, 0.05, 0.9)
    assert found.rank == 1
    assert found.rows_K.tolist() == [0]


def test_too_few_defects_for_the_rate_or_for_any_cut() -> None:
    units = defective_units(np.ones(58), None, "every-image")
    with pytest.raises(NoSafeThresholdError, match="Collect 1 more"):
        calibrated(units, 0.05, 0.95)
    unscored = defective_units(np.full(3, np.inf), None, "every-image")
    with pytest.raises(NoSafeThresholdError, match="0 of 3 defects have a score"):
        calibrated(unscored, None, 0.95)


@given(SCORES, st.sampled_from([None, 0.3, 0.5]))
def test_never_more_misses_than_the_rank_allows(
    scores: Float64Array, escape_rate: float | None
) -> None:
    units = defective_units(scores, None, "every-image")
    try:
        found = calibrated(units, escape_rate, 0.9)
    except NoSafeThresholdError:
        assert escape_rate is not None
        assert (1.0 - escape_rate) ** scores.size > 0.1
        return
    assert np.count_nonzero(~flagged(scores, found.threshold)) <= found.rank - 1
    assert found.rows_K.size == found.rank
    assert scores[found.rows_K[-1]] == found.threshold
    if escape_rate is not None:
        assert stats.binom.cdf(found.rank - 1, scores.size, escape_rate) <= 0.1 + 1e-9
