"""The loss with the zero-escape constraint: its derivatives, its limits, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from tasks.classification.settings import ZfnBoostingSettings
from tasks.classification.zfn_boosting import ZfnBoosting
from tasks.classification.zfn_loss import zfn_loss

STEP = 1e-4


def some(seed: int, images: int = 12) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = (np.arange(images) % 3 == 0).astype(np.int64)
    return 2.0 * generator.standard_normal(images), labels


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 1.0), st.sampled_from([0.0, 0.3, 1.0, 4.0]))
def test_gradient_and_curvature_are_finite_differences(
    seed: int, share: float, focus: float
) -> None:
    margins, labels = some(seed)
    found = zfn_loss(margins, labels, share, focus)
    for image in range(margins.size):
        step = np.zeros_like(margins)
        step[image] = STEP
        up, down = (zfn_loss(margins + sign * step, labels, share, focus) for sign in (1, -1))
        slope = (up.value - down.value) / (2 * STEP)
        bend = (up.gradient_N[image] - down.gradient_N[image]) / (2 * STEP)
        assert found.gradient_N[image] == pytest.approx(slope, abs=1e-5, rel=1e-5)
        assert found.curvature_N[image] == pytest.approx(bend, abs=1e-5, rel=1e-5)


@given(st.integers(0, 10**6), st.floats(0.0, 50.0))
def test_the_loss_is_convex_along_every_line_and_the_curvature_not_negative(
    seed: int, focus: float
) -> None:
    (one, labels), (other, _) = some(seed), some(seed + 1)
    ends = [zfn_loss(margins, labels, 1.0, focus).value for margins in (one, other)]
    middle = zfn_loss((one + other) / 2, labels, 1.0, focus)
    assert middle.value <= np.mean(ends) + 1e-9
    assert (middle.curvature_N >= 0).all()


def test_without_focus_it_is_the_pairwise_logistic_loss_and_with_much_the_hardest_defect() -> None:
    margins, labels = some(3)
    pairs = np.logaddexp(0, margins[labels == 0][None] - margins[labels == 1][:, None])
    images = margins.size
    assert zfn_loss(margins, labels, 1.0, 0.0).value == pytest.approx(images * pairs.mean())
    hardest = pairs.mean(axis=1).max()
    assert zfn_loss(margins, labels, 1.0, 1e4).value == pytest.approx(images * hardest, rel=1e-3)


def test_without_share_it_is_the_log_loss() -> None:
    margins, labels = some(4)
    found = zfn_loss(margins, labels, 0.0, 1.0)
    expected = log_loss(labels, 1 / (1 + np.exp(-margins)), normalize=False)
    assert found.value == pytest.approx(expected)


def test_the_term_knows_differences_only() -> None:
    margins, labels = some(5)
    one, shifted = (zfn_loss(margins + by, labels, 1.0, 2.0) for by in (0.0, 7.0))
    assert one.value == pytest.approx(shifted.value)
    assert one.gradient_N.sum() == pytest.approx(0.0, abs=1e-9)


def test_focus_moves_the_pull_to_the_hardest_defect() -> None:
    margins, labels = some(6)
    hardest = np.flatnonzero(labels == 1)[margins[labels == 1].argmin()]
    shares = []
    for focus in (0.0, 1.0, 5.0):
        pull = zfn_loss(margins, labels, 1.0, focus).gradient_N
        shares.append(pull[hardest] / pull[labels == 1].sum())
    assert shares == sorted(shares)
    assert shares[-1] > 0.9


def test_extreme_scores_stay_finite() -> None:
    labels = np.array([0, 1, 0, 1])
    found = zfn_loss(np.array([1e6, -1e6, -1e6, 1e6]), labels, 0.7, 3.0)
    assert np.isfinite([found.value, *found.gradient_N, *found.curvature_N]).all()


@pytest.mark.parametrize("focus", [0.0, 1.0, 5.0])
def test_trees_go_down_on_this_loss(focus: float) -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    table = generator.standard_normal((120, 3)) + labels[:, None]
    losses = []
    for trees in (1, 10, 40):
        member = ZfnBoosting(
            ZfnBoostingSettings(trees=trees, leaves=4, share=0.9, focus=focus, row_share=1.0)
        )
        model = member.model(member.estimator(0).fit(table, labels))
        margins = np.asarray(model.booster.predict(table, raw_score=True))
        losses.append(zfn_loss(margins, labels, 0.9, focus).value)
    start = zfn_loss(np.zeros(120), labels, 0.9, focus).value
    assert start > losses[0] > losses[1] > losses[2]
    assert losses[2] < 0.75 * start
