"""Verb: fit the composite score; the scores come from folds that did not see the image."""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from prefect import task

from storage.features import FeatureTable
from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.classification.choosing import choose
from tasks.classification.persistence import save_composite_score
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.classification.training import fit_classifier, out_of_fold_scores
from tasks.jobs import Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.vocabulary.arrays import BoolArray


@task(name="fit", **RETRYING)
def fit(
    stores: Stores,
    measuring: Measuring,
    classification: ClassificationSettings,
    development: Labelled,
) -> Receipt:
    """Commit the chosen classifier, and the out-of-fold scores of every member.

    Images without an answer are left out of the fit and score `inf`: they are flagged, and count.
    """
    key = fingerprint(
        {
            "features": measuring.features_fingerprint,
            "development": {"ids": development.image_ids, "labels": development.labels},
            "classification": classification.model_dump(mode="json"),
            "code": code_digest("tasks.classification"),
        }
    )
    if committed := stores.registry.find("classifiers", key):
        return committed
    table = stores.features(measuring.line, measuring.features_fingerprint).table(
        development.image_ids
    )
    sheets = _out_of_fold(table, classification, development)
    chosen = choose(
        {kind: sheet.scores_N for kind, sheet in sheets.items()},
        development.labels_N,
        classification.criterion,
    ).kind
    member = next(one for one in classification.members if one.kind == chosen)
    files = {f"out-of-fold/{kind}.json": sheet.to_json() for kind, sheet in sheets.items()}
    files |= _final_fit(member, table, classification, development)
    return stores.registry.put("classifiers", key, files, facts={"chosen": chosen})


def _out_of_fold(
    table: FeatureTable, classification: ClassificationSettings, development: Labelled
) -> dict[str, ScoreSheet]:
    answered_N = answered(table)
    sheets: dict[str, ScoreSheet] = {}
    for done, member in enumerate(classification.members):
        report_progress("fit", done, len(classification.members) + 1, member.kind)
        scores_N = np.full(len(development.image_ids), math.inf)
        scores_N[answered_N] = out_of_fold_scores(
            member,
            classification,
            table.values_NM[answered_N],
            development.labels_N[answered_N],
        )
        sheets[member.kind] = ScoreSheet(development, tuple(scores_N.tolist()))
    return sheets


def _final_fit(
    member: ClassifierSettings,
    table: FeatureTable,
    classification: ClassificationSettings,
    development: Labelled,
) -> dict[str, bytes]:
    answered_N = answered(table)
    members = len(classification.members)
    report_progress("fit", members, members + 1, f"{member.kind}, final")
    score = fit_classifier(
        member,
        classification,
        table.values_NM[answered_N],
        development.labels_N[answered_N],
        table.columns,
    )
    report_progress("fit", members + 1, members + 1, member.kind)
    with TemporaryDirectory() as folder:
        save_composite_score(score, Path(folder))
        files = {f"score/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}
    files["influence.json"] = json.dumps(score.influence()).encode()
    return files


def answered(table: FeatureTable) -> BoolArray:
    """`bool [N]`: which images have a row of metrics."""
    return np.asarray([status == "ok" for status in table.statuses], dtype=np.bool_)
