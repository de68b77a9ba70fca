from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics.aggregates import aggregate
from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.errors import MetricWithoutValueError
from tasks.metrics.measurement import measure
from tasks.metrics.rows import ImageMetric
from tasks.metrics.table import column_names, columns_of, offered_rows, patch_rows
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

from .conftest import ComparisonOf, SuspectsOf
from .references import pairs_of


def named(comparison: Comparison, values_M: Float64Array, masked: bool) -> dict[str, float]:
    columns = column_names(comparison.capabilities, masked)
    return dict(zip(columns, values_M.tolist(), strict=True))


@pytest.mark.parametrize("channels", [1, 3])
def test_patch_columns_equal_cutting_every_candidate_by_hand(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf, channels: int
) -> None:
    comparison, suspects = comparison_of(channels=channels), suspects_of()
    found = named(comparison, measure(comparison, suspects), masked=False)
    by_hand = [
        pairs_of(
            comparison.input_CHW[None, :, top:bottom, left:right],
            comparison.reconstruction_CHW[None, :, top:bottom, left:right],
        )
        for top, left, bottom, right in suspects.boxes_Q4.tolist()
    ]
    for row in patch_rows():
        expected = aggregate(np.array([[row.function(pair)[0] for pair in by_hand]]))[0]
        assert [found[column] for column in columns_of(row)] == expected.tolist()


