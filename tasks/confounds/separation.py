"""How well one property alone tells defects from good boards, and how well chance would.

Legend: N images, G groups, F features (a number is one feature, a category one for each of
its levels), M images of one label. NaN: the image does not have the property. AUROC here has no direction:
`max(a, 1 - a)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import NormalDist

import numpy as np
from scipy.optimize import brentq

from tasks.confounds.columns import Column, PropertyTable, Value
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array

_LEVELS_AT_MOST = 20


@dataclass(frozen=True, eq=False)
class Features:
    """Properties as numbers: `columns[f]` is the property of feature f, `levels[f]` its category."""

    values_NF: Float64Array
    columns: tuple[Column, ...]
    levels: tuple[str | None, ...]


@dataclass(frozen=True)
class Separation:
    """What one property alone separates: its best feature, with the interval of its AUROC.

    `chance` is the AUROC that the best of all properties reaches in 95 % of permutations of the labels,
    on the scale of this one. `level` is the category, None for a number; `of_normal`, `of_abnormal` are
    the shares that have it, or the medians of the number. `auroc` None: no answer (constant, or fewer
    than two images of a class have the property).
    """

    column: Column
    n_normal: int
    n_abnormal: int
    auroc: float | None = None
    low: float = float("nan")
    high: float = float("nan")
    chance: float = float("nan")
    level: str | None = None
    of_normal: float = float("nan")
    of_abnormal: float = float("nan")

    def is_above(self, level: float) -> bool:
        """Whether it passes both the stated level and what chance gives to the best property."""
        return self.auroc is not None and self.auroc >= level and self.auroc > self.chance


def features_of(table: PropertyTable) -> Features:
    """One feature a number, one for each level of a category; constant ones are left out.

    Levels are coded as they are (one-hot), never by the share of defects in them: such a code would
    separate the classes by what it was made from.
    """
    found: list[tuple[Float64Array, Column, str | None]] = []
    for column in table.columns:
        values = table.values[column.name]
        if any(isinstance(value, str) for value in values):
            found += [(code, column, level) for level, code in _one_hot(values)]
        else:
            numbers = [np.nan if value is None else value for value in values]
            found.append((np.asarray(numbers, dtype=np.float64), column, None))
    varying = [one for one in found if _varies(one[0])]
    n_images = len(next(iter(table.values.values()), ()))
    values_NF = np.column_stack([one[0] for one in varying]) if varying else np.empty((n_images, 0))
    return Features(values_NF, tuple(one[1] for one in varying), tuple(one[2] for one in varying))


def separations(
    table: PropertyTable,
    features: Features,
    abnormal_N: BoolArray,
    groups_N: Int64Array,
    permutations: int,
    confidence: float,
    seed: int,
) -> tuple[Separation, ...]:
    """Answer for every property, in the order of the table; images of a group are no new evidence."""
    ranks = _Ranks.of(features.values_NF)
    aurocs_F = ranks.aurocs(np.flatnonzero(abnormal_N))
    spread_F = _null_spread(features.values_NF, abnormal_N)
    excess = _best_by_chance(ranks, spread_F, abnormal_N, groups_N, permutations, seed)
    answers = []
    for column in table.columns:
        present_N = np.array([value is not None for value in table.values[column.name]], dtype=bool)
        counts = int((present_N & ~abnormal_N).sum()), int((present_N & abnormal_N).sum())
        own = [f for f, each in enumerate(features.columns) if each is column]
        known = [f for f in own if np.isfinite(aurocs_F[f])]
        if not known or min(counts) < 2:
            answers.append(Separation(column, *counts))
            continue
        best = max(known, key=lambda f: abs(aurocs_F[f] - 0.5))
        answer = _answer(
            features, best, float(aurocs_F[best]), counts, abnormal_N, groups_N, confidence
        )
        answers.append(replace(answer, chance=float(0.5 + excess * spread_F[best])))
    return tuple(answers)


def _answer(
    features: Features,
    at: int,
    auroc: float,
    counts: tuple[int, int],
    abnormal_N: BoolArray,
    groups_N: Int64Array,
    confidence: float,
) -> Separation:
    values_N = features.values_NF[:, at]
    present_N = np.isfinite(values_N)
    good, bad = (
        int(np.unique(groups_N[present_N & kind]).size) for kind in (~abnormal_N, abnormal_N)
    )
    upright = max(auroc, 1.0 - auroc)
    low, high = auroc_interval(upright, good, bad, confidence)
    summary = np.median if features.levels[at] is None else np.mean
    return Separation(
        features.columns[at],
        *counts,
        auroc=upright,
        low=max(low, 0.5),
        high=high,
        level=features.levels[at],
        of_normal=float(summary(values_N[present_N & ~abnormal_N])),
        of_abnormal=float(summary(values_N[present_N & abnormal_N])),
    )


def auroc_interval(
    auroc: float, n_normal: int, n_abnormal: int, confidence: float
) -> tuple[float, float]:
    """Interval of an AUROC of at least 0.5 over so many *independent* units.

    Newcombe 2006 (Statistics in Medicine 25, 559-573), method 5.
    It is a score interval on Hanley and McNeil's variance; unlike DeLong's it has a width also at 1, where
    small sets like to be. The number of groups goes in for the number of images: a part that was
    photographed six times counts once.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    extra = (n_normal + n_abnormal) / 2.0 - 1.0

    def distance(true: float, sign: float) -> float:
        more = 1.0 + extra * (1.0 - true) / (2.0 - true) + extra * true / (1.0 + true)
        variance = true * (1.0 - true) * more / (n_normal * n_abnormal)
        return true + sign * z * sqrt(max(variance, 0.0)) - auroc

    # At 1 itself the variance is 0, which is the other, meaningless root.
    low = brentq(distance, 0.0, min(auroc, 1.0 - 1e-9), args=(1.0,))
    high = brentq(distance, auroc, 1.0, args=(-1.0,)) if auroc < 1.0 else 1.0
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class _Ranks:
    """Ranks within those images that have the property, 0 for the others."""

    ranks_NF: Float64Array
    present_NF: Float64Array
    present_F: Float64Array

    @classmethod
    def of(cls, values_NF: Float64Array) -> _Ranks:
        ranks_NF = np.zeros_like(values_NF)
        for at in range(values_NF.shape[1]):
            present_N = np.isfinite(values_NF[:, at])
            _, level_N, counts_L = np.unique(
                values_NF[present_N, at], return_inverse=True, return_counts=True
            )
            # The mean rank of all that tie: the last one less half of the others.
            ranks_NF[present_N, at] = (np.cumsum(counts_L) - (counts_L - 1) / 2.0)[level_N]
        present_NF = np.isfinite(values_NF).astype(np.float64)
        return cls(ranks_NF, present_NF, present_NF.sum(axis=0))

    def aurocs(self, abnormal_M: Int64Array) -> Float64Array:
        """`[F]` by rank sums (Mann-Whitney); NaN where a class does not have the property."""
        n_abnormal_F = self.present_NF[abnormal_M].sum(axis=0)
        pairs_F = n_abnormal_F * (self.present_F - n_abnormal_F)
        sums_F = self.ranks_NF[abnormal_M].sum(axis=0)
        above_F = sums_F - n_abnormal_F * (n_abnormal_F + 1.0) / 2.0
        nothing_F = np.full_like(pairs_F, np.nan)
        found: Float64Array = np.divide(above_F, pairs_F, out=nothing_F, where=pairs_F > 0.0)
        return found


