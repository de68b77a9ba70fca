"""The whole procedure that makes a composite score: search, choice of member, threshold, final fit.

The honest protocol runs this very procedure on every outer training part, and the shipped score is
the same procedure on all development images: what is measured is what is delivered.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tasks.classification.choosing import Choice, choose
from tasks.classification.examples import Examples
from tasks.classification.operating import order_statistic
from tasks.classification.pipelines import Parameters, fitted
from tasks.classification.scoring import CompositeScore
from tasks.classification.searching import search
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.classification.spreading import Spread
from tasks.classification.training import held_out_scores
from tasks.vocabulary.arrays import Float64Array, Int64Array


@dataclass(frozen=True)
class Trial:
    """What one member did on some images: parameters found, and out-of-fold scores [N].

    The parameters were found on all of these images, so the scores are a little flattered; what
    that costs shows in the outer folds of the honest protocol.
    """

    kind: str
    searched: Parameters
    scores: tuple[float, ...]

    @property
    def scores_N(self) -> Float64Array:
        """Scores as an array."""
        return np.asarray(self.scores, dtype=np.float64)


@dataclass(frozen=True)
class Development:
    """The chosen member fitted on all images, its frozen threshold, and every member's trial."""

    choice: Choice
    score: CompositeScore
    threshold: float
    trials: tuple[Trial, ...]


def tried(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
    spread: Spread = map,
) -> Trial:
    """Search a member's parameters and score the images out of fold with the ones found."""
    searched = search(member, settings, examples, seed, spread)
    scores_N = out_of_fold(member, settings, searched, examples, seed, spread)
    return Trial(member.kind, searched, tuple(scores_N.tolist()))


def out_of_fold(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    searched: Parameters,
    examples: Examples,
    seed: int,
    spread: Spread = map,
) -> Float64Array:
    """Score the images out of fold with parameters that were found on them: float64 [N]."""
    fit = partial(_fit, member, settings, searched)
    return held_out_scores(fit, settings, examples, seed, spread)


def chosen_of(
    trials: Sequence[Trial], labels_N: Int64Array, settings: ClassificationSettings
) -> Choice:
    """Choose among trials by `settings.criterion`."""
    return choose({one.kind: one.scores_N for one in trials}, labels_N, settings.criterion)


def developed(
    settings: ClassificationSettings, examples: Examples, rank: int = 1, spread: Spread = map
) -> Development:
    """Run the procedure on all development images; nothing of it has seen certification images.

    The threshold is the `rank`-th smallest out-of-fold score of the abnormals: 1 for zero escapes
    here, more as the certification room computes from a wanted escape rate and confidence.
    NoSafeThresholdError if there are fewer scored defects than `rank`.
    """
    trials = tuple(
        tried(member, settings, examples, settings.seed, spread) for member in settings.members
    )
    choice = chosen_of(trials, examples.labels, settings)
    position = [one.kind for one in trials].index(choice.kind)
    trial, member = trials[position], settings.members[position]
    threshold = order_statistic(trial.scores_N[examples.labels == 1], rank)
    score = fitted(member, settings, examples, trial.searched, settings.seed)
    return Development(choice, score, threshold, trials)


def _fit(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    searched: Parameters,
    training: Examples,
    seed: int,
) -> CompositeScore:
    return fitted(member, settings, training, searched, seed)
