from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.errors import NotFoundError
from storage.stores import Stores
from tasks.bundles import BUNDLES, champion_bundle, read_bundle
from tasks.vocabulary.errors import InputError
from tests.flows.test_plan import certified


def test_a_bundle_is_read_back_as_it_was_frozen(tmp_path: Path) -> None:
    stores, bundle = Stores(tmp_path), certified()
    stores.registry.put("bundles", "key", {"bundle.json": BUNDLES.dump_json(bundle)}, facts={})
    assert read_bundle(stores, "key") == bundle


def test_a_bundle_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    former = json.loads(BUNDLES.dump_json(certified()))
    del former["instrument"]["scales_key"]
    content = {"bundle.json": json.dumps(former).encode()}
    stores.registry.put("bundles", "former", content, facts={})
    with pytest.raises(InputError, match="another version of zeroescape"):
        read_bundle(stores, "former")


def test_a_line_without_a_champion_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no champion"):
        champion_bundle(Stores(tmp_path), "line")
