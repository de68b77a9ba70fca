"""An escape certificate for the scores of any tool: read, recognised, looked at once, said."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.stores import Stores
from tasks.attestation.reading import read_scores
from tasks.attestation.recognition import Recognition, answer_digest, recognition
from tasks.attestation.scores import Columns, ScoredSet
from tasks.certification.attestation import (
    Attestation,
    FixedThreshold,
    LowestDefect,
    Rule,
    WantedEscapeRate,
    attest,
)
from tasks.certification.bounds import escapes_per_million
from tasks.certification.claims import Circumstances
from tasks.certification.costs import operator_time
from tasks.certification.figures import auroc
from tasks.certification.units import CaughtBy, Units, defective_units, good_units
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError


@dataclass(frozen=True)
class CertifyRequest:
    """What is asked of which file; shares in [0, 1], `review_seconds` per flagged board."""

    scores: Path
    columns: Columns
    threshold: float | None = None
    escape_rate: float | None = None
    confidence: float = 0.95
    caught_by: CaughtBy = "every-image"
    lower_is_worse: bool = False
    delimiter: str = ","
    set_name: str | None = None
    store: Path | str = Path("build/store")
    prevalence: float | None = None
    flag_rate_today: float | None = None
    review_seconds: float | None = None

    @property
    def sign(self) -> float:
        """Turns the tool's scores to 'higher is worse', and a threshold back."""
        return -1.0 if self.lower_is_worse else 1.0

    def rule(self) -> Rule:
        """The way to the threshold; InputError where two are given, or one that is no number."""
        if self.threshold is None:
            given = self.escape_rate
            return LowestDefect() if given is None else WantedEscapeRate(given)
        if self.escape_rate is not None:
            raise InputError(
                "Both a threshold and an escape rate are given.",
                "Give --threshold for fresh boards, or --escape-rate to set one on these.",
            )
        if not np.isfinite(self.threshold):
            raise InputError(f"The threshold is {self.threshold}.", "Give a finite number.")
        return FixedThreshold(self.sign * self.threshold)


@dataclass(frozen=True, eq=False)
class Certified:
    """One certificate before it is put into words: the request, the data, the answer.

    `scores_N` and all units are oriented so that higher is worse; `made_at` in ISO 8601.
    """

    request: CertifyRequest
    scored: ScoredSet
    scores_N: Float64Array
    auroc: float
    normal: Units
    abnormal: Units
    recognised: Recognition
    circumstances: Circumstances
    attestation: Attestation
    number: str
    made_at: str

    def deciding_rows(self, *, abnormal: bool) -> Int64Array:
        """`[U]` rows of the file that decide the units of one class."""
        rows_N = np.flatnonzero(self.scored.abnormal_N == abnormal)
        found: Int64Array = rows_N[(self.abnormal if abnormal else self.normal).rows_U]
        return found


def _circumstances(
    request: CertifyRequest, scores_N: Float64Array, recognised: Recognition
) -> Circumstances:
    """How the set was made up."""
    finite_N = scores_N[np.isfinite(scores_N)]
    group = request.columns.group
    return Circumstances(
        n_images=scores_N.size,
        group=None if group is None else f"column {group!r}",
        caught_by=request.caught_by,
        recognised_by=recognised.by,
        is_weakly_recognised=recognised.is_weak,
        constant=bool(finite_N.size and finite_N.min() == finite_N.max()),
    )


def _check_costs(request: CertifyRequest) -> None:
    """Refuse what is no share before a look is counted."""
    given = (request.flag_rate_today is None, request.review_seconds is None)
    if given[0] != given[1]:
        raise InputError(
            "Operator time needs today's flag rate and the seconds of a review.",
            "Give both --flag-rate-today and --review-seconds.",
        )
    escapes_per_million(request.prevalence or 0.0, 1.0)
    if request.flag_rate_today is not None and request.review_seconds is not None:
        operator_time(0.0, 0.0, request.flag_rate_today, request.review_seconds)


def certified(request: CertifyRequest, made_at: str) -> Certified:
    """Certify one file, and count the look at its set before anybody sees the answer.

    A refusal (wrong input, too few defects for the escape rate) is no look: it gives no figure.
    """
    rule = request.rule()
    _check_costs(request)
    scored = read_scores(request.scores, request.columns, request.delimiter)
    _check_classes(scored)
    scores_N = request.sign * scored.scores_N
    found = _checked_auroc(request, scores_N, scored)
    normal, abnormal = _units(request, scores_N, scored)
    recognised = recognition(scored, request.set_name)
    question = f"{rule!r} {request.confidence if isinstance(rule, WantedEscapeRate) else ''}"
    answer = answer_digest(normal.scores_U, abnormal.scores_U, question)
    number = hashlib.sha256(f"{scored.sha256} {answer}".encode()).hexdigest()[:12]
    stores = Stores(request.store)
    with stores.exclusive("looks"):
        ledger = stores.looks()
        looks = ledger.count_with(recognised.keys, answer)
        attestation = attest(normal.scores_U, abnormal.scores_U, rule, request.confidence, looks)
        facts = {"certificate": number, "file": request.scores.name, "at": made_at}
        ledger.record(recognised.keys, answer, facts | {"question": question.strip()})
    return Certified(
        request=request,
        scored=scored,
        scores_N=scores_N,
        auroc=found,
        normal=normal,
        abnormal=abnormal,
        recognised=recognised,
        circumstances=_circumstances(request, scores_N, recognised),
        attestation=attestation,
        number=number,
        made_at=made_at,
    )


def _check_classes(scored: ScoredSet) -> None:
    """Refuse a set of one class before a look is counted."""
    if not scored.abnormal_N.any():
        raise NoSafeThresholdError(
            "There is no defect among the labels, so nothing can be claimed about escapes.",
            "Add scores of defective boards.",
        )
    if scored.abnormal_N.all():
        raise InputError(
            "There is no good board among the labels, so false calls are unknown.",
            "Add scores of good boards.",
        )


def _checked_auroc(request: CertifyRequest, scores_N: Float64Array, scored: ScoredSet) -> float:
    """AUROC over images; InputError, which keeps the figure to itself, where scores run the other way."""
    found = auroc(scores_N, scored.abnormal_N.astype(np.int64))
    if found < 0.5:
        raise InputError(
            f"The scores of {request.columns.score!r} run the other way: more often than not a good "
            "board scores worse than a defective one.",
            "Leave out --lower-is-worse, or correct the labels."
            if request.lower_is_worse
            else "If low scores mean worse, give --lower-is-worse; else correct the labels.",
        )
    return found


def _units(
    request: CertifyRequest, scores_N: Float64Array, scored: ScoredSet
) -> tuple[Units, Units]:
    good_N, groups_N = ~scored.abnormal_N, scored.groups_N
    groups_of_good = None if groups_N is None else groups_N[good_N]
    groups_of_bad = None if groups_N is None else groups_N[~good_N]
    return (
        good_units(scores_N[good_N], groups_of_good),
        defective_units(scores_N[~good_N], groups_of_bad, request.caught_by),
    )
