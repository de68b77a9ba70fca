from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.features import FeatureRow, FeatureStore
from storage.stores import Stores

COLUMNS = ("image.mse", "patch.ssim.sum", "pixel.max")
LAW = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def values_of(image_ids: list[str]) -> np.ndarray:
    """A row that is a function of the image alone, as features are."""
    return np.array([np.random.default_rng(int(each[1:])).normal(size=3) for each in image_ids])


def write(store: FeatureStore, image_ids: list[str], **extras: np.ndarray) -> Any:
    statuses = ["ok"] * len(image_ids)
    return store.write_batch(image_ids, values_of(image_ids), COLUMNS, statuses, extras)


@LAW
@given(
    values_NM=hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(width=32),
    )
)
def test_what_was_written_is_read_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, values_NM: np.ndarray
) -> None:
    store = Stores(tmp_path_factory.mktemp("features")).features("line", "f")
    n, m = values_NM.shape
    ids, columns = [f"i{at}" for at in range(n)], [f"c{at}" for at in range(m)]
    receipt = store.write_batch(ids, values_NM, columns, ["ok"] * n, inputs={"model": "d"})
    table = store.table(ids)
    assert table.values_NM.dtype == np.float64
    assert table.values_NM.tobytes() == values_NM.astype(np.float64).tobytes()
    assert (table.columns, table.image_ids) == (tuple(columns), tuple(ids))
    assert (receipt.rows, receipt.inputs) == (tuple(ids), {"model": "d"})


@LAW
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_the_table_is_the_same_whatever_the_batches_were(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: int
) -> None:
    ids = [f"i{at}" for at in range(12)]
    store = Stores(tmp_path_factory.mktemp("features")).features("line", "f")
    write(store, ids)
    chance = np.random.default_rng(seed)
    for size in sizes:
        write(store, [ids[at] for at in chance.permutation(12)[:size]])
    asked = [ids[at] for at in chance.permutation(12)[:9]]
    np.testing.assert_array_equal(store.table(asked).values_NM, values_of(asked))
    assert len(store.rows()) == 12


def test_a_row_without_an_answer_is_nan_whatever_was_given(stores: Stores) -> None:
    store = stores.features("line", "f")
    store.write_batch(["i1", "i2"], np.zeros((2, 3)), COLUMNS, ["ok", "no candidate left"])
    table = store.table(["i2", "i1"])
    assert np.isnan(table.values_NM[0]).all()
    assert not table.values_NM[1].any()
    assert table.statuses == ("no candidate left", "ok")
    assert store.missing(["i2", "i3"]) == ["i3"]


@pytest.mark.parametrize("answer_first", [True, False])
def test_an_answer_counts_before_no_answer(stores: Stores, answer_first: bool) -> None:
    store = stores.features("line", "f")
    batches = [(["i1"], ["ok"]), (["i1", "i2"], ["the worker died", "ok"])]
    for ids, statuses in batches if answer_first else reversed(batches):
        store.write_batch(ids, values_of(ids), COLUMNS, statuses)
    np.testing.assert_array_equal(store.table(["i1", "i2"]).values_NM, values_of(["i1", "i2"]))
    assert store.rows()["i1"] == FeatureRow("i1", "ok", store.rows()["i1"].batch)


def test_a_whole_batch_of_nan_survives(stores: Stores, root: Path) -> None:
    store = stores.features("line", "f")
    receipt = store.write_batch(["i1"], np.zeros((1, 3)), COLUMNS, ["no answer"])
    assert list((root / receipt.location / "values").glob("c.*"))
    assert np.isnan(store.table(["i1"]).values_NM).all()


