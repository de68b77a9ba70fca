"""Verb: an archive becomes aligned board images with roles; the rest is in quarantine, with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.ingests import IngestRecord
from storage.label_changes import LabelHistory
from storage.receipts import Receipt
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.accounting import Account, TakenIn, quarantine_digest, remember, remembered, settle
from tasks.alignment.settings import AlignmentSettings
from tasks.archive.near_duplicates import near_duplicate_groups
from tasks.archive.relabels import RelabelFile, read_relabels
from tasks.archive.retraining import ORDINARY, Occasion
from tasks.archive.roles import Board, Role, groups_of
from tasks.archive.settings import PhotographSettings
from tasks.archive.sorting import TRIED_EVERY_TIME, Digested
from tasks.archive.sources import Photograph, photographs
from tasks.batchwise import taken_in, taking_in
from tasks.dealing import Dealing, deal, remember_roles, would_learn
from tasks.intake import signatures
from tasks.jobs import BoardMaking, IngestJob
from tasks.labelling import Labelling, labelled_today, record_changes
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.workers import Workers


@task(name="ingest", **RETRYING)
def ingest(
    stores: Stores,
    job: IngestJob,
    reference: Receipt | None,
    workers: Workers,
    occasion: Occasion = ORDINARY,
) -> IngestRecord:
    """Commit the snapshot of an archive (images, labels, roles) and say what became of every file.

    Only photographs that are new or changed are read; an archive in which nothing changed is a look-up
    after its listing. The labels are the archive's, and where the relabel file names an image its own: an
    edited file is read by the next ingest. Of images that come after the first ingest some wait, until the
    line's policy or the `occasion` calls for learning from them. Raises `InputError` where the archive is
    empty, a role stays short or the relabel file cannot be followed, and `NoSafeThresholdError` where there
    is no abnormal image.
    """
    relabels = read_relabels(job.relabels, job.source)
    report_progress("list archive", 0, 1)
    listed = photographs(job.source)
    report_progress("list archive", 1, 1, f"{len(listed):,} files")
    making = board_making(stores, job, reference)
    key = _ingest_key(job, making, listed, relabels)
    with stores.exclusive(taking_in(job.line)):
        last = stores.ingests(job.line).last()
        if last and last.key == key and _nothing_to_do_since(last, stores, job, occasion):
            return last
        known = remembered(stores, making, listed)
        outcomes = [*known, *_read_new(stores, making, _without(listed, known), workers)]
        account, now = settle(outcomes), _now()
        remember(stores, making, outcomes, account, now)
        today = labelled_today(stores, job, relabels, account)
        boards = _boards(stores, job, making.images_fingerprint, today.kept)
        dealing = deal(stores, job, reference, boards, occasion, last, now)
        snapshot = _commit_roles(
            stores, job, making.images_fingerprint, boards, dealing, today, now
        )
        record = _record(
            stores, key, now, snapshot, dealing, reference, len(listed), account, today
        )
        stores.ingests(job.line).append(record)
    return record


def board_making(stores: Stores, job: IngestJob, reference: Receipt | None) -> BoardMaking:
    """What workers need to make this line's board images."""
    reference_key = reference.key if reference else None
    return BoardMaking(
        job.line,
        job.photograph,
        job.alignment,
        reference_key,
        board_image_fingerprint(job.photograph, job.alignment, reference_key),
        frozenset(stores.quarantine(job.line).released()),
    )


def board_image_fingerprint(
    photograph: PhotographSettings, alignment: AlignmentSettings, reference: str | None
) -> str:
    """Everything that decides the pixels of a board image: photograph, alignment, their code."""
    return fingerprint(
        {
            "photograph": photograph.model_dump(mode="json"),
            # Limits judge board images, they do not make them.
            "alignment": alignment.model_dump(mode="json", exclude={"limits"}),
            "reference": reference,
            "code": code_digest(
                "tasks.alignment", "tasks.archive.decoding", "tasks.archive.wholeness"
            ),
        }
    )


def _ingest_key(
    job: IngestJob, making: BoardMaking, listed: Sequence[Photograph], relabels: RelabelFile
) -> str:
    """Names what an ingest starts from; where a file's stamp is unknown it must be read, every time."""
    stamped = all(photograph.stamp for photograph in listed)
    lines = hashlib.sha256()
    for photograph in listed:
        lines.update(repr(photograph).encode("utf-8", "surrogateescape"))
    return fingerprint(
        {
            "listing": lines.hexdigest() if stamped else datetime.now(UTC).isoformat(),
            "images": making.images_fingerprint,
            "judged_by": making.judged_by,
            "released": sorted(making.released),
            "roles": job.roles.model_dump(mode="json"),
            "retraining": job.retraining.model_dump(mode="json"),
            "relabels": relabels.said,
            "code": code_digest(
                "tasks.archive",
                "tasks.intake",
                "tasks.accounting",
                "tasks.labelling",
                "tasks.dealing",
                "tasks.ingest",
            ),
        }
    )


