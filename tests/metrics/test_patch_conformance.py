"""Every row of the patch level against the textbook implementation, patch by patch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics.rows import PatchMetric
from tasks.metrics.table import patch_rows
from tasks.vocabulary.arrays import BoolArray, Float64Array

from .references import REFERENCES, pairs_of

# The textbook formulas of Fréchet, cosine and correlation lose digits near 0: hence the absolute
# part. SSIM's reference sums its windows by subtraction.
RELATIVE, ABSOLUTE = 1e-9, 1e-12

ROWS = patch_rows()
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def apply(row: PatchMetric, x_KCss: Float64Array, y_KCss: Float64Array) -> Float64Array:
    return row.function(pairs_of(x_KCss, y_KCss))


@dataclass(frozen=True)
class Void:
    """Which patches have no value in the textbook, and what is stated beside an ordinary one."""

    of_K: BoolArray
    unshared: float


def void(name: str, patches_KCss: Float64Array) -> Void:
    empty_K = (patches_KCss == 0).all(axis=(1, 2, 3))
    match name:
        case "bray_curtis" | "cosine":
            return Void(empty_K, 1.0)
        case "jensen_shannon":
            return Void(empty_K, float(np.sqrt(np.log(2.0))))
        case "correlation":
            return Void(constant(patches_KCss), 1.0)
        case _:
            return Void(np.zeros(len(patches_KCss), dtype=bool), np.nan)


def expected(name: str, x_KCss: Float64Array, y_KCss: Float64Array) -> Float64Array:
    """What the textbook says; where it divides 0 by 0, what the docstrings state."""
    x_void, y_void = void(name, x_KCss), void(name, y_KCss)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        values_K = np.array([REFERENCES[name](x, y) for x, y in zip(x_KCss, y_KCss, strict=True)])
    if name == "jensen_shannon":
        # Constants are one distribution; scipy takes the root of a rounding error, even below 0.
        values_K[constant(x_KCss) & constant(y_KCss)] = 0.0
    values_K[x_void.of_K ^ y_void.of_K] = x_void.unshared
    values_K[x_void.of_K & y_void.of_K] = 0.0
    return values_K


def constant(patches_KCss: Float64Array) -> BoolArray:
    return np.asarray(np.ptp(patches_KCss, axis=(1, 2, 3)) == 0)


def ordinary(seed: int, channels: int, side: int) -> tuple[Float64Array, Float64Array]:
    """Random pairs beside hard ones: sparse, 8-bit, inverted, dark, nearly equal."""
    generator = np.random.default_rng(seed)
    x_KCss, y_KCss = generator.random((2, 12, channels, side, side))
    x_KCss[0] *= generator.random(x_KCss[0].shape) < 0.3
    y_KCss[1] *= generator.random(y_KCss[1].shape) < 0.3
    x_KCss[2], y_KCss[2] = np.round(x_KCss[2] * 255) / 255, np.round(y_KCss[2] * 255) / 255
    y_KCss[3] = 1 - x_KCss[3]
    x_KCss[4] *= 1e-3
    y_KCss[5] = np.clip(x_KCss[5] + 0.02 * (y_KCss[5] - 0.5), 0, 1)
    return x_KCss, y_KCss


def degenerate(channels: int, side: int) -> tuple[Float64Array, Float64Array]:
    """All pairs of: zero, constant (exact and inexact in binary), one, nearly constant, textured,
    and textured with one pixel changed."""
    generator = np.random.default_rng(side)
    shape = (channels, side, side)
    textured = generator.random(shape)
    pixel = textured.copy()
    pixel[0, 0, 0] = 1 - pixel[0, 0, 0]
    kinds = (
        *(np.full(shape, value) for value in (0.0, 0.5, 0.1, 1.0)),
        0.3 + 1e-4 * generator.random(shape),
        textured,
        pixel,
    )
    x_KCss = np.stack([first for first in kinds for _ in kinds])
    return x_KCss, np.stack([second for _ in kinds for second in kinds])


def test_every_row_has_a_reference_and_every_reference_a_row() -> None:
    assert {row.name for row in ROWS} == set(REFERENCES)


@every_row
@settings(max_examples=10)
@given(st.integers(0, 2**31), st.sampled_from([1, 3]), st.sampled_from([1, 2, 4, 7, 8, 12, 16]))
def test_a_row_equals_the_textbook(row: PatchMetric, seed: int, channels: int, side: int) -> None:
    x_KCss, y_KCss = ordinary(seed, channels, side)
    found = apply(row, x_KCss, y_KCss)
    assert found.shape == (12,)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected(row.name, x_KCss, y_KCss), RELATIVE, ABSOLUTE)


@every_row
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 4, 9])
def test_a_row_equals_the_textbook_on_degenerate_patches(
    row: PatchMetric, channels: int, side: int
) -> None:
    x_KCss, y_KCss = degenerate(channels, side)
    found = apply(row, x_KCss, y_KCss)
    np.testing.assert_allclose(found, expected(row.name, x_KCss, y_KCss), RELATIVE, ABSOLUTE)


@every_row
@settings(max_examples=15)
@given(st.integers(0, 2**31), st.sampled_from([(1, 4), (3, 2), (3, 9), (1, 1)]))
def test_a_row_keeps_its_laws(row: PatchMetric, seed: int, shape: tuple[int, int]) -> None:
    """Within its bounds, the same in both directions, and best for equal patches."""
    channels, side = shape
    generator = np.random.default_rng(seed)
    x_KCss, y_KCss = generator.random((2, 8, channels, side, side))
    for patches_KCss in (x_KCss, y_KCss):
        extreme = generator.random(patches_KCss.shape) < generator.random((8, 1, 1, 1))
        patches_KCss[extreme] = generator.choice([0.0, 1 / 255, 0.5, 1.0], int(extreme.sum()))
    there, back = apply(row, x_KCss, y_KCss), apply(row, y_KCss, x_KCss)
    np.testing.assert_allclose(there, back, rtol=1e-9, atol=1e-12)
    low, high = row.bounds
    assert (there >= low).all()
    assert (there <= high + 1e-12).all()
    best = 0.0 if row.worse == "higher" else high
    assert (apply(row, x_KCss, x_KCss) == best).all()


@every_row
def test_a_pair_gets_the_same_bits_in_whatever_company(row: PatchMetric) -> None:
    for channels, side in ((1, 4), (3, 7), (3, 16)):
        x_KCss, y_KCss = ordinary(side, channels, side)
        together = apply(row, x_KCss, y_KCss)
        alone = [apply(row, x[None], y[None])[0] for x, y in zip(x_KCss, y_KCss, strict=True)]
        assert together.tolist() == alone


@every_row
@settings(max_examples=5)
@given(st.integers(0, 2**31), st.sampled_from([1, 3]))
def test_a_defect_that_grows_never_looks_better(row: PatchMetric, seed: int, channels: int) -> None:
    """A spot gets brighter on ground that is rebuilt almost exactly."""
    generator = np.random.default_rng(seed)
    ground_Css = 0.3 + 0.1 * generator.random((channels, 8, 8))
    rebuilt_Css = ground_Css + 0.002 * generator.standard_normal(ground_Css.shape)
    x_KCss = np.repeat(ground_Css[None], 5, axis=0)
    x_KCss[:, :, 2:5, 2:5] += 0.1 * np.arange(5)[:, None, None, None]
    steps = np.diff(apply(row, x_KCss, np.repeat(rebuilt_Css[None], 5, axis=0)))
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
def test_a_pixel_that_is_no_number_leaves_no_ordinary_value(row: PatchMetric) -> None:
    x_Css = MIXED.copy()
    x_Css[0, 2, 2] = np.nan
    with np.errstate(invalid="ignore"):
        found = apply(row, np.stack([x_Css, MIXED]), np.stack([MIXED, MIXED]))
    equal = apply(row, MIXED[None], MIXED[None])[0]
    assert found[0] != equal  # nan, or for a share of pixels: one pixel more
    assert found[1] == equal
