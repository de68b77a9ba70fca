"""Verb: everything a quality engineer wants to see of a run, as one HTML file."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.audited import audited_boards
from tasks.batches import look_at
from tasks.bundles import read_bundle
from tasks.certification.figures import STANDARD_THRESHOLD, figures_at
from tasks.certification.thresholds import flagged, zfn_threshold
from tasks.gates import read_gate, shown_gate
from tasks.instrument import Measurement
from tasks.jobs import Bundle, ReportOrder
from tasks.progress import report_progress
from tasks.published import PUBLISHED_CODE, as_published
from tasks.redrawing import redrawing_of
from tasks.reporting.certificate_content import certificate_file
from tasks.reporting.content import (
    BoardExample,
    CertificateFigures,
    ClassifierRow,
    LadderRow,
    MetricInfluence,
    OperatingFigures,
    QuarantineRow,
    ReportContent,
    RoleRow,
    ScoredImages,
    StageTime,
)
from tasks.reporting.hardest import SHOWN, hardest_markdown
from tasks.reporting.plots import score_distribution_png
from tasks.reporting.report import render_report
from tasks.reporting.wording import ROLE_PURPOSES
from tasks.retrying import RETRYING
from tasks.score_sheet import ScoreSheet, role_counts
from tasks.vocabulary.arrays import UInt8Array
from tasks.workers import Workers

# Reasons that name another file or a measured figure differ from file to file.
_IN_SHORT = {
    "duplicate": "Duplicate: the same content as another file.",
    "misaligned": "Misaligned beyond the limits of the line: a person looks at the board.",
}
_REASONS_SHOWN = 12
_LIBRARIES = [
    "zeroescape",
    "prefect",
    "dask",
    "distributed",
    "zarr",
    "numpy",
    "torch",
    "scikit-learn",
    "lightgbm",
    "xgboost",
]


@task(name="report", **RETRYING)
def report(
    stores: Stores, order: ReportOrder, seconds: Mapping[str, float], workers: Workers
) -> Path:
    """Commit the report of a certified bundle and put a copy where people look for it."""
    key = _key(stores, order)
    if not stores.registry.find("reports", key):
        report_progress("report", 0, 1)
        content = _content(stores, order, seconds, workers)
        files = {
            "report.html": render_report(content).encode(),
            "hardest.md": hardest_markdown(content).encode(),
        }
        stores.registry.put("reports", key, files, inputs=_inputs(order))
        report_progress("report", 1, 1)
    return _place_copy(stores.registry.open("reports", key) / "report.html", order)


def hardest_boards(stores: Stores, order: ReportOrder) -> str:
    """The boards that decide, with pictures, as Markdown; `NotFoundError` without a committed report."""
    return (stores.registry.open("reports", _key(stores, order)) / "hardest.md").read_text()


def _flat(step: Mapping[str, Any]) -> dict[str, Any]:
    """A training step with its losses by name beside its other figures."""
    figures = {name: value for name, value in step.items() if name != "losses"}
    return {**figures, **step["losses"]}


def _key(stores: Stores, order: ReportOrder) -> str:
    return fingerprint(
        {
            "bundle": order.bundle,
            "certificate": order.certificate,
            "snapshot": [order.line, order.snapshot],
            "title": order.title,
            "hardest": order.hardest,
            "screening": order.screening,
            "audit": order.audit,
            "gate": order.gate,
            "suspended": _suspended(stores, order),
            "code": code_digest(
                "tasks.reporting", "tasks.report", "tasks.audited", "tasks.gates", *PUBLISHED_CODE
            ),
        }
    )


def _inputs(order: ReportOrder) -> dict[str, str]:
    """What the report is about, as far as it is kept in the store."""
    about = {
        "bundle": order.bundle,
        "certificate": order.certificate,
        "audit": order.audit,
        "screening": order.screening,
    }
    return {name: key for name, key in about.items() if key is not None}


def _place_copy(committed: Path, order: ReportOrder) -> Path:
    order.directory.mkdir(parents=True, exist_ok=True)
    place = order.directory / f"{order.line}.html"
    fresh = place.with_suffix(".part")
    fresh.write_bytes(committed.read_bytes())
    fresh.replace(place)
    return place


def _content(
    stores: Stores, order: ReportOrder, seconds: Mapping[str, float], workers: Workers
) -> ReportContent:
    bundle = read_bundle(stores, order.bundle)
    snapshot = stores.snapshots(order.line).read(order.snapshot)
    sheets = development_sheets(stores, bundle)
    chosen = _receipt(stores, "classifiers", bundle.classifier).facts["chosen"]
    development = sheets[str(chosen)]
    history = _json(stores, "models", bundle.instrument.model_key, "history.json")
    examples, nearest = _examples(stores, order, bundle, snapshot, development, workers)
    return ReportContent(
        product_line=order.line,
        title=order.title,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        threshold=bundle.threshold,
        development=scored_images(development),
        ladder=_ladder(stores, bundle),
        certification=scored_images(_sheet(stores, order.certificate, "scores.json")),
        certificate=_certificate(stores, order.certificate, order),
        undecided_N=_sheet(stores, order.certificate, "undecided.json").scores_N,
        examples=examples,
        nearest=nearest,
        mask_HW=_mask(stores, bundle),
        classifiers=tuple(_classifier_row(kind, s, kind == chosen) for kind, s in sheets.items()),
        influences=_influences(stores, bundle),
        history=tuple(_flat(step) for step in history["steps"]),
        best_step=history["best_step"],
        redrawing=redrawing_of(stores, bundle.instrument.model_key),
        roles=_roles(snapshot),
        quarantine=_quarantine(stores, order.line),
        stage_times=tuple(StageTime(stage, time) for stage, time in seconds.items()),
        screening=_screening(stores, order),
        label_audit=audited_boards(stores, order, workers),
        promotion=shown_gate(read_gate(stores, order.gate)) if order.gate else None,
        published=as_published(stores, order.measuring, snapshot, development.images, workers),
        composite_auroc=_composite_auroc(stores, bundle),
        reconstructor=bundle.instrument.reconstruction.kind,
        device=platform.processor() or platform.machine(),
        versions={"python": platform.python_version()} | {n: version(n) for n in _LIBRARIES},
        seeds=dict(order.seeds),
        fingerprints=_fingerprints(order, bundle),
    )


def _composite_auroc(stores: Stores, bundle: Bundle) -> float:
    return float(_json(stores, "thresholds", bundle.threshold_key, "threshold.json")["auroc"])


def development_sheets(stores: Stores, bundle: Bundle) -> dict[str, ScoreSheet]:
    """Out-of-fold scores of every member, in the order of their names."""
    folder = stores.registry.open("classifiers", bundle.classifier) / "out-of-fold"
    return {
        path.stem: ScoreSheet.from_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))
    }


def score_picture(stores: Stores, bundle_key: str) -> bytes:
    """Small PNG of the development scores of both classes with the ZFN threshold."""
    bundle = read_bundle(stores, bundle_key)
    chosen = _receipt(stores, "classifiers", bundle.classifier).facts["chosen"]
    sheet = development_sheets(stores, bundle)[str(chosen)]
    return score_distribution_png(scored_images(sheet), bundle.threshold)


def scored_images(sheet: ScoreSheet) -> ScoredImages:
    """A score sheet as the report shows it."""
    return ScoredImages(sheet.scores_N, sheet.images.labels_N)


def _examples(
    stores: Stores,
    order: ReportOrder,
    bundle: Bundle,
    snapshot: Snapshot,
    development: ScoreSheet,
    workers: Workers,
) -> tuple[tuple[BoardExample, ...], tuple[BoardExample, ...]]:
    """The abnormals with the lowest, the normals with the highest out-of-fold scores; the nearest ones."""
    hardest, nearest = _hardest(development, bundle.threshold, order.hardest)
    wanted = list(dict.fromkeys(hardest + nearest))
    ids = tuple(development.images.image_ids[i] for i in wanted)
    names = {row.image_id: row.source for row in snapshot.rows}
    seen = workers.run(partial(look_at, stores, order.measuring, ids))
    made = {
        i: _example(development, i, names[image_id], bundle.threshold, image_HWC, measured)
        for i, image_id, (image_HWC, measured) in zip(wanted, ids, seen, strict=True)
        if not isinstance(measured, str)
    }
    chosen = [tuple(made[i] for i in rows if i in made) for rows in (hardest, nearest)]
    return chosen[0], chosen[1]


def _example(
    sheet: ScoreSheet,
    row: int,
    name: str,
    threshold: float,
    image_HWC: UInt8Array,
    measured: Measurement,
) -> BoardExample:
    score, is_defect = float(sheet.scores_N[row]), bool(sheet.images.labels_N[row])
    return BoardExample(
        image_id=sheet.images.image_ids[row],
        source_name=name,
        label="abnormal" if is_defect else "normal",
        role="development",
        score=score,
        verdict=_verdict_of(sheet, row, threshold),
        input_HWC=image_HWC,
        reconstruction_HWC=measured.reconstruction_HWC,
        difference_HW=measured.difference_HW,
        boxes_Q4=measured.plain.boxes_Q4,
        box_scores_Q=measured.plain.scores_Q,
        masked_boxes_Q4=measured.masked.boxes_Q4 if measured.masked else None,
        masked_box_scores_Q=measured.masked.scores_Q if measured.masked else None,
        sets_threshold=is_defect and score == threshold,
    )


def _hardest(development: ScoreSheet, threshold: float, count: int) -> tuple[list[int], list[int]]:
    """Rows of the hardest boards, and of the good ones that are flagged by least (else the highest)."""
    by_score = np.argsort(development.scores_N, kind="stable")
    labels_N = development.images.labels_N
    abnormal = [int(i) for i in by_score if labels_N[i] == 1][:count]
    normal = [int(i) for i in by_score if labels_N[i] == 0]
    called = [i for i in normal if _verdict_of(development, i, threshold) == "flagged"]
    highest = normal[::-1]
    return abnormal + highest[:count], (called or highest)[:SHOWN]


def _verdict_of(sheet: ScoreSheet, row: int, threshold: float) -> Literal["flagged", "passed"]:
    return "flagged" if flagged(sheet.scores_N[[row]], threshold)[0] else "passed"


def _classifier_row(kind: str, sheet: ScoreSheet, chosen: bool) -> ClassifierRow:
    labels_N = sheet.images.labels_N
    cut = zfn_threshold(sheet.of_label("abnormal"))
    standard = figures_at(sheet.scores_N, labels_N, STANDARD_THRESHOLD)
    zero_escape = figures_at(sheet.scores_N, labels_N, cut)
    names = [field.name for field in fields(OperatingFigures)]
    return ClassifierRow(
        kind,
        OperatingFigures(*(getattr(standard, name) for name in names)),
        OperatingFigures(*(getattr(zero_escape, name) for name in names)),
        chosen,
    )


def _ladder(stores: Stores, bundle: Bundle) -> tuple[LadderRow, ...]:
    names = [field.name for field in fields(LadderRow)]
    steps = _json(stores, "thresholds", bundle.threshold_key, "threshold.json")["ladder"]
    return tuple(LadderRow(**{name: step[name] for name in names}) for step in steps)


def _suspended(stores: Stores, order: ReportOrder) -> tuple[str, ...]:
    held = stores.suspensions(order.line).suspended(order.bundle)
    return () if held is None else (f"This certificate is not in force. {held.sentence}",)


def _certificate(stores: Stores, key: str, order: ReportOrder) -> CertificateFigures:
    found = _json(stores, "certificates", key, "certificate.json")
    return CertificateFigures(
        n_normal=found["n_normal"],
        n_abnormal=found["n_abnormal"],
        escapes=found["escapes"],
        false_calls=found["false_calls"],
        escape_upper_95=found["escape_upper_95"],
        sentence=found["sentence"],
        false_call_low=found["false_call_low"],
        false_call_high=found["false_call_high"],
        looks=found["looks"],
        labels_changed=found["labels_changed"],
        warnings=(*_suspended(stores, order), *found["warnings"]),
        page=certificate_file(order.line),
        confidence=found["confidence"],
    )


def _screening(stores: Stores, order: ReportOrder) -> Any:
    if order.screening is None:
        return None
    return _json(stores, "screenings", order.screening, "screening.json")


def _influences(stores: Stores, bundle: Bundle) -> tuple[MetricInfluence, ...]:
    folder = stores.registry.open("classifiers", bundle.classifier)
    ranked: list[tuple[str, float]] = json.loads((folder / "influence.json").read_bytes())
    return tuple(MetricInfluence(name, weight) for name, weight in ranked[:10])


def _roles(snapshot: Snapshot) -> tuple[RoleRow, ...]:
    counts = role_counts(snapshot)
    present = {row.role for row in snapshot.rows}
    return tuple(
        RoleRow(
            role,
            counts[(role, "normal")],
            counts[(role, "abnormal")],
            counts[(role, "undecided")],
            purpose,
        )
        for role, purpose in ROLE_PURPOSES.items()
        if role in present
    )


def _quarantine(stores: Stores, line: str) -> tuple[QuarantineRow, ...]:
    entries = stores.quarantine(line).entries()
    reasons = Counter(_IN_SHORT.get(entry.kind, entry.reason) for entry in entries)
    shown = reasons.most_common(_REASONS_SHOWN)
    others = sum(reasons.values()) - sum(count for _, count in shown)
    rows = [QuarantineRow(reason, count) for reason, count in shown]
    if others:
        rows.append(
            QuarantineRow("Other reasons (`zeroescape quarantine list` names them).", others)
        )
    return tuple(rows)


def _mask(stores: Stores, bundle: Bundle) -> Any:
    if bundle.instrument.mask_key is None:
        return None
    folder = stores.registry.open("masks", bundle.instrument.mask_key)
    return np.load(folder / "mask.npy", allow_pickle=False)


def _fingerprints(order: ReportOrder, bundle: Bundle) -> dict[str, str]:
    return {
        "images": order.measuring.images_fingerprint,
        "model": bundle.instrument.model_key,
        "mask": bundle.instrument.mask_key or "none",
        "scales": bundle.instrument.scales_key or "none",
        "memory": bundle.instrument.memory_key or "none",
        "features": bundle.features_fingerprint,
        "classifier": bundle.classifier,
        "threshold": bundle.threshold_key,
        "bundle": order.bundle,
        "certificate": order.certificate,
    }


def _receipt(stores: Stores, kind: Any, key: str) -> Receipt:
    found = stores.registry.find(kind, key)
    assert found is not None  # noqa: S101  # the bundle names it, so it was committed before
    return found


def _sheet(stores: Stores, certificate: str, name: str) -> ScoreSheet:
    folder = stores.registry.open("certificates", certificate)
    return ScoreSheet.from_json((folder / name).read_bytes())


def _json(stores: Stores, kind: Any, key: str, name: str) -> Any:
    return json.loads((stores.registry.open(kind, key) / name).read_bytes())
