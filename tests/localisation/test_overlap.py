"""Per-region overlap against its published definition, one threshold after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tasks.localisation.overlap import au_pro, counted, overlap_curve, pixel_auroc
from tasks.vocabulary.arrays import BoolArray, Float32Array, Float64Array
from tasks.vocabulary.errors import InputError


def naive_points(
    heats: list[Float32Array], masks: list[BoolArray]
) -> tuple[Float64Array, Float64Array]:
    """False-positive rate and mean overlap at every threshold that any pixel has."""
    normal = sum(int((~mask).sum()) for mask in masks)
    regions = [
        (at, label == number)
        for at, mask in enumerate(masks)
        for label, count in [ndimage.label(mask, np.ones((3, 3)))]
        for number in range(1, count + 1)
    ]
    rates, overlaps = [0.0], [0.0]
    for threshold in sorted({float(v) for heat in heats for v in heat.ravel()}, reverse=True):
        flagged = [heat >= threshold for heat in heats]
        alarms = sum(int((one & ~mask).sum()) for one, mask in zip(flagged, masks, strict=True))
        rates.append(alarms / normal)
        overlaps.append(float(np.mean([flagged[at][region].mean() for at, region in regions])))
    return np.array(rates), np.array(overlaps)


def naive_au_pro(heats: list[Float32Array], masks: list[BoolArray], limit: float) -> float:
    """The area in many small steps, straight between the points of the curve."""
    rates, overlaps = naive_points(heats, masks)
    steps = (np.arange(200_000) + 0.5) / 200_000 * limit
    last = np.searchsorted(rates, steps, side="right")
    before, after = rates[last - 1], rates[last]
    share = (steps - before) / (after - before)
    return float(np.mean(overlaps[last - 1] + share * (overlaps[last] - overlaps[last - 1])))


def case(seed: int, levels: int) -> tuple[list[Float32Array], list[BoolArray]]:
    rng = np.random.default_rng(seed)
    heats = [(rng.integers(0, levels, (9, 11)) / levels).astype(np.float32) for _ in range(3)]
    masks = [rng.random((9, 11)) < 0.15 for _ in range(2)] + [np.zeros((9, 11), np.bool_)]
    masks[0][4, 4] = True
    return heats, masks


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2, 7, 1000]), st.sampled_from([0.05, 0.3, 1.0]))
def test_the_area_is_that_of_the_published_definition(seed: int, levels: int, limit: float) -> None:
    heats, masks = case(seed, levels)
    images = [counted(heat, mask) for heat, mask in zip(heats, masks, strict=True)]
    assert au_pro(overlap_curve(images), limit) == pytest.approx(
        naive_au_pro(heats, masks, limit), abs=1e-5
    )


def test_every_published_point_lies_on_the_curve() -> None:
    heats, masks = case(3, 9)
    curve = overlap_curve([counted(h, m) for h, m in zip(heats, masks, strict=True)])
    points = set(zip(*(np.round(part, 9).tolist() for part in curve), strict=True))
    for rate, overlap in zip(*naive_points(heats, masks), strict=True):
        on_corner = (round(float(rate), 9), round(float(overlap), 9)) in points
        # Where only normal pixels join, the overlap stays.
        level = np.flatnonzero(np.isclose(curve.overlaps_T, overlap))
        between = curve.false_positive_rates_T[level]
        assert on_corner or between.min() <= rate <= between.max()
    assert (np.diff(curve.false_positive_rates_T) >= 0).all()
    assert (np.diff(curve.overlaps_T) >= -1e-12).all()


def truth() -> BoolArray:
    mask = np.zeros((40, 40), np.bool_)
    mask[2:4, 2:4] = True
    mask[10:30, 10:30] = True
    return mask


def test_a_perfect_map_gives_one() -> None:
    mask = truth()
    images = [counted(mask.astype(np.float32), mask)]
    assert au_pro(overlap_curve(images)) == pytest.approx(1.0)
    assert pixel_auroc(images) == 1.0


def test_the_opposite_of_a_perfect_map_gives_nothing() -> None:
    mask = truth()
    images = [counted(1 - mask.astype(np.float32), mask)]
    assert au_pro(overlap_curve(images)) == pytest.approx(0.0)
    assert pixel_auroc(images) == 0.0


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_a_constant_map_gives_half_the_limit(limit: float) -> None:
    images = [counted(np.full((40, 40), 0.7, np.float32), truth())]
    assert au_pro(overlap_curve(images), limit) == pytest.approx(limit / 2)
    assert pixel_auroc(images) == 0.5


def test_a_random_map_gives_about_half_the_limit() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((300, 300), np.bool_)
    mask[10:60, 10:60] = mask[100:250, 100:200] = True
    images = [counted(rng.random((300, 300)).astype(np.float32), mask) for _ in range(4)]
    assert au_pro(overlap_curve(images)) == pytest.approx(0.15, abs=0.005)
    assert pixel_auroc(images) == pytest.approx(0.5, abs=0.005)


def test_a_small_defect_weighs_as_much_as_a_large_one() -> None:
    mask = truth()
    only_small = mask.astype(np.float32)
    only_small[10:30, 10:30] = 0.0
    curve = overlap_curve([counted(only_small, mask)])
    # Half of the regions at once, then straight to (1, 1).
    assert au_pro(curve) == pytest.approx(0.5 + 0.5 * 0.15)


def test_normal_images_only_add_normal_pixels() -> None:
    heats, masks = case(5, 50)
    apart = [counted(heat, mask) for heat, mask in zip(heats, masks, strict=True)]
    joined = [counted(np.hstack(heats[1:]), np.hstack(masks[1:]))]
    kept = au_pro(overlap_curve(apart[1:]))
    assert au_pro(overlap_curve(joined)) == pytest.approx(kept)


def test_half_precision_moves_the_area_by_less_than_a_thousandth() -> None:
    rng = np.random.default_rng(4)
    mask = truth()
    heat = ndimage.gaussian_filter(rng.random((40, 40)) + 0.2 * mask, 2).astype(np.float32)
    exact = au_pro(overlap_curve([counted(heat, mask)]))
    rounded = heat.astype(np.float16).astype(np.float32)
    assert au_pro(overlap_curve([counted(rounded, mask)])) == pytest.approx(exact, abs=1e-3)


def test_where_there_is_no_curve() -> None:
    nothing = counted(np.zeros((4, 4), np.float32), np.zeros((4, 4), np.bool_))
    for images in ([], [nothing], [counted(np.zeros((4, 4), np.float32), np.ones((4, 4), bool))]):
        with pytest.raises(InputError):
            overlap_curve(images)
        with pytest.raises(InputError):
            pixel_auroc(images)
    with pytest.raises(InputError, match="not finite"):
        counted(np.full((4, 4), np.inf, np.float32), np.zeros((4, 4), np.bool_))
    with pytest.raises(InputError, match="no false-positive rate"):
        au_pro(overlap_curve([counted(np.zeros((4, 4), np.float32), np.eye(4, dtype=bool))]), 0.0)