def test_a_candidate_that_counts_twice_weighs_twice(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, suspects = comparison_of(), suspects_of()
    twice = Suspects(
        np.concatenate([suspects.boxes_Q4] * 2),
        np.concatenate([suspects.scores_Q] * 2),
        suspects.pixels_P2,
    )
    once = named(comparison, measure(comparison, suspects), masked=False)
    doubled = named(comparison, measure(comparison, twice), masked=False)
    for column in once:
        factor = 2 if column.startswith("patch.") and column.endswith(".sum") else 1
        if not column.endswith((".q1", ".q3", ".median")):
            assert doubled[column] == pytest.approx(factor * once[column], rel=1e-9), column


def test_pixel_and_score_columns_are_aggregates_of_what_was_given(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, suspects = comparison_of(), suspects_of()
    found = named(comparison, measure(comparison, suspects), masked=False)
    worst = comparison.difference_HW[tuple(suspects.pixels_P2.T)]
    assert found["pixel.difference.maximum"] == worst.max()
    assert found["pixel.difference.sum"] == pytest.approx(worst.sum(dtype=np.float64))
    assert found["image.difference.median"] == pytest.approx(np.median(comparison.difference_HW))
    assert found["patch.fid.mean"] == pytest.approx(suspects.scores_Q.mean())


def test_masked_twins_are_taken_on_mask_times_difference(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, plain, masked = comparison_of(), suspects_of(0), suspects_of(1)
    mask_HW = np.random.default_rng(2).random((48, 48), dtype=np.float32)
    found = named(comparison, measure(comparison, plain, masked, mask_HW), masked=True)
    weighted_HW = mask_HW * comparison.difference_HW
    assert found["masked.image.difference.maximum"] == weighted_HW.max()
    alone = named(comparison, measure(comparison, masked), masked=False)
    for column in (column for column in alone if column.startswith("patch.")):
        assert found[f"masked.{column}"] == alone[column]
    unmasked = named(comparison, measure(comparison, plain), masked=False)
    assert unmasked.items() <= found.items()


def test_a_mask_of_ones_changes_nothing(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, suspects = comparison_of(), suspects_of()
    ones = np.ones((48, 48), dtype=np.float32)
    found = named(comparison, measure(comparison, suspects, suspects, ones), masked=True)
    twins = {name: value for name, value in found.items() if name.startswith("masked.")}
    assert all(found[name.removeprefix("masked.")] == value for name, value in twins.items())


def test_identical_images_differ_in_nothing(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison = comparison_of(noise=0.0)
    suspects = suspects_of()._replace(scores_Q=np.zeros(60))
    for name, value in named(comparison, measure(comparison, suspects), masked=False).items():
        if "ssim" in name:
            assert value == (60 if name.endswith("sum") else 1)
        elif "discriminator" not in name:
            assert value == 0, name


def test_the_same_image_gives_the_same_bits(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    first = measure(comparison_of(seed=5), suspects_of(seed=6))
    assert np.array_equal(first, measure(comparison_of(seed=5), suspects_of(seed=6)))
    assert first.dtype == np.float64


def test_a_reconstructor_with_fewer_parts_has_fewer_columns(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    bare = dataclasses.replace(
        comparison_of(),
        latent_Dhw=None,
        quantized_Dhw=None,
        realness_input_hw=None,
        realness_output_hw=None,
    )
    assert measure(bare, suspects_of()).shape == (115,)


def test_a_value_that_is_not_finite_names_its_metric_and_pickles(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, suspects = comparison_of(), suspects_of()
    unknown = comparison.input_CHW.copy()
    unknown[0, 0, 0] = np.nan
    with pytest.raises(MetricWithoutValueError, match=r"image\.mse") as raised:
        measure(dataclasses.replace(comparison, input_CHW=unknown), suspects)
    assert isinstance(raised.value, NoAnswerError)
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 -- the error that was just raised
    assert (again.metric, str(again)) == ("image.mse", str(raised.value))
    boundless = suspects._replace(scores_Q=np.full(60, np.inf))
    with pytest.raises(MetricWithoutValueError, match=r"patch\.fid\.sum"):
        measure(comparison, boundless)


def test_candidates_that_do_not_fit_the_image_are_refused(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, fitting = comparison_of(), suspects_of(count=1)
    wrong = [
        fitting._replace(boxes_Q4=np.array([[0, 0, 4, 5]])),
        fitting._replace(boxes_Q4=np.array([[3, 3, 3, 3]])),
        fitting._replace(boxes_Q4=np.array([[-1, 0, 3, 4]])),
        fitting._replace(boxes_Q4=np.array([[45, 0, 49, 4]])),
        fitting._replace(scores_Q=np.zeros(2)),
        fitting._replace(pixels_P2=np.array([[0, 48]])),
        fitting._replace(pixels_P2=np.zeros((0, 2), dtype=np.int64)),
        Suspects(np.zeros((0, 4), dtype=np.int64), np.zeros(0), fitting.pixels_P2),
    ]
    for suspects in wrong:
        with pytest.raises(InputError, match="do not fit an image of 48 x 48"):
            measure(comparison, suspects)


def test_mask_and_masked_candidates_come_together_and_fit(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, suspects = comparison_of(), suspects_of()
    with pytest.raises(InputError, match="Pass both or neither"):
        measure(comparison, suspects, suspects, None)
    with pytest.raises(InputError, match="A mask"):
        measure(comparison, suspects, suspects, np.ones((4, 4), dtype=np.float32))


@pytest.mark.parametrize(
    ("part", "column"),
    [
        ("difference_HW", "image.difference.sum"),
        ("latent_Dhw", "image.quantization_mse"),
        ("quantized_Dhw", "image.quantization_mse"),
        ("realness_input_hw", "image.discriminator_input"),
        ("realness_output_hw", "image.discriminator_reconstruction"),
        ("reconstruction_CHW", "image.mse"),
    ],
)
def test_every_part_that_is_not_finite_ends_in_the_error_of_its_metric(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf, part: str, column: str
) -> None:
    comparison = comparison_of()
    broken = getattr(comparison, part).copy()
    broken[..., 1, 1] = np.nan
    with pytest.raises(MetricWithoutValueError) as raised:
        measure(dataclasses.replace(comparison, **{part: broken}), suspects_of())
    assert raised.value.metric == column


def test_features_and_scores_that_are_not_finite_end_in_the_error_of_their_metric(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf
) -> None:
    comparison, suspects = comparison_of(), suspects_of()
    unknown = (np.full_like(comparison.features_input[0], np.inf),)
    with pytest.raises(MetricWithoutValueError, match=r"image\.perceptual_mse"):
        measure(dataclasses.replace(comparison, features_input=unknown), suspects)
    with pytest.raises(MetricWithoutValueError, match=r"patch\.fid\.sum"):
        measure(comparison, suspects._replace(scores_Q=np.full(60, np.nan)))
    mask_HW = np.ones((48, 48), dtype=np.float32)
    mask_HW[3, 3] = np.nan
    with pytest.raises(MetricWithoutValueError, match=r"masked\.image\.difference\.sum"):
        measure(comparison, suspects, suspects, mask_HW)


def test_negative_pixels_are_refused(comparison_of: ComparisonOf, suspects_of: SuspectsOf) -> None:
    comparison = comparison_of()
    negative = dataclasses.replace(comparison, input_CHW=comparison.input_CHW - 0.5)
    with pytest.raises(InputError, match="negative pixel values"):
        measure(negative, suspects_of())


@pytest.mark.parametrize("channels", [1, 3])
def test_every_value_lies_within_the_bounds_of_its_row(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf, channels: int
) -> None:
    for seed, noise in enumerate((0.0, 0.01, 0.3, 5.0)):
        comparison = comparison_of(seed=seed, channels=channels, noise=noise)
        found = named(comparison, measure(comparison, suspects_of(seed)), masked=False)
        for row in offered_rows(comparison.capabilities):
            low, high = row.bounds
            single = isinstance(row, ImageMetric)
            for column in columns_of(row):
                if single or column.endswith((".minimum", ".maximum", ".mean", ".median")):
                    assert low <= found[column] <= high + 1e-12, column


@settings(max_examples=4)
@given(st.integers(0, 2**31), st.sampled_from([1, 3]))
def test_a_planted_defect_that_grows_moves_every_patch_metric_to_its_worse_side(
    seed: int, channels: int
) -> None:
    """A spot on a board of textured ground that is otherwise rebuilt almost exactly."""
    generator = np.random.default_rng(seed)
    ground_CHW = (0.3 + 0.1 * generator.random((channels, 32, 32))).astype(np.float32)
    noise_CHW = 0.002 * generator.standard_normal(ground_CHW.shape)
    rebuilt_CHW = (ground_CHW + noise_CHW).astype(np.float32)
    corners = [(row, column) for row in (8, 10, 12) for column in (9, 12)]
    boxes_Q4 = np.array(
        [(row, column, row + side, column + side) for row, column in corners for side in (4, 8, 12)]
    )
    suspects = Suspects(boxes_Q4, np.ones(len(boxes_Q4)), np.array([[12, 12]]))
    means = []
    for step in range(4):
        seen_CHW = ground_CHW.copy()
        seen_CHW[:, 11:15, 12:16] += np.float32(0.15 * step)
        comparison = Comparison(
            seen_CHW,
            rebuilt_CHW,
            np.abs(seen_CHW - rebuilt_CHW).mean(axis=0),
            *(None, None, None, None),
            (seen_CHW,),
            (rebuilt_CHW,),
        )
        means.append(named(comparison, measure(comparison, suspects), masked=False))
    for row in patch_rows():
        steps = np.diff([found[f"patch.{row.name}.mean"] for found in means])
        worse = steps if row.worse == "higher" else -steps
        assert (worse >= 0).all(), row.name
        assert worse.sum() > 0, row.name
