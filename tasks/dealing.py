"""Roles as they are dealt tonight, from the book of those that were dealt before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from storage.ingests import IngestRecord
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.archive.photograph import Label
from tasks.archive.retraining import Occasion, why_learn
from tasks.archive.roles import Board, Role, assign_roles, first_dealt, torn_groups
from tasks.jobs import IngestJob


@dataclass(frozen=True)
class Dealing:
    """The role of every board, and why waiting ones were given to what learns.

    `labels_before` are the labels under which images had their roles, `remembered` is what goes into the
    book; the other fields are those of an `IngestRecord`.
    """

    roles: Mapping[str, Role]
    labels_before: Mapping[str, Label]
    remembered: Mapping[str, tuple[Label, Role]]
    torn_groups: int
    to_learn: int
    learnt_at: str
    learning: tuple[str, ...]


def deal(
    stores: Stores,
    job: IngestJob,
    reference: Receipt | None,
    boards: Sequence[Board],
    occasion: Occasion,
    last: IngestRecord | None,
    now: str,
) -> Dealing:
    """Deal the roles; nothing is written. Raises as `assign_roles` does."""
    known = {
        image_id: (cast("Label", label), Role(role))
        for image_id, (label, role) in _book(stores, job).items()
    }
    is_first = not known
    # The reference has seen these boards: they may train, and never certify.
    boards_of_reference = reference.facts["boards"] if reference else ()
    for image_id in cast("Sequence[str]", boards_of_reference):
        known.setdefault(image_id, ("normal", Role.RECONSTRUCTION))
    share = 0.0 if is_first else job.retraining.share
    roles = assign_roles(boards, job.roles, known, share)
    learnt_at = now if is_first else _learnt_at(last, now)
    normals = len(_waiting(boards, roles, normal=True))
    learning = why_learn(job.retraining, occasion, normals, learnt_at, now)
    if learning:
        opened = _waiting(boards, roles)
        roles = assign_roles(boards, job.roles, known, share, opened)
        learnt_at = now
    return Dealing(
        roles=roles,
        labels_before={image_id: label for image_id, (label, _) in known.items()},
        remembered=first_dealt(boards, roles, known),
        torn_groups=len(torn_groups(boards, roles)),
        to_learn=len(_waiting(boards, roles, normal=True)),
        learnt_at=learnt_at,
        learning=tuple(learning),
    )


def remember_roles(stores: Stores, job: IngestJob, dealing: Dealing) -> None:
    """Write the roles into the book of the line."""
    stores.role_book(job.line, job.roles_fingerprint).remember(dealing.remembered)


def would_learn(job: IngestJob, occasion: Occasion, last: IngestRecord, now: str) -> bool:
    """Whether a night on which no file changed has a reason to learn."""
    return bool(why_learn(job.retraining, occasion, last.to_learn, _learnt_at(last, now), now))


def _learnt_at(last: IngestRecord | None, now: str) -> str:
    """Ingests of earlier versions name no such time: then since the last of them."""
    return (last.learnt_at or last.at) if last else now


def _book(stores: Stores, job: IngestJob) -> Mapping[str, tuple[str, str]]:
    return stores.role_book(job.line, job.roles_fingerprint).known()


def _waiting(
    boards: Sequence[Board], roles: Mapping[str, Role], *, normal: bool = False
) -> frozenset[str]:
    return frozenset(
        board.image_id
        for board in boards
        if roles[board.image_id] is Role.WAITING and (board.label == "normal" or not normal)
    )
