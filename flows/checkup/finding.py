"""One check of the doctor: what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from storage.errors import StorageError
from tasks.vocabulary.errors import ZeroescapeError

Outcome = Literal["ok", "warning", "problem"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "warning", "problem")


@dataclass(frozen=True)
class Finding:
    """Name of the check, how it came out, the fact, and the remedy ("" where all is well)."""

    name: str
    outcome: Outcome
    fact: str
    remedy: str = ""


Check = Callable[[], Iterable[Finding]]


def examined(name: str, check: Check) -> Iterator[Finding]:
    """The findings of a check; an error that it did not expect is a problem, not the end."""
    try:
        yield from check()
    except (ZeroescapeError, StorageError) as error:
        yield Finding(name, "problem", error.what, error.remedy)
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0]
        fact = f"The check itself failed: {type(error).__name__} {said}".strip()
        yield Finding(name, "problem", fact, "Repair what it names, or report this message.")
