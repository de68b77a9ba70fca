"""False calls at zero escapes of a line, with and without the metrics that rest on the mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.certification.bounds import exact_interval
from tasks.certification.figures import auroc, figures_at
from tasks.certification.thresholds import zfn_threshold
from tasks.classification.choosing import choose
from tasks.classification.settings import ClassificationSettings
from tasks.classification.training import out_of_fold_scores
from tasks.trials import answered
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tests.benchmarks.alignment.figures import unmasked_columns
from tests.benchmarks.alignment.learnt import Learnt

CONFIDENCE = 0.95


def false_calls_of(line: Learnt) -> dict[str, dict[str, Any]]:
    """Out-of-fold figures on the development images: `masked` as the line has them, and `unmasked`."""
    images = line.development
    features = line.stores.features(line.measuring.line, line.measuring.features_fingerprint)
    table = features.table(images.image_ids)
    columns = {
        "masked": list(range(len(table.columns))),
        "unmasked": unmasked_columns(table.columns),
    }
    return {
        name: priced(
            table.values_NM[:, chosen],
            answered(table),
            images.labels_N,
            line.settings.classification,
        )
        for name, chosen in columns.items()
    }


def priced(
    values_NM: Float64Array,
    answered_N: BoolArray,
    labels_N: Int64Array,
    classification: ClassificationSettings,
) -> dict[str, Any]:
    """Fit every member by folds, choose one as the line does, and count what zero escapes cost.

    An image without an answer scores infinity: it is flagged.
    """
    scores: dict[str, Float64Array] = {}
    for member in classification.members:
        scores_N = np.full(len(labels_N), math.inf)
        scores_N[answered_N] = out_of_fold_scores(
            member, classification, values_NM[answered_N], labels_N[answered_N]
        )
        scores[member.kind] = scores_N
    chosen = choose(scores, labels_N, classification.criterion).kind
    by_member = {kind: at_zero_escapes(scores_N, labels_N) for kind, scores_N in scores.items()}
    return {
        **by_member[chosen],
        "member": chosen,
        "metrics": values_NM.shape[1],
        "by_member": by_member,
    }


def at_zero_escapes(scores_N: Float64Array, labels_N: Int64Array) -> dict[str, Any]:
    """Counts at the highest threshold under which no known defect falls."""
    figures = figures_at(scores_N, labels_N, zfn_threshold(scores_N[labels_N == 1]))
    low, high = exact_interval(figures.false_calls, figures.n_normal, CONFIDENCE)
    return {
        "false_call_rate": figures.false_positive_rate,
        "low": low,
        "high": high,
        "false_calls": figures.false_calls,
        "n_normal": figures.n_normal,
        "escapes": figures.escapes,
        "n_abnormal": figures.n_abnormal,
        "auroc": auroc(scores_N, labels_N),
    }


def rates(figures: dict[str, dict[str, Any]], names: Sequence[str]) -> dict[str, float]:
    """The false call rates alone."""
    return {name: figures[name]["false_call_rate"] for name in names}
