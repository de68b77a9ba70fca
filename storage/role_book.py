"""The role that every image of a line ever had, also while its file is not in the archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from storage.errors import CorruptEntryError, NotFoundError
from storage.layout import role_book
from storage.objects import Objects
from storage.tables import read_text_table, text_table

_COLUMNS = ("image_id", "label", "role")


class RoleBook:
    """Label and role that each image was dealt first, by its id, under one setting of the roles.

    A snapshot holds what the archive holds now. Were that all that is known, a file that is moved away
    and comes back could train what it certified before.
    """

    def __init__(self, objects: Objects, line: str, roles_fingerprint: str) -> None:
        self._objects = objects
        self._path = role_book(line, roles_fingerprint)

    def known(self) -> dict[str, tuple[str, str]]:
        """All roles ever given; CorruptEntryError where the book is not as it was written."""
        try:
            columns = read_text_table(self._objects.get(self._path), _COLUMNS)
        except NotFoundError:
            return {}
        except ValueError as error:
            raise CorruptEntryError(
                f"{self._path} cannot be read: {error}.",
                "Restore it from a copy of the store: without it images could change their roles.",
            ) from error
        ids, labels, roles = cast("list[list[str]]", columns)
        return dict(zip(ids, zip(labels, roles, strict=True), strict=True))

    def remember(self, roles: Mapping[str, tuple[str, str]]) -> None:
        """Add or replace the roles of these images and keep all others; one writer at a time."""
        known = self.known()
        if all(known.get(image_id) == one for image_id, one in roles.items()):
            return
        book = {**known, **roles}
        columns = [list(book), [label for label, _ in book.values()], [r for _, r in book.values()]]
        self._objects.put(self._path, text_table(_COLUMNS, columns))
