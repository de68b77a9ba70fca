"""Verbs: set the ZFN threshold, and hold it against images that nothing was fitted on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Json, Receipt
from storage.stores import Stores
from tasks.attestation.recognition import answer_digest, keys_of
from tasks.bundles import out_of_fold_sheet, read_bundle
from tasks.certification.attestation import Attestation, FixedThreshold, attest
from tasks.certification.calibration import calibrated
from tasks.certification.figures import STANDARD_THRESHOLD, auroc, figures_at
from tasks.certification.recalls import recalls
from tasks.certification.settings import CertificationSettings
from tasks.certification.thresholds import price_ladder, zfn_threshold
from tasks.jobs import Bundle, Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.scoring import score_images
from tasks.standing import certified_images

_UNNAMED = "family not given"
_SCORED = ("scores.json", "undecided.json", "look.json")


@task(name="calibrate", **RETRYING)
def calibrate(stores: Stores, classifier: Receipt, certification: CertificationSettings) -> Receipt:
    """Commit the threshold: the lowest out-of-fold score of any abnormal development image.

    With a wanted escape rate it is the highest such score that keeps the rate at the confidence asked
    for, by order statistic over independent units; `set_by` names the images up to that rank. That
    is a target, no guarantee: these scores served the search and the choice of the classifier too.
    What may be claimed is what `certify` finds on the certification role.
    Raises `NoSafeThresholdError` where there is no such cut, with the number of defects that are
    missing; it never falls back to letting all pass.
    """
    key = fingerprint(
        {
            "classifier": classifier.key,
            "certification": _claim(certification),
            "code": code_digest("tasks.certification"),
        }
    )
    if committed := stores.registry.find("thresholds", key):
        return committed
    sheet = out_of_fold_sheet(stores, classifier, str(classifier.facts["chosen"]))
    content = _calibration(sheet, certification)
    files = {"threshold.json": json.dumps(content, indent=1).encode()}
    facts = {name: content[name] for name in ("threshold", "rank", "set_by")}
    inputs = {"classifier": classifier.key}
    return stores.registry.put("thresholds", key, files, inputs=inputs, facts=facts)


def _calibration(sheet: ScoreSheet, certification: CertificationSettings) -> dict[str, Any]:
    normal, abnormal = sheet.units()
    found = calibrated(abnormal, certification.escape_rate, certification.confidence)
    ladder = price_ladder(
        normal.scores_U,
        abnormal.scores_U,
        certification.escape_fractions,
        certification.confidence,
    )
    labels_N = sheet.images.labels_N
    defects = [
        name
        for name, label in zip(sheet.images.image_ids, sheet.images.labels, strict=True)
        if label == 1
    ]
    cuts = {
        "standard": STANDARD_THRESHOLD,
        "zfn": zfn_threshold(abnormal.scores_U),
        "in_use": found.threshold,
    }
    return {
        "threshold": found.threshold,
        "rank": found.rank,
        "set_by": [defects[row] for row in found.rows_K],
        "escape_rate": certification.escape_rate,
        "confidence": certification.confidence,
        "auroc": auroc(sheet.scores_N, labels_N),
        **{name: asdict(figures_at(sheet.scores_N, labels_N, cut)) for name, cut in cuts.items()},
        "ladder": [asdict(step) for step in ladder],
    }


@task(name="certify", **RETRYING)
def certify(
    stores: Stores,
    measuring: Measuring,
    bundle: Receipt,
    held_out: Labelled,
    undecided_ids: Sequence[str],
    certification: CertificationSettings,
    families: Sequence[str] = (),
    warnings: Sequence[str] = (),
    labels_changed: int = 0,
) -> Receipt:
    """Commit the certificate of a frozen bundle on the certification role, and the undecided scores.

    Images that came since the last certificate of this bundle may wait for the next (`tasks.standing`).
    Every answer of the role is a look, kept in the ledger before anybody sees it, and tightens the
    confidence of them all; the same bundle asked again is the same look. `families` are the kinds of
    defect of the held-out images, `warnings` what a reader must be told, `labels_changed` how many
    labels were changed after scores were seen.
    """
    question, parts = _question(bundle, certification), read_bundle(stores, bundle.key)
    family_of = dict(zip(held_out.image_ids, families, strict=True)) if families else {}
    held_out = certified_images(stores, question, measuring, parts, held_out, certification.renewal)
    families = [family_of.get(image_id, "") for image_id in held_out.image_ids]
    told = {"warnings": list(warnings), "labels_changed": labels_changed}
    asked = _asked(question, held_out, undecided_ids, families)
    files = _earlier(stores, asked) or _scored(stores, measuring, parts, held_out, undecided_ids)
    facts: dict[str, Json] = {"asked": asked, "question": question}
    facts |= {"bundle": bundle.key, "line": parts.line}
    with stores.exclusive("looks"):
        # A certificate of the first look must not be served at the third, nor the other way round.
        looks = _looked(stores, files, facts)
        key = fingerprint({"asked": asked, "looks": looks} | told)
        if committed := stores.registry.find("certificates", key):
            return committed
        sheet = ScoreSheet.from_json(files["scores.json"])
        found = attested(sheet, parts.threshold, certification.confidence, looks)
        content = certificate_facts(found, sheet, families) | told
        files["certificate.json"] = json.dumps(content, indent=1, allow_nan=False).encode()
        files["families.json"] = json.dumps(list(families)).encode()
        facts |= {"looks": looks, "escapes": found.certificate.escapes, "at": _now()}
        return stores.registry.put("certificates", key, files, facts=facts)


def _claim(certification: CertificationSettings) -> dict[str, Json]:
    """What is claimed and how surely, whenever that is renewed."""
    return certification.model_dump(mode="json", exclude={"renewal"})


def _question(bundle: Receipt, certification: CertificationSettings) -> str:
    """Names what is asked of a bundle, whatever the images."""
    return fingerprint(
        {
            "bundle": bundle.key,
            "certification": _claim(certification),
            "code": code_digest("tasks.certification", "tasks.attestation"),
        }
    )


def _asked(
    question: str, held_out: Labelled, undecided_ids: Sequence[str], families: Sequence[str]
) -> str:
    """Names the question about these images, whatever number of looks it finds."""
    return fingerprint(
        {
            "question": question,
            "held_out": asdict(held_out),
            "undecided": list(undecided_ids),
            "families": list(families),
        }
    )


def attested(sheet: ScoreSheet, threshold: float, confidence: float, looks: int) -> Attestation:
    """What so many looks at a held-out sheet allow to say about a threshold fixed beforehand."""
    normal, abnormal = sheet.units()
    rule = FixedThreshold(threshold)
    return attest(normal.scores_U, abnormal.scores_U, rule, confidence, looks)


def _looked(stores: Stores, files: Mapping[str, bytes], facts: Mapping[str, Json]) -> int:
    """Keep this look before anybody sees the answer; a killed run that comes again finds its own."""
    look = json.loads(files["look.json"])
    said = {"line": facts["line"], "bundle": facts["bundle"], "at": _now()}
    return stores.looks().record(look["keys"], look["answer"], said)


def _earlier(stores: Stores, asked: str) -> dict[str, bytes] | None:
    """Scores of the same question at an earlier look: another machine may round the last digit."""
    for receipt in stores.registry.receipts("certificates"):
        if receipt.facts.get("asked") == asked:
            folder = stores.registry.open("certificates", receipt.key)
            return {name: (folder / name).read_bytes() for name in _SCORED}
    return None


def certificate_facts(
    found: Attestation, sheet: ScoreSheet, families: Sequence[str]
) -> dict[str, Any]:
    """What `certificate.json` says: all counts and bounds, each held to `confidence_each`."""
    held = found.certificate
    grouped = sheet.images.groups is not None
    return asdict(held) | {
        "sentence": found.sentence("defective parts" if grouped else "defects"),
        "confidence_each": found.confidence_each,
        "escape_upper_95": found.escape_upper_95,
        "false_call_interval": [held.false_call_low, held.false_call_high],
        "ladder": [asdict(step) for step in found.ladder],
        "families": _recalls(found, sheet, families),
        "n_images": len(sheet.images.image_ids),
        "data_sha256": hashlib.sha256(sheet.to_json()).hexdigest(),
    }


def _recalls(
    found: Attestation, sheet: ScoreSheet, families: Sequence[str]
) -> list[dict[str, Any]]:
    """Recall of each kind of defect with its bound, worst bound first; none where no kind is named."""
    if not any(families):
        return []
    labels = sheet.images.labels
    own = [name or _UNNAMED for name, label in zip(families, labels, strict=True) if label == 1]
    names, strata_N = np.unique(own, return_inverse=True)
    rows = recalls(
        names.tolist(),
        strata_N,
        sheet.units()[1],
        found.certificate.threshold,
        found.rank,
        found.confidence_each,
    )
    return [asdict(one) for one in sorted(rows, key=lambda one: (one.recall_lower, one.name))]


def _scored(
    stores: Stores,
    measuring: Measuring,
    parts: Bundle,
    held_out: Labelled,
    undecided_ids: Sequence[str],
) -> dict[str, bytes]:
    """Both score sheets of a bundle, and by what the look at them is recognised.

    The answer is named by scores and threshold: another bundle that says the same says nothing new.
    """
    report_progress("certify", 0, 1)
    undecided = Labelled(tuple(undecided_ids), (-1,) * len(undecided_ids))
    made_by = measuring.line, measuring.features_fingerprint, parts.classifier
    held, beside = (
        ScoreSheet(images, tuple(score_images(stores, *made_by, images.image_ids)))
        for images in (held_out, undecided)
    )
    normal, abnormal = held.units()
    # Worded as `zeroescape certify --threshold` words it: the same question to the same scores.
    question = f"{FixedThreshold(parts.threshold)!r} "
    answer = answer_digest(normal.scores_U, abnormal.scores_U, question)
    look = {"keys": keys_of(held_out.image_ids), "answer": answer}
    report_progress("certify", 1, 1)
    files = held.to_json(), beside.to_json(), json.dumps(look).encode()
    return dict(zip(_SCORED, files, strict=True))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
