"""The kinds of rows in the table of metrics.

| kind | function sees | columns |
| --- | --- | --- |
| ImageMetric | one comparison, returns a number | 1 |
| SampleMetric | a difference and suspects, returns values | 7 aggregates, masked once more |
| PatchMetric | K pairs of patches, returns K values | 7 aggregates, masked once more |
| MemoryMetric | one comparison, returns values of each remembered map | `parts` for each of them |
| ChannelMetric | one comparison, returns a value of each channel | one for each channel |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.pairs import PatchPairs
from tasks.vocabulary.arrays import Float32Array, Float64Array

Level = Literal["image", "pixel", "patch", "bank", "place", "embedding", "system"]
Worse = Literal["higher", "lower", "neither"]
Bounds = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What every row tells: a name, which direction is worse, bounds of a single value, a source.

    `formula` is for the reader; `needs` names what the reconstructor must offer.
    """

    name: str
    level: Level
    worse: Worse
    bounds: Bounds
    formula: str
    source: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ImageMetric(_Row):
    """One number for the whole comparison."""

    function: Callable[[Comparison], float]


@dataclass(frozen=True, kw_only=True)
class SampleMetric(_Row):
    """Values that exist already: of pixels, or of candidates."""

    function: Callable[[Float32Array, Suspects], NDArray[np.floating]]


@dataclass(frozen=True, kw_only=True)
class PatchMetric(_Row):
    """A distance of two patches, of all K pairs at once: `[K]`."""

    function: Callable[[PatchPairs], Float64Array]


@dataclass(frozen=True, kw_only=True)
class MemoryMetric(_Row):
    """Numbers of each map in the memory, in its order: `[maps, parts]`."""

    parts: tuple[str, ...]
    function: Callable[[Comparison], Float64Array]


@dataclass(frozen=True, kw_only=True)
class ChannelMetric(_Row):
    """One number for every channel of every feature map, shallow to deep, in one row."""

    function: Callable[[Comparison], Float64Array]


MetricRow = ImageMetric | SampleMetric | PatchMetric | MemoryMetric | ChannelMetric
