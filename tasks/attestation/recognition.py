"""By what a set of boards is recognised again, and when two questions about it are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.attestation.columns import identity, sample
from tasks.attestation.scores import ScoredSet
from tasks.vocabulary.arrays import Float64Array


class Recognition(NamedTuple):
    """Keys of a set, any of which recognises it, and by what that is in words."""

    keys: tuple[str, ...]
    by: str
    is_weak: bool


def recognition(scored: ScoredSet, set_name: str | None) -> Recognition:
    """Recognise a set by what names its boards, and by its name if it has one.

    Neither labels nor scores enter: a corrected label or a better tool does not make boards fresh.
    Where nothing names the boards, sets of as many rows count as one: too many looks rather than too
    few. A row more or less does not make a set fresh either: see `sample`.
    """
    boards = tuple(f"boards:{digest}" for digest in scored.identities)
    named = () if set_name is None else (f"name:{set_name}",)
    if boards or named:
        by = " and ".join(["what names its boards"] * bool(boards) + ["its name"] * bool(named))
        keys = (*boards, *named, *(f"board:{digest}" for digest in scored.samples))
        return Recognition(keys, by, is_weak=not boards)
    rows = f"rows:{scored.abnormal_N.size}"
    return Recognition((rows,), "its number of rows alone", is_weak=True)


def keys_of(image_ids: Sequence[str]) -> tuple[str, ...]:
    """Keys of a set of named images: those of a file that has these names in its id column."""
    import pyarrow as pa

    column = pa.chunked_array([pa.array(image_ids, pa.string())])
    return (f"boards:{identity(column)}", *(f"board:{digest}" for digest in sample(column)))


def answer_digest(normal_U: Float64Array, abnormal_U: Float64Array, question: str) -> str:
    """Digest of all that decides the answer: the scores of either class in any order, the question."""
    digest = hashlib.sha256(question.encode("utf-8"))
    for scores_U in (normal_U, abnormal_U):
        digest.update(b"|")
        digest.update((np.sort(scores_U) + 0.0).astype("<f8").tobytes())  # -0.0 is 0.0
    return digest.hexdigest()
