"""Scores of a frozen classifier on images that are measured already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from storage.stores import Stores
from tasks.classification.persistence import load_composite_score
from tasks.vocabulary.arrays import Float64Array


def score_images(
    stores: Stores,
    line: str,
    features_fingerprint: str,
    classifier_key: str,
    image_ids: Sequence[str],
) -> Float64Array:
    """`[N]` composite scores of measured images; `inf` where a row has no answer."""
    if not image_ids:
        return np.empty(0)  # a line without undecided images has no row to name the columns
    score = load_composite_score(stores.registry.open("classifiers", classifier_key) / "score")
    table = stores.features(line, features_fingerprint).table(image_ids)
    return score.score(table.values_NM)
