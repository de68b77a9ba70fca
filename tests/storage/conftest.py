from __future__ import annotations

from pathlib import Path

import pytest

from storage.objects import Objects
from storage.stores import Stores


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def objects(root: Path) -> Objects:
    return Objects(root)


@pytest.fixture
def stores(root: Path) -> Stores:
    return Stores(root)
