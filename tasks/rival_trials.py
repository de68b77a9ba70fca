"""Trials of rivals in the outer folds: the questions to workers, stored as those of composites are.

Imports no Prefect. Legend: N images.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, assert_never

import numpy as np

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.baselines.settings import (
    PooledExtraTreesSettings,
    PooledLogisticRegressionSettings,
    RivalSettings,
    SiameseSettings,
    SupervisedSettings,
)
from tasks.classification.examples import Examples, Groups
from tasks.classification.folds import splits
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.network_settings import NetworkSettings
from tasks.classification.retrieval import at_defect_ratio
from tasks.classification.rivalry import (
    Learnt,
    Part,
    Rows,
    by_classifier,
    by_columns,
    by_network,
    network_scores,
)
from tasks.classification.settings import (
    ClassificationSettings,
    ClassifierSettings,
    ExtraTreesSettings,
    LogisticRegressionSettings,
    ProtocolSettings,
)
from tasks.describing import description
from tasks.jobs import Measuring
from tasks.score_sheet import Labelled
from tasks.trials import Sample, answered, ask, fold_content, read_fold, scores_of
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers

COMPOSITE = "composite"


@dataclass(frozen=True)
class RivalFold:
    """A question (`tasks.trials`): a learnt judgement of a rival's rows in one outer fold.

    The sample's fingerprint is the key of the description. Without a `fold` all of development is
    learnt from and the images of `held_out` are scored: their labels are not asked for.
    """

    member: ClassifierSettings | NetworkSettings
    judgement: Learnt | Literal["network"]
    name: str
    folds: int
    seed: int
    repeat: int
    fold: int | None
    held_out: tuple[str, ...] = ()
    beside = frozenset({"members", "criterion"})

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """The fold's trial, see `read_fold`."""
        images = sample.images
        ids, unknown = images.image_ids + self.held_out, (0,) * len(self.held_out)
        found = description(stores.root, sample.features_fingerprint)
        rows = found.of(ids, images.labels + unknown)
        groups = None
        if images.groups is not None:
            groups = np.asarray(images.groups + self.held_out)
        return fold_content(self._judged(settings, rows, self._part(images, len(ids)), groups))

    def _judged(
        self, settings: ClassificationSettings, rows: Rows, part: Part, groups: Groups | None
    ) -> FoldTrial:
        if isinstance(self.member, NetworkSettings):
            return by_network(self.name, self.member, settings, rows, part, groups)
        assert self.judgement != "network"  # noqa: S101 - `Contender.member` gives them together
        return by_classifier(self.name, self.judgement, self.member, settings, rows, part, groups)

    def _part(self, images: Labelled, total: int) -> Part:
        if self.fold is None:
            known = len(images.labels)
            return Part(self.repeat, 0, np.arange(known), np.arange(known, total))
        return parts_of(images, self.folds, self.seed, self.repeat)[self.fold]


@dataclass(frozen=True)
class RatioFold:
    """A question: a network trained on `images` of a fold's training part, a share of them defects.

    The sample's fingerprint is the key of the description.
    """

    member: NetworkSettings
    folds: int
    seed: int
    repeat: int
    fold: int
    ratio: float
    images: int
    beside = frozenset({"members", "criterion", "folds", "repeats", "draws", "smote"})

    def answer(self, stores: Stores, sample: Sample, settings: ClassificationSettings) -> Any:
        """One score for each image of the testing part, None: flagged."""
        found = description(stores.root, sample.features_fingerprint)
        rows = found.of(sample.images.image_ids, sample.images.labels)
        part = parts_of(sample.images, self.folds, self.seed, self.repeat)[self.fold]
        drawn = at_defect_ratio(
            part.training, rows.labels, self.ratio, self.images, (self.seed, self.repeat, self.fold)
        )
        scores = network_scores(self.member, settings, rows, replace(part, training=drawn))
        return [score if np.isfinite(score) else None for score in scores.tolist()]


def parts_of(images: Labelled, folds: int, seed: int, repeat: int) -> tuple[Part, ...]:
    """The outer folds of one repeat: those in which composite scores are judged."""
    groups = None if images.groups is None else np.asarray(images.groups)
    empty = Examples(np.zeros((len(images.labels), 1)), images.labels_N, ("none",), groups)
    return tuple(
        Part(repeat, fold, training, testing)
        for fold, (training, testing) in enumerate(splits(empty, folds, seed + repeat))
    )


@dataclass(frozen=True)
class Contender:
    """A rival and the key of its description."""

    settings: RivalSettings
    key: str

    @property
    def learnt(self) -> bool:
        """Whether its score is a probability that was fitted on labels."""
        return self.settings.judgement in ("classifier", "stack", "network")

    @property
    def member(self) -> ClassifierSettings | NetworkSettings:
        """What says the last word of a learnt judgement."""
        match self.settings:
            case SiameseSettings() | SupervisedSettings():
                return self.settings.network
            case PooledExtraTreesSettings() | PooledLogisticRegressionSettings():
                members = LogisticRegressionSettings(), ExtraTreesSettings()
                return next(one for one in members if one.kind == self.settings.member)
            case _:
                return LogisticRegressionSettings()


@dataclass(frozen=True)
class Arena:
    """Where all are judged: answered images of development, the procedure, the outer folds."""

    line: str
    images: Labelled
    classification: ClassificationSettings
    protocol: ProtocolSettings

    def parts(self) -> Iterator[Part]:
        """Every outer fold of every repeat."""
        for repeat in range(self.protocol.repeats):
            yield from parts_of(self.images, self.protocol.folds, self.protocol.seed, repeat)


