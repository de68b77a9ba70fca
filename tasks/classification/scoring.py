"""The composite score: a frozen fit that turns rows of metrics into one score per image.

Legend: N images, M metrics in the order of `columns`, K kept metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tasks.classification.members import Model
from tasks.classification.settings import ClassifierSettings
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

# The tree libraries read float32: a scaled metric beyond its range is no measurement to them.
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class CompositeScore:
    """Preprocessing and classifier, fitted once and never changed.

    | field | meaning |
    | --- | --- |
    | `member` | settings of the classifier |
    | `columns` | names of the M metrics, in the order of the tables it scores |
    | `kept` | int64 [K], indices of the metrics that are used |
    | `scale`, `offset` | [K]; a metric enters as `value x scale + offset`, [0, 1] in the fit |
    | `searched` | parameters that the randomized search chose; empty without a search |
    | `model` | the fitted classifier |

    Scaled values are not clipped: a metric beyond anything seen in the fit is evidence, and
    clipping would make the worst defect look like the worst fitted image.
    """

    member: ClassifierSettings
    columns: tuple[str, ...]
    kept: Int64Array
    scale: Float64Array
    offset: Float64Array
    model: Model
    searched: Mapping[str, float | int | str | None] = field(default_factory=dict)

    def score(self, table_NM: Float64Array) -> Float64Array:
        """Give the probability of abnormal, float64 in [0, 1], or +inf: flagged at any threshold.

        A row with a metric that is not finite (kept or not), or that lies outside float32 once
        scaled, has no score and gets +inf. InputError if the table has not M columns.
        """
        scaled_NK, usable_N = self._scaled(table_NM)
        scores_N = np.full(len(scaled_NK), np.inf)
        if usable_N.any():
            scores_N[usable_N] = self.model.scores(np.ascontiguousarray(scaled_NK[usable_N]))
        return np.where(np.isnan(scores_N), np.inf, scores_N)

    def contributions(self, table_NM: Float64Array) -> Float64Array:
        """Give what each metric adds to each image's score, [N, M], on the member's own scale.

        Positive speaks for abnormal; dropped metrics get 0, though one may stand behind a kept one
        that says the same. Scale and method: see `contributions` of the member. A row without a
        score is NaN: nothing explains it. InputError if the table has not M columns.
        """
        scaled_NK, usable_N = self._scaled(table_NM)
        found_NM = np.zeros((len(scaled_NK), len(self.columns)))
        found_NM[~usable_N] = np.nan
        if usable_N.any():
            rows_NK = np.ascontiguousarray(scaled_NK[usable_N])
            found_NM[np.ix_(usable_N, self.kept)] = self.model.contributions(rows_NK)
        return found_NM

    def _scaled(self, table_NM: Float64Array) -> tuple[Float64Array, BoolArray]:
        """Give the kept metrics scaled [N, K], and which rows can be scored [N]."""
        table_NM = np.asarray(table_NM, dtype=np.float64)
        if table_NM.ndim != 2 or table_NM.shape[1] != len(self.columns):
            raise InputError(
                f"The table has shape {table_NM.shape}, not [N, {len(self.columns)}].",
                "Measure with the metrics of the fit, or fit again.",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            scaled_NK = table_NM[:, self.kept] * self.scale + self.offset
        usable_N: BoolArray = np.asarray(np.isfinite(table_NM).all(axis=1))
        usable_N &= (np.abs(scaled_NK) <= _LARGEST).all(axis=1)
        return scaled_NK, usable_N

    def influence(self) -> list[tuple[str, float]]:
        """Rank the kept metrics by their influence, largest first; the weights sum to 1.

        Equal weights keep the table's order. A model that uses no metric (constant score) has only
        weights of 0. Correlated metrics share their influence, and a dropped one may stand behind a
        kept one: this explains a model, not the product.
        """
        weights_K = self.model.weights()
        total = float(weights_K.sum())
        shares_K = weights_K / total if total > 0 else np.zeros_like(weights_K)
        order_K = np.argsort(-shares_K, kind="stable")
        return [(self.columns[self.kept[k]], float(shares_K[k])) for k in order_K]
