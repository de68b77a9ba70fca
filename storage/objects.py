"""Bytes under paths, on a local disk or in an object store, through obstore.

What the stores above rely on:

- `put_new` succeeds for exactly one of any number of concurrent writers (a hard link locally,
  If-None-Match in an object store). The local file system must know hard links.
- No object is ever seen half-written: locally obstore writes `<name>#<n>` and renames. A killed
  writer leaves such a file; listings never show it and `sweep_leftovers` takes it.

Nothing is flushed to the platter: a killed process loses nothing that was acknowledged, a power cut
may; digests then say so.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore, from_url
from zarr.storage import ObjectStore as ZarrObjectStore
from zarr.storage import StorePath

from storage.errors import NotFoundError, StorageError, translated

# Inside the class, `list` is the method.
Paths = list[str]
_LEFTOVER = re.compile(r".+#\d+")


@dataclass(frozen=True)
class Listed:
    """One object of a listing; `modified_at` in seconds since the epoch."""

    path: str
    modified_at: float
    size_bytes: int


class Objects:
    """An object store at a root: a local folder (made if absent) or a url such as `s3://bucket/x`.

    All paths are relative to the root, with '/' between parts. Pickles as its root.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = root
        self._store: ObjectStore
        if isinstance(root, str) and "://" in root:
            self.local_root: Path | None = None
            self._store = from_url(root)
        else:
            self.local_root = Path(root).absolute()
            with translated(f"opening {self.local_root}"):
                self._store = LocalStore(self.local_root, mkdir=True)

    def __reduce__(self) -> tuple[type[Objects], tuple[Path | str]]:
        return (type(self), (self.root,))

    def put_new(self, path: str, content: bytes) -> bool:
        """Write unless something is there already; False, and nothing changed, if so."""
        with translated(f"writing {path}"):
            try:
                obstore.put(self._store, path, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def put(self, path: str, content: bytes | Path) -> None:
        """Write the bytes, or the bytes of a local file, replacing what was there."""
        with translated(f"writing {path}"):
            obstore.put(self._store, path, content)

    def get(self, path: str) -> bytes:
        """Bytes; NotFoundError if there are none."""
        with translated(f"reading {path}"):
            return bytes(obstore.get(self._store, path).bytes())

    def exists(self, path: str) -> bool:
        """Whether an object (not a folder) is there."""
        try:
            with translated(f"looking for {path}"):
                obstore.head(self._store, path)
        except NotFoundError:
            return False
        return True

    def modified_at(self, path: str) -> float:
        """Seconds since the epoch by the store's own clock; NotFoundError if there is no object."""
        with translated(f"looking for {path}"):
            return obstore.head(self._store, path)["last_modified"].timestamp()

    def list(self, prefix: str = "") -> Paths:
        """Sorted paths of all objects below a folder."""
        return [found.path for found in self.listing(prefix)]

    def listing(self, prefix: str = "") -> tuple[Listed, ...]:
        """Like `list`, with size and time of each object."""
        found: list[Listed] = []
        with translated(f"listing {prefix or 'the root'}"):
            for page in obstore.list(self._store, prefix or None):
                found.extend(
                    Listed(meta["path"], meta["last_modified"].timestamp(), meta["size"])
                    for meta in page
                )
        return tuple(sorted(found, key=lambda each: each.path))

    def folders(self, prefix: str) -> Paths:
        """Sorted paths of the folders directly below a folder, without looking into them."""
        with translated(f"listing {prefix}"):
            return sorted(obstore.list_with_delimiter(self._store, prefix)["common_prefixes"])

    def files(self, prefix: str) -> Paths:
        """Sorted paths of the objects directly in a folder."""
        with translated(f"listing {prefix}"):
            found = obstore.list_with_delimiter(self._store, prefix)["objects"]
            return sorted(meta["path"] for meta in found)

    def delete(self, paths: str | Iterable[str]) -> None:
        """Remove objects; those that are not there are left out without a word."""
        for path in [paths] if isinstance(paths, str) else paths:
            try:
                with translated(f"deleting {path}"):
                    obstore.delete(self._store, path)
            except NotFoundError:
                continue

    def delete_folder(self, prefix: str) -> None:
        """Remove everything below a folder, and locally the empty folders themselves."""
        self.delete(self.list(prefix))
        if self.local_root is not None:
            _remove_empty_folders(self.local_root / prefix, before=None)

    def zarr_store(self, prefix: str) -> StorePath:
        """Give Zarr a place below a folder, through the same store.

        zarr calls its `ObjectStore` experimental; here it was as fast as zarr's `LocalStore` and
        keeps one road for local folders and object stores. Locally it is rooted at the folder
        (made if absent): zarr writes a group into every folder above an array that it sees, which
        would be files that all writers share.
        """
        if self.local_root is None:
            return StorePath(ZarrObjectStore(self._store), prefix)
        with translated(f"opening {prefix}"):
            rooted = LocalStore(self.local_root / prefix, mkdir=True)
        return StorePath(ZarrObjectStore(rooted))

    def local_path(self, path: str) -> Path:
        """File or folder itself; StorageError if the store is not local."""
        if self.local_root is None:
            raise StorageError(
                f"{self.root} has no local files.", "Fetch the objects, or use a local root."
            )
        return self.local_root / path

    def fetch_folder(self, prefix: str, into: Path) -> None:
        """Copy all objects below a folder to a local folder."""
        for path in self.list(prefix):
            target = into / path.removeprefix(prefix).lstrip("/")
            with translated(f"writing {target}"):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.get(path))

    def sweep_leftovers(self, before: float, within: Iterable[str]) -> Paths:
        """Remove what killed local writers left in these folders: `<name>#<n>` and empty folders.

        `before` in seconds since the epoch: younger ones may belong to a writer at work. Returns
        the removed files. An object store leaves none of this.
        """
        if self.local_root is None:
            return []
        removed: list[str] = []
        for folder in within:
            with translated(f"sweeping {folder}"):
                for path in sorted((self.local_root / folder).rglob("*#*")):
                    if _LEFTOVER.fullmatch(path.name) and _is_older(path, before):
                        path.unlink(missing_ok=True)
                        removed.append(path.relative_to(self.local_root).as_posix())
                _remove_empty_folders(self.local_root / folder, before)
        return removed


def _is_older(path: Path, before: float) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_mtime < before


def _remove_empty_folders(top: Path, before: float | None) -> None:
    """Remove empty folders bottom-up; a folder that another process is filling simply stays."""
    for folder, _, _ in os.walk(top, topdown=False):
        try:
            if before is None or Path(folder).stat().st_mtime < before:
                Path(folder).rmdir()
        except OSError:  # not empty, or gone already
            continue
