from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.alignment.poses import (
    affine,
    clipped_boxes,
    inverse,
    is_plausible,
    outlines,
    overlap,
    reduction,
    resizing,
    shifting,
    similarity,
    transform,
    turn_deg,
    upright_boxes,
)
from tasks.vocabulary.errors import InputError

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


def test_the_whole_image_stays_the_whole_image_when_it_is_resized() -> None:
    whole = outlines(resizing((300, 400), (128, 128)), np.array([[0, 0, 300, 400]]))
    np.testing.assert_allclose(whole, [[[0, 0], [128, 0], [128, 128], [0, 128]]], atol=1e-9)


@given(st.floats(-3, 3), st.floats(0.5, 2), st.floats(-50, 50), st.floats(-1e-4, 1e-4))
def test_a_box_goes_there_and_back(angle: float, scale: float, x_px: float, bent: float) -> None:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    pose_33 = np.array([[cosine, -sine, x_px], [sine, cosine, -7.5], [bent, -bent, 1]])
    boxes_N4 = np.array([[3.0, 4.0, 21.5, 18.25], [0.0, 0.0, 1.0, 1.0]])
    there_N42 = outlines(pose_33, boxes_N4)
    back_N2 = transform(inverse(pose_33), there_N42.reshape(-1, 2) - 0.5) + 0.5
    np.testing.assert_allclose(upright_boxes(back_N2.reshape(-1, 4, 2)), boxes_N4, atol=1e-7)
    widened_N4 = upright_boxes(outlines(inverse(pose_33), upright_boxes(there_N42)))
    assert (widened_N4[:, :2] <= boxes_N4[:, :2] + 1e-7).all()
    assert (widened_N4[:, 2:] >= boxes_N4[:, 2:] - 1e-7).all()


def test_a_quarter_turn_exchanges_height_and_width() -> None:
    quarter_33 = np.array([[0.0, -1, 99], [1, 0, 0], [0, 0, 1]])
    turned_N4 = upright_boxes(outlines(quarter_33, np.array([[10, 20, 14, 30]])))
    np.testing.assert_allclose(turned_N4, [[20, 86, 30, 90]])


def test_a_box_is_cut_to_the_photograph_and_never_vanishes() -> None:
    boxes_N4 = np.array([[-3.0, 5.0, 4.0, 70.0], [90.0, -20.0, 95.0, -10.0], [1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_allclose(
        clipped_boxes(boxes_N4, 50, 60), [[0, 5, 4, 60], [49, 0, 50, 1], [1, 2, 3, 4]]
    )


def test_a_box_that_a_pose_turns_inside_out_is_refused() -> None:
    folded_33 = np.eye(3)
    folded_33[2, 0] = -0.02
    for box in ([0, 40, 10, 60], [0, 60, 10, 80], [0, 0, 10, 50.5]):
        with pytest.raises(InputError, match="no place"):
            outlines(folded_33, np.array([box]))
