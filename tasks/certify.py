"""Verbs: set the ZFN threshold, and hold it against images that nothing was fitted on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.bundles import read_bundle
from tasks.certification.certificates import certificate
from tasks.certification.figures import STANDARD_THRESHOLD, auroc, figures_at
from tasks.certification.settings import CertificationSettings
from tasks.certification.thresholds import price_ladder, zfn_threshold
from tasks.classification.persistence import load_composite_score
from tasks.jobs import Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.vocabulary.arrays import Float64Array


@task(name="calibrate", **RETRYING)
def calibrate(stores: Stores, classifier: Receipt, certification: CertificationSettings) -> Receipt:
    """Commit the threshold: the lowest out-of-fold score of any abnormal development image.

    Raises `NoSafeThresholdError` where there is no such cut; it never falls back to letting all pass.
    """
    key = fingerprint(
        {
            "classifier": classifier.key,
            "certification": certification.model_dump(mode="json"),
            "code": code_digest("tasks.certification"),
        }
    )
    if committed := stores.registry.find("thresholds", key):
        return committed
    sheet = out_of_fold_sheet(stores, classifier, str(classifier.facts["chosen"]))
    normal, abnormal = sheet.of_label("normal"), sheet.of_label("abnormal")
    threshold = zfn_threshold(abnormal)
    ladder = price_ladder(
        normal, abnormal, certification.escape_fractions, certification.confidence
    )
    labels_N = sheet.images.labels_N
    content = {
        "threshold": threshold,
        "set_by": _abnormal_at(sheet, threshold),
        "auroc": auroc(sheet.scores_N, labels_N),
        "standard": asdict(figures_at(sheet.scores_N, labels_N, STANDARD_THRESHOLD)),
        "zfn": asdict(figures_at(sheet.scores_N, labels_N, threshold)),
        "ladder": [asdict(step) for step in ladder],
    }
    files = {"threshold.json": json.dumps(content, indent=1).encode()}
    return stores.registry.put("thresholds", key, files, facts={"threshold": threshold})


@task(name="certify", **RETRYING)
def certify(
    stores: Stores,
    measuring: Measuring,
    bundle: Receipt,
    held_out: Labelled,
    undecided_ids: Sequence[str],
    certification: CertificationSettings,
) -> Receipt:
    """Commit the certificate of a frozen bundle on the certification role, and the undecided scores."""
    key = fingerprint(
        {
            "bundle": bundle.key,
            "held_out": {"ids": held_out.image_ids, "labels": held_out.labels},
            "undecided": list(undecided_ids),
            "certification": certification.model_dump(mode="json"),
            "code": code_digest("tasks.certification"),
        }
    )
    if committed := stores.registry.find("certificates", key):
        return committed
    report_progress("certify", 0, 1)
    parts = read_bundle(stores, bundle.key)
    scores_N = score_images(stores, measuring, parts.classifier, held_out.image_ids)
    undecided_N = score_images(stores, measuring, parts.classifier, undecided_ids)
    sheet = ScoreSheet(held_out, tuple(scores_N.tolist()))
    found = certificate(
        sheet.of_label("normal"),
        sheet.of_label("abnormal"),
        parts.threshold,
        certification.confidence,
    )
    undecided = ScoreSheet(
        Labelled(tuple(undecided_ids), (-1,) * len(undecided_ids)), tuple(undecided_N.tolist())
    )
    report_progress("certify", 1, 1)
    files = {
        "certificate.json": json.dumps(asdict(found) | {"sentence": found.sentence()}).encode(),
        "scores.json": sheet.to_json(),
        "undecided.json": undecided.to_json(),
    }
    return stores.registry.put("certificates", key, files, facts={"escapes": found.escapes})


def _abnormal_at(sheet: ScoreSheet, threshold: float) -> str:
    rows = zip(sheet.images.image_ids, sheet.images.labels, sheet.scores, strict=True)
    return next(name for name, label, score in rows if label == 1 and score == threshold)


def score_images(
    stores: Stores, measuring: Measuring, classifier_key: str, image_ids: Sequence[str]
) -> Float64Array:
    """`[N]` composite scores of measured images; `inf` where a row has no answer."""
    if not image_ids:
        return np.empty(0)  # a line without undecided images has no row to name the columns
    score = load_composite_score(stores.registry.open("classifiers", classifier_key) / "score")
    table = stores.features(measuring.line, measuring.features_fingerprint).table(image_ids)
    return score.score(table.values_NM)


def out_of_fold_sheet(stores: Stores, classifier: Receipt, kind: str) -> ScoreSheet:
    """Out-of-fold scores of one member of the classification union on the development role."""
    folder = stores.registry.open("classifiers", classifier.key) / "out-of-fold"
    return ScoreSheet.from_json((folder / f"{kind}.json").read_bytes())