def test_extras_come_back_by_image(stores: Stores) -> None:
    store = stores.features("line", "f")
    boxes = np.arange(4 * 5 * 4, dtype=np.int32).reshape(4, 5, 4)
    write(store, ["i0", "i1"], boxes=boxes[:2], scores=np.full((2, 5), np.nan))
    write(store, ["i2", "i3"], boxes=boxes[2:])
    np.testing.assert_array_equal(store.extras(["i3", "i0"], "boxes"), boxes[[3, 0]])
    assert store.extras(["i3", "i0"], "boxes").dtype == np.int32
    assert np.isnan(store.extras(["i1"], "scores")).all()
    with pytest.raises(NotFoundError, match="scores"):
        store.extras(["i2"], "scores")
    with pytest.raises(NotFoundError):
        store.extras([], "boxes")


def test_extras_of_different_shapes_are_not_stacked(stores: Stores) -> None:
    store = stores.features("line", "f")
    write(store, ["i0"], boxes=np.zeros((1, 5, 4)))
    write(store, ["i1"], boxes=np.zeros((1, 6, 4)))
    with pytest.raises(InvalidEntryError, match="differ"):
        store.extras(["i0", "i1"], "boxes")


def test_absent_images_are_an_error_and_not_nan(stores: Stores) -> None:
    store = stores.features("line", "f")
    write(store, ["i0"])
    with pytest.raises(NotFoundError, match="1 of 2"):
        store.table(["i0", "i9"])
    assert store.table([]).values_NM.shape == (0, 0)


def test_batches_with_different_columns_are_not_mixed(stores: Stores) -> None:
    store = stores.features("line", "f")
    write(store, ["i0"])
    store.write_batch(["i1"], np.zeros((1, 3)), ("a", "b", "c"), ["ok"])
    with pytest.raises(InvalidEntryError, match="columns"):
        store.table(["i0", "i1"])


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_batch_is_found(stores: Stores, root: Path, damage: str) -> None:
    store = stores.features("line", "f")
    receipt = write(store, ["i0", "i1"])
    write(store, ["i2"])
    chunk = root / receipt.location / "values" / "c.0.0"
    content = bytearray(chunk.read_bytes())
    content[-5] ^= 1
    chunk.unlink()
    if damage != "gone":
        chunk.write_bytes(bytes(content[:-9] if damage == "cut" else content))
    with pytest.raises(CorruptEntryError, match=receipt.key):
        store.table(["i0", "i2"])
    np.testing.assert_array_equal(store.table(["i2"]).values_NM, values_of(["i2"]))


def test_a_removed_entry_is_missing_and_made_anew(stores: Stores, root: Path) -> None:
    store = stores.features("line", "f")
    receipt = write(store, ["i0"])
    stores.objects.delete_folder(receipt.location.rpartition("/")[0])
    assert store.missing(["i0"]) == ["i0"]
    write(store, ["i0"])
    np.testing.assert_array_equal(store.table(["i0"]).values_NM, values_of(["i0"]))


def test_a_batch_that_makes_no_sense_is_refused(stores: Stores) -> None:
    store = stores.features("line", "f")
    good = np.zeros((2, 3))
    for ids, values, columns, statuses, extras in [
        (["a", "b"], good.astype(int), COLUMNS, ["ok"] * 2, {}),
        (["a"], good, COLUMNS, ["ok"], {}),
        (["a", "b"], good, COLUMNS[:2], ["ok"] * 2, {}),
        (["a", "b"], good, COLUMNS, ["ok"], {}),
        (["a", "b"], good, COLUMNS, ["ok", ""], {}),
        (["a", "a"], good, COLUMNS, ["ok"] * 2, {}),
        (["a", "b"], good, ("x", "x", "y"), ["ok"] * 2, {}),
        ([], good[:0], COLUMNS, [], {}),
        (["a", "b"], good, COLUMNS, ["ok"] * 2, {"boxes": np.zeros(3)}),
        (["a", "b"], good, COLUMNS, ["ok"] * 2, {"boxes": np.array(["x", "y"])}),
        (["a", "b"], good, COLUMNS, ["ok"] * 2, {"../boxes": good}),
    ]:
        with pytest.raises(InvalidEntryError):
            store.write_batch(ids, values, columns, statuses, extras)
    assert stores.objects.list() == []
