from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storage.collecting import Plan, collect, planned, removals
from storage.copying import RECORDS
from storage.errors import BusyError, CorruptEntryError
from storage.inventory import DERIVED_FIRST
from storage.layout import ENTRY_FOLDERS, PROBES, SWEPT_FOLDERS
from storage.objects import Objects
from storage.retention import CHAMPION, HELD, RetentionPolicy, needs
from storage.stores import Stores
from tests.storage.plant_store import (
    DAY,
    LINE,
    age,
    check_champions,
    check_snapshot,
    freeze,
    ingest,
    listed,
    name,
    parts_of,
)

AT_ONCE = RetentionPolicy(keep_champions=1, older_than_seconds=30 * DAY, grace_seconds=0.0)


def gc(stores: Stores, policy: RetentionPolicy = AT_ONCE, after: float = 0.0) -> Plan:
    return collect(stores, policy, time.time() + after)


def paths(plan: Plan) -> set[str]:
    return {entry.path for entry in plan.due}


def test_every_folder_has_its_place_in_collections_and_copies() -> None:
    assert sorted(DERIVED_FIRST) == sorted(ENTRY_FOLDERS)
    assert {*RECORDS, *ENTRY_FOLDERS, PROBES} == set(SWEPT_FOLDERS)


def test_old_things_that_no_champion_names_go_and_everything_else_stays(
    stores: Stores, root: Path
) -> None:
    ingest(stores, alignment=1, photographs=2)
    old = freeze(stores, alignment=1, model=1, fit=1)
    stores.registry.promote(LINE, old)
    ingest(stores, alignment=2, photographs=3)
    new = freeze(stores, alignment=2, model=2, fit=1)
    stores.registry.promote(LINE, new)
    age(root, 31 * DAY)
    young = freeze(stores, alignment=2, model=3, fit=1)
    before, kept = listed(stores.objects), parts_of(stores, new) | parts_of(stores, young)
    removed = paths(gc(stores))
    assert removed == before - listed(stores.objects)
    assert removed >= parts_of_removed(1, 1, 1)
    assert not removed & kept
    assert not any(path.startswith(("references/", "inspections/")) for path in removed)
    check_champions(stores, 1)
    check_snapshot(stores)
    assert [one.bundle for one in stores.registry.history(LINE)] == [old, new]


def parts_of_removed(alignment: int, model: int, fit: int) -> set[str]:
    first, second = 10 * model + alignment, 100 * fit + 10 * model + alignment
    early = {f"{kind}/{name(kind, first)}" for kind in ("models", "masks")}
    late = {f"{kind}/{name(kind, second)}" for kind in ("classifiers", "thresholds", "bundles")}
    return early | late


def test_as_many_champions_stay_as_asked_for(stores: Stores, root: Path) -> None:
    ingest(stores, alignment=1, photographs=1)
    bundles = [freeze(stores, alignment=1, model=1, fit=fit) for fit in range(4)]
    for bundle in (*bundles, bundles[3], bundles[2], bundles[3]):
        stores.registry.promote(LINE, bundle)
    age(root, 31 * DAY)
    gc(stores, RetentionPolicy(keep_champions=3, grace_seconds=0.0))
    check_champions(stores, 3)
    left = [stores.registry.find("bundles", bundle) is not None for bundle in bundles]
    assert left == [False, True, True, True]


def test_a_second_run_has_nothing_to_do(stores: Stores, root: Path) -> None:
    for model in range(3):
        ingest(stores, alignment=model, photographs=2)
        stores.registry.promote(LINE, freeze(stores, alignment=model, model=model, fit=1))
    age(root, 31 * DAY)
    assert gc(stores).due
    before = stores.objects.list()
    again = gc(stores)
    assert not [*again.due, *again.announced, *again.orphans.folders, *again.scratch]
    assert stores.objects.list() == before


