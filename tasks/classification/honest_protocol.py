"""The honest protocol: everything that is chosen from data is chosen again in every training part.

Outside, repeated stratified (group) k-fold. Inside each training part, the procedure that ships
(`developing`): metric dropping, scaling, SMOTE, search, choice of member, thresholds. Figures come
from outer folds only.

The unit of work is one member in one outer fold: `outer_jobs` lists them, `run` does one (pure,
pickling arguments, a few kilobytes of result that a caller may store and hand back), and
`honest_report` makes the figures of all of them.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tasks.classification.developing import Trial, tried
from tasks.classification.examples import Examples
from tasks.classification.folds import fold_count, splits
from tasks.classification.honest_figures import FoldTrial, HonestReport, honest_report
from tasks.classification.pipelines import fitted
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import (
    ClassificationSettings,
    ClassifierSettings,
    ProtocolSettings,
)
from tasks.classification.spreading import Spread
from tasks.vocabulary.arrays import Int64Array


@dataclass(frozen=True, eq=False)
class OuterJob:
    """One member in one outer fold; `training` and `testing` are indices of images."""

    repeat: int
    fold: int
    training: Int64Array
    testing: Int64Array
    member: ClassifierSettings


def outer_jobs(
    protocol: ProtocolSettings, settings: ClassificationSettings, examples: Examples
) -> tuple[OuterJob, ...]:
    """List the jobs, fold by fold. InputError if a class cannot fill the outer folds."""
    fold_count(examples, protocol.folds, exact=True)
    return tuple(
        OuterJob(repeat, fold, training, testing, member)
        for repeat in range(protocol.repeats)
        for fold, (training, testing) in enumerate(
            splits(examples, protocol.folds, protocol.seed + repeat)
        )
        for member in settings.members
    )


def run(settings: ClassificationSettings, examples: Examples, job: OuterJob) -> FoldTrial:
    """Develop one member on an outer training part and score the testing part with it.

    Seeds follow from settings and the repeat, so that no result depends on order or company.
    """
    training, seed = examples.part(job.training), settings.seed + job.repeat
    trial = tried(job.member, settings, training, seed)
    score = fitted(job.member, settings, training, trial.searched, seed)
    return FoldTrial(
        repeat=job.repeat,
        fold=job.fold,
        training=tuple(job.training.tolist()),
        testing=tuple(job.testing.tolist()),
        trial=trial,
        scores=tuple(score.score(examples.table[job.testing]).tolist()),
        fingerprint=_fingerprint(score, trial, training),
    )


def honest_protocol(
    protocol: ProtocolSettings,
    settings: ClassificationSettings,
    examples: Examples,
    spread: Spread = map,
) -> HonestReport:
    """Run all jobs in one go, without storing, and report."""
    jobs = outer_jobs(protocol, settings, examples)
    found: Sequence[FoldTrial] = tuple(spread(partial(run, settings, examples), jobs))
    return honest_report(found, examples.labels, settings.criterion, protocol.escape_fractions)


def _fingerprint(score: CompositeScore, trial: Trial, training: Examples) -> str:
    # By behaviour, because archives of models hold time stamps and addresses of objects.
    digest = hashlib.sha256(json.dumps(dict(score.searched), sort_keys=True).encode())
    for part in (
        score.kept,
        score.scale,
        score.offset,
        trial.scores_N,
        score.score(training.table),
    ):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
