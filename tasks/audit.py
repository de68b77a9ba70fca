"""Verb: which labels a person should look at again, because score and label disagree most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, content_digest, fingerprint
from storage.receipts import Receipt
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.audited import AUDIT_SHEET
from tasks.auditing.choosing import Doubt, doubts_held_out, doubts_of_development
from tasks.auditing.sheet import AuditedImage, LabelAudit
from tasks.auditing.speaking import FAMILIES, Family, by_family, loudest
from tasks.bundles import read_bundle
from tasks.classification.explaining import Explained, explained_out_of_fold
from tasks.classification.persistence import load_composite_score
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import ClassificationSettings
from tasks.jobs import Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.score_sheet import ScoreSheet
from tasks.trials import Sample, answered
from tasks.vocabulary.arrays import Float64Array, Int64Array

# Another machine may round the last digits of a fit; another fit differs in the first.
_SAME = 1e-6


@dataclass(frozen=True)
class _Scored:
    """What the audit is about: a frozen score, and the snapshot's rows by image."""

    stores: Stores
    measuring: Measuring
    score: CompositeScore
    rows: Mapping[str, SnapshotRow]


@task(name="audit", **RETRYING)
def audit(
    stores: Stores,
    measuring: Measuring,
    bundle: Receipt,
    certificate: Receipt,
    snapshot: Snapshot,
    classification: ClassificationSettings,
    count: int,
) -> Receipt:
    """Commit the `count` most doubtful labels of each kind and role, each with what made its score.

    Development images are explained by the fold fits that held them out, fitted again, certification
    images by the final fit. Where a fit made again scores otherwise than the stored one (other
    library versions), the image is listed without explanation rather than with a wrong one.
    """
    key = fingerprint(
        {
            "bundle": bundle.key,
            "certificate": certificate.key,
            "snapshot": [snapshot.line, snapshot.number],
            "classification": classification.model_dump(mode="json"),
            "count": count,
            "code": code_digest("tasks.auditing", "tasks.audit", "tasks.classification"),
        }
    )
    if committed := stores.registry.find("audits", key):
        return committed
    parts = read_bundle(stores, bundle.key)
    folder = stores.registry.open("classifiers", parts.classifier)
    score = load_composite_score(folder / "score")
    subject = _Scored(stores, measuring, score, {row.image_id: row for row in snapshot.rows})
    sheet = _read(folder / "out-of-fold" / f"{score.member.kind}.json")
    held_out = _read(stores.registry.open("certificates", certificate.key) / "scores.json")
    cut = parts.threshold
    doubts = doubts_of_development(sheet.scores_N, sheet.images.labels_N, cut, count)
    images = _development(subject, classification, sheet, doubts)
    doubts = doubts_held_out(held_out.scores_N, held_out.images.labels_N, cut, count)
    images += _certification(subject, held_out, doubts)
    found = LabelAudit(score.member.kind, cut, tuple(images))
    files = {"audit.json": found.to_json(), AUDIT_SHEET: found.to_csv()}
    return stores.registry.put("audits", key, files, facts={"images": len(images)})


def place_label_sheet(stores: Stores, found: Receipt, page: Path) -> Path:
    """Copy the audit's CSV beside the report, for a person to fill in; returns where it went.

    A sheet that anybody has touched is theirs: it stays, and the new one goes beside it.
    """
    content = (stores.registry.open("audits", found.key) / AUDIT_SHEET).read_bytes()
    place = page.with_name(f"{page.stem}-{AUDIT_SHEET}")
    if place.exists() and not _is_ours(stores, place.read_bytes()):
        place = page.with_name(f"{page.stem}-new-{AUDIT_SHEET}")
    fresh = place.with_suffix(".part")
    fresh.write_bytes(content)
    fresh.replace(place)
    return place


def _is_ours(stores: Stores, content: bytes) -> bool:
    digest = content_digest(content)
    for receipt in stores.registry.receipts("audits"):
        files = receipt.facts["files"]
        if isinstance(files, Mapping) and files.get(AUDIT_SHEET) == digest:
            return True
    return False


def _development(
    subject: _Scored,
    classification: ClassificationSettings,
    sheet: ScoreSheet,
    doubts: Sequence[Doubt],
) -> list[AuditedImage]:
    measuring = subject.measuring
    sample = Sample(measuring.line, measuring.features_fingerprint, sheet.images)
    known_N = answered(sample.table(subject.stores))
    rows_R = np.array([one.row for one in doubts if known_N[one.row]], dtype=np.int64)
    # Rows of the images that have an answer: the fits know no others.
    examples_R = (np.cumsum(known_N) - 1)[rows_R]
    found = explained_out_of_fold(
        subject.score.member,
        classification,
        dict(subject.score.searched),
        sample.examples(subject.stores),
        examples_R,
        lambda done, total: report_progress("audit", done, total, "fold fitted again"),
    )
    return _audited(subject, "development", sheet, doubts, rows_R, found)


def _certification(
    subject: _Scored, sheet: ScoreSheet, doubts: Sequence[Doubt]
) -> list[AuditedImage]:
    rows_R = np.array([one.row for one in doubts if one.reason != "no answer"], dtype=np.int64)
    found = Explained(np.empty(0), np.empty((0, len(subject.score.columns))))
    if rows_R.size > 0:
        ids = [sheet.images.image_ids[row] for row in rows_R]
        measuring = subject.measuring
        features = subject.stores.features(measuring.line, measuring.features_fingerprint)
        values_RM = features.table(ids).values_NM
        found = Explained(subject.score.score(values_RM), subject.score.contributions(values_RM))
    report_progress("audit", 1, 1, "certification explained")
    return _audited(subject, "certification", sheet, doubts, rows_R, found)


def _audited(
    subject: _Scored,
    role: str,
    sheet: ScoreSheet,
    doubts: Sequence[Doubt],
    rows_R: Int64Array,
    found: Explained,
) -> list[AuditedImage]:
    same_R = np.isclose(found.scores_R, sheet.scores_N[rows_R], rtol=_SAME, atol=0.0)
    explained = {
        int(row): contributions_M
        for row, same, contributions_M in zip(rows_R, same_R, found.contributions_RM, strict=True)
        if same and np.isfinite(contributions_M).all()
    }
    return [_image(subject, role, sheet, one, explained.get(one.row)) for one in doubts]


def _image(
    subject: _Scored,
    role: str,
    sheet: ScoreSheet,
    doubt: Doubt,
    contributions_M: Float64Array | None,
) -> AuditedImage:
    row = subject.rows[sheet.images.image_ids[doubt.row]]
    score = float(sheet.scores_N[doubt.row])
    families: tuple[tuple[Family, float], ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()
    if contributions_M is not None:
        columns = subject.score.columns
        sums_F = by_family(contributions_M[None], columns)[0]
        families = tuple(zip(FAMILIES, map(float, sums_F), strict=True))
        metrics = loudest(contributions_M, columns)
    return AuditedImage(
        image_id=row.image_id,
        file=row.source,
        role=role,
        label="abnormal" if sheet.images.labels[doubt.row] == 1 else "normal",
        score=score if np.isfinite(score) else None,
        reason=doubt.reason,
        defect=row.family,
        families=families,
        metrics=metrics,
    )


def _read(path: Path) -> ScoreSheet:
    return ScoreSheet.from_json(path.read_bytes())
