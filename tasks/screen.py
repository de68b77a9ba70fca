"""Verb: measure what trivial properties alone tell of the labels, before a certificate is made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Json, Receipt
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.archive.groups import components
from tasks.archive.roles import Role
from tasks.archive.sources import photographs
from tasks.confounds.columns import PropertyTable, collected
from tasks.confounds.given import seconds_of, times_of
from tasks.confounds.grouping import (
    Grouped,
    lots_by_kind,
    lots_of,
    shown,
    torn,
    twins_of_both_labels,
)
from tasks.confounds.screening import Screening, screened
from tasks.confounds.settings import ConfoundSettings
from tasks.confounds.wording import torn_warning, twins_warning
from tasks.jobs import IngestJob
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.score_sheet import LABELS, group_names
from tasks.trivial import Screened, Trivial, trivial_columns, trivial_properties
from tasks.workers import Poisoned, Workers

_POISONED = "Measuring this file kills the process that tries."
_JUDGED = (Role.DEVELOPMENT, Role.CERTIFICATION)


# An undecided or waiting board may lie beside others without being learnt from or judged.
_NO_ROLE = (Role.SET_ASIDE, Role.UNDECIDED, Role.WAITING)


@task(name="screen", **RETRYING)
def screen(
    stores: Stores,
    job: IngestJob,
    snapshot: Snapshot,
    settings: ConfoundSettings,
    workers: Workers,
) -> Receipt:
    """Commit the trivial properties of all images that are learnt from or judged, and what they say.

    `facts["warnings"]` are sentences for the certificate. A file that the archive has lost lacks its
    properties, and the screening says so. Groups and near-duplicates are looked at over all roles.
    """
    key = fingerprint(
        {
            "images": snapshot.images_fingerprint,
            "rows": [_identity(row) for row in snapshot.rows],
            "photograph": job.photograph.model_dump(mode="json"),
            "settings": settings.model_dump(mode="json"),
            "code": code_digest("tasks.confounds", "tasks.trivial", "tasks.screen"),
        }
    )
    if committed := stores.registry.find("screenings", key):
        return committed
    rows = [row for row in snapshot.rows if row.role in _JUDGED and row.label in LABELS]
    made_by = _made_by(job, snapshot)
    measured = _measured(stores, job, snapshot, rows, workers, made_by)
    table = collected(trivial_columns(), [one.values for one in measured])
    table = table.beside(times_of(seconds_of([row.captured_at for row in rows])))
    found = _screened(table, rows, snapshot.rows, settings)
    lost = [one for one in measured if one.lost is not None]
    if lost:
        said = f"{len(lost):,} of {len(rows):,} files could not be measured ({lost[0].lost})"
        found = replace(found, notes=(*found.notes, said))
    files = {
        "screening.json": json.dumps(found.as_json(), allow_nan=False).encode(),
        "properties.json": _table_json(table, rows, [one.image_id for one in lost]),
    }
    facts: dict[str, Json] = {
        "warnings": list(found.warnings),
        "lost": len(lost),
        "made_by": made_by,
        "images": len(rows),
    }
    return stores.registry.put("screenings", key, files, facts=facts)


def _made_by(job: IngestJob, snapshot: Snapshot) -> str:
    """Names all that decides an image's properties beside the content of its file."""
    return fingerprint(
        {
            "line": snapshot.line,
            "images": snapshot.images_fingerprint,
            "photograph": job.photograph.model_dump(mode="json"),
            "code": code_digest("tasks.confounds", "tasks.trivial", "tasks.archive.decoding"),
        }
    )


def _measured(
    stores: Stores,
    job: IngestJob,
    snapshot: Snapshot,
    rows: Sequence[SnapshotRow],
    workers: Workers,
    made_by: str,
) -> list[Trivial]:
    """Properties of every row, in the order of the rows; files that were measured before are not read."""
    listed = {one.name: one for one in photographs(job.source)}
    found = _known(stores, made_by)
    items = [
        Screened(row.image_id, listed.get(row.source))
        for row in rows
        if row.image_id not in found or row.source not in listed
    ]
    work = partial(
        trivial_properties, stores, snapshot.line, snapshot.images_fingerprint, job.photograph
    )
    done = 0
    for batch, outcome in workers.map_batches(work, items):
        if isinstance(outcome, Poisoned):
            found[outcome.item.image_id] = Trivial(outcome.item.image_id, {}, _POISONED)
        else:
            found |= {one.image_id: one for one in outcome}
        done += len(batch)
        report_progress("screen", done, len(items))
    return [found[row.image_id] for row in rows]


def _known(stores: Stores, made_by: str) -> dict[str, Trivial]:
    """What the largest earlier screening measured in the same way, without what it could not read.

    A night then pays for its new images only; all of the archive's files are never read again.
    """
    same = [
        one for one in stores.registry.receipts("screenings") if one.facts.get("made_by") == made_by
    ]
    if not same:
        return {}
    largest = max(same, key=lambda one: (int(str(one.facts["images"])), one.key))
    folder = stores.registry.open("screenings", largest.key)
    content = json.loads((folder / "properties.json").read_bytes())
    lost, columns = set(content["lost"]), content["columns"]
    own = {column.name: columns[column.name] for column in trivial_columns()}
    return {
        image_id: Trivial(image_id, {name: values[row] for name, values in own.items()})
        for row, image_id in enumerate(content["image_ids"])
        if image_id not in lost
    }


def _screened(
    table: PropertyTable,
    rows: Sequence[SnapshotRow],
    all_rows: Sequence[SnapshotRow],
    settings: ConfoundSettings,
) -> Screening:
    abnormal_N = np.array([LABELS[row.label] == 1 for row in rows], dtype=np.bool_)
    groups_N = components([group_names(row) for row in rows])
    judged = [_grouped(row) for row in rows]
    lots = [
        lots_of(kind, lots_N, abnormal_N, settings.permutations, settings.seed)
        for kind, lots_N in lots_by_kind(judged).items()
    ]
    found = screened(table, abnormal_N, groups_N, settings, [one for one in lots if one])
    everything = [_grouped(row) for row in all_rows if row.role not in _NO_ROLE]
    apart, both = torn(everything), twins_of_both_labels(everything)
    said = torn_warning(len(apart), shown(list(apart)))
    said += twins_warning(len(both), shown(next(iter(both.values()), ())))
    return replace(found, warnings=(*found.warnings, *said))


def _grouped(row: SnapshotRow) -> Grouped:
    label = LABELS.get(row.label)
    return Grouped(row.source, group_names(row), row.role, None if label is None else label == 1)


def _identity(row: SnapshotRow) -> list[str]:
    return [row.image_id, row.source, row.label, row.role, row.group, row.captured_at]


def _table_json(table: PropertyTable, rows: Sequence[SnapshotRow], lost: Sequence[str]) -> bytes:
    """Columns as lists in the order of `image_ids`; null where a property is missing.

    `lost` are the ids of those whose file could not be measured.
    """
    content = {
        "image_ids": [row.image_id for row in rows],
        "columns": {one.name: list(table.values[one.name]) for one in table.columns},
        "lost": list(lost),
    }
    return json.dumps(content, allow_nan=False).encode()
