from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from storage.ledger import FileLedger, SeenFile
from storage.stores import Stores
from tests.growth import NO_WORSE_THAN_LINEAR, growth

SEEN = {
    "normal/ü \n.png": SeenFile("12-99", "d1"),
    "normal/\udcff.png": SeenFile("", "d2"),
    "a.png": SeenFile("3", "d1"),
}


def test_the_ledger_is_what_was_written_last(stores: Stores) -> None:
    ledger = stores.files("line")
    assert ledger.known() == {}
    ledger.renew(SEEN)
    assert ledger.known() == SEEN
    fewer = {"a.png": SeenFile("4", "d3")}
    ledger.renew(fewer)
    assert stores.files("line").known() == fewer
    assert stores.files("elsewhere").known() == {}
    ledger.renew({})
    assert ledger.known() == {}


def test_a_forgotten_file_is_read_again_and_the_others_are_not(stores: Stores) -> None:
    ledger = stores.files("line")
    ledger.forget(["a.png"])
    ledger.renew(SEEN)
    ledger.forget(["a.png", "unknown.png"])
    assert ledger.known() == {name: seen for name, seen in SEEN.items() if name != "a.png"}


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"{}"])
def test_a_damaged_ledger_is_an_empty_one(stores: Stores, root: Path, damage: bytes) -> None:
    ledger = stores.files("line")
    ledger.renew(SEEN)
    (table,) = (root / "ledgers" / "line").iterdir()
    table.write_bytes(damage or table.read_bytes()[:-9])
    assert ledger.known() == {}
    ledger.renew(SEEN)
    assert ledger.known() == SEEN


@pytest.mark.slow
def test_cost_grows_no_worse_than_linear(stores: Stores) -> None:
    def seen(size: int) -> dict[str, SeenFile]:
        return {
            f"2026/11/normal/board-{at:07d}.png": SeenFile(f"{at}-{at * 7919}", f"{at:064x}")
            for at in range(size)
        }

    def written(size: int) -> FileLedger:
        ledger = stores.files(f"line-{size}")
        ledger.renew(seen(size))
        assert ledger.known() == seen(size)
        return ledger

    assert growth(lambda size: written(size).known) < NO_WORSE_THAN_LINEAR
    assert growth(lambda size: partial(written(size).renew, seen(size))) < NO_WORSE_THAN_LINEAR
