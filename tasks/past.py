"""What the past of a line holds: boards of its newest snapshot, and files of its archive beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from storage.errors import NotFoundError
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.archive.photograph import Facts, Photograph
from tasks.archive.roles import Role, groups_of
from tasks.archive.sources import photographs
from tasks.backfilling.wanted import Wanted, day_of
from tasks.jobs import Bundle, IngestJob
from tasks.score_sheet import group_names
from tasks.vocabulary.errors import InputError

COMPARISON = "comparison.json"
_NOT_LEARNED = frozenset({Role.CERTIFICATION, Role.UNDECIDED, Role.WAITING})
_FACTS = tuple(field.name for field in fields(Facts) if field.name != "captured_at")


@dataclass(frozen=True)
class PastBoard:
    """One board image of the past, or a file that no ingest has made one of yet.

    `image_id` is "" as long as the file was not read, `role` and `label` where there is none.
    `photograph` is None where the archive no longer lists the file. `groups` names what counts once.
    """

    name: str
    image_id: str
    label: str
    role: str
    captured_at: str
    groups: frozenset[str]
    photograph: Photograph | None = None

    @property
    def identity(self) -> tuple[str, str, str]:
        """What names its content: the image, or the file and its stamp; and whether there is a file."""
        stamp = "gone" if self.photograph is None else self.photograph.stamp
        return self.name, self.image_id, stamp


@dataclass(frozen=True)
class Past:
    """All boards that were asked for, in the order of time, and how many were left out as undatable."""

    boards: tuple[PastBoard, ...]
    snapshot: Snapshot
    without_day: int


@dataclass(frozen=True)
class Judge:
    """A frozen bundle that is asked about the past.

    `images_fingerprint` is that of the board images it measures; None where the code or the weights
    have changed since: then it says of a board what is stored, and is asked nothing new. `learned` are
    the images that it was made of, `certified` says whether the look at its certificate was counted.
    """

    key: str
    bundle: Bundle
    images_fingerprint: str | None
    learned: frozenset[str]
    certified: bool


def past_of(stores: Stores, job: IngestJob, wanted: Wanted) -> Past:
    """Boards of the newest snapshot and files that are in none, as far as they are asked for.

    Labels are those of the snapshot, corrected ones among them; files that no ingest took in count
    under what the archive says. Raises `NotFoundError` before the first ingest, `InputError` where
    nothing is left, and what listing an archive raises.
    """
    snapshot = stores.snapshots(job.line).latest(job.roles_fingerprint)
    if snapshot is None:
        raise NotFoundError(
            f"The line {job.line} has no images yet.", "Run `zeroescape retrain` first."
        )
    listed = {one.name: one for one in photographs(job.source)}
    cameras = stores.images(job.line, snapshot.images_fingerprint).rows()
    known: list[tuple[PastBoard, dict[str, str]]] = []
    for row in snapshot.rows:
        photograph = listed.pop(row.source, None)
        facts = cameras[row.image_id].facts if row.image_id in cameras else {}
        known.append((_of_row(row, photograph), _told(row, photograph, facts)))
    known += [(_of_file(one, job), _told_by(one)) for one in listed.values()]
    matching = [board for board, told in known if wanted.matches(told)]
    boards = [board for board in matching if wanted.in_period(board.captured_at)]
    without_day = sum(1 for one in matching if wanted.is_period and not day_of(one.captured_at))
    if not boards:
        _refuse_empty(job.line, wanted, matching, without_day)
    ordered = sorted(boards, key=lambda one: (one.captured_at == "", one.captured_at, one.name))
    return Past(tuple(ordered), snapshot, without_day)


def learned_from(stores: Stores, key: str, bundle: Bundle, snapshot: Snapshot) -> frozenset[str]:
    """Images that a bundle was made of, or that were set aside then; its verdicts on them flatter it.

    By the snapshot that the bundle names, else by `snapshot`; development images are known in any case.
    """
    frozen = stores.registry.find("bundles", key)
    number = frozen.facts.get("snapshot") if frozen is not None else None
    if isinstance(number, int):
        snapshot = stores.snapshots(bundle.line).read(number)
    learned = {row.image_id for row in snapshot.rows if row.role not in _NOT_LEARNED}
    classifier = stores.registry.find("classifiers", bundle.classifier)
    if classifier is None:
        raise NotFoundError(f"The classifier of {key} is gone.", "Restore it from a copy.")
    folder = stores.registry.open("classifiers", classifier.key) / "out-of-fold"
    # Sheets of earlier versions lack what a `ScoreSheet` has; the images they always named.
    sheet = json.loads((folder / f"{classifier.facts['chosen']}.json").read_bytes())
    return frozenset(learned.union(sheet["image_ids"]))


def newest_challenger(stores: Stores, line: str) -> str | None:
    """The bundle certified last of those that were never promoted; None where all were."""
    promoted = {one.bundle for one in stores.registry.history(line)}
    made = [
        (str(receipt.facts["at"]), str(receipt.facts["bundle"]))
        for receipt in stores.registry.receipts("certificates")
        if receipt.facts.get("line") == line and receipt.facts.get("bundle") not in promoted
    ]
    return max(made)[1] if made else None


def find_bundle(stores: Stores, line: str, called: str) -> str:
    """Key of a bundle by what a person calls it: `champion`, the number of a promotion, or its key.

    The first characters of a key are enough where no other bundle of the line begins with them.
    Raises `InputError` where it is none, or several.
    """
    history = stores.registry.history(line)
    if called == "champion" and history:
        return history[-1].bundle
    numbered = {str(one.number): one.bundle for one in history}
    if called in numbered:
        return numbered[called]
    frozen = stores.registry.receipts("bundles")
    found = [r.key for r in frozen if r.facts.get("line") == line and r.key.startswith(called)]
    if len(found) != 1 or not called:
        said = "none" if not found else f"{len(found)}"
        raise InputError(
            f"{called!r} names {said} of the bundles of {line}.",
            "Give `champion`, the number of a promotion, or the first characters of a bundle's key.",
        )
    return found[0]


def read_comparison(stores: Stores, key: str) -> dict[str, Any]:
    """The comparison of a receipt's key."""
    content: dict[str, Any] = json.loads(
        (stores.registry.open("backfills", key) / COMPARISON).read_bytes()
    )
    return content


