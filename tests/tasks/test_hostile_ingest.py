"""A hostile archive of real boards through the whole ingest: every file is accounted for."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from distributed import LocalCluster

from storage.ingests import IngestRecord
from storage.quarantine import QuarantineEntry
from tasks.alignment_history import registered_boards
from tasks.reporting.alignment_history import alignment_history_png, alignment_sentences
from tasks.synthesis.rendering import render_board
from tasks.synthesis.settings import PerturbationSettings
from tasks.vocabulary.arrays import UInt8Array
from tasks.workers import Workers
from tests.deadly import killed_while_reading, write_deadly
from tests.tasks.plant import (
    ABNORMALS,
    LINE,
    NORMALS,
    SIDE_PX,
    Plant,
    board,
    design,
    new_plant,
    png,
)

pytestmark = pytest.mark.slow

# Good boards under names that people and cameras really give.
ODD_NAMES = [
    b"line\nbreak.png",
    "board \U0001f600.png".encode(),
    b"caf\xe9.png",
    b"[red]bold[/].png",
    b"x" * 251 + b".png",
]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(None, 1, 8) as started:
        # One death is proof enough here; Dask's own three would be three more starts of a worker.
        cluster = started.client().cluster
        assert isinstance(cluster, LocalCluster)
        assert cluster.scheduler is not None
        cluster.scheduler.allowed_failures = 0
        yield started


def claiming(width_px: int, height_px: int) -> bytes:
    """A PNG of nothing that says that it is large."""
    size = width_px.to_bytes(4, "big") + height_px.to_bytes(4, "big")
    whole = png(np.zeros((1, 1, 3), np.uint8))
    header = b"IHDR" + size + whole[24:29]
    return whole[:12] + header + zlib.crc32(header).to_bytes(4, "big") + whole[33:]


def shifted(pixels_HWC: UInt8Array, right_px: int) -> UInt8Array:
    moved = np.zeros_like(pixels_HWC)
    moved[:, right_px:] = pixels_HWC[:, :-right_px]
    return moved


# Path below the archive: the kind of its quarantine entry and words of the reason.
SPOILT = {
    "normal/cut.png": ("unusable", "damaged or truncated"),
    "normal/corrupt.png": ("unusable", "damaged or truncated"),
    "normal/zero.png": ("unusable", "empty"),
    "normal/notes.png": ("unusable", "not an image"),
    "normal/bomb.png": ("unusable", "too many pixels"),
    "normal/dot.png": ("misaligned", "1 x 1"),
    "normal/disk.png": ("unreadable", "more than any photograph"),
    "normal/circle.png": ("unreadable", "Too many levels of symbolic links"),
    "normal/dangling.png": ("unreadable", "No such file"),
    "normal/pipe.png": ("unreadable", "a pipe, a socket or a device"),
    "normal/socket.png": ("unreadable", "No such device or address"),
    "normal/memory.png": ("unreadable", "Input/output error"),
    "normal/busy.png": ("changing", "changed after the archive was listed"),
    "normal/twin.png": ("duplicate", "Same content as normal/n00.png"),
    "normal/torn.png": ("label", "different labels"),
    "abnormal/torn.png": ("label", "different labels"),
    "inbox/new.png": ("label", "Nobody said"),
    "normal/turned.png": ("misaligned", "not aligned"),
    "normal/other.png": ("misaligned", "not aligned"),
    "normal/black.png": ("misaligned", "Nothing in the photograph correlates"),
    "normal/half.png": ("misaligned", "overlap"),
}
# What cannot be read now may be readable tomorrow, without any change of its stamp.
TRIED_AGAIN = {n for n, (kind, _) in SPOILT.items() if kind in ("unreadable", "changing")}


def spoil(plant: Plant) -> None:
    whole, normal = png(board(20)), plant.archive / "normal"
    other = render_board(design(7), 1, (), PerturbationSettings()).pixels_HWC
    contents = {
        "normal/cut.png": whole[: len(whole) // 2],
        "normal/corrupt.png": whole[:5000] + bytes(64) + whole[5064:],
        "normal/zero.png": b"",
        "normal/notes.png": b"Board 17 was reworked by hand.\n",
        "normal/bomb.png": claiming(60_000, 60_000),
        "normal/dot.png": png(board(0)[:1, :1]),
        "normal/disk.png": b"",
        "normal/twin.png": png(board(0)),
        "normal/torn.png": png(board(21)),
        "abnormal/torn.png": png(board(21)),
        "inbox/new.png": png(board(22)),
        "normal/turned.png": png(board(23)[::-1, ::-1]),
        "normal/other.png": png(other),
        "normal/black.png": png(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)),
        "normal/half.png": png(shifted(board(24), 30)),
    }
    for name, content in contents.items():
        plant.put(name, content)
    # Of nearly no size on the disk: as a card that was copied as a whole, under the wrong name.
    os.truncate(normal / "disk.png", 1 << 40)
    (normal / "circle.png").symlink_to("circle.png")
    (normal / "dangling.png").symlink_to("nowhere.png")
    os.mkfifo(normal / "pipe.png")
    # Not even root can read the first byte of it.
    (normal / "memory.png").symlink_to("/proc/self/mem")
    plant.put("normal/folder.png/inner.png", png(board(40)))
    for number, odd in enumerate(ODD_NAMES, start=30):
        plant.put(b"normal/" + odd, png(board(number)))


@contextmanager
def listening_socket(place: Path) -> Iterator[None]:
    # The name of a socket may not be long: it is made elsewhere and moved.
    with socket.socket(socket.AF_UNIX) as bound, TemporaryDirectory() as short:
        bound.bind(f"{short}/s")
        Path(short, "s").rename(place)
        yield


@contextmanager
def written_all_the_time(place: Path, content: bytes) -> Iterator[None]:
    """A camera that is not done with a file: it begins anew again and again."""
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            place.write_bytes(content[: len(content) // 2])
            time.sleep(0.002)
            place.write_bytes(content)
            time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


@dataclass
class Hostile:
    plant: Plant
    first: IngestRecord
    entries: dict[str, QuarantineEntry]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, workers: Workers) -> Iterator[Hostile]:
    """The archive after its first ingest, the camera that wrote meanwhile being done."""
    plant = new_plant(tmp_path_factory.mktemp("hostile"), workers)
    spoil(plant)
    normal = plant.archive / "normal"
    with listening_socket(normal / "socket.png"):
        with written_all_the_time(normal / "busy.png", png(board(25))):
            first = plant.ingest()
        yield Hostile(plant, first, plant.quarantined())


def test_each_spoilt_file_is_in_quarantine_with_its_reason(hostile: Hostile) -> None:
    assert hostile.entries.keys() == SPOILT.keys()
    for name, (kind, words) in SPOILT.items():
        assert hostile.entries[name].kind == kind, name
        assert words in hostile.entries[name].reason, name


def test_every_file_seen_is_accounted_for(hostile: Hostile) -> None:
    listed = [path for path in hostile.plant.archive.rglob("*.png") if path.name != "folder.png"]
    first = hostile.first
    assert first.seen == len(listed)
    assert first.duplicates == 1
    assert first.quarantined == {
        "changing": 1,
        "label": 3,
        "misaligned": 5,
        "unreadable": 6,
        "unusable": 5,
    }
    assert first.ingested == 1 + NORMALS + ABNORMALS + len(ODD_NAMES) + 1


def test_good_boards_arrive_under_whatever_name(hostile: Hostile) -> None:
    arrived = hostile.plant.sources()
    assert len(arrived) == hostile.first.ingested
    for name in ODD_NAMES:
        shown = name.decode("utf-8", "backslashreplace")
        assert f"normal/{shown}" in arrived
    assert "normal/folder.png/inner.png" in arrived


def test_the_next_ingest_reads_only_what_may_be_readable_by_now(hostile: Hostile) -> None:
    plant = hostile.plant
    second = plant.ingest()
    assert plant.read == len(TRIED_AGAIN)
    # Whoever wrote it is done.
    assert "changing" not in second.quarantined
    assert second.ingested == hostile.first.ingested + 1
    assert "normal/busy.png" in plant.sources()
    plant.ingest()
    assert plant.read == len(TRIED_AGAIN) - 1
    # The first time stays on record, however often it is looked at.
    since = {name: entry.first_seen_at for name, entry in hostile.entries.items()}
    assert {n: e.first_seen_at for n, e in plant.quarantined().items()}.items() <= since.items()


def test_two_files_of_one_printed_name_are_both_there_after_every_ingest(
    tmp_path: Path, workers: Workers
) -> None:
    plant = new_plant(tmp_path, workers)
    for number, name in enumerate((b"caf\xe9.png", b"caf\\xe9.png"), start=30):
        plant.put(b"normal/" + name, png(board(number)))
    assert plant.ingest().ingested == 1 + NORMALS + ABNORMALS + 2
    # Something is new, so that the archive is not only looked up.
    plant.put("normal/later.png", png(board(41)))
    assert plant.ingest().ingested == 1 + NORMALS + ABNORMALS + 3


def test_a_released_board_is_taken_in_however_bad_its_figures_are(
    tmp_path: Path, workers: Workers
) -> None:
    plant = new_plant(tmp_path, workers)
    noise = np.random.default_rng(0).integers(0, 255, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    plant.put("normal/noise.png", png(noise))
    plant.ingest()
    entry = plant.quarantined()["normal/noise.png"]
    assert "residual inf px" in entry.reason
    assert entry.digest is not None
    when = "2026-11-20T08:00:00+00:00"
    plant.stores.quarantine(LINE).release(entry.digest, "A. Ray", "to see what happens", when)
    record = plant.ingest()
    assert "normal/noise.png" in plant.sources()
    snapshot = plant.stores.snapshots(LINE).read(record.snapshot)
    boards = registered_boards(plant.stores, snapshot, plant.job.alignment.side_px)
    assert alignment_history_png(boards, 0.5)
    assert alignment_sentences(boards, 0.5, 0)


def test_a_file_that_becomes_readable_without_a_change_is_taken_in(
    tmp_path: Path, workers: Workers
) -> None:
    plant = new_plant(tmp_path, workers)
    closed = plant.archive / "normal" / "n03.png"
    closed.chmod(0)
    with bound_by_permissions(workers):
        assert plant.ingest().quarantined == {"unreadable": 1}
        assert "Permission denied" in plant.quarantined()["normal/n03.png"].reason
        # Neither the time nor the size of a file tells of its permissions.
        closed.chmod(0o600)
        assert plant.ingest().quarantined == {}
    assert plant.read == 1
    assert "normal/n03.png" in plant.sources()


@contextmanager
def bound_by_permissions(workers: Workers) -> Iterator[None]:
    """The thread that reads may do what its user may, and no more: root may read anything."""
    workers.run(partial(_override_permissions, allowed=False))
    try:
        yield
    finally:
        workers.run(partial(_override_permissions, allowed=True))


def _override_permissions(*, allowed: bool) -> None:
    """See capabilities(7): CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of this thread."""
    system = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    effective_permitted = (ctypes.c_uint32 * 6)()
    assert system.capget(header, effective_permitted) == 0
    own = effective_permitted[1] & 0b110
    effective_permitted[0] = effective_permitted[0] & ~0b110 | (own if allowed else 0)
    assert system.capset(header, effective_permitted) == 0


def test_the_board_at_which_a_worker_dies_is_alone_in_quarantine(
    tmp_path: Path, workers: Workers
) -> None:
    plant = new_plant(tmp_path, workers)
    plant.ingest()
    deadly = write_deadly(plant.archive / "normal" / "deadly.png")
    plant.put("normal/good.png", png(board(42)))
    with killed_while_reading(deadly, os.getpid()):
        record = plant.ingest()
    assert record.quarantined == {"poisoned": 1}
    assert plant.quarantined()["normal/deadly.png"].reason.startswith("Decoding this file kills")
    assert "normal/good.png" in plant.sources()
    plant.ingest()
    assert plant.read == 0
