from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.alignment.poses import (
    affine,
    inverse,
    is_plausible,
    overlap,
    reduction,
    resizing,
    shifting,
    similarity,
    transform,
    turn_deg,
)

POINTS_N2 = np.array([[3.0, 4.0], [90.0, 8.0], [12.0, 70.0], [80.0, 95.0]])


@given(st.floats(-3, 3), st.floats(0.5, 2), st.floats(-50, 50), st.floats(-50, 50))
def test_a_similarity_is_recovered_from_its_points(
    angle: float, scale: float, x_px: float, y_px: float
) -> None:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    pose_33 = np.array([[cosine, -sine, x_px], [sine, cosine, y_px], [0, 0, 1]])
    for fit, points in ((similarity, 2), (similarity, 4), (affine, 3), (affine, 4)):
        from_N2 = POINTS_N2[:points]
        np.testing.assert_allclose(fit(from_N2, transform(pose_33, from_N2)), pose_33, atol=1e-8)


def test_resizing_keeps_the_outer_edges() -> None:
    edges_N2 = np.array([[-0.5, -0.5], [99.5, 49.5]])
    resized_N2 = transform(resizing((50, 100), (10, 20)), edges_N2)
    np.testing.assert_allclose(resized_N2, [[-0.5, -0.5], [19.5, 9.5]])
    np.testing.assert_allclose(transform(reduction(4), np.array([[1.5, 1.5]])), [[0.0, 0.0]])


def test_overlap_is_the_covered_share() -> None:
    assert overlap(np.eye(3), (64, 64), 64) == 1.0
    assert overlap(shifting(16, 0), (64, 64), 64) == pytest.approx(0.75)
    assert overlap(shifting(16, 32), (64, 64), 64) == pytest.approx(0.375)
    assert overlap(shifting(500, 0), (64, 64), 64) == 0.0


def test_what_no_camera_delivers_is_not_plausible() -> None:
    assert is_plausible(shifting(30, -10), 100, 80)
    assert is_plausible(np.diag([-1.0, -1.0, 1.0]), 100, 80)
    assert not is_plausible(np.diag([-1.0, 1.0, 1.0]), 100, 80)
    assert not is_plausible(np.diag([0.3, 0.3, 1.0]), 100, 80)
    assert not is_plausible(np.full((3, 3), np.nan), 100, 80)
    folded_33 = np.eye(3)
    folded_33[2, 0] = -0.02
    assert not is_plausible(folded_33, 100, 80)


def test_the_way_back() -> None:
    pose_33 = shifting(3, 4) @ reduction(2)
    np.testing.assert_allclose(inverse(pose_33) @ pose_33, np.eye(3), atol=1e-12)


def test_a_turn_has_a_sign() -> None:
    assert turn_deg(shifting(9, 9), 100, 80) == 0.0
    quarter_33 = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert turn_deg(quarter_33, 100, 80) == pytest.approx(90)
    assert turn_deg(inverse(quarter_33), 100, 80) == pytest.approx(-90)