def _nothing_to_do_since(
    last: IngestRecord, stores: Stores, job: IngestJob, occasion: Occasion
) -> bool:
    # A file that could not be read may be readable now: permissions do not show in its stamp.
    if last.quarantined.keys() & TRIED_EVERY_TIME or would_learn(job, occasion, last, _now()):
        return False
    return last.quarantine == quarantine_digest(stores, job.line)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _without(listed: Sequence[Photograph], known: Sequence[TakenIn]) -> list[Photograph]:
    # Not by name: two names that differ in bytes nobody can print are printed alike.
    photographs_known = {one.photograph for one in known}
    return [photograph for photograph in listed if photograph not in photographs_known]


def _read_new(
    stores: Stores, making: BoardMaking, new: Sequence[Photograph], workers: Workers
) -> list[TakenIn]:
    outcomes: list[TakenIn] = []
    refused = 0
    for taken in taken_in(stores, making, new, workers):
        outcomes += taken
        refused += sum(1 for one in taken if one.refusal is not None)
        said = f"{refused} refused" if refused else ""
        report_progress("read and align", len(outcomes), len(new), said)
    return outcomes


def _commit_roles(
    stores: Stores,
    job: IngestJob,
    images_fingerprint: str,
    boards: Sequence[Board],
    dealing: Dealing,
    today: Labelling,
    now: str,
) -> Snapshot:
    changes = record_changes(stores, job.line, today, dealing.labels_before, now)
    remember_roles(stores, job, dealing)
    rows = _snapshot_rows(boards, dealing.roles, today, changes)
    return stores.snapshots(job.line).commit(rows, images_fingerprint, job.roles_fingerprint)


def _snapshot_rows(
    boards: Sequence[Board], roles: Mapping[str, Role], today: Labelling, changes: LabelHistory
) -> list[SnapshotRow]:
    names = {one.digest: one.photograph.name for one in today.kept}
    scored = changes.scored()
    return [
        SnapshotRow(
            board.image_id,
            names[board.image_id],
            board.label,
            roles[board.image_id],
            family=board.family or "",
            group=" ".join(sorted(board.groups)),
            captured_at=board.captured_at or "",
            label_before=today.own.get(board.image_id, ""),
            label_scored=was if (was := scored.get(board.image_id, "")) != board.label else "",
        )
        for board in boards
    ]


def _boards(
    stores: Stores, job: IngestJob, images_fingerprint: str, kept: Sequence[Digested]
) -> list[Board]:
    twins: dict[str, str] = {}
    if job.roles.near_duplicates is not None:
        report_progress("near-duplicates", 0, 1)
        ids = [one.digest for one in kept]
        seen = signatures(stores.images(job.line, images_fingerprint), ids)
        twins = near_duplicate_groups(ids, seen, job.roles.near_duplicates)
        report_progress("near-duplicates", 1, 1, f"{len(twins)} boards with a twin")
    return [_board(one, twins.get(one.digest), job) for one in kept]


def _board(one: Digested, twin: str | None, job: IngestJob) -> Board:
    groups = groups_of(one.photograph.facts, job.roles.group_by)
    label = one.photograph.label
    assert label is not None  # noqa: S101  # sorting refuses a photograph without one
    return Board(
        one.digest,
        label,
        groups | ({twin} if twin else set()),
        one.photograph.facts.captured_at,
        one.photograph.facts.family,
    )


def _record(
    stores: Stores,
    key: str,
    now: str,
    snapshot: Snapshot,
    dealing: Dealing,
    reference: Receipt | None,
    seen: int,
    account: Account,
    today: Labelling,
) -> IngestRecord:
    counts = account.counts()
    return IngestRecord(
        key=key,
        at=now,
        snapshot=snapshot.number,
        images_fingerprint=snapshot.images_fingerprint,
        reference=reference.key if reference else None,
        seen=seen,
        ingested=len(account.kept),
        duplicates=counts.pop("duplicate", 0),
        quarantined=dict(sorted(counts.items())),
        quarantine=quarantine_digest(stores, snapshot.line),
        torn_groups=dealing.torn_groups,
        relabelled=len(today.own),
        waiting=list(today.waiting),
        to_learn=dealing.to_learn,
        learnt_at=dealing.learnt_at,
        learning=list(dealing.learning),
    )
