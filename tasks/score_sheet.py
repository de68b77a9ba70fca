"""Scores of named images with their labels: what `fit` leaves for `calibrate`, `certify` and `report`."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from storage.snapshots import Snapshot
from tasks.archive.roles import Role
from tasks.vocabulary.arrays import Float64Array, Int64Array

LABELS = {"normal": 0, "abnormal": 1}


@dataclass(frozen=True)
class Labelled:
    """Images of one role in the order of the snapshot; label 1 is abnormal, 0 normal."""

    image_ids: tuple[str, ...]
    labels: tuple[int, ...]

    @property
    def labels_N(self) -> Int64Array:
        """`int64 [N]`."""
        return np.asarray(self.labels, dtype=np.int64)


@dataclass(frozen=True)
class ScoreSheet:
    """One score per labelled image; `inf` where there is no answer, which flags the image."""

    images: Labelled
    scores: tuple[float, ...]

    @property
    def scores_N(self) -> Float64Array:
        """`float64 [N]`."""
        return np.asarray(self.scores, dtype=np.float64)

    def of_label(self, label: str) -> Float64Array:
        """Scores of the normals or of the abnormals."""
        chosen: Float64Array = self.scores_N[self.images.labels_N == LABELS[label]]
        return chosen

    def to_json(self) -> bytes:
        """JSON without infinities (they are null), readable by any tool."""
        finite = [score if math.isfinite(score) else None for score in self.scores]
        return json.dumps(
            {"image_ids": self.images.image_ids, "labels": self.images.labels, "scores": finite}
        ).encode()

    @classmethod
    def from_json(cls, content: bytes) -> ScoreSheet:
        """The sheet that was written; a missing score is `inf`."""
        fields = json.loads(content)
        images = Labelled(tuple(fields["image_ids"]), tuple(fields["labels"]))
        return cls(images, tuple(math.inf if s is None else float(s) for s in fields["scores"]))


def labelled(snapshot: Snapshot, role: Role) -> Labelled:
    """The normal and abnormal images of one role."""
    rows = [row for row in snapshot.rows if row.role == role and row.label in LABELS]
    return Labelled(tuple(row.image_id for row in rows), tuple(LABELS[row.label] for row in rows))


def ids_of(snapshot: Snapshot, *roles: Role) -> tuple[str, ...]:
    """Ids of all images of these roles, in the order of the snapshot."""
    return tuple(row.image_id for row in snapshot.rows if row.role in roles)


def role_counts(snapshot: Snapshot) -> Counter[tuple[str, str]]:
    """Images per (role, label)."""
    return Counter((row.role, row.label) for row in snapshot.rows)


def roles_table(snapshot: Snapshot) -> list[dict[str, str | int]]:
    """One row for every role that has images: how many of each label."""
    counts = role_counts(snapshot)
    labels = ("normal", "abnormal", "undecided")
    return [
        {"role": role.value, **{label: counts[(role, label)] for label in labels}}
        for role in Role
        if any(counts[(role, label)] for label in labels)
    ]
