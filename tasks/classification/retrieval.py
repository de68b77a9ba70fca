"""Precision, recall and F1 on defects, and training parts with a given share of defects.

The 3D-printing paper (sections 1.3 and 4.2) judges by F1 on defective images and varies their share
in a training part of fixed size.

Legend: N images, T images of a training part; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

# 0.3 * 10 is 3.0000000000000004 or 2.9999999999999996 in floating point.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Retrieval:
    """Defects that were caught and missed, and normals that were flagged; means need not be whole."""

    caught: float
    missed: float
    false_calls: float

    @property
    def recall(self) -> float:
        """Share of the defects that is caught; 0 without defects."""
        return _share(self.caught, self.caught + self.missed)

    @property
    def precision(self) -> float:
        """Share of the flagged that is defective; 0 where nothing is flagged."""
        return _share(self.caught, self.caught + self.false_calls)

    @property
    def f1(self) -> float:
        """Harmonic mean of both (equation 1); 0 where no defect is caught."""
        return _share(2.0 * self.caught, 2.0 * self.caught + self.missed + self.false_calls)


def flagged_at(scores_N: Float64Array, threshold: float) -> BoolArray:
    """`bool [N]`: scores at or above the threshold, and those without a value."""
    return np.asarray(~(np.isfinite(scores_N) & (scores_N < threshold)), dtype=np.bool_)


def retrieved(flagged_N: BoolArray, labels_N: Int64Array) -> Retrieval:
    """Count what was flagged."""
    defects_N = labels_N == 1
    return Retrieval(
        float(np.count_nonzero(flagged_N & defects_N)),
        float(np.count_nonzero(~flagged_N & defects_N)),
        float(np.count_nonzero(flagged_N & ~defects_N)),
    )


def best_f1_cut(scores_N: Float64Array, labels_N: Int64Array) -> float:
    """Find the cut with the best F1, halfway between two scores; of equal ones the lowest."""
    known_N = np.isfinite(scores_N)
    distinct = np.unique(scores_N[known_N])
    if distinct.size == 0:
        return -math.inf
    cuts = np.concatenate(([distinct[0]], (distinct[:-1] + distinct[1:]) / 2))
    found = [retrieved(flagged_at(scores_N, cut), labels_N).f1 for cut in cuts]
    return float(cuts[int(np.argmax(found))])


def of_families(
    flagged: Sequence[BoolArray], labels_N: Int64Array, families: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Recall of each family of defects, precision of the whole, and their harmonic mean.

    `flagged` has one array a repeat; counts are means over repeats. `families` name each image's, ""
    where it is unknown. Departure: the paper fits a classifier for each class against the good ones, so
    that each class has a precision of its own; here one decision faces all classes, and a false call
    is of no family.
    """
    whole = _mean([retrieved(one, labels_N) for one in flagged])
    names, found = np.asarray(families), {}
    for name in sorted(set(names[labels_N == 1].tolist())):
        own_N = (labels_N == 1) & (names == name)
        own = _mean([retrieved(one[own_N], labels_N[own_N]) for one in flagged])
        f1 = _share(2.0 * whole.precision * own.recall, whole.precision + own.recall)
        found[name or "unknown"] = {
            "n": int(np.count_nonzero(own_N)),
            "recall": own.recall,
            "precision": whole.precision,
            "f1": f1,
        }
    return found


def images_at_every_ratio(
    training_T: Int64Array, labels_N: Int64Array, ratios: Sequence[float]
) -> int:
    """Find how many images a training part can give at each of these shares of defects."""
    defects = int(np.count_nonzero(labels_N[training_T] == 1))
    normals = training_T.size - defects
    limits = [normals / (1.0 - ratio) for ratio in ratios if ratio < 1.0]
    limits += [defects / ratio for ratio in ratios if ratio > 0.0]
    return math.floor(min(limits) + _ROUNDING)


def at_defect_ratio(
    training_T: Int64Array, labels_N: Int64Array, ratio: float, images: int, seed: Sequence[int]
) -> Int64Array:
    """Draw so many images of a training part, of which the share `ratio` is defective; indices rise.

    No image is drawn twice (departure: the paper over-samples). Of one seed, the defects of a smaller
    ratio are among those of a larger one. InputError where the part has too few of a class.
    """
    generator = np.random.default_rng(tuple(seed))
    defects = math.floor(ratio * images + 0.5)
    drawn = []
    for label, count in ((0, images - defects), (1, defects)):
        own = generator.permutation(np.sort(training_T[labels_N[training_T] == label]))
        if count > own.size:
            raise InputError(
                f"{count} images of label {label} are asked for, a training part has {own.size}.",
                "Ask for fewer images or another ratio, or label more.",
            )
        drawn.append(own[:count])
    kept: Int64Array = np.sort(np.concatenate(drawn))
    return kept


def _mean(rounds: Sequence[Retrieval]) -> Retrieval:
    return Retrieval(
        fmean(one.caught for one in rounds),
        fmean(one.missed for one in rounds),
        fmean(one.false_calls for one in rounds),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
