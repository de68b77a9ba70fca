"""The certificate of a line's own champion, as the stand-alone one says it: figures and one page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from flows.certificate_figures import machine_readable, page_content, sentence
from flows.certify import Certified, CertifyRequest
from flows.suspended import certificate_words
from storage.errors import NotFoundError
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.attestation.recognition import Recognition
from tasks.attestation.scores import Columns, ScoredSet
from tasks.bundles import champion_bundle, read_bundle
from tasks.certification.attestation import attest
from tasks.certification.claims import Circumstances
from tasks.certification.figures import auroc
from tasks.jobs import Bundle
from tasks.reporting.certificate_content import CertificateContent
from tasks.reporting.thumbnails import thumbnail_of
from tasks.score_sheet import ScoreSheet

_WORDS = {"normal": False, "abnormal": True}
_KNOWN_BY = "its images"
_LONE_IMAGES = (
    "Every image was counted as one independent board: the archive names no panel, lot or serial "
    "number that two of them share. Where they do share one, name it in the archive's manifest, or "
    "the limits are too good."
)


def champion_certificate(stores: Stores, line: str) -> tuple[dict[str, Any], CertificateContent]:
    """Figures and page of the champion's newest certificate; NotFoundError where there is none."""
    champion_bundle(stores, line)  # raises where nothing was promoted
    bundle = str(stores.registry.champion(line))
    made = [
        receipt
        for receipt in stores.registry.receipts("certificates")
        if receipt.facts.get("bundle") == bundle
    ]
    snapshot = stores.snapshots(line).latest()
    if not made or snapshot is None:
        raise NotFoundError(
            f"The champion of {line} has no certificate.",
            "Run `zeroescape retrain` with its configuration, which certifies it.",
        )
    newest = max(made, key=lambda receipt: (str(receipt.facts["at"]), receipt.key))
    return own_certificate(stores, snapshot, newest)


def own_certificate(
    stores: Stores, snapshot: Snapshot, certificate: Receipt
) -> tuple[dict[str, Any], CertificateContent]:
    """Figures and page of a certificate as it stands now: later looks at its set widen its limits.

    Reads and counts; looks at nothing anew.
    """
    folder = stores.registry.open("certificates", certificate.key)
    facts, look, families = (
        json.loads((folder / name).read_bytes())
        for name in ("certificate.json", "look.json", "families.json")
    )
    sheet = ScoreSheet.from_json((folder / "scores.json").read_bytes())
    normal, abnormal = sheet.units()
    looks = stores.looks().count_with(look["keys"], look["answer"])
    request = _request(stores, read_bundle(stores, str(certificate.facts["bundle"])), sheet, facts)
    made = Certified(
        request=request,
        scored=_scored_set(sheet, _sources(snapshot), families),
        scores_N=sheet.scores_N,
        auroc=auroc(sheet.scores_N, sheet.images.labels_N),
        normal=normal,
        abnormal=abnormal,
        recognised=Recognition(tuple(look["keys"]), _KNOWN_BY, is_weak=False),
        circumstances=_circumstances(sheet, facts),
        attestation=attest(
            normal.scores_U, abnormal.scores_U, request.rule(), request.confidence, looks
        ),
        number=certificate.key[:12],
        made_at=str(certificate.facts["at"]),
    )
    figures = machine_readable(made) | _in_force(stores, snapshot.line, certificate, made)
    figures |= {
        "line": snapshot.line,
        "bundle": certificate.facts["bundle"],
        "labels_changed": facts["labels_changed"],
    }
    pictures = _pictures(stores, snapshot, sheet, figures)
    return figures, replace(page_content(made, figures), pictures=pictures)


def _in_force(stores: Stores, line: str, certificate: Receipt, made: Certified) -> dict[str, Any]:
    """Whether the claim holds today; where it is suspended, nobody quotes it without that."""
    held = stores.suspensions(line).suspended(str(certificate.facts["bundle"]))
    if held is None:
        return {"suspended": None}
    words = certificate_words(held)
    return {
        "suspended": asdict(held),
        "sentence": f"{words} What it said: {sentence(made)}",
    }


def _request(
    stores: Stores, bundle: Bundle, sheet: ScoreSheet, facts: Mapping[str, Any]
) -> CertifyRequest:
    """What a user of the stand-alone command would have asked."""
    classifier = stores.registry.find("classifiers", bundle.classifier)
    chosen = str(classifier.facts["chosen"]).replace("_", " ") if classifier else "unknown"
    grouped = sheet.images.groups is not None
    return CertifyRequest(
        scores=Path(f"certification images of {bundle.line}"),
        columns=Columns(
            score=f"composite score ({chosen})",
            label="label",
            group="panel, lot, serial number or near-duplicate" if grouped else None,
        ),
        threshold=bundle.threshold,
        confidence=facts["confidence"],
    )


def _scored_set(sheet: ScoreSheet, sources: Mapping[str, str], families: list[str]) -> ScoredSet:
    images = sheet.images
    abnormal_N = images.labels_N == 1
    counts = {word: int(np.count_nonzero(abnormal_N == bad)) for word, bad in _WORDS.items()}
    named = any(families)
    kinds, family_N = np.unique(families, return_inverse=True) if named else (None, None)
    return ScoredSet(
        scores_N=sheet.scores_N,
        abnormal_N=abnormal_N,
        label_words=tuple((word, _WORDS[word], count) for word, count in counts.items()),
        ids=tuple(sources.get(image_id, image_id[:12]) for image_id in images.image_ids),
        groups_N=None,
        families=None if kinds is None else tuple(map(str, kinds)),
        family_N=family_N,
        sizes_N=None,
        paths=None,
        sha256=hashlib.sha256(sheet.to_json()).hexdigest(),
        identities=(),
        samples=(),
    )


def _circumstances(sheet: ScoreSheet, facts: Mapping[str, Any]) -> Circumstances:
    known_N = sheet.scores_N[np.isfinite(sheet.scores_N)]
    grouped = sheet.images.groups is not None
    return Circumstances(
        n_images=len(sheet.images.image_ids),
        group="panel, lot, serial number, near-duplicates" if grouped else None,
        caught_by="every-image",
        recognised_by=_KNOWN_BY,
        is_weakly_recognised=False,
        constant=bool(known_N.size and known_N.min() == known_N.max()),
        lone_images=_LONE_IMAGES,
        labels_changed=facts["labels_changed"],
        told=tuple(facts["warnings"]),
    )


def _sources(snapshot: Snapshot) -> dict[str, str]:
    return {row.image_id: row.source for row in snapshot.rows}


def _pictures(
    stores: Stores, snapshot: Snapshot, sheet: ScoreSheet, figures: Mapping[str, Any]
) -> dict[str, str]:
    """Small pictures of the boards that the page shows, by the names that it shows them under."""
    sources = _sources(snapshot)
    shown = {one["name"] for one in figures["price_set_by"]}
    images = stores.images(snapshot.line, snapshot.images_fingerprint)
    ids = [
        image_id
        for image_id in sheet.images.image_ids
        if sources.get(image_id) in shown and image_id in images.rows()
    ]
    if not ids:
        return {}
    pixels_NHWC = images.read(ids)
    return {
        sources[image_id]: thumbnail_of(pixels_HWC)
        for image_id, pixels_HWC in zip(ids, pixels_NHWC, strict=True)
    }
