"""Errors of the domain, grouped by what their handler does.

| group | handler |
| --- | --- |
| `InputError` | a person fixes the input; never retried |
| `NoAnswerError` | this one image goes to a human; the rest goes on |
| `NoSafeThresholdError` | the run stops; nothing is promoted |

Storage has its own (`storage.errors`), among them the only kind that Prefect retries. Every error carries
what happened and the remedy as its two arguments, hence pickles unchanged across Dask workers.
"""

from __future__ import annotations


class ZeroescapeError(Exception):
    """Base of all domain errors: `str(error)` is one sentence of fact and one of remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


class InputError(ZeroescapeError, ValueError):
    """The given data or settings cannot be used; running again changes nothing."""


class NoAnswerError(ZeroescapeError, ArithmeticError):
    """One image has no metric or no score: it is flagged for a person, never passed."""


class NoSafeThresholdError(ZeroescapeError, ValueError):
    """No cut exists under which no known defect falls (for example: no abnormal image at all)."""
