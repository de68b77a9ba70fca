"""Figures that rank candidates, larger is better: what the choice and the search maximise.

| criterion | figure |
| --- | --- |
| `auroc` | chance that an abnormal image outscores a normal one; a tie counts half |
| `partial_auroc` | mean share of normals passed, over catch rates from 95 % to 100 % |
| `zfn_accuracy` | the paper's: accuracy at the zero-escape threshold |
| `false_calls_at_0`, `_1`, `_2` | share of normals passed where 0, 1, 2 % of defects may escape |

The last five look at the price itself, and hang on the few hardest defects: see
`tasks.classification.choosing` on what that costs.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from tasks.classification.operating import operating_point
from tasks.classification.settings import Criterion
from tasks.vocabulary.arrays import Float64Array, Int64Array

_LEAST_CATCH_RATE = 0.95


def figure_of(scores_N: Float64Array, labels_N: Int64Array, criterion: Criterion) -> float:
    """Give the figure of scores, larger is better; NaN scores count as +inf, flagged.

    Both classes must be present. NoSafeThresholdError if no abnormal image has a finite score and
    the criterion needs a threshold.
    """
    scores_N = np.where(np.isnan(scores_N), np.inf, np.asarray(scores_N, dtype=np.float64))
    # By ranks, because scikit-learn refuses the +inf of an image without a score.
    match criterion:
        case "auroc":
            return float(roc_auc_score(labels_N, rankdata(scores_N)))
        case "partial_auroc":
            return partial_auroc(scores_N, labels_N)
        case "zfn_accuracy":
            return operating_point(scores_N, labels_N, 0.0).accuracy
        case "false_calls_at_0":
            return -operating_point(scores_N, labels_N, 0.0).false_positive_rate
        case "false_calls_at_1":
            return -operating_point(scores_N, labels_N, 0.01).false_positive_rate
        case "false_calls_at_2":
            return -operating_point(scores_N, labels_N, 0.02).false_positive_rate
        case _:
            assert_never(criterion)


def partial_auroc(scores_N: Float64Array, labels_N: Int64Array) -> float:
    """Average the share of normals passed over catch rates from 95 % to 100 %; 1 is perfect."""
    # With classes and order swapped, the escape rate takes the place of the false-call rate.
    width = 1.0 - _LEAST_CATCH_RATE
    ranks_N = -rankdata(np.where(np.isnan(scores_N), np.inf, scores_N))
    standardised = float(roc_auc_score(1 - labels_N, ranks_N, max_fpr=width))
    # Undo McClish's correction, by which chance gets one half.
    chance = width * width / 2.0
    return (chance + (2.0 * standardised - 1.0) * (width - chance)) / width
