"""What became of every file of an archive: kept, a duplicate, or in quarantine; nothing in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from storage.fingerprints import fingerprint
from storage.ledger import SeenFile
from storage.quarantine import QuarantineEntry
from storage.stores import Stores
from tasks.alignment.aligners import refuse_misaligned
from tasks.alignment.registration import MisalignedError, Registration
from tasks.alignment.settings import NoAlignment
from tasks.archive.sorting import Digested, Refusal, sort_out
from tasks.archive.sources import Photograph
from tasks.jobs import BoardMaking

# Refusals by what is in the file, which stay the same until the file or the settings change.
_BY_CONTENT = frozenset({"unusable", "misaligned", "poisoned"})


@dataclass(frozen=True)
class TakenIn:
    """What became of one photograph: `digest` is None where it could not be read to its end."""

    photograph: Photograph
    digest: str | None
    refusal: Refusal | None


@dataclass(frozen=True)
class Account:
    """All files of an archive: `kept` have a board image, of `refused` each says why not."""

    kept: tuple[Digested, ...]
    refused: tuple[Refusal, ...]

    def counts(self) -> Counter[str]:
        """Refused files by kind; duplicates among them."""
        return Counter(refusal.kind for refusal in self.refused)


def remembered(stores: Stores, making: BoardMaking, listed: Sequence[Photograph]) -> list[TakenIn]:
    """What is known of the files that need not be read: unchanged, and stored or refused already."""
    ledger = stores.files(making.line).known()
    stored = stores.images(making.line, making.images_fingerprint).rows()
    refusals = {
        entry.digest: entry
        for entry in stores.quarantine(making.line).entries()
        if entry.digest and entry.made_by == _judged_by(making, entry.digest)
    }
    known = []
    for photograph in listed:
        seen = ledger.get(photograph.name)
        if seen is None or not photograph.stamp or seen.stamp != photograph.stamp:
            continue
        if photograph.label is None:
            known.append(TakenIn(photograph, seen.digest, None))
        elif seen.digest in stored:
            facts = stored[seen.digest].facts
            refusal = misaligned(photograph, seen.digest, facts, making)
            known.append(TakenIn(photograph, seen.digest, refusal))
        elif seen.digest in refusals:
            refusal = _refusal(photograph, refusals[seen.digest])
            known.append(TakenIn(photograph, seen.digest, refusal))
    return known


def misaligned(
    photograph: Photograph, digest: str, facts: Mapping[str, Any], making: BoardMaking
) -> Refusal | None:
    """Refusal of a stored board image under today's limits, which may be stricter than its own."""
    alignment = making.alignment
    if isinstance(alignment, NoAlignment) or digest in making.released:
        return None
    pose_33 = np.asarray(facts["pose"], dtype=np.float64).reshape(3, 3)
    measured = (facts["residual_px"], facts["overlap"], facts["confidence"])
    try:
        refuse_misaligned(Registration(pose_33, *measured), alignment)
    except MisalignedError as error:
        return Refusal(photograph, digest, "misaligned", error.what, error.remedy)
    return None


def _refusal(photograph: Photograph, entry: QuarantineEntry) -> Refusal:
    return Refusal(photograph, entry.digest, entry.kind, entry.reason, entry.remedy)


def settle(outcomes: Iterable[TakenIn]) -> Account:
    """One account of all files, in the order of their names.

    Of files with the same content one counts and the others are its duplicates, whatever becomes
    of that one.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.photograph.name)
    accepted, refused = sort_out(
        Digested(one.photograph, one.digest) for one in ordered if one.digest is not None
    )
    refused += [one.refusal for one in ordered if one.digest is None and one.refusal is not None]
    unusable = {one.digest: one.refusal for one in ordered if one.digest and one.refusal}
    kept = [one for one in accepted if one.digest not in unusable]
    refused += [
        replace(refusal, photograph=one.photograph)
        for one in accepted
        if (refusal := unusable.get(one.digest)) is not None
    ]
    return Account(tuple(kept), tuple(refused))


def remember(
    stores: Stores, making: BoardMaking, outcomes: Iterable[TakenIn], account: Account, at: str
) -> None:
    """Write down which files need not be read again, and make the quarantine show what is wrong now."""
    seen: Mapping[str, SeenFile] = {
        one.photograph.name: SeenFile(one.photograph.stamp, one.digest)
        for one in outcomes
        if one.digest is not None
    }
    stores.files(making.line).renew(seen)
    stores.quarantine(making.line).renew([_entry(one, making) for one in account.refused], at)


def _entry(refusal: Refusal, making: BoardMaking) -> QuarantineEntry:
    return QuarantineEntry(
        source=refusal.photograph.name,
        digest=refusal.digest,
        kind=refusal.kind,
        reason=refusal.reason,
        remedy=refusal.remedy,
        made_by=_judged_by(making, refusal.digest)
        if refusal.digest and refusal.kind in _BY_CONTENT
        else "",
    )


def _judged_by(making: BoardMaking, digest: str) -> str:
    """What has refused a content; once a person releases it, it is tried again by that."""
    return making.judged_by + (" released" if digest in making.released else "")


def quarantine_digest(stores: Stores, line: str) -> str:
    """Digest of the table as it is now: a person who takes an entry out changes it."""
    return fingerprint([entry.key for entry in stores.quarantine(line).entries()])
