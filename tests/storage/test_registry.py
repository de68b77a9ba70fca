from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.errors import ChampionChangedError, CorruptEntryError, InvalidEntryError, NotFoundError
from storage.registry import Promotion, Registry
from storage.stores import Stores


def test_files_come_back_as_a_folder(stores: Stores) -> None:
    files = {"weights.safetensors": b"\x00\x01", "parts/settings.json": b"{}", "empty": b""}
    receipt = stores.registry.put(
        "models", "k", files, fingerprint="f", inputs={"snapshot": "1"}, facts={"psnr_db": 30.5}
    )
    folder = stores.registry.open("models", "k")
    assert {name: (folder / name).read_bytes() for name in files} == files
    assert stores.registry.find("models", "k") == receipt
    assert (receipt.fingerprint, receipt.inputs) == ("f", {"snapshot": "1"})
    assert receipt.facts["psnr_db"] == 30.5


def test_a_folder_and_its_files_are_the_same_content(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "made" / "parts").mkdir(parents=True)
    (tmp_path / "made" / "parts" / "a.json").write_bytes(b"1")
    from_folder = stores.registry.put("masks", "k1", tmp_path / "made")
    from_files = stores.registry.put("masks", "k2", {"parts/a.json": b"1"})
    other = stores.registry.put("masks", "k3", {"parts/b.json": b"1"})
    assert from_folder.digest == from_files.digest != other.digest


def test_the_second_writer_changes_nothing(stores: Stores) -> None:
    first = stores.registry.put("models", "k", {"a": b"1"})
    assert stores.registry.put("models", "k", {"a": b"2"}) == first
    assert (stores.registry.open("models", "k") / "a").read_bytes() == b"1"


def test_kinds_do_not_see_each_other(stores: Stores) -> None:
    stores.registry.put("models", "k", {"a": b"1"})
    assert stores.registry.find("masks", "k") is None
    with pytest.raises(NotFoundError):
        stores.registry.open("masks", "k")


@pytest.mark.parametrize("damage", [b"x", None])
def test_a_changed_or_lost_file_is_never_opened(stores: Stores, damage: bytes | None) -> None:
    stores.registry.put("thresholds", "k", {"threshold.json": b"0.7"})
    path = stores.registry.open("thresholds", "k") / "threshold.json"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(CorruptEntryError, match=r"threshold\.json.*thresholds/k"):
        stores.registry.open("thresholds", "k")


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", ".hidden", "a#1", "a b", ""])
def test_a_file_name_that_could_leave_the_entry_is_refused(stores: Stores, name: str) -> None:
    with pytest.raises(InvalidEntryError):
        stores.registry.put("models", "k", {name: b"1"})
    assert stores.registry.find("models", "k") is None


def test_an_artefact_without_files_is_refused(stores: Stores, tmp_path: Path) -> None:
    contents: list[Path | dict[str, bytes]] = [{}, tmp_path, tmp_path / "none"]
    for content in contents:
        with pytest.raises(InvalidEntryError):
            stores.registry.put("models", "k", content)


@pytest.fixture
def registry(stores: Stores) -> Registry:
    for key in ("b1", "b2"):
        stores.registry.put("bundles", key, {"bundle.json": key.encode()})
    return stores.registry


def test_promotions_are_numbered_and_kept(registry: Registry) -> None:
    assert registry.champion("line") is None
    assert registry.history("line") == ()
    assert registry.promote("line", "b1", {"why": "first"}) == 1
    assert registry.promote("line", "b2") == 2
    assert registry.promote("line", "b1") == 3
    assert registry.champion("line") == "b1"
    assert registry.history("line") == (
        Promotion(1, "b1", {"why": "first"}),
        Promotion(2, "b2"),
        Promotion(3, "b1"),
    )
    assert registry.champion("other") is None


def test_promoting_the_champion_again_is_a_look_up(registry: Registry) -> None:
    assert registry.promote("line", "b1") == registry.promote("line", "b1") == 1
    assert len(registry.history("line")) == 1


def test_a_promotion_holds_only_against_the_champion_it_was_compared_with(
    registry: Registry,
) -> None:
    with pytest.raises(ChampionChangedError, match="zeroescape history"):
        registry.promote("line", "b1", instead_of="b2")
    assert registry.promote("line", "b1", instead_of=None) == 1
    # Somebody else, who had compared with no champion either, comes second.
    with pytest.raises(ChampionChangedError):
        registry.promote("line", "b2", instead_of=None)
    assert registry.promote("line", "b2", instead_of="b1") == 2
    assert registry.promote("line", "b2", instead_of="b1") == 2
    assert registry.champion("line") == "b2"


def test_what_is_not_stored_is_not_promoted(registry: Registry) -> None:
    with pytest.raises(NotFoundError):
        registry.promote("line", "b3")
    assert registry.champion("line") is None


def test_an_unreadable_promotion_is_no_older_champion(registry: Registry, root: Path) -> None:
    registry.promote("line", "b1")
    registry.promote("line", "b2")
    (root / "champions" / "line" / "000002.json").write_bytes(b"")
    with pytest.raises(CorruptEntryError):
        registry.champion("line")


def test_an_object_store_is_fetched(tmp_path: Path) -> None:
    registry = Stores("memory:///", scratch=tmp_path).registry
    registry.put("models", "k", {"parts/a": b"1"})
    folder = registry.open("models", "k")
    assert (folder / "parts" / "a").read_bytes() == b"1"
    assert os.path.commonpath([folder, tmp_path]) != str(tmp_path)


def test_all_receipts_of_a_kind(stores: Stores) -> None:
    assert stores.registry.receipts("models") == []
    made = [stores.registry.put("models", key, {"a": key.encode()}) for key in ("k2", "k1")]
    stores.registry.put("masks", "k3", {"a": b"1"})
    assert stores.registry.receipts("models") == made[::-1]
    with pytest.raises(InvalidEntryError, match="no kind"):
        stores.registry.receipts("recipes")  # type: ignore[arg-type]  # a wrong kind