def test_what_is_removed_was_announced_for_the_grace(stores: Stores, root: Path) -> None:
    ingest(stores, alignment=1, photographs=1)
    freeze(stores, alignment=1, model=1, fit=1)
    age(root, 31 * DAY)
    policy = RetentionPolicy(keep_champions=1, grace_seconds=DAY)
    first = gc(stores, policy)
    assert first.announced
    assert not first.due
    # A run comes back to what was announced, and it is a champion's again.
    stores.registry.promote(LINE, name("bundles", 111))
    # Answers of its search serve nobody any more.
    assert {entry.kind for entry in gc(stores, policy, after=2 * DAY).due} == {"trials"}
    check_champions(stores, 1)


def test_a_look_changes_nothing(stores: Stores, root: Path) -> None:
    freeze(stores, alignment=1, model=1, fit=1)
    age(root, 31 * DAY)
    before = stores.objects.listing()
    assert planned(stores, AT_ONCE, time.time()).due
    assert stores.objects.listing() == before


def test_nothing_is_removed_beneath_a_run(stores: Stores, root: Path) -> None:
    freeze(stores, alignment=1, model=1, fit=1)
    age(root, 31 * DAY)
    before = listed(stores.objects)
    with stores.in_use(), Stores(root).in_use(), pytest.raises(BusyError, match="at work"):
        gc(stores)
    assert listed(stores.objects) == before
    with stores.unused(), pytest.raises(BusyError), Stores(root).unused():
        pass
    assert gc(stores).due


def test_a_young_threshold_that_names_nothing_holds_what_it_may_be_made_of(
    stores: Stores, root: Path
) -> None:
    """Stores of earlier versions: the classifier could be made anew beneath its old threshold."""
    freeze(stores, alignment=1, model=1, fit=1)
    age(root, 31 * DAY)
    stores.registry.put("thresholds", name("thresholds", 9), {"threshold.json": b"{}"})
    plan = gc(stores)
    assert {entry.kind for entry in plan.due} == {
        "reports",
        "periods",
        "certificates",
        "bundles",
        "thresholds",
    }
    found = needs(stores.objects, AT_ONCE, time.time())
    assert {entry.kind for entry in found.kept[HELD]} >= {"classifiers", "models", "features"}


def test_a_certificate_that_does_not_say_whose_it_is_stays(stores: Stores, root: Path) -> None:
    stores.registry.put("certificates", "of-an-early-version", {"c.json": b"{}"})
    freeze(stores, alignment=1, model=1, fit=1)
    age(root, 31 * DAY)
    gc(stores)
    left = {path for path in listed(stores.objects) if not path.startswith("inspections/")}
    assert left == {"certificates/of-an-early-version"}


def test_what_a_bundle_names_cannot_be_known_where_it_is_damaged(
    stores: Stores, root: Path
) -> None:
    ingest(stores, alignment=1, photographs=1)
    bundle = freeze(stores, alignment=1, model=1, fit=1)
    stores.registry.promote(LINE, bundle)
    age(root, 31 * DAY)
    (stores.registry.open("bundles", bundle) / "bundle.json").write_bytes(b"{")
    before = listed(stores.objects)
    with pytest.raises(CorruptEntryError, match=r"bundle\.json cannot be read"):
        gc(stores)
    assert listed(stores.objects) == before


def test_removals_are_on_record_with_their_places(stores: Stores, root: Path) -> None:
    freeze(stores, alignment=1, model=1, fit=1)
    age(root, 31 * DAY)
    removed = paths(gc(stores))
    assert {path for path, _ in removals(stores.objects)} == removed
    assert all(place.startswith(f"{path}/data-") for path, place in removals(stores.objects))


