from __future__ import annotations

import errno
import pickle

import pytest
from obstore.exceptions import GenericError

from storage import errors
from storage.errors import StorageError, translate, translated

KINDS = [
    errors.StorageError,
    errors.NotFoundError,
    errors.InvalidEntryError,
    errors.CorruptEntryError,
    errors.StorageFullError,
    errors.TransientStorageError,
    errors.ChampionChangedError,
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_crosses_processes_unchanged(kind: type[StorageError]) -> None:
    error = kind("The disk is full.", "Free some space.")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is kind
    assert str(copy) == str(error) == "The disk is full. Free some space."
    assert (copy.what, copy.remedy) == (error.what, error.remedy)


def test_errors_are_the_builtin_ones_that_a_caller_would_catch() -> None:
    assert issubclass(errors.NotFoundError, LookupError)
    assert issubclass(errors.CorruptEntryError, ValueError)
    assert issubclass(errors.StorageFullError, OSError)
    assert issubclass(errors.TransientStorageError, OSError)
    assert not issubclass(errors.StorageFullError, errors.TransientStorageError)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, errors.StorageFullError),
        (errno.EDQUOT, errors.StorageFullError),
        (errno.EFBIG, errors.StorageFullError),
        (errno.EIO, errors.TransientStorageError),
        (errno.ETIMEDOUT, errors.TransientStorageError),
        (errno.ESTALE, errors.TransientStorageError),
        (errno.ENOENT, errors.NotFoundError),
        (errno.EACCES, errors.StorageError),
        (errno.EXDEV, errors.StorageError),
    ],
)
def test_a_number_decides_the_group_for_obstore_and_for_python(
    number: int, kind: type[StorageError]
) -> None:
    from_obstore = GenericError(
        f"Generic LocalFileSystem error: no luck (os error {number})\n\n..."
    )
    assert type(translate(from_obstore, "x")) is kind
    assert type(translate(OSError(number, "no luck"), "x")) is kind


def test_a_network_timeout_without_a_number_is_transient() -> None:
    error = GenericError("Generic S3 error: error sending request: operation timed out")
    assert type(translate(error, "x")) is errors.TransientStorageError


def test_an_unknown_failure_is_not_retried() -> None:
    assert type(translate(GenericError("Generic error: odd"), "x")) is StorageError


def test_storage_errors_and_bugs_pass_the_border_unchanged() -> None:
    with pytest.raises(errors.CorruptEntryError), translated("x"):
        raise errors.CorruptEntryError("a", "b")
    with pytest.raises(ZeroDivisionError), translated("x"):
        _ = 1 / 0
