"""Every row of the patch level against the textbook implementation, patch by patch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance
from scipy.stats import wasserstein_distance
from skimage.metrics import structural_similarity

from tasks.metrics.patch import HAMMING_TOLERANCE_LEVELS
from tasks.metrics.rows import PatchMetric
from tasks.metrics.table import TABLE
from tasks.vocabulary.arrays import Float64Array

ROWS = tuple(row for row in TABLE if isinstance(row, PatchMetric))
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
Reference = Callable[[Float64Array, Float64Array], float]


def gaussian_frechet(x_Css: Float64Array, y_Css: Float64Array) -> float:
    """The general formula `|μ1-μ2|² + Tr(Σ1 + Σ2 - 2 (Σ1 Σ2)^½)` in one dimension."""
    first, second = np.var(x_Css), np.var(y_Css)
    return float((x_Css.mean() - y_Css.mean()) ** 2 + first + second - 2 * np.sqrt(first * second))


def similarity(x_Css: Float64Array, y_Css: Float64Array) -> float:
    side = x_Css.shape[-1]
    window = max(size for size in (1, 3, 5, 7) if size <= side)
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image is untyped
            x_Css,
            y_Css,
            win_size=window,
            data_range=1.0,
            channel_axis=0,
            use_sample_covariance=False,
        )
    )


def flattened(function: Callable[..., float], *extra: object) -> Reference:
    return lambda x_Css, y_Css: float(function(x_Css.ravel(), y_Css.ravel(), *extra))


def levels_apart(x_D: Float64Array, y_D: Float64Array) -> float:
    gaps = np.abs(np.round(x_D * 255) - np.round(y_D * 255))
    apart = gaps > HAMMING_TOLERANCE_LEVELS
    return float(distance.hamming(apart, np.zeros(len(x_D), dtype=bool)))


REFERENCES: dict[str, Reference] = {
    "frechet": gaussian_frechet,
    "ssim": similarity,
    "bray_curtis": flattened(distance.braycurtis),
    "canberra": flattened(distance.canberra),
    "euclidean": flattened(distance.euclidean),
    "cosine": flattened(distance.cosine),
    "wasserstein": flattened(wasserstein_distance),
    "hamming": flattened(levels_apart),
    "minkowski": flattened(distance.minkowski, 3),
    "jensen_shannon": flattened(distance.jensenshannon),
    "correlation": flattened(distance.correlation),
    "chebyshev": flattened(distance.chebyshev),
    "city_block": flattened(distance.cityblock),
}


def apply(row: PatchMetric, x_KCss: Float64Array, y_KCss: Float64Array) -> Float64Array:
    if row.layout == "image":
        return row.function(x_KCss, y_KCss)
    return row.function(x_KCss.reshape(len(x_KCss), -1), y_KCss.reshape(len(y_KCss), -1))


def pairs(seed: int, channels: int, side: int) -> tuple[Float64Array, Float64Array]:
    """Ordinary pairs beside hard ones: sparse, 8-bit, inverted, dark, nearly equal."""
    generator = np.random.default_rng(seed)
    x_KCss, y_KCss = generator.random((2, 12, channels, side, side))
    x_KCss[0] *= generator.random(x_KCss[0].shape) < 0.3
    y_KCss[1] *= generator.random(y_KCss[1].shape) < 0.3
    # Sparse patches are never wholly empty here; those are tested by their stated values.
    x_KCss[0, 0, 0, :2] = y_KCss[1, 0, 0, :2] = (0.25, 0.5)
    x_KCss[2], y_KCss[2] = np.round(x_KCss[2] * 255) / 255, np.round(y_KCss[2] * 255) / 255
    y_KCss[3] = 1 - x_KCss[3]
    x_KCss[4] *= 1e-3
    y_KCss[5] = np.clip(x_KCss[5] + 0.02 * (y_KCss[5] - 0.5), 0, 1)
    return x_KCss, y_KCss


def test_every_row_has_a_reference_and_every_reference_a_row() -> None:
    assert {row.name for row in ROWS} == set(REFERENCES)


@every_row
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1, 3]), st.sampled_from([2, 4, 8, 12, 16]))
def test_a_row_equals_the_textbook(row: PatchMetric, seed: int, channels: int, side: int) -> None:
    x_KCss, y_KCss = pairs(seed, channels, side)
    reference = REFERENCES[row.name]
    expected = [reference(x, y) for x, y in zip(x_KCss, y_KCss, strict=True)]
    found = apply(row, x_KCss, y_KCss)
    assert found.shape == (12,)
    assert found.dtype == np.float64
    # The textbook formulas of Fréchet, cosine and correlation lose digits near 0: hence `atol`.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


@every_row
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_a_row_keeps_its_laws(row: PatchMetric, seed: int) -> None:
    x_KCss, y_KCss = pairs(seed, 1, 8)
    there, back = apply(row, x_KCss, y_KCss), apply(row, y_KCss, x_KCss)
    np.testing.assert_allclose(there, back, rtol=1e-9, atol=1e-12)
    low, high = row.bounds
    assert (there >= low).all()
    assert (there <= high + 1e-12).all()
    best = 0.0 if row.worse == "higher" else high
    assert (apply(row, x_KCss, x_KCss) == best).all()
    one_by_one = [apply(row, x[None], y[None])[0] for x, y in zip(x_KCss, y_KCss, strict=True)]
    np.testing.assert_allclose(there, one_by_one, rtol=1e-12, atol=1e-15)


@every_row
def test_a_defect_that_grows_never_looks_better(row: PatchMetric) -> None:
    x_KCss = np.repeat(0.3 + 0.1 * np.random.default_rng(1).random((1, 1, 8, 8)), 4, axis=0)
    y_KCss = x_KCss.copy()
    for step in range(4):
        y_KCss[step, :, :4, :4] += 0.15 * step
    steps = np.diff(apply(row, x_KCss, y_KCss))
    assert (steps >= 0).all() if row.worse == "higher" else (steps <= 0).all()
    assert steps[0] != 0


EMPTY, FLAT, FULL = np.zeros((1, 4, 4)), np.full((1, 4, 4), 0.5), np.ones((1, 4, 4))
MIXED = np.linspace(0, 1, 16).reshape(1, 4, 4)
LEVEL_100 = np.full((1, 4, 4), 100 / 255)
LOG_2 = np.sqrt(np.log(2.0))


@pytest.mark.parametrize(
    ("name", "x_Css", "y_Css", "stated"),
    [
        ("bray_curtis", EMPTY, EMPTY, 0.0),
        ("bray_curtis", EMPTY, MIXED, 1.0),
        ("canberra", EMPTY, EMPTY, 0.0),
        ("canberra", EMPTY, MIXED, 15.0),
        ("cosine", EMPTY, EMPTY, 0.0),
        ("cosine", EMPTY, MIXED, 1.0),
        ("cosine", FLAT, FULL, 0.0),
        ("correlation", FLAT, FULL, 0.0),
        ("correlation", FLAT, MIXED, 1.0),
        ("correlation", MIXED, EMPTY, 1.0),
        ("correlation", MIXED, 1 - MIXED, 2.0),
        ("jensen_shannon", EMPTY, EMPTY, 0.0),
        ("jensen_shannon", EMPTY, MIXED, LOG_2),
        ("jensen_shannon", FLAT, FULL, 0.0),
        ("frechet", FLAT, FULL, 0.25),
        ("hamming", LEVEL_100, LEVEL_100 + 8 / 255, 0.0),
        ("hamming", LEVEL_100, LEVEL_100 + 9 / 255, 1.0),
        ("wasserstein", MIXED, MIXED[:, ::-1], 0.0),
        ("ssim", FULL, FULL, 1.0),
    ],
)
def test_stated_values_of_degenerate_patches(
    name: str, x_Css: Float64Array, y_Css: Float64Array, stated: float
) -> None:
    (row,) = (row for row in ROWS if row.name == name)
    for first, second in ((x_Css, y_Css), (y_Css, x_Css)):
        # Beside an ordinary pair, which must not be disturbed.
        found = apply(row, np.stack([first, MIXED]), np.stack([second, FLAT]))
        assert found[0] == pytest.approx(stated, abs=1e-12)
        assert found[1] == apply(row, MIXED[None], FLAT[None])[0]


@every_row
def test_degenerate_patches_always_have_a_finite_value(row: PatchMetric) -> None:
    kinds = (EMPTY, FLAT, FULL, MIXED)
    x_KCss = np.stack([first for first in kinds for _ in kinds])
    y_KCss = np.stack([second for _ in kinds for second in kinds])
    assert np.isfinite(apply(row, x_KCss, y_KCss)).all()


@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_ssim_takes_patches_smaller_than_its_window(side: int) -> None:
    generator = np.random.default_rng(side)
    x_KCss, y_KCss = generator.random((2, 3, 1, side, side))
    (row,) = (row for row in ROWS if row.name == "ssim")
    found = apply(row, x_KCss, y_KCss)
    assert ((found > -1) & (found < 1)).all()
    assert (apply(row, x_KCss, x_KCss) == 1).all()
