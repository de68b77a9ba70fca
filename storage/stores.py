"""One door to all stores below one root."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from storage.errors import BusyError, StorageError, translated
from storage.features import FeatureStore
from storage.images import ImageStore
from storage.ingests import IngestStore
from storage.inspections import InspectionLog
from storage.label_changes import LabelLog
from storage.layout import IN_USE, LOCKS, WORKPLACES, valid_name
from storage.ledger import FileLedger
from storage.looks import LookLedger
from storage.objects import Objects
from storage.quarantine import QuarantineStore
from storage.registry import Registry
from storage.role_book import RoleBook
from storage.snapshots import SnapshotStore
from storage.suspensions import SuspensionLedger
from storage.sweeping import Swept, sweep


class Stores:
    """Every store of one installation. Pickles as its root: a worker opens its own.

    `root` is a local folder or a url; `scratch` the local folder for workplaces, by default the
    root where that is local. The image and feature stores are kept, because each remembers the
    receipts that it has read.
    """

    def __init__(self, root: Path | str, scratch: Path | None = None) -> None:
        self.root = root
        self.scratch = scratch
        self.objects = Objects(root)
        self.registry = Registry(self.objects)
        self._images: dict[tuple[str, str], ImageStore] = {}
        self._features: dict[tuple[str, str], FeatureStore] = {}

    def __reduce__(self) -> tuple[type[Stores], tuple[Path | str, Path | None]]:
        return (type(self), (self.root, self.scratch))

    def images(self, line: str, fingerprint: str) -> ImageStore:
        """Images of a line under one fingerprint."""
        return self._images.setdefault(
            (line, fingerprint), ImageStore(self.objects, line, fingerprint)
        )

    def features(self, line: str, fingerprint: str) -> FeatureStore:
        """Metrics of a line under one fingerprint."""
        return self._features.setdefault(
            (line, fingerprint), FeatureStore(self.objects, line, fingerprint)
        )

    def snapshots(self, line: str) -> SnapshotStore:
        """Snapshots of a line."""
        return SnapshotStore(self.objects, line)

    def ingests(self, line: str) -> IngestStore:
        """History of a line's ingests."""
        return IngestStore(self.objects, line)

    def inspections(self, line: str, bundle: str) -> InspectionLog:
        """Everything that a bundle inspected on a line."""
        return InspectionLog(self.objects, line, bundle)

    def suspensions(self, line: str) -> SuspensionLedger:
        """When a line's certificates were suspended and lifted, by whom and why."""
        return SuspensionLedger(self.objects, line)

    def role_book(self, line: str, roles_fingerprint: str) -> RoleBook:
        """Role of every image that a line ever had, under one setting of the roles."""
        return RoleBook(self.objects, line, roles_fingerprint)

    def files(self, line: str) -> FileLedger:
        """Which files of a line's archive were seen, and what was in them."""
        return FileLedger(self.objects, line)

    def labels(self, line: str) -> LabelLog:
        """Who changed which label of a line, when and why."""
        return LabelLog(self.objects, line)

    def looks(self) -> LookLedger:
        """Every look at any certification set, whichever line or tool asked."""
        return LookLedger(self.objects)

    def quarantine(self, line: str) -> QuarantineStore:
        """Quarantined files of a line, and what persons decided on them."""
        return QuarantineStore(self.objects, line)

    def workplace(self, key: str) -> Path:
        """Local scratch folder for resumable work of this key, made if absent, kept if not."""
        folder = self._workplace(key)
        with translated(f"making {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clear_workplace(self, key: str) -> None:
        """Remove a scratch folder, for example once its result is committed."""
        folder = self._workplace(key)
        with translated(f"removing {folder}"):
            if folder.exists():
                shutil.rmtree(folder)

    def workplaces(self) -> list[Path]:
        """All scratch folders that there are, by key; none where there is no place for any."""
        parent = self.scratch or self.objects.local_root
        folder = Path(parent) / WORKPLACES if parent else None
        with translated(f"listing {folder}"):
            return sorted(folder.iterdir()) if folder and folder.is_dir() else []

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Of all processes of this machine, one at a time is in the block of a key; others wait.

        The lock goes with its process, however that ends. Its file stays: to remove it would
        let a third process in beside one that waits on the removed file.
        """
        with self._lock_file(key) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def alone(self, key: str, who: str) -> Iterator[None]:
        """Like `exclusive`, but nobody waits: raises `BusyError` that says who is in the block.

        `who` completes the sentence '... is at work on it'.
        """
        with self._lock_file(key) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                other = lock.read() or "Another process"
                raise BusyError(
                    f"{other} is at work on {key}.", "Run again when it has ended, or end it."
                ) from error
            # The name is a courtesy: a full disk must not keep away who makes room on it.
            with suppress(OSError):
                os.ftruncate(lock.fileno(), 0)
                os.write(lock.fileno(), who.encode("utf-8"))
            yield

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Nothing that is committed is removed within the block; any number of runs are in it at once.

        Holds among the processes that share this local root or scratch folder.
        """
        with self._lock_file(IN_USE) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    @contextmanager
    def unused(self) -> Iterator[None]:
        """No run is `in_use` of the store within the block; raises `BusyError` where one is."""
        with self._lock_file(IN_USE) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(
                    f"A run is at work on {self.root}.", "Come again when it has ended."
                ) from error
            yield

    @contextmanager
    def _lock_file(self, key: str) -> Iterator[TextIO]:
        folder = self._local_folder(LOCKS)
        with translated(f"locking {key} in {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / valid_name(key)).open("a+", encoding="utf-8")
        with lock:
            yield lock

    def sweep(self, older_than_seconds: float, now: float) -> Swept:
        """Remove what killed writers left, see `storage.sweeping.sweep`; workplaces stay."""
        return sweep(self.objects, older_than_seconds, now)

    def _workplace(self, key: str) -> Path:
        return self._local_folder(WORKPLACES) / valid_name(key)

    def _local_folder(self, name: str) -> Path:
        parent = self.scratch or self.objects.local_root
        if parent is None:
            raise StorageError(
                f"{self.root} has no room for workplaces.", "Give a local scratch folder."
            )
        return Path(parent) / name
