"""Errors of the memory, grouped by what their handler does.

| error | handler |
| --- | --- |
| `NotFoundError` | the caller makes the entry first, or corrects the name |
| `InvalidEntryError` | the caller's data or name is refused, nothing written; never retried |
| `CorruptEntryError` | a person removes the named entry and runs again; never read as whole |
| `StorageFullError` | a person makes room; never retried blindly |
| `TransientStorageError` | **the only kind that is retried** |
| `ChampionChangedError` | the caller compares with the present champion and comes again |
| `BusyError` | the caller ends, or comes again when the other one has ended |
| `StorageError` | any other refusal of the store, permissions for example |

Every error carries what happened and the remedy as its two arguments, hence pickles unchanged
across processes. Errors of obstore, zarr and the operating system are translated at the border by
`translated`; none of them leaves this package.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, UnauthenticatedError
from obstore.exceptions import NotFoundError as MissingObjectError
from obstore.exceptions import PermissionDeniedError as DeniedObjectError


class StorageError(Exception):
    """Base of all storage errors: `str(error)` is one sentence of fact and one of remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        # Not super(): OSError.__init__ would take the two arguments for errno and strerror.
        Exception.__init__(self, what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


class NotFoundError(StorageError, LookupError):
    """Nothing is committed under this name."""


class InvalidEntryError(StorageError, ValueError):
    """What was given cannot be stored: a bad name, shapes that disagree, the same image twice."""


class CorruptEntryError(StorageError, ValueError):
    """A committed entry no longer holds what its receipt says."""


class StorageFullError(StorageError, OSError):
    """No room: disk, quota or file-size limit; earlier entries stay readable."""


class TransientStorageError(StorageError, OSError):
    """Store did not answer this time; the same call may well succeed in a moment."""


class ChampionChangedError(StorageError, RuntimeError):
    """Between comparison and promotion another bundle became the line's champion."""


class BusyError(StorageError, RuntimeError):
    """Another process works on what only one may work on at a time."""


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TRANSIENT = frozenset(
    {
        errno.EIO,
        errno.EAGAIN,
        errno.EINTR,
        errno.EBUSY,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_NETWORK = re.compile(
    r"timed ?out|timeout|connect|error sending request|\b(?:429|50[0234])\b", re.I
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn every obstore or operating-system error inside the block into one of this module.

    `doing` completes the sentence 'The store failed at ...'. Storage errors pass unchanged.
    """
    try:
        yield
    except StorageError:
        raise
    except (BaseError, OSError) as error:
        raise translate(error, doing) from error


def translate(error: Exception, doing: str) -> StorageError:
    """Storage error of the group to which this obstore or operating-system error belongs.

    obstore raises no `OSError` for most local failures; its message ends in '(os error N)', and
    that number is the only thing that tells a full disk from a broken one.
    """
    number = _error_number(error)
    what = f"The store failed at {doing}: {_first_line(error)}."
    if number in _FULL:
        return StorageFullError(what, "Free space or raise the limit, then run again.")
    if isinstance(error, FileNotFoundError | MissingObjectError) or number == errno.ENOENT:
        return NotFoundError(what, "Write it first, or correct the name.")
    if number in _TRANSIENT or (number is None and _NETWORK.search(str(error))):
        return TransientStorageError(what, "Run again; if it stays, look at the disk or network.")
    denied = isinstance(error, PermissionError | DeniedObjectError | UnauthenticatedError)
    if denied or number in _DENIED:
        return StorageError(what, "Give this user the right to read and write the store.")
    return StorageError(what, "Look at the store's root and at the cause of this error.")


def _error_number(error: Exception) -> int | None:
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return error.errno
    found = _OS_ERROR.search(str(error))
    return int(found.group(1)) if found else None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
