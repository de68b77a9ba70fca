"""The bytes of a photograph, from wherever the archive is."""

from __future__ import annotations

import errno
import os
import stat

from tasks.archive.photograph import Photograph
from tasks.archive.remote import as_os_error, file_system, is_remote


def read_photograph(photograph: Photograph) -> bytes:
    """The whole file; raises `OSError` with its `strerror`, whatever the driver raised.

    `ConnectionError` and `TimeoutError` (an object store that does not answer) may pass by themselves;
    any other is about this one file.
    """
    if is_remote(photograph.location):
        return _read_remote(photograph)
    # A named pipe called x.png would let us wait for ever.
    descriptor = os.open(photograph.location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_other_than_file(os.fstat(descriptor).st_mode, photograph.location)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _refuse_other_than_file(mode: int, location: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "It is a folder that could not be listed", location)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "It is a pipe, a socket or a device", location)


def _read_remote(photograph: Photograph) -> bytes:
    system, path = file_system(photograph.location, photograph.endpoint_url)
    try:
        content: bytes = system.cat_file(path)
    except Exception as error:  # drivers raise what their server's library raises
        raise as_os_error(error, photograph.location) from error
    return content
