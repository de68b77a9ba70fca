from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.images import ImageRow, ImageStore
from storage.objects import Objects
from storage.stores import Stores


def rows_of(*image_ids: str) -> list[ImageRow]:
    return [ImageRow(each, f"/in/{each}.png", {"shift_px": 0.5}) for each in image_ids]


def some_images(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 6, 3), dtype=np.uint8)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(images_NHWC=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=4, max_dims=4, max_side=5)))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, images_NHWC: np.ndarray
) -> None:
    root = tmp_path_factory.mktemp("images")
    store = Stores(root).images("line", "f")
    rows = rows_of(*(f"i{n}" for n in range(len(images_NHWC))))
    receipt = store.write_segment(images_NHWC, rows)
    assert receipt.rows == tuple(row.image_id for row in rows)
    np.testing.assert_array_equal(store.read(receipt.rows), images_NHWC)
    # Nothing outside the data folder but the receipt: writers share no file.
    assert {path.parent for path in root.rglob("*") if path.is_file()} == {
        root / receipt.location / "images",
        (root / receipt.location).parent,
    }
    assert store.rows() == {row.image_id: row for row in rows}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=st.lists(st.integers(0, 19), max_size=25))
def test_any_images_in_any_order_even_twice(filled: ImageStore, asked: list[int]) -> None:
    expected = np.concatenate([some_images(12, seed=1), some_images(8, seed=2)])
    read = filled.read([f"i{n}" for n in asked])
    assert len(read) == len(asked)
    if asked:
        np.testing.assert_array_equal(read, expected[asked])


@pytest.fixture
def filled(stores: Stores) -> ImageStore:
    store = stores.images("line", "f")
    store.write_segment(some_images(12, seed=1), rows_of(*(f"i{n}" for n in range(12))))
    store.write_segment(some_images(8, seed=2), rows_of(*(f"i{n}" for n in range(12, 20))))
    return store


def test_black_images_survive(stores: Stores, root: Path) -> None:
    store = stores.images("line", "f")
    receipt = store.write_segment(np.zeros((2, 4, 4, 1), np.uint8), rows_of("a", "b"))
    assert len(list((root / receipt.location / "images").glob("c.*"))) == 2
    assert not store.read(["b", "a"]).any()


def test_a_lost_black_image_is_not_read_as_black(stores: Stores, root: Path) -> None:
    store = stores.images("line", "f")
    images = np.ones((2, 4, 4, 1), np.uint8)
    receipt = store.write_segment(images, rows_of("a", "b"))
    (root / receipt.location / "images" / "c.1.0.0.0").unlink()
    with pytest.raises(CorruptEntryError, match="image b"):
        store.read(["a", "b"])
    np.testing.assert_array_equal(store.read(["a"]), images[:1])


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_chunk_is_found_and_the_image_named(
    filled: ImageStore, root: Path, damage: str
) -> None:
    receipt = next(each for each in filled._book.receipts() if "i3" in each.rows)
    chunk = root / receipt.location / "images" / f"c.{receipt.rows.index('i3')}.0.0.0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0x10
    chunk.write_bytes({"flip": bytes(content), "cut": bytes(content[:20]), "empty": b""}[damage])
    with pytest.raises(CorruptEntryError, match="image i3"):
        filled.read([f"i{n}" for n in range(20)])
    filled.read([f"i{n}" for n in range(20) if n != 3])


@pytest.mark.parametrize("metadata", [None, b"", b"{}", b"[]", b'{"zarr_format": 3}'])
def test_broken_metadata_is_corruption(
    filled: ImageStore, root: Path, metadata: bytes | None
) -> None:
    for path in root.rglob("zarr.json"):
        path.unlink()
        if metadata is not None:
            path.write_bytes(metadata)
    with pytest.raises(CorruptEntryError, match=r"i0.*Remove the folder images/line/f/"):
        filled.read(["i0"])


def test_a_second_writer_of_the_same_ids_changes_nothing(filled: ImageStore) -> None:
    again = filled.write_segment(some_images(12, seed=9), rows_of(*(f"i{n}" for n in range(12))))
    np.testing.assert_array_equal(filled.read(again.rows), some_images(12, seed=1))


def test_an_image_in_two_segments_is_one_row(filled: ImageStore) -> None:
    filled.write_segment(some_images(12, seed=1)[:5], rows_of(*(f"i{n}" for n in range(5))))
    assert len(filled.rows()) == 20
    np.testing.assert_array_equal(filled.read(["i4"]), some_images(12, seed=1)[4:5])


def test_of_two_segments_the_lower_key_counts_whichever_was_seen_first(stores: Stores) -> None:
    def facts(seen_between: bool) -> dict[str, float]:
        images = stores.images("line", "fg"[seen_between])
        for ids in (("a", "b"), ("a", "c"), ("d", "a"), ("a",)):
            rows = [ImageRow(each, each, {"among": len(ids) + ord(ids[-1])}) for each in ids]
            images.write_segment(some_images(len(ids)), rows)
            if seen_between:
                images.rows()
        return {each: float(str(row.facts["among"])) for each, row in images.rows().items()}

    assert facts(seen_between=True) == facts(seen_between=False)


def test_a_segment_that_was_removed_is_gone(filled: ImageStore, objects: Objects) -> None:
    receipt = filled.write_segment(some_images(1), rows_of("z"))
    assert "z" in filled.rows()
    objects.delete_folder(receipt.location.rpartition("/")[0])
    assert "z" not in filled.rows()
    assert filled.missing(["z", "i1"]) == ["z"]
    assert len(filled.rows()) == 20


def test_missing_keeps_the_order_and_absent_images_are_not_read(filled: ImageStore) -> None:
    assert filled.missing(["z", "i1", "a"]) == ["z", "a"]
    with pytest.raises(NotFoundError, match="2 of 3"):
        filled.read(["z", "i1", "a"])


def test_lines_and_fingerprints_do_not_see_each_other(stores: Stores) -> None:
    stores.images("line", "f").write_segment(some_images(1), rows_of("a"))
    assert stores.images("line", "g").rows() == stores.images("other", "f").rows() == {}


def test_the_digest_is_of_the_content_and_not_of_the_writer(tmp_path: Path) -> None:
    receipts = [
        Stores(tmp_path / name).images("line", "f").write_segment(some_images(2), rows_of("a", "b"))
        for name in ("one", "two")
    ]
    assert receipts[0].digest == receipts[1].digest
    assert receipts[0].key == receipts[1].key


def test_a_segment_that_makes_no_sense_is_refused(objects: Objects) -> None:
    store = ImageStore(objects, "line", "f")
    for images, rows in [
        (some_images(2).astype(np.float32), rows_of("a", "b")),
        (some_images(2)[0], rows_of("a", "b")),
        (some_images(2)[:0], rows_of()),
        (some_images(2), rows_of("a")),
        (some_images(2), rows_of("a", "a")),
    ]:
        with pytest.raises(InvalidEntryError):
            store.write_segment(images, rows)
    assert objects.list() == []


def test_images_of_two_shapes_are_not_stacked(filled: ImageStore) -> None:
    filled.write_segment(np.zeros((1, 3, 3, 1), np.uint8), rows_of("small"))
    with pytest.raises(InvalidEntryError, match="shapes"):
        filled.read(["i0", "small"])


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "ä", "a.b", "x" * 129, "a\n"])
def test_a_line_name_that_could_leave_the_store_is_refused(stores: Stores, name: str) -> None:
    with pytest.raises(InvalidEntryError):
        stores.images(name, "f")
