"""What the verbs of a study share: the subject, its trials in the outer folds, what is compared.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.auditing.speaking import family_of
from tasks.classification.examples import Examples
from tasks.classification.folds import splits
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.honest_protocol import outer_jobs
from tasks.classification.parts import Part
from tasks.classification.settings import ClassificationSettings, ProtocolSettings
from tasks.honest_summary import Judging
from tasks.trials import OuterFold, PartOfFold, Sample, answered, ask, read_fold
from tasks.vocabulary.arrays import Int64Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers


@dataclass(frozen=True)
class Subject:
    """What is studied: the labelled images with their metrics, the procedure, and the outer folds."""

    sample: Sample
    classification: ClassificationSettings
    protocol: ProtocolSettings

    def key(self, study: str, **asked: Any) -> str:
        """Key of a study of this subject: the same question is answered once."""
        images = self.sample.images
        return fingerprint(
            {
                "study": study,
                "features": self.sample.features_fingerprint,
                "ids": images.image_ids,
                "labels": images.labels,
                "groups": images.groups,
                "classification": self.classification.model_dump(mode="json"),
                "outer": self.protocol.model_dump(mode="json"),
                "asked": asked,
                "code": code_digest(
                    "tasks.classification",
                    "tasks.auditing",
                    "tasks.study",
                    "tasks.studying",
                    "tasks.honest_summary",
                ),
            }
        )


@dataclass(frozen=True)
class Ablation:
    """One set of families: all, `only` one, all `without` one, or one more (the last) after others."""

    kind: Literal["all", "only", "without", "adding"]
    families: tuple[str, ...]
    name: str


class Study:
    """One subject on these workers: answers come from the store where any run has left them."""

    def __init__(self, stores: Stores, subject: Subject, workers: Workers) -> None:
        self._stores, self._subject, self._workers = stores, subject, workers

    @cached_property
    def examples(self) -> Examples:
        """The images that have an answer."""
        return self._subject.sample.examples(self._stores)

    @property
    def labels_N(self) -> Int64Array:
        """`int64 [N]`, of the images that have an answer."""
        return self.examples.labels

    @cached_property
    def image_ids(self) -> tuple[str, ...]:
        """Of the images that have an answer, in their order."""
        sample = self._subject.sample
        known_N = answered(sample.table(self._stores))
        return tuple(
            one for one, known in zip(sample.images.image_ids, known_N, strict=True) if known
        )

    @cached_property
    def fewest_defects(self) -> int:
        """Defects of the training part that has fewest."""
        protocol = self._subject.protocol
        return min(
            int(np.count_nonzero(self.labels_N[training] == 1))
            for repeat in range(protocol.repeats)
            for training, _ in splits(self.examples, protocol.folds, protocol.seed + repeat)
        )

    def judging(self) -> Judging:
        """What the trials are judged by; images without an answer are flagged."""
        subject = self._subject
        normal, abnormal = (
            int(np.count_nonzero(subject.sample.images.labels_N == label))
            - int(np.count_nonzero(self.labels_N == label))
            for label in (0, 1)
        )
        return Judging(
            self.labels_N,
            subject.classification.criterion,
            subject.protocol.escape_fractions,
            (normal, abnormal),
        )

    def trials(
        self, parts: Sequence[Part | Callable[[OuterFold], Part]], stage: str
    ) -> list[list[FoldTrial]]:
        """For each part the trials of all members in all outer folds; the same part is tried once."""
        protocol, classification = self._subject.protocol, self._subject.classification
        folds = [
            OuterFold(job.member, protocol.folds, protocol.seed, job.repeat, job.fold)
            for job in outer_jobs(protocol, classification, self.examples)
        ]
        wanted = [
            [self._question(fold, part if isinstance(part, Part) else part(fold)) for fold in folds]
            for part in parts
        ]
        questions = list(dict.fromkeys(one for of_part in wanted for one in of_part))
        answers = ask(
            self._stores, self._subject.sample, classification, questions, self._workers, stage
        )
        found = dict(zip(questions, map(read_fold, answers), strict=True))
        return [[found[one] for one in of_part] for of_part in wanted]

    def _question(self, fold: OuterFold, part: Part) -> OuterFold:
        """All metrics of all images are what `evaluate` asks: its answers serve here too."""
        everything = part.columns is None or set(part.columns) == set(self.examples.columns)
        if everything and part.defects is None and not part.without:
            return fold
        return PartOfFold(fold.member, fold.folds, fold.seed, fold.repeat, fold.fold, part)

    def committed(self, key: str, content: dict[str, Any]) -> Receipt:
        """Store what a study found, with what it was found on."""
        subject, groups = self._subject, self._subject.sample.images.groups
        labels_N = subject.sample.images.labels_N
        told = {
            "members": [member.kind for member in subject.classification.members],
            "draws": subject.classification.draws,
            "folds": subject.protocol.folds,
            "repeats": subject.protocol.repeats,
            "n_normal": int(np.count_nonzero(labels_N == 0)),
            "n_abnormal": int(np.count_nonzero(labels_N == 1)),
            "n_groups": None if groups is None else len(set(groups)),
        }
        files = {"evaluation.json": json.dumps({**told, **content}, indent=1).encode()}
        return self._stores.registry.put("evaluations", key, files)


def families_of(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Metrics by family, in the order of the table; one that the audit does not know is its first word."""
    found: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        found[_family(column)].append(column)
    return {name: tuple(of_family) for name, of_family in found.items()}


def ablations(families: Sequence[str]) -> tuple[Ablation, ...]:
    """All first; each family alone, all without it, and the chain that ends with all again."""
    others = {left: tuple(one for one in families if one != left) for left in families}
    return (
        Ablation("all", tuple(families), "all metrics"),
        *(Ablation("only", (one,), f"{one} alone") for one in families),
        *(Ablation("without", rest, f"all without {left}") for left, rest in others.items()),
        *(
            Ablation("adding", tuple(families[: at + 1]), f"{'+ ' if at else ''}{one}")
            for at, one in enumerate(families)
        ),
    )


def _family(column: str) -> str:
    try:
        return family_of(column)
    except InputError:
        return column.partition(".")[0]
