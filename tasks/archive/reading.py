"""The bytes of a photograph, from wherever the archive is."""

from __future__ import annotations

import errno
import os
import stat

from tasks.archive.listing import stamp_from
from tasks.archive.photograph import ChangingFileError, Photograph
from tasks.archive.remote import as_os_error, file_system, is_remote

# The most that may be expected (178 megapixels, 16 bits, colour) is 1.07 GB without any compression.
# What is larger would only fill the memory, of the worker and then of the flow that reads it again.
_LARGEST_BYTES = 1_200_000_000


def read_photograph(photograph: Photograph) -> bytes:
    """The whole file; raises `OSError` with its `strerror`, whatever the driver raised.

    `ConnectionError` and `TimeoutError` (an object store that does not answer) may pass by themselves;
    any other is about this one file. `ChangingFileError`: it is not the file any more that was listed.
    """
    if is_remote(photograph.location):
        # Object stores replace objects as a whole: what is read is one version, never half of it.
        return _read_remote(photograph)
    # A named pipe called x.png would let us wait for ever.
    descriptor = os.open(photograph.location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor)
        _refuse_other_than_photograph(before, photograph.location)
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read()
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    listed = photograph.stamp or stamp_from(before)
    # A file that was replaced at once is another one: the open one stays what it was.
    if stamp_from(after) != listed or len(content) != after.st_size:
        raise ChangingFileError(errno.EAGAIN, "It changed since it was listed", photograph.location)
    return content


def _refuse_other_than_photograph(state: os.stat_result, location: str) -> None:
    if stat.S_ISDIR(state.st_mode):
        raise IsADirectoryError(errno.EISDIR, "It is a folder that could not be listed", location)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "It is a pipe, a socket or a device", location)
    if state.st_size > _LARGEST_BYTES:
        size_GB = state.st_size / 1e9
        raise OSError(errno.EFBIG, f"Its {size_GB:,.1f} GB are more than any photograph", location)


def _read_remote(photograph: Photograph) -> bytes:
    system, path = file_system(photograph.location, photograph.endpoint_url)
    try:
        content: bytes = system.cat_file(path)
    except Exception as error:  # drivers raise what their server's library raises
        raise as_os_error(error, photograph.location) from error
    return content
