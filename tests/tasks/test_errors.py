"""Errors cross process borders: with their facts, and as what a caller would catch."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from tasks.alignment.registration import MisalignedError
from tasks.archive.decoding import UnusablePhotographError
from tasks.archive.remote import UnreachableArchiveError
from tasks.metrics.errors import MetricWithoutValueError
from tasks.reconstruction.errors import TrainingCollapsedError, TrainingDivergedError
from tasks.vocabulary.errors import (
    InputError,
    NoAnswerError,
    NoSafeThresholdError,
    ZeroescapeError,
)

ERRORS = [
    *(
        kind("Two of three are broken.", "Mend them.")
        for kind in (
            ZeroescapeError,
            InputError,
            NoAnswerError,
            NoSafeThresholdError,
            MisalignedError,
            UnreachableArchiveError,
            UnusablePhotographError,
            TrainingCollapsedError,
            TrainingDivergedError,
        )
    ),
    MetricWithoutValueError("image.mse"),
]


def test_no_error_of_the_rooms_is_left_out() -> None:
    rooms = Path(__file__).parents[2].joinpath("tasks").glob("*/*.py")
    code = "\n".join(f.read_text() for f in rooms)
    # What says that the system refused a file is an OSError, with its own arguments.
    defined = re.findall(r"^class (\w+Error)\((?!OSError)", code, re.M)
    assert sorted(defined) == sorted(type(error).__name__ for error in ERRORS)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_domain_errors_pickle_with_their_facts(error: ZeroescapeError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert (again.what, again.remedy, str(again)) == (error.what, error.remedy, str(error))
    assert vars(again) == vars(error)


def test_errors_are_what_a_caller_would_catch() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(NoAnswerError, ArithmeticError)
    assert issubclass(NoSafeThresholdError, ValueError)
    assert not issubclass(NoSafeThresholdError, InputError)
    assert not issubclass(NoAnswerError, InputError)