def _of_row(row: SnapshotRow, photograph: Photograph | None) -> PastBoard:
    return PastBoard(
        row.source,
        row.image_id,
        row.label,
        row.role,
        row.captured_at,
        group_names(row),
        photograph,
    )


def _of_file(photograph: Photograph, job: IngestJob) -> PastBoard:
    facts = photograph.facts
    return PastBoard(
        photograph.name,
        "",
        photograph.label or "",
        "",
        facts.captured_at or "",
        groups_of(facts, job.roles.group_by),
        # Without a label no board image is made; it is judged all the same.
        replace(photograph, label=photograph.label or "undecided"),
    )


def _told(
    row: SnapshotRow, photograph: Photograph | None, stored: Mapping[str, object]
) -> dict[str, str]:
    """What is known of a board; where the archive no longer lists it, what the store remembers."""
    groups = dict(name.split(":", 1) for name in group_names(row))
    told = {"camera": str(stored.get("camera") or ""), **groups, "family": row.family}
    return {**told, **_facts(photograph), "label": row.label, "role": row.role}


def _told_by(photograph: Photograph) -> dict[str, str]:
    return {**_facts(photograph), "label": photograph.label or "", "role": ""}


def _facts(photograph: Photograph | None) -> dict[str, str]:
    if photograph is None:
        return {}
    known = {name: getattr(photograph.facts, name) for name in _FACTS}
    return {name: value for name, value in known.items() if value}


def _refuse_empty(
    line: str, wanted: Wanted, matching: Sequence[PastBoard], without_day: int
) -> None:
    days = Counter(day_of(board.captured_at) for board in matching)
    days.pop("", None)
    there = f"Its boards are of {min(days)} to {max(days)}" if days else "None of them has a day"
    if without_day:
        there += f"; of {without_day:,} no day is known"
    remedy = f"{there}." if matching else "Correct --where: it excludes every board."
    raise InputError(f"{line} has no board {wanted.words()}.", remedy)
