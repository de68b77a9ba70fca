"""Pairs of patches of several sizes, laid flat one after the other: one call serves them all.

Legend: N pixel values of all patches, K patches, C channels, s side, D = C * s * s values of one
patch. What is reduced is reduced within one patch, in an order that depends on its shape alone: a
patch gets the same bits whatever other patches are measured with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.vocabulary.arrays import Float64Array, Int64Array

Shape = tuple[int, int, int, int]
Floating = TypeVar("Floating", bound=np.floating)

GREY_LEVELS = 255.0


@dataclass(frozen=True)
class Layout:
    """Where each patch lies: `shapes` are the `(K, C, s, s)` of one size after the other."""

    shapes: tuple[Shape, ...]

    @cached_property
    def pixels_K(self) -> Int64Array:
        """D of every patch."""
        pixels = [channels * side * side for _, channels, side, _ in self.shapes]
        return np.repeat(np.array(pixels, dtype=np.int64), [shape[0] for shape in self.shapes])

    @cached_property
    def starts_K(self) -> Int64Array:
        """Place of every patch's first value."""
        return np.cumsum(self.pixels_K) - self.pixels_K

    def sums(self, values_N: Float64Array) -> Float64Array:
        """Sum of each patch's values, `[K]`."""
        return np.add.reduceat(values_N, self.starts_K)

    def means(self, values_N: Float64Array) -> Float64Array:
        """Mean of each patch's values, `[K]`."""
        return self.sums(values_N) / self.pixels_K

    def highest(self, values_N: Float64Array) -> Float64Array:
        """Largest of each patch's values, `[K]`."""
        return np.maximum.reduceat(values_N, self.starts_K)

    def lowest(self, values_N: Float64Array) -> Float64Array:
        """Smallest of each patch's values, `[K]`."""
        return np.minimum.reduceat(values_N, self.starts_K)

    def spread(self, numbers_K: Float64Array) -> Float64Array:
        """Each patch's number at each of its pixels, `[N]`."""
        return np.repeat(numbers_K, self.pixels_K)

    def stacks(self, values_N: NDArray[Floating]) -> Iterator[NDArray[Floating]]:
        """Views `[K, C, s, s]`: the patches of one size after the other."""
        start = 0
        for shape in self.shapes:
            end = start + shape[0] * shape[1] * shape[2] * shape[3]
            yield values_N[start:end].reshape(shape)
            start = end


@dataclass(frozen=True, eq=False)
class Patches:
    """All patches of one image, and what several metrics take from them, computed once.

    `cut_N`: pixel values as they were cut, in [0, 1].
    """

    cut_N: NDArray[np.floating]
    layout: Layout

    @cached_property
    def values_N(self) -> Float64Array:
        """Pixel values in float64."""
        return self.cut_N.astype(np.float64)

    @cached_property
    def sorted_N(self) -> Float64Array:
        """Pixel values in ascending order within each patch."""
        sorted_N = self.cut_N.copy()  # not yet float64: narrow numbers are sorted faster
        for stack_KCss in self.layout.stacks(sorted_N):
            stack_KCss.reshape(len(stack_KCss), -1).sort(axis=1)
        return sorted_N.astype(np.float64)

    @cached_property
    def levels_N(self) -> Float64Array:
        """Pixel values as 8-bit grey levels: whole numbers in [0, 255]."""
        return np.rint(self.values_N * GREY_LEVELS)

    @cached_property
    def sums_K(self) -> Float64Array:
        """Sum of pixel values."""
        return self.layout.sums(self.values_N)

    @cached_property
    def means_K(self) -> Float64Array:
        """Mean of pixel values."""
        return self.sums_K / self.layout.pixels_K

    @cached_property
    def squares_K(self) -> Float64Array:
        """Sum of squared pixel values."""
        return self.layout.sums(np.square(self.values_N))

    @cached_property
    def centred_N(self) -> Float64Array:
        """Pixel values less their patch's mean."""
        return self.values_N - self.layout.spread(self.means_K)

    @cached_property
    def centred_squares_K(self) -> Float64Array:
        """Sum of squared deviations from the patch's mean."""
        return self.layout.sums(np.square(self.centred_N))

    @cached_property
    def highest_K(self) -> Float64Array:
        """Largest pixel value."""
        return self.layout.highest(self.values_N)

    @cached_property
    def lowest_K(self) -> Float64Array:
        """Smallest pixel value."""
        return self.layout.lowest(self.values_N)


@dataclass(frozen=True, eq=False)
class PatchPairs:
    """K patches of an input, `x`, beside those of its reconstruction, `y`, in the same layout."""

    x: Patches
    y: Patches

    @property
    def layout(self) -> Layout:
        """Where the patches of either image lie."""
        return self.x.layout

    @cached_property
    def gaps_N(self) -> Float64Array:
        """`|x - y|` of every pixel."""
        return np.abs(self.x.values_N - self.y.values_N)

    @cached_property
    def totals_N(self) -> Float64Array:
        """`|x| + |y|` of every pixel, which is `|x + y|` too: no value is negative."""
        return self.x.values_N + self.y.values_N

    @cached_property
    def squares_N(self) -> Float64Array:
        """`(x - y)²` of every pixel."""
        return np.square(self.gaps_N)

    @cached_property
    def gap_sums_K(self) -> Float64Array:
        """`Σ |x - y|` of every patch."""
        return self.layout.sums(self.gaps_N)