def test_workplaces_go_when_finished_or_left_but_never_under_a_training(
    stores: Stores, root: Path
) -> None:
    for key in ("finished", "left", "young", "busy"):
        (stores.workplace(key) / "checkpoint.pt").write_bytes(b"x" * 1000)
    stores.registry.put("models", "finished", {"w": b"w"})
    stores.registry.put("models", "busy", {"w": b"w"})
    age(root, 31 * DAY)
    (stores.workplace("young") / "checkpoint.pt").write_bytes(b"newer")
    with Stores(root).exclusive("busy"):
        cleared = gc(stores).scratch
    assert [(one.key, one.size_bytes > 999) for one in cleared] == [
        ("finished", True),
        ("left", True),
    ]
    assert {place.name for place in stores.workplaces()} == {"young", "busy"}


def test_an_object_store_is_collected_as_well(tmp_path: Path) -> None:
    stores = Stores("memory:///", scratch=tmp_path)
    ingest_free = [freeze_in_memory(stores, model) for model in (1, 2)]
    stores.registry.promote(LINE, ingest_free[1])
    removed = paths(collect(stores, AT_ONCE, time.time() + 31 * DAY))
    assert f"bundles/{ingest_free[0]}" in removed
    assert stores.registry.find("bundles", ingest_free[1]) is not None
    found = needs(stores.objects, AT_ONCE, time.time() + 31 * DAY)
    assert {entry.kind for entry in found.kept[CHAMPION]} >= {"models", "features", "bundles"}


def freeze_in_memory(stores: Stores, model: int) -> str:
    return freeze(stores, alignment=1, model=model, fit=1)


class AMonth(RuleBasedStateMachine):
    """Nights, promotions, rollbacks, idle days and collections in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.frozen: list[str] = []

    @property
    def stores(self) -> Stores:
        return Stores(self.root)

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @rule(
        alignment=st.integers(1, 2),
        model=st.integers(1, 2),
        fit=st.integers(1, 3),
        new=st.booleans(),
    )
    def night(self, alignment: int, model: int, fit: int, *, new: bool) -> None:
        ingest(self.stores, alignment, photographs=2 + new)
        self.frozen.append(freeze(self.stores, alignment, model, fit))

    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        usable = [one for one in self.frozen if self.stores.registry.find("bundles", one)]
        if usable:
            self.stores.registry.promote(LINE, data.draw(st.sampled_from(usable)))

    @rule(days=st.sampled_from([1, 20, 40]))
    def idle(self, days: int) -> None:
        age(self.root, days * DAY)

    @rule(keep=st.integers(1, 3), grace=st.sampled_from([0.0, 5 * DAY]))
    def collect(self, keep: int, grace: float) -> None:
        policy = RetentionPolicy(keep, 30 * DAY, grace)
        before, history = listed(self.stores.objects), self.stores.registry.history(LINE)
        plan = gc(self.stores, policy)
        assert listed(self.stores.objects) == before - paths(plan)
        check_champions(self.stores, keep)
        assert self.stores.registry.history(LINE) == history
        assert not gc(self.stores, policy).due

    @invariant()
    def the_images_of_today_read(self) -> None:
        check_snapshot(self.stores)

    @invariant()
    def nothing_outlives_what_it_was_made_from(self) -> None:
        objects = self.stores.objects
        there = {path.partition("/")[2].rpartition("/")[2] for path in listed(objects)}
        there |= {path.split("/")[2] for path in listed(objects) if path.startswith(("im", "fe"))}
        for kind in ("masks", "models", "trials", "classifiers", "thresholds", "reports"):
            for receipt in self.stores.registry.receipts(kind):
                made_from = set(receipt.inputs.values())
                if kind == "models" and not objects.list("images"):
                    continue  # frozen without an ingest
                assert made_from <= there, (kind, made_from - there)


AMonth.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestAMonth = pytest.mark.slow(AMonth.TestCase)


def test_a_month_in_short() -> None:
    """The same machine for a moment, in the fast suite."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        AMonth, settings=settings(max_examples=4, stateful_step_count=8, deadline=None)
    )


def test_an_unknown_store_has_nothing_to_collect(tmp_path: Path) -> None:
    assert not needs(Objects(tmp_path / "new"), AT_ONCE, time.time()).removable
