from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.alignment.photometry import photometric
from tasks.alignment.settings import PhotometrySettings
from tasks.vocabulary.arrays import UInt8Array

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])))
MATCHING = PhotometrySettings(match_reference=True)
BOARD_HWC = np.random.default_rng(0).integers(60, 180, (40, 50, 3), dtype=np.uint8)


@given(IMAGES)
def test_the_defaults_return_the_very_image(board_HWC: UInt8Array) -> None:
    assert photometric(board_HWC, PhotometrySettings(), None) is board_HWC


@given(IMAGES, st.floats(0.1, 8.0))
def test_gamma_keeps_black_white_and_order(board_HWC: UInt8Array, gamma: float) -> None:
    curved = photometric(board_HWC, PhotometrySettings(gamma=gamma), None)
    order = np.argsort(board_HWC, axis=None, kind="stable")
    assert (np.diff(curved.ravel()[order].astype(int)) >= 0).all()
    assert (curved[board_HWC == 0] == 0).all()
    assert (curved[board_HWC == 255] == 255).all()
    assert curved.shape == board_HWC.shape


def test_a_gamma_above_one_darkens_and_spreads_the_bright_end() -> None:
    grey = np.array([[[200], [220], [240]]], np.uint8)
    curved = photometric(grey, PhotometrySettings(gamma=6.0), None).ravel().astype(int)
    np.testing.assert_array_equal(curved, np.rint(255 * (grey.ravel() / 255) ** 6))
    assert np.ptp(curved) > np.ptp(grey)


@pytest.mark.parametrize(("gain", "offset"), [(0.8, 12.0), (1.2, -20.0), (1.0, 0.0)])
def test_gain_and_offset_are_taken_back_and_a_defect_does_not_move_them(
    gain: float, offset: float
) -> None:
    lit = np.clip(np.rint(BOARD_HWC * gain + offset), 0, 255).astype(np.uint8)
    lit[:8, :8] = 255
    matched = photometric(lit, MATCHING, BOARD_HWC)
    assert np.abs(matched.astype(int) - BOARD_HWC)[8:, 8:].mean() < 3.0


def test_channels_are_matched_apart() -> None:
    cast = np.clip(BOARD_HWC * np.array([1.15, 1.0, 0.85]), 0, 255).astype(np.uint8)
    matched = photometric(cast, MATCHING, BOARD_HWC)
    assert np.abs(matched.astype(int) - BOARD_HWC).mean() < 2.0


def test_an_image_without_contrast_is_only_shifted_and_the_gain_is_limited() -> None:
    flat = np.full((8, 8, 1), 50, np.uint8)
    matched = photometric(flat, MATCHING, BOARD_HWC[..., :1])
    assert np.ptp(matched) == 0
    assert abs(int(matched[0, 0, 0]) - 120) <= 3
    faint = (100 + (BOARD_HWC - 60) // 40).astype(np.uint8)
    assert np.ptp(photometric(faint, MATCHING, BOARD_HWC).astype(int)) <= 4 * np.ptp(faint) + 1
