"""What is known of one file of an archive before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Label = Literal["normal", "abnormal", "undecided"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the archive tells of a board; None where it does not tell."""

    family: str | None = None
    product: str | None = None
    line: str | None = None
    camera: str | None = None
    panel: str | None = None
    lot: str | None = None
    serial: str | None = None
    captured_at: str | None = None
    """ISO 8601, in UTC where the archive names an offset; sorts as text."""


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Photograph:
    """One file of an archive; `label` is None where nobody said whether the product was good.

    `location` is an absolute local path or a URL for fsspec; `name` is what a person sees: the path
    relative to the archive. `stamp` changes when the file changes; "" means unknown: always read.
    """

    location: str
    name: str
    label: Label | None
    stamp: str = ""
    facts: Facts = NO_FACTS
    endpoint_url: str | None = None
    """Where an S3-compatible server other than Amazon's answers."""


class ChangingFileError(OSError):
    """Somebody writes a file that is read: its content may be half of one and half of another."""


def printable(name: str) -> str:
    """A name as it can be printed and stored: bytes that are not UTF-8 are shown as hexadecimal digits."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
