"""Numbered immutable files: 1, 2, 3, ... without gaps, each written by exactly one writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from storage.errors import CorruptEntryError
from storage.layout import number_of, numbered
from storage.objects import Objects
from storage.seals import sealed, unsealed


class Record(NamedTuple):
    """One numbered file and its content."""

    number: int
    content: dict[str, Any]


class NumberedFiles:
    """An append-only sequence in one folder; what is read once is not read again."""

    def __init__(self, objects: Objects, folder: str) -> None:
        self._objects = objects
        self._folder = folder
        self._read: dict[int, dict[str, Any]] = {}

    def numbers(self) -> list[int]:
        """All numbers in rising order."""
        found = (number_of(path) for path in self._objects.files(self._folder))
        return sorted(number for number in found if number is not None)

    def record(self, number: int) -> Record:
        """Content of one number; NotFoundError or CorruptEntryError if there is none."""
        if number not in self._read:
            path = numbered(self._folder, number)
            try:
                content = unsealed(self._objects.get(path))
            except ValueError as error:
                raise CorruptEntryError(
                    f"{path} cannot be read: {error}.", "Restore it from a copy of the store."
                ) from error
            self._read[number] = content
        return Record(number, self._read[number])

    def last(self) -> Record | None:
        """Highest number and its content, None if there is none yet."""
        numbers = self.numbers()
        return self.record(numbers[-1]) if numbers else None

    def append(self, content: dict[str, Any], same: Callable[[list[int]], Record | None]) -> Record:
        """Write the content under the next number, unless `same` finds it among the numbers.

        Safe among any number of writers: each round looks at all numbers and then asks for exactly
        the next; whoever comes second looks again.
        """
        text = sealed(content)
        while True:
            numbers = self.numbers()
            found = same(numbers)
            if found is not None:
                return found
            number = numbers[-1] + 1 if numbers else 1
            if self._objects.put_new(numbered(self._folder, number), text):
                return self.record(number)
