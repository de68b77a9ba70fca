"""Verbs: judge classifiers by the paper's protocol and by the honest one, on the development role."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.certification.bounds import escape_upper_bound, exact_interval
from tasks.certification.figures import auroc
from tasks.classification.examples import Examples
from tasks.classification.honest_figures import CHOSEN, HonestRow, HonestStep, honest_report
from tasks.classification.honest_protocol import outer_jobs
from tasks.classification.operating import OperatingPoint
from tasks.classification.paper_protocol import PaperRow, paper_row, paper_winner
from tasks.classification.pipelines import Parameters
from tasks.classification.settings import ClassificationSettings, Criterion, ProtocolSettings
from tasks.jobs import Measuring
from tasks.retrying import RETRYING
from tasks.score_sheet import Labelled
from tasks.trials import (
    OuterFold,
    PublishedDraws,
    PublishedLeftOut,
    Sample,
    ask,
    read_fold,
    scores_of,
    searched,
)
from tasks.vocabulary.arrays import Float64Array
from tasks.workers import Workers

# A killed run loses at most this many left-out images per worker.
_IMAGES_AT_ONCE = 24
_CONFIDENCE = 0.95
_CRITERIA: tuple[Criterion, ...] = get_args(Criterion)


@task(name="evaluate as published", **RETRYING)
def evaluate_as_published(
    stores: Stores,
    measuring: Measuring,
    classification: ClassificationSettings,
    development: Labelled,
    workers: Workers,
) -> Receipt:
    """Commit Table 1 of the paper for all members: optimistic, because every image shaped its fit.

    Images without an answer are flagged. Groups are ignored, as in the paper.
    """
    sample = Sample(measuring.line, measuring.features_fingerprint, development)
    key = _key("published", sample, classification, None)
    if committed := stores.registry.find("evaluations", key):
        return committed
    found = searched(stores, sample, classification, PublishedDraws, workers, "published search")
    examples = sample.examples(stores)
    scored = _left_out(stores, sample, classification, found, len(examples.labels), workers)
    rows = [
        paper_row(member.kind, parameters, scores_N, examples.labels)
        for member, parameters, scores_N in zip(classification.members, found, scored, strict=True)
    ]
    flagged = _unanswered(development, examples)
    content = {
        "draws": classification.draws,
        **_counts(development, flagged),
        "rows": [
            _published(row, scores_N, examples, flagged)
            for row, scores_N in zip(rows, scored, strict=True)
        ],
        "winner": paper_winner(rows).kind,
    }
    return _committed(stores, key, content)


@task(name="evaluate honestly", **RETRYING)
def evaluate_honestly(
    stores: Stores,
    measuring: Measuring,
    classification: ClassificationSettings,
    protocol: ProtocolSettings,
    development: Labelled,
    workers: Workers,
) -> Receipt:
    """Commit the figures of outer folds in which everything, search and choice too, was done anew.

    Images without an answer are flagged. Raises `InputError` where a class cannot fill the folds.
    """
    sample = Sample(measuring.line, measuring.features_fingerprint, development)
    key = _key("honest", sample, classification, protocol)
    if committed := stores.registry.find("evaluations", key):
        return committed
    examples = sample.examples(stores)
    questions = _outer(protocol, classification, examples)
    answers = ask(stores, sample, classification, questions, workers, "honest folds")
    trials = [read_fold(answer) for answer in answers]
    fractions, labels_N = protocol.escape_fractions, examples.labels
    found = honest_report(trials, labels_N, classification.criterion, fractions)
    flagged = _unanswered(development, examples)
    content = {
        "draws": classification.draws,
        "folds": protocol.folds,
        "repeats": protocol.repeats,
        "criterion": classification.criterion,
        **_counts(development, flagged),
        "rows": [_honest(row, flagged) for row in found.rows],
        "choices": found.choices,
        # The trials are the same whatever chooses among them.
        "chosen_by": {
            criterion: [
                _honest(row, flagged)
                for row in honest_report(trials, labels_N, criterion, fractions).of(CHOSEN)
            ]
            for criterion in _CRITERIA
        },
    }
    return _committed(stores, key, content)


@task(name="evaluate with groups torn", **RETRYING)
def evaluate_leak(
    stores: Stores,
    measuring: Measuring,
    classification: ClassificationSettings,
    protocol: ProtocolSettings,
    development: Labelled,
    workers: Workers,
) -> Receipt:
    """Commit each member's AUROC in outer folds that keep groups whole, and in folds that tear them.

    Images of a group resemble each other, so folds that tear it flatter. One repeat, without search.
    """
    plain = classification.model_copy(update={"draws": 0})
    samples = [
        Sample(measuring.line, measuring.features_fingerprint, images)
        for images in (development, replace(development, groups=None))
    ]
    key = _key("leak", samples[0], plain, protocol)
    if committed := stores.registry.find("evaluations", key):
        return committed
    aurocs = [_auroc_by_kind(stores, sample, plain, protocol, workers) for sample in samples]
    rows = [
        {"kind": member.kind, "whole": aurocs[0][member.kind], "torn": aurocs[1][member.kind]}
        for member in plain.members
    ]
    return _committed(stores, key, {"rows": rows})


def _auroc_by_kind(
    stores: Stores,
    sample: Sample,
    plain: ClassificationSettings,
    protocol: ProtocolSettings,
    workers: Workers,
) -> dict[str, float]:
    examples = sample.examples(stores)
    once = protocol.model_copy(update={"repeats": 1})
    trials = [
        read_fold(answer)
        for answer in ask(
            stores, sample, plain, _outer(once, plain, examples), workers, "groups torn"
        )
    ]
    found = honest_report(trials, examples.labels, plain.criterion)
    return {row.kind: row.auroc for row in found.rows}


def _outer(
    protocol: ProtocolSettings, classification: ClassificationSettings, examples: Examples
) -> list[OuterFold]:
    return [
        OuterFold(job.member, protocol.folds, protocol.seed, job.repeat, job.fold)
        for job in outer_jobs(protocol, classification, examples)
    ]


def read_evaluation(stores: Stores, evaluation: Receipt) -> dict[str, Any]:
    """What one of the verbs committed."""
    folder = stores.registry.open("evaluations", evaluation.key)
    content: dict[str, Any] = json.loads((folder / "evaluation.json").read_bytes())
    return content


def _key(
    protocol: str,
    sample: Sample,
    classification: ClassificationSettings,
    outer: ProtocolSettings | None,
) -> str:
    return fingerprint(
        {
            "protocol": protocol,
            "features": sample.features_fingerprint,
            "ids": sample.images.image_ids,
            "labels": sample.images.labels,
            "groups": sample.images.groups,
            "classification": classification.model_dump(mode="json"),
            "outer": outer.model_dump(mode="json") if outer else None,
            "code": code_digest("tasks.classification", "tasks.evaluate"),
        }
    )


def _committed(stores: Stores, key: str, content: dict[str, Any]) -> Receipt:
    files = {"evaluation.json": json.dumps(content, indent=1).encode()}
    return stores.registry.put("evaluations", key, files)


def _left_out(
    stores: Stores,
    sample: Sample,
    classification: ClassificationSettings,
    found: Sequence[Parameters],
    images: int,
    workers: Workers,
) -> list[Float64Array]:
    """Leave-one-out scores of the answered images, member by member."""
    questions = [
        PublishedLeftOut(member, tuple(sorted(parameters.items())), first, _IMAGES_AT_ONCE)
        for first in range(0, images, _IMAGES_AT_ONCE)
        for member, parameters in zip(classification.members, found, strict=True)
    ]
    answers = ask(stores, sample, classification, questions, workers, "leave one out")
    members = len(classification.members)
    return [
        np.concatenate([scores_of(one) for one in answers[at::members]]) for at in range(members)
    ]


def _unanswered(development: Labelled, examples: Examples) -> tuple[int, int]:
    """Normal and abnormal images without metrics."""
    normal, abnormal = (
        int(np.count_nonzero(development.labels_N == label))
        - int(np.count_nonzero(examples.labels == label))
        for label in (0, 1)
    )
    return normal, abnormal


def _counts(development: Labelled, flagged: tuple[int, int]) -> dict[str, Any]:
    groups = development.groups
    return {
        "n_normal": int(np.count_nonzero(development.labels_N == 0)),
        "n_abnormal": int(np.count_nonzero(development.labels_N == 1)),
        "n_groups": None if groups is None else len(set(groups)),
        "unanswered": {"normal": flagged[0], "abnormal": flagged[1]},
    }


def _published(
    row: PaperRow, scores_N: Float64Array, examples: Examples, flagged: tuple[int, int]
) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "parameters": dict(row.parameters),
        "auroc": auroc(scores_N, examples.labels),
        "standard": _point(row.standard.with_flagged(*flagged)),
        "zfn": _point(row.zfn.with_flagged(*flagged)),
    }


def _point(point: OperatingPoint) -> dict[str, Any]:
    caught = point.n_abnormal - point.escapes + point.false_calls
    return {
        "threshold": point.threshold,
        "accuracy": point.accuracy,
        "precision": point.precision if caught else None,
        "fpr": point.false_positive_rate,
        "fnr": point.false_negative_rate,
        "false_calls": point.false_calls,
        "escapes": point.escapes,
        "tied_normals": point.tied_normals,
    }


def _honest(row: HonestRow, flagged: tuple[int, int]) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "repeat": row.repeat,
        "auroc": row.auroc,
        "partial_auroc": row.partial_auroc,
        "ladder": [_step(step.with_flagged(*flagged)) for step in row.ladder],
        "hindsight": [_step(step.with_flagged(*flagged)) for step in row.hindsight],
    }


def _step(step: HonestStep) -> dict[str, Any]:
    return {
        "escape_fraction": step.escape_fraction,
        "false_calls": step.false_calls,
        "n_normal": step.n_normal,
        "false_call_rate": step.false_call_rate,
        "false_call_interval": exact_interval(step.false_calls, step.n_normal, _CONFIDENCE),
        "escapes": step.escapes,
        "n_abnormal": step.n_abnormal,
        "escape_upper_95": escape_upper_bound(step.escapes, step.n_abnormal, _CONFIDENCE),
        "tied_normals": step.tied_normals,
    }
