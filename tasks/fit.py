"""Verb: fit the composite score; the scores come from folds that did not see the image."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.classification.choosing import choose
from tasks.classification.persistence import save_composite_score
from tasks.classification.pipelines import Parameters, fitted
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.jobs import Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.trials import Draws, OutOfFold, Sample, answered, ask, scores_of, searched
from tasks.workers import Workers


@task(name="fit", **RETRYING)
def fit(
    stores: Stores,
    measuring: Measuring,
    classification: ClassificationSettings,
    development: Labelled,
    workers: Workers,
) -> Receipt:
    """Commit the chosen classifier, and the out-of-fold scores of every member.

    Searches and folds run on the workers; each is stored, so that a killed fit goes on where it stood.
    Images without an answer are left out of the fit and score `inf`: they are flagged, and count.
    Images of one group (panel, lot, serial, near-duplicates) stay in one fold.
    """
    key = fingerprint(
        {
            "features": measuring.features_fingerprint,
            "development": {
                "ids": development.image_ids,
                "labels": development.labels,
                "groups": development.groups,
            },
            "classification": classification.model_dump(mode="json"),
            "code": code_digest("tasks.classification"),
        }
    )
    if committed := stores.registry.find("classifiers", key):
        return committed
    sample = Sample(measuring.line, measuring.features_fingerprint, development)
    found = searched(stores, sample, classification, Draws, workers, "search")
    sheets = _out_of_fold(stores, sample, classification, found, workers)
    chosen = choose(
        {kind: sheet.scores_N for kind, sheet in sheets.items()},
        development.labels_N,
        classification.criterion,
    ).kind
    member, parameters = next(
        one for one in zip(classification.members, found, strict=True) if one[0].kind == chosen
    )
    files = {f"out-of-fold/{kind}.json": sheet.to_json() for kind, sheet in sheets.items()}
    files |= _final_fit(stores, sample, classification, member, parameters)
    inputs = {"features": measuring.features_fingerprint}
    return stores.registry.put("classifiers", key, files, inputs=inputs, facts={"chosen": chosen})


def _out_of_fold(
    stores: Stores,
    sample: Sample,
    classification: ClassificationSettings,
    found: Sequence[Parameters],
    workers: Workers,
) -> dict[str, ScoreSheet]:
    questions = [
        OutOfFold(member, tuple(sorted(parameters.items())))
        for member, parameters in zip(classification.members, found, strict=True)
    ]
    answers = ask(stores, sample, classification, questions, workers, "fit")
    known_N = answered(sample.table(stores))
    sheets: dict[str, ScoreSheet] = {}
    for question, answer in zip(questions, answers, strict=True):
        scores_N = np.full(known_N.size, math.inf)
        scores_N[known_N] = scores_of(answer)
        sheets[question.member.kind] = ScoreSheet(sample.images, tuple(scores_N.tolist()))
    return sheets


def _final_fit(
    stores: Stores,
    sample: Sample,
    classification: ClassificationSettings,
    member: ClassifierSettings,
    parameters: Parameters,
) -> dict[str, bytes]:
    report_progress("final fit", 0, 1, member.kind)
    score = fitted(member, classification, sample.examples(stores), parameters, classification.seed)
    report_progress("final fit", 1, 1, member.kind)
    with TemporaryDirectory() as folder:
        save_composite_score(score, Path(folder))
        files = {f"score/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}
    files["influence.json"] = json.dumps(score.influence()).encode()
    return files
