"""Verb: an archive becomes aligned board images with roles; the rest is in quarantine, with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.quarantine import QuarantineEntry
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.alignment.settings import AlignmentSettings
from tasks.archive.roles import Role, assign_roles
from tasks.archive.settings import PhotographSettings
from tasks.archive.sorting import Digested, Refusal, sort_out, unreadable
from tasks.archive.sources import Label, Photograph, photographs
from tasks.batches import store_photographs
from tasks.jobs import IngestJob
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.workers import Poisoned, Workers


@task(name="ingest", **RETRYING)
def ingest(stores: Stores, job: IngestJob, workers: Workers) -> int:
    """Commit the snapshot of an archive (images, labels, roles) and return its number.

    Only photographs that are not in the store yet are decoded. Raises `InputError` where the archive
    is empty or a role stays short, `NoSafeThresholdError` where there is no abnormal image.
    """
    images_fingerprint = board_image_fingerprint(job.photograph, job.alignment)
    digested, unread = _digest_all(photographs(job.source))
    accepted, refused = sort_out(digested)
    images = stores.images(job.line, images_fingerprint)
    new = set(images.missing([one.digest for one in accepted]))
    store = partial(store_photographs, stores, job, images_fingerprint)
    undecodable = _store_new([one for one in accepted if one.digest in new], store, workers)
    _renew_quarantine(stores, job.line, [*unread, *refused, *undecodable])
    spoilt = {refusal.digest for refusal in undecodable}
    kept = [one for one in accepted if one.digest not in spoilt]
    return _commit_roles(stores, job, images_fingerprint, kept).number


def board_image_fingerprint(photograph: PhotographSettings, alignment: AlignmentSettings) -> str:
    """Everything that decides the pixels of a board image: photograph, alignment, their code."""
    return fingerprint(
        {
            "photograph": photograph.model_dump(mode="json"),
            "alignment": alignment.model_dump(mode="json"),
            "code": code_digest("tasks.alignment", "tasks.archive.decoding"),
        }
    )


def _digest_all(found: Sequence[Photograph]) -> tuple[list[Digested], list[Refusal]]:
    digested: list[Digested] = []
    refused: list[Refusal] = []
    for done, photograph in enumerate(found, start=1):
        try:
            content = photograph.path.read_bytes()
        except OSError as error:
            refused.append(unreadable(photograph, None, error))
        else:
            digested.append(Digested(photograph, hashlib.sha256(content).hexdigest()))
        if done % 50 == 0 or done == len(found):
            report_progress("read archive", done, len(found))
    return digested, refused


def _store_new(
    new: Sequence[Digested],
    store: Callable[[tuple[Digested, ...]], list[Refusal]],
    workers: Workers,
) -> list[Refusal]:
    refused: list[Refusal] = []
    done = 0
    for batch, outcome in workers.map_batches(store, new):
        if isinstance(outcome, Poisoned):
            reason = "Decoding this file kills the process that tries."
            remedy = "Look at the file; it may be damaged or far too large."
            refused.append(
                Refusal(outcome.item.photograph, outcome.item.digest, "poisoned", reason, remedy)
            )
        else:
            refused += outcome
        done += len(batch)
        report_progress("align", done, len(new))
    return refused


def _renew_quarantine(stores: Stores, line: str, refused: Sequence[Refusal]) -> None:
    """The quarantine shows what is wrong now: entries of files that were mended go."""
    quarantine = stores.quarantine(line)
    entries = [
        QuarantineEntry(
            source=refusal.photograph.name,
            digest=refusal.digest,
            reason=refusal.reason,
            remedy=refusal.remedy,
            kind=refusal.kind,
        )
        for refusal in refused
    ]
    current = {quarantine.add(entry) for entry in entries}
    quarantine.clear(entry.key for entry in quarantine.entries() if entry.key not in current)


def _commit_roles(
    stores: Stores, job: IngestJob, images_fingerprint: str, kept: Sequence[Digested]
) -> Snapshot:
    snapshots = stores.snapshots(job.line)
    # Other role settings are a decision to deal the roles anew; the same ones keep every role.
    roles_fingerprint = fingerprint(job.roles.model_dump(mode="json"))
    latest = snapshots.latest(roles_fingerprint)
    rows = latest.rows if latest else ()
    known = {row.image_id: (row.label, Role(row.role)) for row in rows}
    labels: dict[str, Label] = {
        one.digest: one.photograph.label for one in kept if one.photograph.label is not None
    }
    roles = assign_roles(labels, job.roles, known)
    return snapshots.commit(
        tuple(
            SnapshotRow(one.digest, one.photograph.name, labels[one.digest], roles[one.digest])
            for one in kept
        ),
        images_fingerprint,
        roles_fingerprint,
    )
