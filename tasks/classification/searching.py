"""The randomized search, in three pure steps that a caller can spread, store and resume.

`candidates` are drawn once from the seed; `evaluate` gives one candidate's figure by inner folds of
the given images only; `best` takes the largest, of equals the first drawn. `search_steps` strings
them together in chunks and yields what is worth storing after each.

Source: VQGanoDIP, section 3.3, phase 2: 500 draws, 5 stratified folds, SMOTE in the folds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from sklearn.model_selection import ParameterSampler

from tasks.classification.classifiers import classifier_of
from tasks.classification.criteria import figure_of
from tasks.classification.examples import Examples
from tasks.classification.folds import fold_count, splits
from tasks.classification.pipelines import Parameters, fitted
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.classification.spreading import Spread
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


class Score(Protocol):
    """What a fit on one part of the images scores another part with."""

    def score(self, table_NM: Float64Array, /) -> Float64Array:
        """Give one score per row, high for abnormal."""
        ...


class Fit(Protocol):
    """Fits a candidate of one member on a training part; picklable where a cluster runs it."""

    @property
    def member(self) -> ClassifierSettings:
        """Settings whose values stand where a candidate names no other."""
        ...

    def __call__(self, examples: Examples, parameters: Parameters, /) -> Score:
        """Fit on all given images."""
        ...


@dataclass(frozen=True)
class SearchProgress:
    """Figures of the first candidates, worth storing: a few kilobytes of JSON.

    `identity` is the digest of member, candidates, folds, seed, criterion and data: progress of another
    search is refused. The code's version is the caller's to compare.
    """

    identity: str
    figures: tuple[float, ...] = ()

    def to_json(self) -> str:
        """Write as JSON; figures read back to the same bits."""
        return json.dumps({"identity": self.identity, "figures": self.figures})

    @classmethod
    def from_json(cls, content: str) -> SearchProgress:
        """Read `to_json`'s text; InputError for any other."""
        try:
            facts = json.loads(content)
            return cls(str(facts["identity"]), tuple(float(one) for one in facts["figures"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"This is no stored search: {error!r}.", "Delete it; the search starts anew."
            ) from error


def candidates(member: ClassifierSettings, draws: int, seed: int) -> tuple[Parameters, ...]:
    """Draw `draws` parameter sets from the member's search space; none if it has no space.

    The first k of n draws are the k draws of the same seed.
    """
    space = classifier_of(member).search_space()
    if draws == 0 or not space:
        return ()
    return tuple(
        {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in one.items()
        }
        for one in ParameterSampler(space, draws, random_state=seed)
    )


def evaluate(
    fit: Fit,
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
    parameters: Parameters,
) -> float:
    """Give the mean figure of one candidate over stratified (group) folds, larger is better.

    The figure is `settings.search_criterion` of each held-out fold. Folds are `settings.folds`, or
    as many as the rarer class can fill.
    """
    folds = fold_count(examples, settings.folds, exact=False)
    figures = [
        figure_of(
            fit(examples.part(training), parameters).score(examples.table[testing]),
            examples.labels[testing],
            settings.search_criterion,
        )
        for training, testing in splits(examples, folds, seed)
    ]
    return float(np.mean(figures))


def best(drawn: Sequence[Parameters], figures: Sequence[float]) -> Parameters:
    """Give the candidate with the largest figure; of equals the first. Empty if none was drawn."""
    if len(drawn) != len(figures):
        raise InputError(
            f"{len(figures)} of {len(drawn)} candidates have a figure.", "Finish the search."
        )
    return drawn[int(np.argmax(figures))] if drawn else {}


def search_steps(
    fit: Fit,
    drawn: Sequence[Parameters],
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
    spread: Spread = map,
    stored: SearchProgress | None = None,
    chunk: int = 16,
) -> Iterator[SearchProgress]:
    """Evaluate candidates chunk by chunk, yielding the progress after each; the last is complete.

    `stored` progress is taken up where it ended. InputError if it belongs to another search.
    """
    identity = _identity(fit, drawn, settings, examples, seed)
    progress = stored or SearchProgress(identity)
    if progress.identity != identity or len(progress.figures) > len(drawn):
        raise InputError(
            "The stored search is of other images, settings or candidates.",
            "Delete it; the search starts anew.",
        )
    yield progress
    judge = partial(evaluate, fit, settings, examples, seed)
    for start in range(len(progress.figures), len(drawn), chunk):
        found = spread(judge, drawn[start : start + chunk])
        progress = SearchProgress(progress.identity, (*progress.figures, *found))
        yield progress


def search(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
    spread: Spread = map,
) -> Parameters:
    """Search a member's parameters with everything, dropping and scaling too, inside the folds."""
    drawn = candidates(member, settings.draws, seed)
    *_, last = search_steps(
        MemberFit(member, settings, seed), drawn, settings, examples, seed, spread
    )
    return best(drawn, last.figures)


@dataclass(frozen=True)
class MemberFit:
    """The honest fit: metric dropping, scaling and SMOTE see the training part only."""

    member: ClassifierSettings
    settings: ClassificationSettings
    seed: int

    def __call__(self, examples: Examples, parameters: Parameters, /) -> Score:
        """Fit one candidate on a training part."""
        return fitted(self.member, self.settings, examples, parameters, self.seed)


def _identity(
    fit: Fit,
    drawn: Sequence[Parameters],
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
) -> str:
    facts = {
        "fit": type(fit).__name__,
        "member": fit.member.model_dump(mode="json"),
        "candidates": drawn,
        "settings": settings.model_dump(mode="json", exclude={"members", "criterion", "draws"}),
        "seed": seed,
        "groups": None if examples.groups is None else [str(one) for one in examples.groups],
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(examples.table).tobytes())
    digest.update(np.ascontiguousarray(examples.labels).tobytes())
    return digest.hexdigest()
