"""Another road to the same threshold: Learn-then-Test as MAPIE has it."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.stats import binom

from tasks.certification.bounds import order_statistic
from tasks.certification.thresholds import flagged, zfn_threshold

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mapie.risk_control import BinaryClassificationController


def _p_value(misses: int, n: int, rate: float) -> float:
    """Hoeffding-Bentkus: MAPIE's p-value, exact where nothing is missed and looser beyond."""
    seen = misses / n
    divergence = (1 - seen) * math.log((1 - seen) / (1 - rate))
    if misses:
        divergence += seen * math.log(seen / rate)
    return min(math.exp(-n * divergence), math.e * float(binom.cdf(misses, n, rate)))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "rate"), [(59, 0.05), (174, 0.05), (174, 0.02)])
def test_fixed_sequence_testing_never_certifies_more_than_the_order_statistic(
    n: int, rate: float
) -> None:
    """Equal for k = 1; beyond, the exact binomial may miss more than Hoeffding-Bentkus allows."""
    scores = np.sort(np.random.default_rng(n).random(n))
    grid = np.sort(np.concatenate((scores - 1e-9, scores)))
    controller = BinaryClassificationController(
        lambda column: np.hstack((1.0 - column, column)),
        risk="recall",
        target_level=1.0 - rate,
        confidence_level=0.95,
        list_predict_params=grid,
        fwer_method="fixed_sequence",
    )
    controller.calibrate(scores[:, None], np.ones(n, dtype=int))
    certified = max(float(valid) for valid in np.ravel(controller.valid_predict_params))
    rank = order_statistic(n, rate, 0.95)
    ours = int((~flagged(scores, zfn_threshold(scores, rank - 1))).sum())
    theirs = int((~flagged(scores, certified)).sum())
    assert theirs == max(m for m in range(math.ceil(rate * n)) if _p_value(m, n, rate) <= 0.05)
    assert (theirs == ours == 0) if rank == 1 else (theirs <= ours == rank - 1)
