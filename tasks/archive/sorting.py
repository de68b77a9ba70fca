"""Which photographs may become board images, judged by content digest and label alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.archive.photograph import ChangingFileError, Photograph


@dataclass(frozen=True)
class Digested:
    """A photograph and the SHA-256 of its file: the identity of a board image."""

    photograph: Photograph
    digest: str


@dataclass(frozen=True)
class Refusal:
    """Why a file did not become a board image, and what a person can do about it."""

    photograph: Photograph
    digest: str | None
    kind: str
    reason: str
    remedy: str


# Kinds of refusals that say nothing of what is in a file.
TRIED_EVERY_TIME = frozenset({"unreadable", "changing"})


def unreadable(photograph: Photograph, digest: str | None, error: OSError) -> Refusal:
    """The refusal of a file that the system does not let us read, or not now: it is tried every time."""
    if isinstance(error, ChangingFileError):
        reason = "The file changed after the archive was listed."
        remedy = "Ingest again when it is completely written."
        return Refusal(photograph, digest, "changing", reason, remedy)
    reason = f"The file cannot be read ({error.strerror or error})."
    remedy = "Give this process the right to read it, or copy it again."
    return Refusal(photograph, digest, "unreadable", reason, remedy)


def sort_out(found: Iterable[Digested]) -> tuple[list[Digested], list[Refusal]]:
    """Accepted photographs (one per content, the first by name) and the refused ones.

    Same content under two different labels refuses all of them: nobody knows which label is right.
    """
    by_digest: dict[str, list[Digested]] = defaultdict(list)
    for one in found:
        by_digest[one.digest].append(one)
    accepted: list[Digested] = []
    refused: list[Refusal] = []
    for copies in by_digest.values():
        taken, refusals = _judge(copies)
        accepted += taken
        refused += refusals
    return accepted, refused


def _judge(copies: list[Digested]) -> tuple[list[Digested], list[Refusal]]:
    names = ", ".join(copy.photograph.name for copy in copies[:_NAMED])
    if len(copies) > _NAMED:
        names += f" and {len(copies) - _NAMED:,} more"
    labels = {copy.photograph.label for copy in copies} - {None}
    if len(labels) > 1:
        reason = f"The same content carries different labels ({names})."
        return [], [
            _refuse(c, "label", reason, "Keep one file, under its true label.") for c in copies
        ]
    labelled = [copy for copy in copies if copy.photograph.label is not None]
    unlabelled = [
        _refuse(copy, "label", "Nobody said whether it is normal or abnormal.", _LABEL_REMEDY)
        for copy in copies
        if copy.photograph.label is None
    ]
    twins = [
        _refuse(
            copy, "duplicate", f"Same content as {labelled[0].photograph.name}.", "Nothing to do."
        )
        for copy in labelled[1:]
    ]
    return labelled[:1], unlabelled + twins


_LABEL_REMEDY = (
    "Move it into a class folder of source.normal, source.abnormal or source.undecided, "
    "or label it in the manifest."
)
# Every copy carries the sentence: thousands of copies that name each other would fill the memory.
_NAMED = 5


def _refuse(one: Digested, kind: str, reason: str, remedy: str) -> Refusal:
    return Refusal(one.photograph, one.digest, kind, reason, remedy)
