from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics import image
from tasks.metrics.comparison import DISCRIMINATOR, QUANTIZER, Comparison
from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError

from .conftest import ComparisonOf


def with_images(comparison: Comparison, seen: Float32Array, rebuilt: Float32Array) -> Comparison:
    return dataclasses.replace(
        comparison,
        input_CHW=seen,
        reconstruction_CHW=rebuilt,
        difference_HW=np.abs(seen - rebuilt).mean(axis=0),
    )


def test_squared_errors_equal_their_definition(comparison_of: ComparisonOf) -> None:
    comparison = comparison_of(channels=3)
    gap = comparison.input_CHW.astype(np.float64) - comparison.reconstruction_CHW
    assert image.mse(comparison) == pytest.approx(np.mean(gap**2))
    assert image.perceptual_mse(comparison) == pytest.approx(0.05**2, rel=1e-5)
    assert image.quantization_mse(comparison) == pytest.approx(0.05**2, rel=1e-5)


def test_discriminator_losses_are_binary_cross_entropies(comparison_of: ComparisonOf) -> None:
    comparison = comparison_of()
    assert comparison.realness_input_hw is not None
    assert comparison.realness_output_hw is not None
    real = 1 / (1 + np.exp(-comparison.realness_input_hw.astype(np.float64)))
    fake = 1 / (1 + np.exp(-comparison.realness_output_hw.astype(np.float64)))
    assert image.discriminator_input(comparison) == pytest.approx(-np.log(real).mean())
    assert image.discriminator_reconstruction(comparison) == pytest.approx(-np.log(1 - fake).mean())


def test_discriminator_losses_stay_finite_for_certain_discriminators(
    comparison_of: ComparisonOf,
) -> None:
    certain = dataclasses.replace(
        comparison_of(),
        realness_input_hw=np.full((2, 2), -2000, np.float32),
        realness_output_hw=np.full((2, 2), 2000, np.float32),
    )
    assert image.discriminator_input(certain) == 2000
    assert image.discriminator_reconstruction(certain) == 2000


def board(seed: int, side: int = 128) -> Float32Array:
    """Rectangles on a dark board: corners to find."""
    generator = np.random.default_rng(seed)
    drawn = np.full((1, side, side), 0.2, dtype=np.float32)
    for row, column in generator.integers(0, side - 24, size=(14, 2)):
        drawn[0, row : row + 12, column : column + 20] = generator.uniform(0.4, 1.0)
    return drawn


def test_orb_difference_is_zero_on_equal_images_and_rises_with_damage(
    comparison_of: ComparisonOf,
) -> None:
    frame, seen = comparison_of(side=128), board(1)
    damaged = seen.copy()
    damaged[:, 30:70, 20:90] = 0.2
    other = board(2)
    values = [
        image.orb_difference(with_images(frame, seen, rebuilt))
        for rebuilt in (seen, damaged, other)
    ]
    assert values[0] == 0.0
    assert 0.0 < values[1] < values[2] <= 1.0


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40))
def test_near_pairs_are_those_of_the_matcher_of_opencv(seed: int, first: int, second: int) -> None:
    """Descriptors are a few words with some bits turned: many are equally near."""
    generator = np.random.default_rng(seed)
    words = generator.integers(0, 256, (generator.integers(1, 12), 32), dtype=np.uint8)
    first_N32, second_M32 = (
        words[generator.integers(0, len(words), count)]
        ^ (generator.random((count, 32)) < 0.05).astype(np.uint8)
        for count in (first, second)
    )
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(first_N32, second_M32)
    near = sum(match.distance <= image.ORB_MATCH_BITS for match in matches)
    assert image.near_pairs(first_N32, second_M32) == near


def test_orb_difference_without_keypoints_is_as_stated(comparison_of: ComparisonOf) -> None:
    frame = comparison_of(side=128)
    blank, seen = np.full((1, 128, 128), 0.5, dtype=np.float32), board(3)
    assert image.orb_difference(with_images(frame, blank, blank)) == 0.0
    assert image.orb_difference(with_images(frame, blank, seen)) == 1.0
    assert image.orb_difference(with_images(frame, seen, blank)) == 1.0


def test_orb_difference_is_the_same_from_many_threads(comparison_of: ComparisonOf) -> None:
    frame = comparison_of(side=128)
    comparisons = [with_images(frame, board(seed), board(seed + 1)) for seed in range(8)]
    alone = [image.orb_difference(comparison) for comparison in comparisons]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(image.orb_difference, comparisons)) == alone


def test_colour_becomes_grey_by_the_mean_of_channels() -> None:
    colour = np.stack([np.full((2, 2), value, dtype=np.float32) for value in (0.0, 0.5, 1.0)])
    assert (image.grey_levels(colour) == 128).all()


def test_a_part_that_is_missing_is_refused(comparison_of: ComparisonOf) -> None:
    comparison = comparison_of()
    assert comparison.capabilities == {QUANTIZER, DISCRIMINATOR}
    bare = dataclasses.replace(
        comparison,
        latent_Dhw=None,
        quantized_Dhw=None,
        realness_input_hw=None,
        realness_output_hw=None,
    )
    assert bare.capabilities == frozenset()
    for metric in (
        image.quantization_mse,
        image.discriminator_input,
        image.discriminator_reconstruction,
    ):
        with pytest.raises(InputError, match="The comparison has no"):
            metric(bare)
    with pytest.raises(InputError, match="Half of a pair"):
        dataclasses.replace(comparison, latent_Dhw=None)
    with pytest.raises(InputError, match="cannot be compared"):
        image.mean_squared_error(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match="do not belong to one image"):
        dataclasses.replace(comparison, difference_HW=np.zeros((2, 2), np.float32))
