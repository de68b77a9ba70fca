"""Verb: how well the champion's regions, candidates and heat maps point at defects that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from prefect import task

from storage.images import ImageRow
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.alignment.poses import resizing
from tasks.archive.decoding import decode
from tasks.archive.photograph import Photograph
from tasks.archive.reading import read_photograph
from tasks.archive.roles import Role
from tasks.archive.settings import PhotographSettings, SourceSettings
from tasks.archive.sources import photographs
from tasks.archive.truths import Truth, Truths, open_truths, truth_place
from tasks.jobs import Measuring
from tasks.localisation.judging import Localisation, LocatedBoard, judge
from tasks.locating import KnownBoard, Located, located, unlocated
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Poisoned, Workers

POISONED = "Measuring this image kills the process that tries."
# Nothing learned from these: reconstruction and mask saw other boards.
_JUDGED_ROLES = (Role.DEVELOPMENT, Role.CERTIFICATION)


@dataclass(frozen=True)
class LocalisationOrder:
    """Whose boards are judged, and against which truth; `truth` None: where the archive keeps it."""

    measuring: Measuring
    source: SourceSettings
    photograph: PhotographSettings
    truth: str | None


@dataclass(frozen=True)
class LocalisationFigures:
    """What was judged: on mask times difference (`masked`), on the difference (`plain`), and by place.

    None without a mask, and where normals are not remembered by place. `without_truth` abnormal boards are
    not among them, for nobody drew their defects; `unmeasured` are, with all their defects missed.
    """

    line: str
    truth: str
    abnormal: int
    normal: int
    without_truth: int
    unmeasured: int
    masked: Localisation | None
    plain: Localisation
    places: Localisation | None = None

    @property
    def used(self) -> Localisation:
        """What inspection goes by: places where there are some, else the mask where there is one."""
        return self.places or self.masked or self.plain


@task(name="localise", **RETRYING)
def localise(
    stores: Stores, order: LocalisationOrder, snapshot: Snapshot, workers: Workers
) -> LocalisationFigures:
    """Judge the boards of development and certification; nothing is fitted, nothing is kept."""
    place = order.truth or truth_place(order.source)
    rows = [row for row in snapshot.rows if row.role in _JUDGED_ROLES]
    boards = known_boards(stores, order, rows, place)
    struck = sum(bool(board.truths) for board in boards)
    if not struck:
        raise InputError(
            f"{place} knows no defect of {order.measuring.line}'s abnormal boards.",
            "Name the truth of this archive with --truth.",
        )
    found = _located(stores, order.measuring, boards, workers)
    abnormal = sum(row.label == "abnormal" for row in rows)
    return LocalisationFigures(
        line=order.measuring.line,
        truth=place,
        abnormal=struck,
        normal=len(boards) - struck,
        without_truth=abnormal - struck,
        unmeasured=sum(one.reason is not None for one in found),
        masked=_judged([one.masked for one in found]),
        plain=judge([one.plain for one in found]),
        places=_judged([one.placed for one in found]),
    )


def _judged(boards: Sequence[LocatedBoard | None]) -> Localisation | None:
    """Of all boards or of none: one without an answer was told to count as missed."""
    known = [board for board in boards if board is not None]
    return judge(known) if len(known) == len(boards) else None


def _located(
    stores: Stores, measuring: Measuring, boards: Sequence[KnownBoard], workers: Workers
) -> list[Located]:
    """In the order of the boards, whichever batch ended first: sums are then the same bits."""
    found: dict[str, Located] = {}
    for batch, outcome in workers.map_batches(partial(located, stores, measuring), boards):
        if isinstance(outcome, Poisoned):
            found[outcome.item.image_id] = unlocated(measuring, outcome.item, POISONED)
        else:
            found |= zip((board.image_id for board in batch), outcome, strict=True)
        report_progress("localise", len(found), len(boards))
    return [found[board.image_id] for board in boards]


def known_boards(
    stores: Stores, order: LocalisationOrder, rows: Sequence[SnapshotRow], place: str
) -> list[KnownBoard]:
    """Boards with their truth and pose: normal ones, and abnormal ones whose defects somebody drew."""
    endpoint_url = getattr(order.source, "endpoint_url", None)
    truths = open_truths(place, [row.source for row in rows], endpoint_url)
    measuring = order.measuring
    stored = stores.images(measuring.line, measuring.images_fingerprint).rows()
    sizes = _Sizes(order)
    boards = []
    for row in rows:
        drawn: tuple[Truth, ...] = ()
        if row.label == "abnormal":
            drawn = _drawn(truths, row, sizes) or ()
            if not drawn:
                continue
        elif row.label != "normal":
            continue
        pose_33 = _pose(stored[row.image_id], row, sizes, measuring)
        boards.append(KnownBoard(row.image_id, pose_33, drawn))
    return boards


class _Sizes:
    """Height and width of photographs: the line's, or those of the files themselves."""

    def __init__(self, order: LocalisationOrder) -> None:
        self._order = order
        self._listed: Mapping[str, Photograph] | None = None

    def of(self, name: str) -> tuple[int, int]:
        """Size of one photograph; `InputError` where it is not in the archive any more."""
        expected = self._order.photograph
        if expected.height_px is not None and expected.width_px is not None:
            return expected.height_px, expected.width_px
        if self._listed is None:
            self._listed = {one.name: one for one in photographs(self._order.source)}
        if name not in self._listed:
            raise InputError(f"{name} is not in the archive any more.", "Ingest the line again.")
        photograph_HWC = decode(read_photograph(self._listed[name]), expected)
        return photograph_HWC.shape[0], photograph_HWC.shape[1]


def _drawn(truths: Truths, row: SnapshotRow, sizes: _Sizes) -> tuple[Truth, ...] | None:
    return truths.of(row.source, sizes.of(row.source))


def _pose(stored: ImageRow, row: SnapshotRow, sizes: _Sizes, measuring: Measuring) -> Float64Array:
    """Photograph px to board px: as registered, or the plain change of size."""
    if "pose" in stored.facts:
        return np.asarray(stored.facts["pose"], dtype=np.float64).reshape(3, 3)
    _, height, width = measuring.instrument.image_shape_CHW
    return resizing(sizes.of(row.source), (height, width))
