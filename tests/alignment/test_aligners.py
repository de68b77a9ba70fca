"""The same suite for every member of the union, and what the trivial member promises."""

from __future__ import annotations

import pickle
from functools import cache
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.alignment.aligners import align, board_image, refuse_misaligned, register
from tasks.alignment.frame import Reference
from tasks.alignment.reference import build_reference
from tasks.alignment.registration import MisalignedError, Registration
from tasks.alignment.resampling import resize_by_area
from tasks.alignment.settings import (
    EccAlignment,
    FeatureAlignment,
    FiducialAlignment,
    NoAlignment,
    PhotometrySettings,
    RegisteringSettings,
)
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tests.alignment.boards import MARKS, SIDE_PX, Shot, photograph, true_error

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))
BOARD_PX = 256
GOLDEN = Shot(noise_levels=1.0)
LINE_POSE = Shot(
    shift_px=(6.3, -4.2), rotation_deg=1.3, scale=1.01, blur_sigma_px=0.8, gain=0.9, gradient=0.15,
    noise_levels=2.0, serial=4,
)  # fmt: skip
ALIGNERS: dict[str, RegisteringSettings] = {
    "fiducials": FiducialAlignment(side_px=BOARD_PX, marks=MARKS, search_px=40),
    "fiducials, affine": FiducialAlignment(
        side_px=BOARD_PX, marks=MARKS, search_px=40, model="affine"
    ),
    "ecc": EccAlignment(side_px=BOARD_PX),
    "features": FeatureAlignment(side_px=BOARD_PX, model="similarity", features=800),
    "features, homography": FeatureAlignment(side_px=BOARD_PX, model="homography", features=800),
}
every_aligner = pytest.mark.parametrize("name", ALIGNERS)


@cache
def reference_of(name: str) -> Reference:
    return build_reference([photograph(GOLDEN)], ALIGNERS[name])


def seen(photograph_HWC: UInt8Array, name: str) -> Registration | None:
    """What is passed on: None where the board goes to a person."""
    try:
        registration = register(photograph_HWC, ALIGNERS[name], reference_of(name))
        refuse_misaligned(registration, ALIGNERS[name])
    except MisalignedError:
        return None
    return registration


def test_the_suite_covers_every_member() -> None:
    assert {type(settings) for settings in ALIGNERS.values()} == set(get_args(RegisteringSettings))


@every_aligner
@pytest.mark.parametrize(
    "shot",
    [
        Shot(serial=1),
        LINE_POSE,
        Shot(shift_px=(-9, 11), rotation_deg=-2.5, scale=0.985, serial=2, noise_levels=2),
        Shot(blur_sigma_px=1.8, gain=0.75, serial=3),
    ],
    ids=["ideal", "line", "far", "blurred"],
)
def test_a_board_is_found_to_a_fraction_of_a_pixel(name: str, shot: Shot) -> None:
    registration = seen(photograph(shot), name)
    assert registration is not None
    assert true_error(registration.pose_33, shot, GOLDEN, BOARD_PX) < 0.2
    assert registration.residual_px < 0.4
    assert registration.confidence > 0.6


@every_aligner
@pytest.mark.parametrize(
    "photograph_HWC",
    [
        np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8),
        np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8),
        photograph(Shot(design=1)),
        photograph(Shot())[:, ::-1].copy(),
        photograph(Shot(blur_sigma_px=8)),
        photograph(Shot(shift_px=(60, 20))),
        photograph(Shot())[:40, :40].copy(),
        photograph(Shot())[: SIDE_PX // 2 + 4, : SIDE_PX // 2 + 4].copy(),
    ],
    ids=["black", "white", "noise", "other board", "mirrored", "blur", "far off", "tiny", "part"],
)
def test_what_cannot_be_aligned_goes_to_a_person(name: str, photograph_HWC: UInt8Array) -> None:
    with pytest.raises(MisalignedError):
        align(photograph_HWC, ALIGNERS[name], reference_of(name))


@every_aligner
def test_a_board_upside_down_is_flagged(name: str) -> None:
    assert seen(np.ascontiguousarray(photograph(Shot(serial=2))[::-1, ::-1]), name) is None


def test_features_turn_a_board_round_where_the_line_allows_it() -> None:
    turned_HWC = np.ascontiguousarray(photograph(Shot(serial=2))[::-1, ::-1])
    settings = FeatureAlignment(side_px=BOARD_PX, largest_turn_deg=180)
    aligned = align(turned_HWC, settings, reference_of("features"))
    upright_HWC = resize_by_area(photograph(Shot(serial=2)), BOARD_PX)
    assert np.abs(aligned.board_HWC.astype(int) - upright_HWC).mean() < 3


