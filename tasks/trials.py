"""What workers answer while members are searched, tried and judged: each trial is stored once.

A trial is a question about the development role whose answer is a few kilobytes of JSON. Whoever asks
gets stored answers back at once; a killed run therefore goes on where it stood, whichever worker did
what. Runs on Dask workers, so it imports no Prefect.

Legend: N images.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import TypeAdapter

from storage.features import FeatureTable
from storage.fingerprints import code_digest, fingerprint
from storage.stores import Stores
from tasks.classification.developing import out_of_fold
from tasks.classification.examples import Examples, checked_examples
from tasks.classification.folds import splits
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.honest_protocol import OuterJob, run
from tasks.classification.network_settings import NetworkSettings
from tasks.classification.paper_protocol import PublishedFit, left_out_scores, prepared
from tasks.classification.parts import Part
from tasks.classification.pipelines import Parameters
from tasks.classification.searching import MemberFit, best, candidates, evaluate
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.progress import report_progress
from tasks.score_sheet import Labelled
from tasks.vocabulary.arrays import BoolArray, Float64Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Poisoned, Workers


@dataclass(frozen=True)
class Sample:
    """The labelled images that a trial is about, and whose metrics they have."""

    line: str
    features_fingerprint: str
    images: Labelled

    def table(self, stores: Stores) -> FeatureTable:
        """Their rows of metrics; NotFoundError where one was not extracted."""
        return stores.features(self.line, self.features_fingerprint).table(self.images.image_ids)

    def examples(self, stores: Stores) -> Examples:
        """The images that have an answer; the others are flagged whatever is fitted."""
        table = self.table(stores)
        known_N = answered(table)
        groups = self.images.groups
        return checked_examples(
            table.values_NM[known_N],
            self.images.labels_N[known_N],
            table.columns,
            None if groups is None else np.asarray(groups)[known_N],
        )


def answered(table: FeatureTable) -> BoolArray:
    """`bool [N]`: which images have a row of metrics."""
    return np.asarray([status == "ok" for status in table.statuses], dtype=np.bool_)


class Question(Protocol):
    """One trial: fields that are plain settings, and the answer as JSON."""

    @property
    def member(self) -> ClassifierSettings | NetworkSettings:
        """Whose trial it is."""
        ...

    @property
    def beside(self) -> frozenset[str]:
        """Fields of the settings that the answer does not depend on."""
        ...

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """Work it out, on one thread."""
        ...


_CHOICE = frozenset({"members", "criterion"})


@dataclass(frozen=True)
class Draws:
    """Figures of some draws of a member's search, everything fitted inside the folds."""

    member: ClassifierSettings
    first: int
    count: int
    # The first draws of a longer search are those of a shorter one.
    beside = _CHOICE | {"draws", "repeats"}

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """One figure per draw."""
        fit = MemberFit(self.member, settings, settings.seed)
        examples = _examples(stores.root, sample)
        return [
            evaluate(fit, settings, examples, settings.seed, drawn)
            for drawn in _drawn(self, settings)
        ]


@dataclass(frozen=True)
class PublishedDraws:
    """The same as the paper does it: dropping and scaling have seen all images."""

    member: ClassifierSettings
    first: int
    count: int
    beside = _CHOICE | {"draws", "repeats"}

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """One figure per draw."""
        fit, examples = (
            PublishedFit(self.member, settings),
            _prepared(stores.root, sample, settings),
        )
        return [
            evaluate(fit, settings, examples, settings.seed, drawn)
            for drawn in _drawn(self, settings)
        ]


@dataclass(frozen=True)
class PublishedLeftOut:
    """Leave-one-out scores of some images with parameters that the whole table chose."""

    member: ClassifierSettings
    parameters: tuple[tuple[str, Any], ...]
    first: int
    count: int
    beside = _CHOICE | {"draws", "repeats", "folds", "search_criterion"}

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """One score per image."""
        fit, examples = (
            PublishedFit(self.member, settings),
            _prepared(stores.root, sample, settings),
        )
        images = range(self.first, min(self.first + self.count, len(examples.labels)))
        return left_out_scores(fit, examples, dict(self.parameters), images).tolist()


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold scores of one member with the parameters that its search found."""

    member: ClassifierSettings
    parameters: tuple[tuple[str, Any], ...]
    beside = _CHOICE | {"draws", "search_criterion"}

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """One score per answered image."""
        examples = _examples(stores.root, sample)
        found = out_of_fold(self.member, settings, dict(self.parameters), examples, settings.seed)
        return _finite(found.tolist())


@dataclass(frozen=True)
class OuterFold:
    """One member in one outer fold of the honest protocol."""

    member: ClassifierSettings
    folds: int
    seed: int
    repeat: int
    fold: int
    beside = _CHOICE

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """The fold's trial, see `read_fold`."""
        return _fold_content(self, Part(), _examples(stores.root, sample), settings)


@dataclass(frozen=True)
class PartOfFold(OuterFold):
    """The same with less to learn from: fewer metrics, fewer defects, without doubtful images."""

    part: Part

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """The fold's trial, see `read_fold`; images keep their numbers in the whole sample."""
        return _fold_content(self, self.part, _examples(stores.root, sample), settings)


