"""The check must tell a true pose from a wrong one, whoever proposes it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from tasks.alignment.frame import Reference
from tasks.alignment.reference import build_reference
from tasks.alignment.resampling import Reductions
from tasks.alignment.residuals import Agreement, fit_drift, measure_agreement, peak_below_a_pixel
from tasks.alignment.settings import EccAlignment
from tasks.vocabulary.arrays import Float64Array
from tests.alignment.boards import SIDE_PX, Shot, photograph, true_error, true_pose

ECC = EccAlignment(side_px=SIDE_PX)
MIDDLE = (SIDE_PX - 1) / 2


@lru_cache(maxsize=1)
def reference() -> Reference:
    return build_reference([photograph(Shot(noise_levels=1))], ECC)


def moved(
    shift_px: tuple[float, float] = (0, 0), turn_deg: float = 0, scale: float = 1, tilt: float = 0
) -> Float64Array:
    angle = np.radians(turn_deg)
    pose_33 = np.eye(3)
    pose_33[:2, :2] = scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    pose_33[:2, 2] = MIDDLE - pose_33[:2, :2] @ [MIDDLE, MIDDLE] + shift_px
    pose_33[2, 0] = tilt
    return pose_33


def judged(shot: Shot, error_33: Float64Array) -> tuple[Agreement, float]:
    """Agreement under a pose that is wrong by `error_33`, and how wrong that is in px."""
    pose_33 = error_33 @ np.linalg.inv(true_pose(shot))
    agreement = measure_agreement(
        reference().working(Reductions(photograph(shot))), pose_33, reference()
    )
    return agreement, true_error(pose_33, shot, Shot(), SIDE_PX)


@pytest.mark.parametrize(
    "error_33",
    [
        moved(),
        moved((0.3, 0)),
        moved((0.5, -0.6)),
        moved((2.0, 1.0)),
        moved(turn_deg=0.15),
        moved(scale=1.004),
        moved(tilt=8e-6),
        moved((1.0, 0), turn_deg=-0.3, scale=0.998),
    ],
    ids=["none", "a third", "a px", "two px", "turn", "scale", "tilt", "all"],
)
def test_the_residual_is_the_true_error(error_33: Float64Array) -> None:
    shot = Shot(shift_px=(3.3, -2.1), rotation_deg=1.2, serial=2, noise_levels=2, gain=0.85)
    agreement, error_px = judged(shot, error_33)
    assert agreement.residual_px == pytest.approx(error_px, rel=0.2, abs=0.15)
    assert agreement.confidence > 0.6


def test_no_wrong_pose_passes() -> None:
    rng = np.random.default_rng(7)
    wrong = 0
    for number in range(20):
        size = 10 ** rng.uniform(-0.5, 1.6)
        error_33 = moved(tuple(rng.normal(0, size, 2)), rng.normal(0, size / 8))
        shot = Shot(serial=number, blur_sigma_px=rng.uniform(0, 2), noise_levels=2)
        agreement, error_px = judged(shot, error_33)
        if error_px > ECC.limits.residual_px:
            wrong += 1
            assert not (
                agreement.residual_px <= ECC.limits.residual_px
                and agreement.confidence >= ECC.limits.confidence
            )
    assert wrong > 12


def test_blur_costs_confidence() -> None:
    confidences = [
        judged(Shot(blur_sigma_px=sigma), moved())[0].confidence for sigma in (0, 2, 5, 8)
    ]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[1] > 0.7
    assert confidences[2] < ECC.limits.confidence + 0.1
    assert confidences[3] < 0.1


def test_defects_and_serial_numbers_do_not_move_the_residual() -> None:
    clean, _ = judged(Shot(), moved())
    spoilt, _ = judged(Shot(serial=9, occluded=(0, 2)), moved())
    assert abs(clean.residual_px - spoilt.residual_px) < 0.15
    assert spoilt.confidence < clean.confidence


def test_the_fit_leaves_outliers_aside_and_needs_enough_tiles() -> None:
    rng = np.random.default_rng(0)
    points_T2 = rng.uniform(-1, 1, (40, 2))
    shift_T2 = np.array([0.4, -0.2]) + points_T2 * 0.3 + rng.normal(0, 0.02, (40, 2))
    shift_T2[:10] += rng.uniform(3, 6, (10, 2))
    fit = fit_drift(points_T2, shift_T2, np.ones(40))
    assert fit is not None
    np.testing.assert_allclose(fit.parameters_8[[0, 1, 2, 5]], [0.3, 0, 0.4, -0.2], atol=0.05)
    assert (fit.distance_T[:10] > 2).all()
    assert fit_drift(points_T2[:7], shift_T2[:7], np.ones(7)) is None
    assert fit_drift(points_T2, shift_T2, np.full(40, 0.3)) is None


def test_tiles_on_one_line_give_no_fit() -> None:
    points_T2 = np.column_stack([np.linspace(-1, 1, 20), np.zeros(20)])
    assert fit_drift(points_T2, np.zeros((20, 2)), np.ones(20)) is None


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.3, -0.4), (-0.5, 0.5)])
def test_the_peak_of_a_parabola_is_found(x: float, y: float) -> None:
    rows, columns = np.mgrid[-1:2, -1:2].astype(float)
    scores_33 = 1 - (columns - x) ** 2 - 0.5 * (rows - y) ** 2 - 0.2 * (columns - x) * (rows - y)
    np.testing.assert_allclose(peak_below_a_pixel(scores_33), (x, y), atol=1e-9)


def test_a_ridge_has_no_peak() -> None:
    assert peak_below_a_pixel(np.ones((3, 3))) == (0.0, 0.0)
