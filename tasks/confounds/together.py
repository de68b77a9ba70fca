"""What all trivial properties together separate, with groups kept whole and with groups torn apart.

Legend: N images, F features.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tasks.confounds.separation import Features, auroc_interval
from tasks.confounds.settings import ConfoundSettings
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array

_STRENGTH = 0.1  # inverse of the L2 penalty: as many features as images are no exception here


@dataclass(frozen=True)
class Together:
    """AUROC, out of fold, of a logistic regression on `n_features` trivial features.

    `auroc` with the images of a group in one fold, with its interval (groups counted once);
    `torn_auroc` of the same folds drawn without regard to groups, and `spread` of their difference
    over the repeats; both NaN where no group has two images.
    """

    n_features: int
    auroc: float
    low: float
    high: float
    torn_auroc: float = float("nan")
    spread: float = float("nan")

    @property
    def leak(self) -> float:
        """What ignoring groups adds: AUROC that is a recognised part and no recognised defect."""
        return self.torn_auroc - self.auroc

    def leaks(self, least: float) -> bool:
        """Whether the leak is at least this, and more than the draw of folds explains."""
        return bool(self.leak >= least and self.leak > 2.0 * self.spread)


Split = tuple[Int64Array, Int64Array]


@dataclass(frozen=True, eq=False)
class Folds:
    """Splits into training and held-out images, `repeats` times: of whole groups, and of torn ones.

    `torn` is empty where no group has two images. `parts` are the groups of good boards and of
    defects.
    """

    kept: tuple[tuple[Split, ...], ...]
    torn: tuple[tuple[Split, ...], ...]
    parts: tuple[int, int]


def folds_of(
    abnormal_N: BoolArray, groups_N: Int64Array, settings: ConfoundSettings
) -> Folds | None:
    """Draw all folds once; None where a class has fewer than two groups."""
    good, bad = (int(np.unique(groups_N[kind]).size) for kind in (~abnormal_N, abnormal_N))
    folds = min(settings.folds, good, bad)
    if folds < 2:
        return None
    seeds = range(settings.seed, settings.seed + settings.repeats)
    kept = tuple(_drawn(abnormal_N, groups_N, folds, seed) for seed in seeds)
    torn: tuple[tuple[Split, ...], ...] = ()
    if np.unique(groups_N).size < groups_N.size:
        alone_N = np.arange(groups_N.size)
        torn = tuple(_drawn(abnormal_N, alone_N, folds, seed) for seed in seeds)
    return Folds(kept, torn, (good, bad))


def together(
    features: Features, abnormal_N: BoolArray, folds: Folds, confidence: float, *, torn: bool
) -> Together | None:
    """Fit and score in all folds, in those of torn groups only if asked; None without a feature.

    Medians in place of missing numbers, unit scale, L2 penalty: all learnt in the training folds.
    """
    if not features.columns:
        return None
    kept = [_out_of_fold(features.values_NF, abnormal_N, splits) for splits in folds.kept]
    auroc = float(np.mean(kept))
    low, high = auroc_interval(max(auroc, 0.5), *folds.parts, confidence)
    found = Together(features.values_NF.shape[1], auroc, min(low, auroc), max(high, auroc))
    if not (torn and folds.torn):
        return found
    apart = [_out_of_fold(features.values_NF, abnormal_N, splits) for splits in folds.torn]
    spread = float(np.std(np.subtract(apart, kept), ddof=1))
    return replace(found, torn_auroc=float(np.mean(apart)), spread=spread)


def of_forms(features: Features, *forms: str) -> Features:
    """Features of these forms alone: raw, normalised, file, given."""
    chosen = [at for at, column in enumerate(features.columns) if column.form in forms]
    return Features(
        features.values_NF[:, chosen],
        tuple(features.columns[at] for at in chosen),
        tuple(features.levels[at] for at in chosen),
    )


def _drawn(abnormal_N: BoolArray, groups_N: Int64Array, folds: int, seed: int) -> tuple[Split, ...]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    # Alike where every image is its own group, and a hundred times as fast.
    are_alone = np.unique(groups_N).size == groups_N.size
    kind = StratifiedKFold if are_alone else StratifiedGroupKFold
    with warnings.catch_warnings():
        # Told of classes with fewer images than folds; the fold then says nothing, which counts.
        warnings.simplefilter("ignore", UserWarning)
        split = kind(folds, shuffle=True, random_state=seed).split(abnormal_N, abnormal_N, groups_N)
        return tuple(split)


def _out_of_fold(
    values_NF: Float64Array, abnormal_N: BoolArray, splits: tuple[Split, ...]
) -> float:
    """AUROC of the decision values of all images, each from a fit that did not see its fold."""
    from sklearn.metrics import roc_auc_score

    decisions_N = np.zeros(abnormal_N.size)
    for training, held_out in splits:
        if np.unique(abnormal_N[training]).size == 2:
            fitted = _regression().fit(values_NF[training], abnormal_N[training])
            decisions_N[held_out] = fitted.decision_function(values_NF[held_out])
    return float(roc_auc_score(abnormal_N, decisions_N))


def _regression() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=_STRENGTH, max_iter=1000),
    )
