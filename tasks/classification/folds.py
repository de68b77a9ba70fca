"""Stratified folds that keep groups together."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from tasks.classification.examples import Examples
from tasks.vocabulary.arrays import Int64Array
from tasks.vocabulary.errors import InputError

_CLASSES = {"abnormal": 1, "normal": 0}


def fold_count(examples: Examples, folds: int, exact: bool) -> int:
    """Give the number of folds that both classes can fill: `folds`, or fewer if not `exact`.

    With groups, a class counts its groups: they are what a fold can hold. InputError if `folds`
    cannot be had (exact), or fewer than two (not exact).
    """
    members = {name: _members(examples, label) for name, label in _CLASSES.items()}
    rarer = min(members, key=lambda name: members[name])
    if members[rarer] >= folds:
        return folds
    if exact or members[rarer] < 2:
        what = "images" if examples.groups is None else "groups of images"
        raise InputError(
            f"There are {members[rarer]} {rarer} {what} for {folds} folds.",
            f"Label at least {folds - members[rarer]} more, or use fewer folds (2 or more).",
        )
    return members[rarer]


def splits(examples: Examples, folds: int, seed: int) -> list[tuple[Int64Array, Int64Array]]:
    """Shuffle into `folds` stratified folds: (training, testing) indices; groups are never torn.

    InputError if groups mix so badly that a part has a single class.
    """
    folding: Any = StratifiedKFold if examples.groups is None else StratifiedGroupKFold
    shuffled = folding(folds, shuffle=True, random_state=seed)
    found = list(shuffled.split(examples.table, examples.labels, examples.groups))
    if any(np.unique(examples.labels[part]).size < 2 for split in found for part in split):
        raise InputError(
            f"The groups cannot be dealt into {folds} folds with both classes in each.",
            "Use fewer folds, or more groups of the rarer class.",
        )
    return found


def _members(examples: Examples, label: int) -> int:
    own = examples.labels == label
    return int(own.sum() if examples.groups is None else np.unique(examples.groups[own]).size)
