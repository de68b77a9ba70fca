from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from tasks.metrics.aggregates import aggregate
from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.errors import MetricWithoutValueError
from tasks.metrics.measurement import measure
from tasks.metrics.rows import PatchMetric
from tasks.metrics.table import TABLE, column_names
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

from .conftest import ComparisonOf, SuspectsOf


def named(comparison: Comparison, values_M: Float64Array, masked: bool) -> dict[str, float]:
    columns = column_names(comparison.capabilities, masked)
    return dict(zip(columns, values_M.tolist(), strict=True))


@pytest.mark.parametrize("channels", [1, 3])
def test_patch_columns_equal_cutting_every_candidate_by_hand(
    comparison_of: ComparisonOf, suspects_of: SuspectsOf, channels: int
) -> None:
    comparison, suspects = comparison_of(channels=channels), suspects_of()
    found = named(comparison, measure(comparison, suspects), masked=False)
    for row in (row for row in TABLE if isinstance(row, PatchMetric)):
        values = []
        for top, left, bottom, right in suspects.boxes_Q4.tolist():
            x, y = (
                side[None, :, top:bottom, left:right].astype(np.float64)
                for side in (comparison.input_CHW, comparison.reconstruction_CHW)
            )
            flat = row.layout == "flat"
            values.append(row.function(*(s.reshape(1, -1) if flat else s for s in (x, y)))[0])
        expected = aggregate(np.array([values]))[0]
        columns = [found[f"patch.{row.name}.{name}"] for name in ("sum", "maximum", "minimum")]
        np.testing.assert_allclose(columns, expected[:3], rtol=1e-12)


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
