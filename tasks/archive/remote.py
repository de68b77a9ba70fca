"""Object stores: which places are remote, their file system, and their errors as errors of the system."""

from __future__ import annotations

import errno
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec

from tasks.vocabulary.errors import InputError, ZeroescapeError

_S3 = ("s3", "s3a")
# botocore's own: no answer, or one that broke off. By name, because s3fs is optional.
_NO_ANSWER = frozenset({"ConnectionError", "HTTPClientError"})
_NO_CREDENTIALS = frozenset({"NoCredentialsError", "PartialCredentialsError"})
_PASSING = frozenset({errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EIO), errno.EIO})


class UnreachableArchiveError(ZeroescapeError, ConnectionError):
    """The object store did not answer; the same call may well succeed in a moment."""


def is_remote(place: str) -> bool:
    """Whether a place is a URL for fsspec rather than a path of this machine."""
    return "://" in place and not place.startswith("file://")


def local_path(place: str) -> Path:
    """The absolute path of a local place, links not resolved."""
    return Path(place.removeprefix("file://")).absolute()


def file_system(url: str, endpoint_url: str | None) -> tuple[Any, str]:
    """The file system of a URL and the path in it; raises `InputError` where its driver is missing."""
    options: dict[str, Any] = {}
    if url.partition("://")[0] in _S3:
        if find_spec("s3fs") is None:
            raise InputError(
                f"{url} needs the package s3fs, which is not installed.",
                "Install it with: pip install 'zeroescape[s3]'.",
            )
        # A listing from memory would hide what changed since.
        options = {"endpoint_url": endpoint_url, "use_listings_cache": False, "max_concurrency": 1}
        options["config_kwargs"] = {"retries": {"max_attempts": 1}, "connect_timeout": 10}
    try:
        system, path = fsspec.core.url_to_fs(url, **options)
    except (ValueError, ImportError) as error:
        raise InputError(f"{url} cannot be opened ({error}).", "Correct the URL.") from error
    return system, path


def as_os_error(error: Exception, location: str) -> OSError:
    """The error of a driver as one of the system: `PermissionError`, `ConnectionError`, ...

    What may pass by itself is a `ConnectionError` or `TimeoutError`; every one has its `strerror`.
    """
    words = _first_line(error)
    names = {base.__name__ for base in type(error).__mro__}
    if isinstance(error, ConnectionError | TimeoutError) or names & _NO_ANSWER:
        return ConnectionError(errno.ECONNABORTED, words, location)
    if isinstance(error, OSError) and error.errno in _PASSING:
        return ConnectionError(error.errno, words, location)
    if isinstance(error, PermissionError) or names & _NO_CREDENTIALS:
        return PermissionError(errno.EACCES, words, location)
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), location)
    return OSError(getattr(error, "errno", None) or errno.EIO, words, location)


def listing_error(error: Exception, url: str) -> ZeroescapeError:
    """Why an archive in an object store cannot be listed, and what a person can do about it."""
    same = as_os_error(error, url)
    what = f"{url} cannot be listed ({same.strerror})."
    match same:
        case ConnectionError() | TimeoutError():
            return UnreachableArchiveError(what, "Look whether the server of the archive runs.")
        case PermissionError():
            return InputError(
                what, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a reader of the bucket."
            )
        case FileNotFoundError():
            return InputError(
                f"{url} does not exist.", "Correct the path or endpoint_url of source."
            )
        case _:
            return InputError(what, "Look at the server's own log, or correct source.path.")


def _first_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = text.strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
