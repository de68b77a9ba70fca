"""A loss that carries the zero-escape constraint: what the hardest defects cost in false calls.

A threshold that lets no defect escape lies at the lowest defect's score, so the false-call rate at
zero escapes is the largest, over defects p, of the share of normals n with `s_n >= s_p`. Put the
logistic surrogate for the step and the log-mean-exp for the largest:

    cost_p = mean over n of log(1 + exp(s_n - s_p))
    term   = log(mean over p of exp(focus x cost_p)) / focus        (focus 0: the mean of cost_p)
    loss   = share x term + (1 - share) x mean log loss of the images

Focus 0 is the pairwise logistic surrogate of AUROC; with growing focus the term nears the largest
cost, the bottom of the defects ('push' at the top of a ranking, mirrored). The term is convex in
the scores (log-sum-exp of convex functions). It knows differences only; the log loss fixes the
level, so that one half stays the ordinary decision. Source: the idea of the P-norm push (Rudin 2009)
and of partial-AUC surrogates, turned towards the lowest positives; the form is our own.

Legend: N images, P defects, Q normals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logsumexp, softmax

from tasks.vocabulary.arrays import Float64Array, Int64Array


class Slopes(NamedTuple):
    """Value, gradient [N] and diagonal of the Hessian [N] of the loss, all times N.

    Times N, because boosters expect sums over images: their penalties and least leaf weights are
    made for curvatures of about a quarter per image.
    """

    value: float
    gradient_N: Float64Array
    curvature_N: Float64Array


def zfn_loss(margins_N: Float64Array, labels_N: Int64Array, share: float, focus: float) -> Slopes:
    """Give the loss of raw scores with its exact first and diagonal second derivatives.

    Both classes must be present.
    """
    margins_N, abnormal_N = np.asarray(margins_N, dtype=np.float64), np.asarray(labels_N) == 1
    probability_N = expit(margins_N)
    term = _hardest_defects(margins_N[abnormal_N], margins_N[~abnormal_N], focus)
    gradient_N, curvature_N = np.empty_like(margins_N), np.empty_like(margins_N)
    gradient_N[abnormal_N], gradient_N[~abnormal_N] = term.gradient_P, term.gradient_Q
    curvature_N[abnormal_N], curvature_N[~abnormal_N] = term.curvature_P, term.curvature_Q
    log_losses_N = np.logaddexp(0.0, np.where(abnormal_N, -margins_N, margins_N))
    images, rest = margins_N.size, 1.0 - share
    return Slopes(
        images * share * term.value + rest * float(log_losses_N.sum()),
        images * share * gradient_N + rest * (probability_N - abnormal_N),
        images * share * curvature_N + rest * probability_N * (1.0 - probability_N),
    )


class _Term(NamedTuple):
    value: float
    gradient_P: Float64Array
    curvature_P: Float64Array
    gradient_Q: Float64Array
    curvature_Q: Float64Array


def _hardest_defects(defects_P: Float64Array, normals_Q: Float64Array, focus: float) -> _Term:
    gaps_PQ = normals_Q[None, :] - defects_P[:, None]
    costs_P = np.logaddexp(0.0, gaps_PQ).mean(axis=1)
    weights_P = softmax(focus * costs_P)
    slopes_PQ = expit(gaps_PQ) / normals_Q.size
    bends_PQ = slopes_PQ * (1.0 - expit(gaps_PQ))
    slope_P = slopes_PQ.sum(axis=1)
    slope_Q = weights_P @ slopes_PQ
    # The log-mean-exp adds focus times the variance of the slopes under the weights.
    spread_P = (weights_P - weights_P**2) * slope_P**2
    spread_Q = np.maximum(weights_P @ slopes_PQ**2 - slope_Q**2, 0.0)
    return _Term(
        _log_mean_exp(costs_P, focus),
        -weights_P * slope_P,
        weights_P * bends_PQ.sum(axis=1) + focus * spread_P,
        slope_Q,
        weights_P @ bends_PQ + focus * spread_Q,
    )


def _log_mean_exp(costs_P: Float64Array, focus: float) -> float:
    """Mean cost for focus 0, largest cost for focus infinity."""
    mean = float(costs_P.mean())
    above_P = focus * (costs_P - mean)
    if focus == 0.0:
        return mean
    # A logarithm of something next to 1, divided by a tiny focus, would be rounding error alone.
    if above_P.max() < 1.0:
        return mean + float(np.log1p(np.expm1(above_P).mean())) / focus
    return mean + float(logsumexp(above_P, b=1.0 / costs_P.size)) / focus
