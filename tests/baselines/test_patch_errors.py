"""GanoDIP's score and golden samples against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.baselines.ganodip_score import GanodipScore
from tasks.baselines.golden_sample import GoldenSamples, drawn_references
from tasks.baselines.mean_image import MeanImage
from tasks.baselines.patch_errors import patch_errors, spread, worst_mean
from tasks.baselines.rival import Normals
from tasks.baselines.settings import (
    GanodipScoreSettings,
    GoldenSampleSettings,
    PublishedGoldenSampleSettings,
)
from tests.baselines.stripes import STRIDES, Drawn, Scored, features


def grey(*levels: int, side_px: int = 8) -> Normals:
    """Flat boards of these grey levels; the reconstruction is black."""
    images_NHWC = np.stack([np.full((side_px, side_px, 1), x, dtype=np.uint8) for x in levels])
    black_HWC = np.zeros((side_px, side_px, 1), dtype=np.float32)
    return Normals(images_NHWC, features, STRIDES, Drawn(black_HWC), Scored(black_HWC), seed=0)


def test_errors_by_hand() -> None:
    first = np.zeros((4, 4, 2), dtype=np.float32)
    second = first.copy()
    second[0, 0] = (1.0, 0.0)  # one of four pixels, one of two channels: 1 / 8
    second[2:, 2:] = 0.5

    errors_YX = patch_errors(first, second, 2)

    np.testing.assert_allclose(errors_YX, [[0.125, 0], [0, 0.25]])


def test_patches_that_the_border_cuts_are_means_of_what_there_is() -> None:
    first = np.zeros((5, 3, 1), dtype=np.float32)
    second = first.copy()
    second[4, 2] = 1.0

    errors_YX = patch_errors(first, second, 2)

    np.testing.assert_allclose(errors_YX, [[0, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(spread(errors_YX, 2, 5, 3), second[..., 0])


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0015, 9.0), (0.1, 9.0), (0.2, 8.5), (0.25, 8.0), (1.0, 4.5)]
)
def test_the_worst_share_is_rounded_up(share: float, expected: float) -> None:
    assert worst_mean(np.arange(10, dtype=np.float32), share) == expected


def test_the_published_share_of_the_published_size_is_25_patches() -> None:
    errors_YX = np.zeros((128, 128), dtype=np.float32)
    errors_YX.flat[:25] = 1.0

    assert worst_mean(errors_YX, 0.0015) == 1.0
    errors_YX.flat[0] = 0.0
    assert worst_mean(errors_YX, 0.0015) == pytest.approx(24 / 25)


def test_ganodip_by_hand() -> None:
    image_HWC = np.zeros((8, 8, 1), dtype=np.uint8)
    image_HWC[:4, :4] = 51  # against black: 0.2 squared
    image_HWC[4:, 4:] = 255

    score = GanodipScore(grey(0, 0), GanodipScoreSettings(share=0.5)).describe(image_HWC)

    assert score == pytest.approx([(0.04 + 1.0) / 2])


def test_golden_samples_by_hand() -> None:
    rival = GoldenSamples(grey(0, 51, 255), GoldenSampleSettings(references=3))
    image_HWC = np.zeros((8, 8, 1), dtype=np.uint8)
    image_HWC[0, 0] = 255  # one pixel of sixteen

    scores_K = np.sort(rival.describe(image_HWC))

    # The white board is worst in the patches beside the pixel, the other two where the pixel is.
    np.testing.assert_allclose(scores_K, [1 / 16, (15 * 0.04 + 0.64) / 16, 1.0], rtol=1e-6)
    np.testing.assert_allclose(rival.heat(image_HWC)[0], [1 / 16] * 4 + [0] * 4, rtol=1e-6)


def test_published_groups_share_no_board_where_there_are_enough() -> None:
    drawn_GR = drawn_references(360, 10, 36, seed=0)

    assert drawn_GR.shape == (10, 36)
    assert len(np.unique(drawn_GR)) == 360


def test_in_a_group_no_board_is_twice_where_there_are_few() -> None:
    drawn_GR = drawn_references(50, 10, 36, seed=0)

    assert drawn_GR.shape == (10, 36)
    assert all(len(np.unique(row)) == 36 for row in drawn_GR)
    assert drawn_references(5, 2, 36, seed=0).shape == (2, 5)


def test_columns_of_groups_name_their_group_and_stand_for_its_boards() -> None:
    settings = PublishedGoldenSampleSettings(groups=2, references=2)
    rival = GoldenSamples(grey(0, 51, 255), settings)
    drawn_GR = drawn_references(3, 2, 2, seed=0)
    black_HWC = np.zeros((8, 8, 1), dtype=np.uint8)

    assert rival.columns == ("0/0", "0/1", "1/0", "1/1")
    expected_K = np.array([0.0, 0.04, 1.0])[drawn_GR.ravel()]
    np.testing.assert_allclose(rival.describe(black_HWC), expected_K, rtol=1e-6)


def test_the_mean_image_by_hand() -> None:
    rival = MeanImage(grey(0, 102))  # the mean is 51, 0.2 of white

    assert rival.describe(np.full((8, 8, 1), 255, dtype=np.uint8)) == pytest.approx([0.8])
