"""Why images got their out-of-fold scores: what each metric added, by fits that never saw them.

Legend: N images, R of them explained, M metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.classification.examples import Examples
from tasks.classification.pipelines import Parameters, fitted
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.classification.training import held_out_parts
from tasks.vocabulary.arrays import Float64Array, Int64Array


@dataclass(frozen=True, eq=False)
class Explained:
    """`scores_R` as `out_of_fold` gives them, to the bit; `contributions_RM` on the member's scale.

    With several repeats both are means over them: the contributions then add up to the mean of the
    repeats on that scale, not to the score that the mean of the scores has on it.
    """

    scores_R: Float64Array
    contributions_RM: Float64Array


def explained_out_of_fold(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    searched: Parameters,
    examples: Examples,
    rows_R: Int64Array,
    told: Callable[[int, int], None] | None = None,
) -> Explained:
    """Fit again the folds that held out these rows of the examples, and explain their scores.

    Parameters, folds and seeds are those of `out_of_fold` with `settings.seed`, hence so are the
    fits. `told(done, total)` hears of every fold before it is
    fitted.
    """
    rows_R = np.asarray(rows_R, dtype=np.int64)
    parts = [
        (seed, training, np.flatnonzero(np.isin(rows_R, testing)))
        for seed, training, testing in held_out_parts(settings, examples, settings.seed)
    ]
    needed = [part for part in parts if part[2].size > 0]
    scores_R = np.zeros(rows_R.size)
    contributions_RM = np.zeros((rows_R.size, len(examples.columns)))
    for done, (seed, training, asked) in enumerate(needed):
        if told is not None:
            told(done, len(needed))
        score = fitted(member, settings, examples.part(training), searched, seed)
        table_AM = examples.table[rows_R[asked]]
        scores_R[asked] += score.score(table_AM)
        contributions_RM[asked] += score.contributions(table_AM)
    return Explained(scores_R / settings.repeats, contributions_RM / settings.repeats)
