"""The files below a place that look like photographs, each exactly once, with a stamp of their state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tasks.archive.photograph import Label
from tasks.archive.remote import file_system, is_remote, listing_error, local_path
from tasks.vocabulary.errors import InputError

_ETAGS = ("ETag", "etag", "md5Hash", "mtime", "created")
_WRITTEN = ("LastModified", "last_modified", "mtime", "updated", "created")


class ListedFile(NamedTuple):
    """A file in a folder; `written_ns` is when it was last written (since 1970), None if unknown."""

    name: str
    location: str
    stamp: str
    written_ns: int | None


class ListedFolder(NamedTuple):
    """A folder by its path below the root ("" is the root itself) and its photographs."""

    path: str
    files: list[ListedFile]


FolderLabel = Callable[[str], Label | None]
Linked = tuple[str, str, tuple[tuple[int, int], ...]]


def list_place(
    place: str, endpoint_url: str | None, suffixes: tuple[str, ...], label_of: FolderLabel
) -> Iterator[ListedFolder]:
    """Folders with their photographs; raises `InputError` where the place cannot be listed.

    `label_of` a folder's path decides with links: see `list_local`.
    """
    if is_remote(place):
        return list_remote(place, endpoint_url, suffixes)
    return list_local(local_path(place), suffixes, label_of)


def list_local(
    root: Path, suffixes: tuple[str, ...], label_of: FolderLabel
) -> Iterator[ListedFolder]:
    """Walk a directory; a link to a folder above itself is a loop and not followed.

    A folder that several links reach is listed once for each label that its paths give it, so that a
    contradiction comes to light. One that may not be listed is itself given as a file: it cannot be
    read, and the quarantine says so.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a directory.", "Set source.path to where the images are.")
    seen: dict[tuple[int, int], set[Label | None]] = {}
    waiting: list[Linked] = [("", str(root), ())]
    while waiting:
        linked: list[Linked] = []
        # Real folders first: a link adds only what is not listed yet.
        while waiting:
            path, location, above = waiting.pop()
            own = _identity(location)
            label = label_of(path)
            before = seen.setdefault(own, set())
            if own in above or label in before or (before and label is None):
                continue
            before.add(label)
            files, folders, links = _scan(path, location, suffixes)
            waiting += [(*folder, (*above, own)) for folder in folders]
            linked += [(*link, (*above, own)) for link in links]
            if files:
                yield ListedFolder(path, files)
        waiting = sorted(linked, reverse=True)


def list_remote(
    url: str, endpoint_url: str | None, suffixes: tuple[str, ...]
) -> Iterator[ListedFolder]:
    """List the prefix of an object store, all pages of it."""
    system, root = file_system(url, endpoint_url)
    try:
        found: dict[str, dict[str, Any]] = system.find(root, detail=True)
    except Exception as error:  # drivers raise what their server's library raises
        raise listing_error(error, url) from error
    folders: dict[str, list[ListedFile]] = {}
    prefix = root.rstrip("/") + "/"
    for path, info in found.items():
        if path.lower().endswith(suffixes) and path.startswith(prefix):
            folder, _, name = path.removeprefix(prefix).rpartition("/")
            listed = ListedFile(name, system.unstrip_protocol(path), *_state(info))
            folders.setdefault(folder, []).append(listed)
    yield from (ListedFolder(folder, files) for folder, files in folders.items())


def stamp_of(location: str) -> str:
    """The stamp of one local file; "" where it cannot be looked at."""
    try:
        state = os.stat(location)  # noqa: PTH116 - a Path for each of 100,000 files is slow
    except OSError:
        return ""
    return stamp_from(state)


def stamp_from(state: os.stat_result) -> str:
    """The stamp of a local file as the system describes it."""
    return f"{state.st_size}-{state.st_mtime_ns}"


def _identity(location: str) -> tuple[int, int]:
    try:
        state = os.stat(location)  # noqa: PTH116 - as above
    except OSError:
        return (0, hash(location))
    return (state.st_dev, state.st_ino)


def _scan(
    path: str, location: str, suffixes: tuple[str, ...]
) -> tuple[list[ListedFile], list[tuple[str, str]], list[tuple[str, str]]]:
    """Photographs, folders and links to folders in one folder."""
    files: list[ListedFile] = []
    folders: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = []
    try:
        with os.scandir(location) as entries:
            for entry in entries:
                if _is_folder(entry):
                    below = f"{path}/{entry.name}" if path else entry.name
                    (links if entry.is_symlink() else folders).append((below, entry.path))
                elif entry.name.lower().endswith(suffixes):
                    files.append(_listed(entry))
    except OSError as error:
        if not path:
            raise InputError(
                f"{location} cannot be listed ({error.strerror}).",
                "Give this process the right to read it.",
            ) from error
        files.append(ListedFile("", location, "", None))
    return files, folders, links


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link in a circle.
        return False


def _listed(entry: os.DirEntry[str]) -> ListedFile:
    try:
        state = entry.stat()
    except OSError:
        # A link that leads nowhere, or in a circle: reading it will say so.
        return ListedFile(entry.name, entry.path, "", None)
    return ListedFile(entry.name, entry.path, stamp_from(state), state.st_mtime_ns)


def _state(info: dict[str, Any]) -> tuple[str, int | None]:
    etag = next((str(info[key]) for key in _ETAGS if info.get(key)), "")
    written = next((info[key] for key in _WRITTEN if info.get(key)), None)
    if isinstance(written, datetime):
        written = written.replace(tzinfo=written.tzinfo or UTC).timestamp()
    nanoseconds = int(written * 1e9) if isinstance(written, int | float) else None
    return (f"{info.get('size')}-{etag}" if etag else "", nanoseconds)
