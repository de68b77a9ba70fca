"""Scores of named images with their labels: what `fit` leaves for `calibrate`, `certify` and `report`."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from storage.snapshots import Snapshot, SnapshotRow
from tasks.archive.groups import components
from tasks.archive.roles import Role
from tasks.certification.units import Units, defective_units, good_units
from tasks.vocabulary.arrays import Float64Array, Int64Array

LABELS = {"normal": 0, "abnormal": 1}


@dataclass(frozen=True)
class Labelled:
    """Images of one role in the order of the snapshot; label 1 is abnormal, 0 normal.

    `groups` names for each image what counts once: images of one panel, lot or serial number, and
    near-duplicates, share a name. None where every image is alone.
    """

    image_ids: tuple[str, ...]
    labels: tuple[int, ...]
    groups: tuple[str, ...] | None = None

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

    def units(self) -> tuple[Units, Units]:
        """What counts once, normal and abnormal: one wrong image makes the whole unit wrong."""
        normal_N = self.images.labels_N == LABELS["normal"]
        groups_N = None
        if self.images.groups is not None:
            groups_N = np.unique(self.images.groups, return_inverse=True)[1]
        good, bad = (
            (self.scores_N[chosen_N], None if groups_N is None else groups_N[chosen_N])
            for chosen_N in (normal_N, self.images.labels_N == LABELS["abnormal"])
        )
        return good_units(*good), defective_units(*bad, "every-image")

    def to_json(self) -> bytes:
        """JSON without infinities (they are null), readable by any tool."""
        finite = [score if math.isfinite(score) else None for score in self.scores]
        fields = {
            "image_ids": self.images.image_ids,
            "labels": self.images.labels,
            "groups": self.images.groups,
            "scores": finite,
        }
        return json.dumps(fields).encode()

    @classmethod
    def from_json(cls, content: bytes) -> ScoreSheet:
        """The sheet that was written; a missing score is `inf`."""
        fields = json.loads(content)
        groups = fields["groups"]
        images = Labelled(
            tuple(fields["image_ids"]),
            tuple(fields["labels"]),
            None if groups is None else tuple(groups),
        )
        return cls(images, tuple(math.inf if s is None else float(s) for s in fields["scores"]))


def labelled(snapshot: Snapshot, role: Role) -> Labelled:
    """The normal and abnormal images of one role."""
    rows = [row for row in snapshot.rows if row.role == role and row.label in LABELS]
    return Labelled(
        tuple(row.image_id for row in rows),
        tuple(LABELS[row.label] for row in rows),
        _groups(rows),
    )


# A lot may have a space in its name: the names were joined by one.
_BETWEEN_GROUPS = re.compile(r" (?=(?:panel|lot|serial|near):)")


def group_names(row: SnapshotRow) -> frozenset[str]:
    """Names such as `panel:17` or `near:3fa` of all that a row belongs to."""
    return frozenset(_BETWEEN_GROUPS.split(row.group)) - {""}


def _groups(rows: Sequence[SnapshotRow]) -> tuple[str, ...] | None:
    """What is tied together through whatever chain of panels, lots and twins has one name."""
    numbers_N = components([group_names(row) for row in rows])
    names: dict[int, str] = {}
    for number, row in zip(numbers_N.tolist(), rows, strict=True):
        names.setdefault(number, row.image_id)
    if len(names) == len(rows):
        return None
    return tuple(names[number] for number in numbers_N.tolist())


def ids_of(snapshot: Snapshot, *roles: Role) -> tuple[str, ...]:
    """Ids of all images of these roles, in the order of the snapshot."""
    return tuple(row.image_id for row in snapshot.rows if row.role in roles)


def relabelled_count(snapshot: Snapshot, *roles: Role) -> int:
    """Images of these roles (of all without any) whose label was changed after scores were seen.

    Undecided ones among them: they are judged no more, and were when their score was seen.
    """
    return sum(bool(row.label_scored) and (not roles or row.role in roles) for row in snapshot.rows)


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
