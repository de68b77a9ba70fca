"""Labels of today: what the archive says, what persons say against it, and what is kept of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storage.label_changes import LabelChange, LabelHistory
from storage.stores import Stores
from tasks.archive.photograph import Label
from tasks.archive.relabels import ImageNames, Relabel, RelabelFile
from tasks.archive.sorting import Digested
from tasks.jobs import IngestJob

if TYPE_CHECKING:  # it imports the aligners; `check` asks here for what the line ever had
    from tasks.accounting import Account

TAKEN_OUT = "the row was taken out of the relabel file"
BY_ARCHIVE = "the archive gives another label"


@dataclass(frozen=True)
class Labelling:
    """Board images under the labels of today; `own` is the archive's, where a person gives another.

    `waiting` says in words which rows are about images that are not taken in now.
    """

    kept: tuple[Digested, ...]
    own: Mapping[str, Label]
    rows: Mapping[str, Relabel]
    waiting: tuple[str, ...]


def labelled_today(
    stores: Stores, job: IngestJob, file: RelabelFile, account: Account
) -> Labelling:
    """Put what persons say over the labels of the archive; nothing is stored.

    A row about an image that the line had once waits until it is back, as for one in quarantine:
    archives move on, and a file of decisions must outlive that. A row about an image that never was is a
    slip of the pen, which would leave a wrong label as it is: `InputError`, as for all else that
    `RelabelFile.resolved` refuses.
    """
    sources = {one.photograph.name: one.digest for one in account.kept}
    here = set(sources.values())
    copies = {
        refusal.photograph.name: refusal.digest
        for refusal in account.refused
        if refusal.digest in here and refusal.kind == "duplicate"
    }
    found = file.resolved(ImageNames(here, {**copies, **sources}))
    waiting = _waiting(stores, job, file, found.unknown, account) if found.unknown else ()
    kept, own = [], {}
    for one in account.kept:
        row, label = found.by_image.get(one.digest), one.photograph.label
        if row is not None and label is not None and row.label != label:
            own[one.digest] = label
            one = replace(one, photograph=replace(one.photograph, label=row.label))  # noqa: PLW2901
        kept.append(one)
    return Labelling(tuple(kept), own, found.by_image, waiting)


def _waiting(
    stores: Stores,
    job: IngestJob,
    file: RelabelFile,
    rows: Sequence[Relabel],
    account: Account,
) -> tuple[str, ...]:
    """Why each row is about no image of today; `InputError` for those that never named one."""
    refused = {refusal.photograph.name: refusal for refusal in account.refused}
    digests = {refusal.digest: refusal for refusal in account.refused if refusal.digest}
    in_quarantine = ImageNames(digests, {})
    away = ImageNames(*images_ever(stores, job))
    said, unknown = [], []
    for row in rows:
        begins = f"Row {row.row} of the relabel file ({row.image}, {row.label}) waits: the image is"
        ids = in_quarantine.of(row.image)
        refusal = refused.get(row.image) or next((digests[one] for one in ids), None)
        if refusal is not None:
            said.append(f"{begins} in quarantine ({refusal.kind}).")
        elif away.of(row.image):
            said.append(f"{begins} not in the archive now.")
        else:
            unknown.append(row)
    file.refuse_unknown(unknown)
    return tuple(said)


def images_ever(stores: Stores, job: IngestJob) -> tuple[set[str], dict[str, str]]:
    """Ids of all images that a line ever gave a role, and ids by file of those that persons spoke of."""
    ids = stores.role_book(job.line, job.roles_fingerprint).known()
    changes = stores.labels(job.line).history().changes
    return set(ids), {change.source: change.image_id for change in changes}


def record_changes(
    stores: Stores, line: str, labelling: Labelling, dealt: Mapping[str, Label], now: str
) -> LabelHistory:
    """Write down who changed which label, why, and whether scores had been seen; returns all changes ever.

    `dealt` are the labels under which images were given their roles: what the archive changes by itself is
    found too. `now` is an ISO 8601 time in UTC.
    """
    log = stores.labels(line)
    history = log.history()
    last = history.last()
    changes = []
    for one in labelling.kept:
        row, known = labelling.rows.get(one.digest), last.get(one.digest)
        label = str(one.photograph.label)
        before = _before(one, labelling, known, dealt)
        said = row is not None and (known is None or (known.who, known.why) != (row.who, row.why))
        if before != label or said:
            who, why = (row.who, row.why) if row else ("", _why(known))
            name = one.photograph.name
            changes.append(LabelChange(one.digest, name, before, label, who, why, now, False))
    if not changes:
        return history
    if scores_seen(stores, line):
        changes = [replace(change, scores_seen=True) for change in changes]
    log.append(changes)
    return log.history()


def _before(
    one: Digested, labelling: Labelling, known: LabelChange | None, dealt: Mapping[str, Label]
) -> str:
    """The label that was in force until now: that of the last change, of the role, of the archive."""
    if known is not None:
        return known.after
    archive = labelling.own.get(one.digest) or one.photograph.label
    return str(dealt.get(one.digest) or archive)


def _why(known: LabelChange | None) -> str:
    return TAKEN_OUT if known is not None and known.who else BY_ARCHIVE


def scores_seen(stores: Stores, line: str) -> bool:
    """Whether the line ever had a finished model: from then on people may know the score of any image."""
    if stores.registry.champion(line) is not None:
        return True
    # Frozen, certified and reported, but killed before it became the champion.
    return any(bundle.facts.get("line") == line for bundle in stores.registry.receipts("bundles"))
