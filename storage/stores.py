"""One door to all stores below one root."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import StorageError, translated
from storage.features import FeatureStore
from storage.images import ImageStore
from storage.ingests import IngestStore
from storage.label_changes import LabelLog
from storage.layout import LOCKS, WORKPLACES, valid_name
from storage.ledger import FileLedger
from storage.looks import LookLedger
from storage.objects import Objects
from storage.quarantine import QuarantineStore
from storage.registry import Registry
from storage.role_book import RoleBook
from storage.snapshots import SnapshotStore
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

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Of all processes of this machine, one at a time is in the block of a key; others wait.

        The lock goes with its process, however that ends. Its empty file stays: to remove it would
        let a third process in beside one that waits on the removed file.
        """
        folder = self._local_folder(LOCKS)
        with translated(f"locking {key} in {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / valid_name(key)).open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

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
