"""An audit of labels with the pictures of its boards, for the report."""

from __future__ import annotations

import math
from functools import partial

from storage.stores import Stores
from tasks.auditing.sheet import AuditedImage, LabelAudit, relabel_line
from tasks.batches import look_at
from tasks.instrument import Measurement
from tasks.jobs import ReportOrder
from tasks.reporting.label_audit_content import AuditedBoard, LabelAuditContent
from tasks.vocabulary.arrays import UInt8Array
from tasks.workers import Workers

AUDIT_SHEET = "label-audit.csv"


def read_audit(stores: Stores, key: str) -> LabelAudit:
    """The audit of a receipt's key."""
    return LabelAudit.from_json((stores.registry.open("audits", key) / "audit.json").read_bytes())


def audited_boards(
    stores: Stores, order: ReportOrder, workers: Workers
) -> LabelAuditContent | None:
    """The boards whose label is in doubt as the report shows them; None where nothing was audited."""
    if order.audit is None:
        return None
    images = read_audit(stores, order.audit).images
    ids = tuple(image.image_id for image in images)
    seen = workers.run(partial(look_at, stores, order.measuring, ids)) if ids else []
    boards = [
        _board(image, image_HWC, measured)
        for image, (image_HWC, measured) in zip(images, seen, strict=True)
    ]
    return LabelAuditContent(tuple(boards), f"{order.line}-{AUDIT_SHEET}")


def _board(image: AuditedImage, image_HWC: UInt8Array, measured: Measurement | str) -> AuditedBoard:
    found = None if isinstance(measured, str) else measured.plain
    return AuditedBoard(
        image_id=image.image_id,
        source_name=image.file,
        role=image.role,
        label=image.label,
        score=math.inf if image.score is None else image.score,
        reason=image.reason,
        line=relabel_line(image),
        input_HWC=image_HWC,
        boxes_Q4=None if found is None else found.boxes_Q4,
        box_scores_Q=None if found is None else found.scores_Q,
        defect=image.defect,
        families=image.families,
        metrics=image.metrics,
    )
