"""One screening: every property alone, all together, the lots; and what must be said of it.

Legend: N images. `groups_N` numbers what counts once (a part, a board and its near-duplicates).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tasks.confounds.columns import PropertyTable
from tasks.confounds.grouping import Lots
from tasks.confounds.separation import Features, Separation, features_of, separations
from tasks.confounds.settings import ConfoundSettings
from tasks.confounds.together import Together, folds_of, of_forms, together
from tasks.confounds.wording import leak_warning, lot_warning, property_warnings, together_warning
from tasks.vocabulary.arrays import BoolArray, Int64Array

MEASURED = ("raw", "normalised", "file")
SETS: Mapping[str, tuple[str, ...]] = {
    "all": MEASURED,
    "raw": ("raw",),
    "normalised": ("normalised",),
    "file": ("file",),
}
"""What is fitted together: all that is measured, and each form alone."""


@dataclass(frozen=True, eq=False)
class Screening:
    """What trivial properties alone tell of the labels.

    `properties` in the order of the table; `sets` by the names in `SETS`, without those that have no
    answer; `notes` are facts without alarm, `warnings` what a certificate must carry.
    """

    n_normal: int
    n_abnormal: int
    n_groups: int
    settings: ConfoundSettings
    properties: tuple[Separation, ...]
    sets: Mapping[str, Together]
    lots: tuple[Lots, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Plain values without NaN, the strongest property first."""
        answered = sorted(
            (one for one in self.properties if one.auroc is not None),
            key=lambda one: (-(one.auroc or 0.0), one.column.name),
        )
        return {
            "n_normal": self.n_normal,
            "n_abnormal": self.n_abnormal,
            "n_groups": self.n_groups,
            "level": self.settings.level,
            "confidence": self.settings.confidence,
            "properties": [_plain_property(one, self.settings.level) for one in answered],
            "without_answer": [one.column.name for one in self.properties if one.auroc is None],
            "together": {name: _plain_set(one) for name, one in self.sets.items()},
            "lots": [asdict(one) for one in self.lots],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def screened(
    table: PropertyTable,
    abnormal_N: BoolArray,
    groups_N: Int64Array,
    settings: ConfoundSettings,
    lots: Sequence[Lots] = (),
) -> Screening:
    """Hold every property against the labels; one class alone gives no answer, and no warning."""
    counts = int((~abnormal_N).sum()), int(abnormal_N.sum())
    features = features_of(table)
    found = separations(
        table,
        features,
        abnormal_N,
        groups_N,
        settings.permutations,
        settings.confidence,
        settings.seed,
    )
    sets = _sets(features, abnormal_N, groups_N, settings)
    said = [*property_warnings(found, settings.level)]
    if "all" in sets:
        said += together_warning(sets["all"], found, settings.level)
        said += leak_warning(sets["all"], settings.leak)
    said += [words for lot in lots for words in lot_warning(lot)]
    n_groups = int(np.unique(groups_N).size)
    return Screening(*counts, n_groups, settings, found, sets, tuple(lots), (), tuple(said))


def _sets(
    features: Features, abnormal_N: BoolArray, groups_N: Int64Array, settings: ConfoundSettings
) -> dict[str, Together]:
    """What each set of forms separates together; groups are torn for all of them at once only."""
    chosen = {name: of_forms(features, *forms) for name, forms in SETS.items()}
    if not chosen["all"].columns or (folds := folds_of(abnormal_N, groups_N, settings)) is None:
        return {}
    answers = {
        name: together(own, abnormal_N, folds, settings.confidence, torn=name == "all")
        for name, own in chosen.items()
    }
    return {name: answer for name, answer in answers.items() if answer is not None}


def _plain_property(one: Separation, level: float) -> dict[str, Any]:
    return {
        "name": one.column.name,
        "words": one.column.words,
        "form": one.column.form,
        "auroc": one.auroc,
        "interval": [one.low, one.high],
        "by_chance": _finite(one.chance),
        "category": one.level,
        "of_normal": _finite(one.of_normal),
        "of_abnormal": _finite(one.of_abnormal),
        "n_normal": one.n_normal,
        "n_abnormal": one.n_abnormal,
        "above": one.is_above(level),
        "normalised": one.column.partner,
    }


def _plain_set(one: Together) -> dict[str, Any]:
    return {
        "features": one.n_features,
        "auroc": one.auroc,
        "interval": [one.low, one.high],
        "auroc_groups_ignored": _finite(one.torn_auroc),
        "leak": _finite(one.leak),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