def _fold_content(
    fold: OuterFold, part: Part, examples: Examples, settings: ClassificationSettings
) -> dict[str, Any]:
    training, testing = splits(examples, fold.folds, fold.seed + fold.repeat)[fold.fold]
    job = OuterJob(fold.repeat, fold.fold, training, testing, fold.member)
    return fold_content(run(settings, *part.of(examples, job)))


def fold_content(done: FoldTrial) -> dict[str, Any]:
    """What `read_fold` reads, as JSON."""
    content = asdict(done)
    content["scores"] = _finite(content["scores"])
    content["trial"]["scores"] = _finite(content["trial"]["scores"])
    return content


_FOLD_TRIALS: TypeAdapter[FoldTrial] = TypeAdapter(FoldTrial)


def read_fold(content: dict[str, Any]) -> FoldTrial:
    """The trial that an `OuterFold` left."""
    trial = {**content["trial"], "scores": scores_of(content["trial"]["scores"]).tolist()}
    scores = scores_of(content["scores"]).tolist()
    return _FOLD_TRIALS.validate_python({**content, "trial": trial, "scores": scores})


def scores_of(content: Sequence[float | None]) -> Float64Array:
    """Scores of an answer, `inf` (flagged) where there is none."""
    return np.asarray([math.inf if one is None else one for one in content], dtype=np.float64)


def ask(
    stores: Stores,
    sample: Sample,
    settings: ClassificationSettings,
    questions: Sequence[Question],
    workers: Workers,
    stage: str,
) -> list[Any]:
    """Answers in the order of the questions; only what no run has answered yet is worked out.

    InputError where a trial kills every worker that tries it: most likely memory.
    """
    if not questions:
        return []
    keyed = list(zip(_keys(sample, settings, questions), questions, strict=True))
    missing = [one for one in keyed if stores.registry.find("trials", one[0]) is None]
    done = len(keyed) - len(missing)
    report_progress(stage, done, len(keyed))
    answering = partial(_answer, stores, sample, settings)
    for batch, outcome in workers.map_batches(answering, missing, size=1):
        kind = batch[0][1].member.kind
        if isinstance(outcome, Poisoned):
            raise InputError(
                f"Fitting {kind} kills every worker that tries.",
                "Give the workers more memory, or take this member out.",
            )
        done += len(batch)
        report_progress(stage, done, len(keyed), kind)
    return [_stored(stores, key) for key, _ in keyed]


def searched(
    stores: Stores,
    sample: Sample,
    settings: ClassificationSettings,
    draws: type[Draws] | type[PublishedDraws],
    workers: Workers,
    stage: str,
) -> list[Parameters]:
    """For each member of the settings the parameters that its search found; empty without draws."""
    questions = [
        draws(member, first, min(_DRAWS_AT_ONCE, settings.draws - first))
        # Breadth first: the time that remains can be told early.
        for first in range(0, settings.draws, _DRAWS_AT_ONCE)
        for member in settings.members
        if candidates(member, 1, settings.seed)
    ]
    figures: dict[str, list[float]] = {member.kind: [] for member in settings.members}
    for question, answer in zip(
        questions, ask(stores, sample, settings, questions, workers, stage), strict=True
    ):
        figures[question.member.kind] += answer
    return [
        best(candidates(member, settings.draws, settings.seed), figures[member.kind])
        for member in settings.members
    ]


# A killed run loses at most this many draws per worker, and a bar moves that often.
_DRAWS_AT_ONCE = 10


def _keys(
    sample: Sample, settings: ClassificationSettings, questions: Sequence[Question]
) -> list[str]:
    common = fingerprint(
        {
            "features": sample.features_fingerprint,
            "images": asdict(sample.images),
            "code": code_digest("tasks.classification"),
        }
    )
    return [
        fingerprint(
            {
                "sample": common,
                "settings": settings.model_dump(mode="json", exclude=set(question.beside)),
                "kind": type(question).__name__,
                "question": TypeAdapter(type(question)).dump_python(question, mode="json"),
            }
        )
        for question in questions
    ]


def _answer(
    stores: Stores,
    sample: Sample,
    settings: ClassificationSettings,
    batch: tuple[tuple[str, Question], ...],
) -> None:
    for key, question in batch:
        answer = question.answer(stores, sample, settings)
        content = json.dumps(answer, allow_nan=False).encode()
        stores.registry.put(
            "trials",
            key,
            {"trial.json": content},
            inputs={"features": sample.features_fingerprint},
            facts={"member": question.member.kind},
        )


def _stored(stores: Stores, key: str) -> Any:
    return json.loads((stores.registry.open("trials", key) / "trial.json").read_bytes())


def _drawn(
    question: Draws | PublishedDraws, settings: ClassificationSettings
) -> tuple[Parameters, ...]:
    end = question.first + question.count
    return candidates(question.member, end, settings.seed)[question.first :]


def _finite(scores: Sequence[float]) -> list[float | None]:
    """JSON knows no infinity."""
    return [one if math.isfinite(one) else None for one in scores]


@lru_cache(maxsize=2)
def _examples(root: Path | str, sample: Sample) -> Examples:
    return sample.examples(Stores(root))


@lru_cache(maxsize=2)
def _prepared(root: Path | str, sample: Sample, settings: ClassificationSettings) -> Examples:
    examples = _examples(root, sample)
    return prepared(settings, examples.table, examples.labels)