def _best_by_chance(
    ranks: _Ranks,
    spread_F: Float64Array,
    abnormal_N: BoolArray,
    groups_N: Int64Array,
    permutations: int,
    seed: int,
) -> float:
    """95th percentile, over permuted labels, of the largest distance from 0.5 of any feature.

    In units of each feature's own spread by chance, or the one that three images have would set the
    level of all others (Westfall and Young 1993, maxT).
    """
    known_F = np.isfinite(spread_F)
    if not known_F.any():
        return float("nan")
    # AUROC without direction is the same for either class: sums over the rarer one are shorter.
    rarer_N = abnormal_N if abnormal_N.mean() <= 0.5 else ~abnormal_N
    largest = []
    for rarer_M in _permuted(rarer_N, groups_N, permutations, seed):
        away_F = np.abs(ranks.aurocs(rarer_M)[known_F] - 0.5) / spread_F[known_F]
        largest.append(float(np.nan_to_num(away_F).max()))
    return float(np.quantile(largest, 0.95, method="higher"))


def _permuted(
    labelled_N: BoolArray, groups_N: Int64Array, permutations: int, seed: int
) -> Iterator[Int64Array]:
    """Labels laid on the images anew, group after group: `[M]` images that have the label then.

    The groups' labels are put into a random order of groups and dealt to the images, which lie in an
    order of groups too: images of one group get labels that stood beside each other. Exact for groups
    of equal size and for single images; the number of labels is always kept.
    """
    generator = np.random.default_rng(seed)
    by_group_N = np.argsort(groups_N, kind="stable")
    labelled_in_order_N = labelled_N[by_group_N]
    _, sizes_G = np.unique(groups_N, return_counts=True)
    starts_G = np.cumsum(sizes_G) - sizes_G
    for _ in range(permutations):
        order_G = generator.permutation(sizes_G.size)
        own_G = sizes_G[order_G]
        shift_N = np.repeat(starts_G[order_G] - (np.cumsum(own_G) - own_G), own_G)
        yield by_group_N[labelled_in_order_N[shift_N + np.arange(shift_N.size)]]


def _null_spread(values_NF: Float64Array, abnormal_N: BoolArray) -> Float64Array:
    """`[F]` standard deviation of an AUROC without separation, NaN where a class has no image."""
    present_NF = np.isfinite(values_NF)
    n_abnormal_F = (present_NF & abnormal_N[:, None]).sum(axis=0).astype(np.float64)
    n_normal_F = present_NF.sum(axis=0) - n_abnormal_F
    pairs_F = 12.0 * n_abnormal_F * n_normal_F
    nothing_F = np.full_like(pairs_F, np.nan)
    variance_F: Float64Array = np.divide(
        n_abnormal_F + n_normal_F + 1.0, pairs_F, out=nothing_F, where=pairs_F > 0.0
    )
    return np.sqrt(variance_F)


def _one_hot(values: Sequence[Value]) -> list[tuple[str, Float64Array]]:
    """The most frequent levels, each as 1 and 0; NaN where the property is missing."""
    counts = Counter(value for value in values if value is not None)
    levels = [level for level, count in counts.most_common(_LEVELS_AT_MOST) if count > 1]
    numbers = {level: at for at, level in enumerate(levels)} | {None: -1}
    codes_N = np.array([numbers.get(value, len(levels)) for value in values], dtype=np.int64)
    nothing_N = np.where(codes_N < 0, np.nan, 0.0)
    return [(str(level), nothing_N + (codes_N == at)) for at, level in enumerate(levels)]


def _varies(values_N: Float64Array) -> bool:
    known = values_N[np.isfinite(values_N)]
    return bool(known.size and known.min() != known.max())