@dataclass(frozen=True)
class Subject:
    """Whose composite meets whom: its metrics, the images, and the rivals with their descriptions.

    `families` are those of the development images, "" where unknown; () where none is known.
    """

    measuring: Measuring
    development: Labelled
    arena: Arena
    contenders: tuple[Contender, ...]
    composite: str
    families: tuple[str, ...] = ()

    @property
    def flagged(self) -> tuple[int, int]:
        """Normal and abnormal images without a row of metrics."""
        every, answered_ = self.development.labels_N, self.arena.images.labels_N
        normal, abnormal = (
            int(np.count_nonzero(every == label) - np.count_nonzero(answered_ == label))
            for label in (0, 1)
        )
        return normal, abnormal

    def key(self, question: str, **asked: Any) -> str:
        """Names an answer by all that it rests on."""
        arena = self.arena
        return fingerprint(
            {
                "question": question,
                "features": self.measuring.features_fingerprint,
                "images": asdict(arena.images),
                "flagged": self.flagged,
                "families": self.families,
                "classification": arena.classification.model_dump(mode="json"),
                "outer": arena.protocol.model_dump(mode="json"),
                "rivals": [[one.settings.name, one.key] for one in self.contenders],
                "composite": self.composite,
                "code": code_digest(
                    "tasks.classification",
                    "tasks.rivals",
                    "tasks.hold_out",
                    "tasks.rival_trials",
                    "tasks.honest_summary",
                ),
                **asked,
            }
        )


def answered_images(stores: Stores, measuring: Measuring, images: Labelled) -> Labelled:
    """The images that have a row of metrics, and their groups."""
    table = Sample(measuring.line, measuring.features_fingerprint, images).table(stores)
    at = np.flatnonzero(answered(table)).tolist()
    groups = images.groups
    return Labelled(
        tuple(images.image_ids[one] for one in at),
        tuple(images.labels[one] for one in at),
        None if groups is None else tuple(groups[one] for one in at),
    )


def families_of(snapshot: Snapshot, images: Labelled) -> tuple[str, ...]:
    """Family of each image, "" where unknown; () where that of no defect is known."""
    known = {row.image_id: row.family for row in snapshot.rows}
    found = tuple(known[image_id] for image_id in images.image_ids)
    if not any(family for family, label in zip(found, images.labels, strict=True) if label == 1):
        return ()
    return found


def committed_evaluation(stores: Stores, key: str, content: Mapping[str, Any]) -> Receipt:
    """Commit what was found, as JSON."""
    files = {"evaluation.json": json.dumps(content, indent=1, allow_nan=False).encode()}
    return stores.registry.put("evaluations", key, files)


def development_trials(
    stores: Stores, arena: Arena, one: Contender, workers: Workers
) -> list[FoldTrial]:
    """A rival in every outer fold."""
    match one.settings.judgement:
        case "direct" | "best_column" | "best_of_groups" as judgement:
            rows = description(stores.root, one.key).of(arena.images.image_ids, arena.images.labels)
            return list(by_columns(one.settings.name, judgement, rows, tuple(arena.parts())))
        case "classifier" | "stack" | "network" as judgement:
            outer = arena.protocol
            questions = [
                RivalFold(
                    one.member,
                    judgement,
                    one.settings.name,
                    outer.folds,
                    outer.seed,
                    part.repeat,
                    part.fold,
                )
                for part in arena.parts()
            ]
            return _asked(stores, arena, one, questions, workers)
        case _:
            assert_never(one.settings.judgement)


def fresh_trial(
    stores: Stores, arena: Arena, one: Contender, fresh: tuple[str, ...], workers: Workers
) -> FoldTrial | None:
    """All of development learnt from, `fresh` images scored: they follow those of development.

    None for golden samples as published: what they choose, they choose in hindsight.
    """
    ids = arena.images.image_ids + fresh
    match one.settings.judgement:
        case "best_of_groups":
            return None
        case "direct" | "best_column" as judgement:
            labels = arena.images.labels + (0,) * len(fresh)
            known = len(arena.images.labels)
            part = Part(0, 0, np.arange(known), np.arange(known, len(ids)))
            rows = description(stores.root, one.key).of(ids, labels)
            return by_columns(one.settings.name, judgement, rows, [part])[0]
        case "classifier" | "stack" | "network" as judgement:
            question = RivalFold(one.member, judgement, one.settings.name, 0, 0, 0, None, fresh)
            return _asked(stores, arena, one, [question], workers)[0]
        case _:
            assert_never(one.settings.judgement)


def _asked(
    stores: Stores, arena: Arena, one: Contender, questions: list[RivalFold], workers: Workers
) -> list[FoldTrial]:
    sample = Sample(arena.line, one.key, arena.images)
    stage = f"judge {one.settings.kind}"
    answers = ask(stores, sample, arena.classification, questions, workers, stage)
    return [read_fold(answer) for answer in answers]


def scores_at_ratios(
    stores: Stores,
    arena: Arena,
    one: Contender,
    ratios: Sequence[float],
    images: int,
    workers: Workers,
) -> dict[float, list[tuple[Part, Float64Array]]]:
    """For each share of defects every outer fold with the scores of its testing part."""
    member = one.member
    if not isinstance(member, NetworkSettings):
        raise InputError(f"{one.settings.name} trains no network.", "Ask for siamese, supervised.")
    parts, outer = list(arena.parts()), arena.protocol
    questions = [
        RatioFold(member, outer.folds, outer.seed, part.repeat, part.fold, ratio, images)
        for ratio in ratios
        for part in parts
    ]
    sample = Sample(arena.line, one.key, arena.images)
    stage = f"ratios of {one.settings.kind}"
    answers = iter(ask(stores, sample, arena.classification, questions, workers, stage))
    return {ratio: [(part, scores_of(next(answers))) for part in parts] for ratio in ratios}