@every_aligner
def test_a_board_image_looks_like_the_reference(name: str) -> None:
    shot = Shot(shift_px=(3.4, -2.7), rotation_deg=1.0)
    aligned = align(photograph(shot), ALIGNERS[name], reference_of(name))
    golden_HWC = resize_by_area(photograph(Shot()), BOARD_PX)
    margin = slice(16, -16)
    difference = np.abs(aligned.board_HWC.astype(int) - golden_HWC)[margin, margin]
    unaligned = np.abs(resize_by_area(photograph(shot), BOARD_PX).astype(int) - golden_HWC)
    assert aligned.board_HWC.shape == (BOARD_PX, BOARD_PX, 3)
    assert difference.mean() < 2.0
    assert difference.mean() < unaligned[margin, margin].mean() / 8


@every_aligner
def test_align_is_its_three_parts_in_a_row_and_repeats_itself(name: str) -> None:
    photograph_HWC, settings = photograph(LINE_POSE), ALIGNERS[name]
    aligned = align(photograph_HWC, settings, reference_of(name))
    again = register(photograph_HWC, settings, reference_of(name))
    assert aligned.registration is not None
    np.testing.assert_array_equal(aligned.registration.pose_33, again.pose_33)
    assert aligned.registration.residual_px == again.residual_px
    np.testing.assert_array_equal(
        aligned.board_HWC, board_image(photograph_HWC, again, settings, reference_of(name))
    )


@every_aligner
def test_grey_photographs_are_aligned_too(name: str) -> None:
    settings = ALIGNERS[name]
    golden = build_reference([photograph(Shot(channels=1))], settings)
    shot = Shot(shift_px=(4, 3), rotation_deg=-1.0, channels=1, serial=5)
    aligned = align(photograph(shot), settings, golden)
    assert aligned.board_HWC.shape == (BOARD_PX, BOARD_PX, 1)
    assert aligned.registration is not None
    assert true_error(aligned.registration.pose_33, shot, Shot(), BOARD_PX) < 0.2


@every_aligner
def test_a_missing_or_foreign_reference_is_an_input_error(name: str) -> None:
    settings = ALIGNERS[name]
    with pytest.raises(InputError, match="needs a reference"):
        align(photograph(Shot()), settings, None)
    other = settings.model_copy(update={"side_px": BOARD_PX // 2})
    with pytest.raises(InputError, match="other settings"):
        align(photograph(Shot()), other, reference_of(name))


def test_a_refusal_names_the_figures_and_survives_a_process_border() -> None:
    settings = ALIGNERS["ecc"]
    registration = Registration(np.eye(3), residual_px=0.71, overlap=0.5, confidence=float("nan"))
    with pytest.raises(MisalignedError) as raised:
        refuse_misaligned(registration, settings)
    copied = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - our own bytes
    for said in ("residual 0.71 px (limit 0.5)", "overlap 0.50", "confidence nan"):
        assert said in str(copied)
    assert copied.registration.residual_px == 0.71


def test_limits_are_kept_to_the_letter() -> None:
    settings = ALIGNERS["ecc"]
    refuse_misaligned(Registration(np.eye(3), 0.5, 0.9, settings.limits.confidence), settings)
    with pytest.raises(MisalignedError):
        refuse_misaligned(Registration(np.eye(3) * np.nan, 0.1, 1.0, 1.0), settings)


@given(arrays(np.uint8, SHAPES), st.integers(1, 40))
def test_a_board_image_is_square_and_keeps_range_and_channels(
    photograph_HWC: UInt8Array, side_px: int
) -> None:
    board_HWC = align(photograph_HWC, NoAlignment(side_px=side_px), None).board_HWC
    assert board_HWC.shape == (side_px, side_px, photograph_HWC.shape[2])
    assert board_HWC.dtype == np.uint8
    assert photograph_HWC.min() <= board_HWC.min()
    assert board_HWC.max() <= photograph_HWC.max()


@given(arrays(np.uint8, st.tuples(st.just(16), st.just(16), st.sampled_from([1, 3]))))
def test_the_right_size_is_left_alone(photograph_HWC: UInt8Array) -> None:
    aligned = align(photograph_HWC, NoAlignment(side_px=16), None)
    np.testing.assert_array_equal(aligned.board_HWC, photograph_HWC)
    assert aligned.registration is None


def test_halving_is_the_mean_of_four_pixels() -> None:
    photograph_HWC = np.array([[0, 100, 8, 8], [100, 0, 8, 8]] * 2, np.uint8)[..., None]
    board_HWC = align(photograph_HWC, NoAlignment(side_px=2), None).board_HWC
    np.testing.assert_array_equal(board_HWC[..., 0], [[50, 8], [50, 8]])


def test_gamma_reaches_the_trivial_member() -> None:
    photograph_HWC = np.full((4, 4, 1), 128, np.uint8)
    settings = NoAlignment(side_px=4, photometry=PhotometrySettings(gamma=2.0))
    assert (align(photograph_HWC, settings, None).board_HWC == 64).all()
