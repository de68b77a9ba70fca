from __future__ import annotations

import pytest

from storage.errors import CorruptEntryError
from storage.stores import Stores


def test_roles_of_absent_images_are_kept(stores: Stores) -> None:
    book = stores.role_book("line", "fp")
    assert book.known() == {}
    book.remember({"a": ("normal", "mask"), "b": ("abnormal", "certification")})
    book.remember({"c": ("normal", "development")})
    assert stores.role_book("line", "fp").known() == {
        "a": ("normal", "mask"),
        "b": ("abnormal", "certification"),
        "c": ("normal", "development"),
    }
    assert stores.role_book("line", "other").known() == {}


def test_a_relabelled_image_has_its_new_role(stores: Stores) -> None:
    book = stores.role_book("line", "fp")
    book.remember({"a": ("normal", "mask")})
    book.remember({"a": ("abnormal", "certification")})
    assert book.known() == {"a": ("abnormal", "certification")}


def test_a_damaged_book_is_an_error_and_no_empty_book(stores: Stores) -> None:
    book = stores.role_book("line", "fp")
    book.remember({"a": ("normal", "mask")})
    [path] = stores.objects.list("roles")
    stores.objects.put(path, stores.objects.get(path)[:-20])
    with pytest.raises(CorruptEntryError, match="copy of the store"):
        book.known()
