from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from flows.checkup import installation, storing
from flows.checkup.finding import Finding, examined
from flows.doctor import EXIT_CODES, Examination, examine
from storage.errors import NotFoundError
from storage.objects import Objects
from storage.probing import check_first_writer_wins, store_time
from storage.stores import Stores
from tests.flows.test_settings import SMALLEST, written
from tests.storage.plant_store import DAY, LINE, age, freeze, ingest, name

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    stores = Stores(tmp_path / "store")
    ingest(stores, alignment=1, photographs=2)
    stores.registry.promote(LINE, freeze(stores, alignment=1, model=1, fit=1))
    return stores


def outcomes(findings: list[Finding]) -> list[str]:
    return [one.outcome for one in findings]


def spoil(stores: Stores, entry: str) -> None:
    path = next(one for one in stores.objects.list(entry) if "/data-" in one)
    stores.objects.put(path, b"\0" + stores.objects.get(path)[1:])


def test_the_worst_finding_is_the_outcome_and_the_exit_code() -> None:
    ok, warning = Finding("a", "ok", "1"), Finding("b", "warning", "2", "do")
    problem = Finding("c", "problem", "3", "do")
    assert Examination(()).outcome == Examination((ok,)).outcome == "ok"
    assert Examination((ok, warning)).outcome == "warning"
    assert Examination((problem, warning, ok)).outcome == "problem"
    assert EXIT_CODES == {"ok": 0, "warning": 1, "problem": 2}
    machines = Examination((ok, problem)).for_machines()
    assert machines["counts"] == {"ok": 1, "warning": 0, "problem": 1}


def test_a_check_that_fails_is_a_problem_and_not_the_end() -> None:
    def failing() -> list[Finding]:
        raise ValueError("first line\nsecond line")

    (found,) = examined("odd", failing)
    assert (found.name, found.outcome) == ("odd", "problem")
    assert found.fact == "The check itself failed: ValueError first line"


def test_this_installation_has_what_it_asks_for() -> None:
    assert outcomes(list(installation.libraries())) == ["ok"]
    assert outcomes(list(installation.python_version())) == ["ok"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("sqlalchemy>=9", "schedules silently make no runs"),
        ("fastapi>=9", "server does not start"),
        ("numpy>=99", "wanted >=99"),
        ("no-such-library>=1", "is not installed"),
    ],
)
def test_a_wrong_library_is_told_with_the_command_that_helps(wanted: str, said: str) -> None:
    found = installation.unmet(Requirement(wanted))
    assert found is not None
    assert found.outcome == "problem"
    assert said in found.fact
    assert found.remedy == f"Run: python -m pip install '{Requirement(wanted)}'"
    assert installation.unmet(Requirement(f"numpy=={version('numpy')}")) is None


def test_more_workers_than_processors_is_a_warning(tmp_path: Path) -> None:
    from flows.settings import load_settings

    def of(workers: int) -> list[Finding]:
        config = written(tmp_path, SMALLEST | {"dask": {"workers": workers}})
        return list(installation.processors(load_settings(config)))

    assert outcomes(of(installation.usable_processors())) == ["ok"]
    assert outcomes(of(installation.usable_processors() + 1)) == ["warning"]


def test_a_whole_store_is_well(stores: Stores) -> None:
    objects = stores.objects
    found = [
        *storing.writing(objects),
        *storing.locks(stores),
        *storing.clock(objects),
        *storing.champions(objects),
        *storing.leftovers(stores),
        *storing.integrity(objects, deep=True),
    ]
    assert set(outcomes(found)) == {"ok"}, found
    assert objects.list("probes") == []


def test_a_champion_that_is_damaged_or_gone_is_a_problem(stores: Stores) -> None:
    spoil(stores, f"models/{name('models', 11)}")
    (found,) = storing.champions(stores.objects)
    assert found.outcome == "problem"
    assert name("models", 11) in found.fact
    assert outcomes(list(storing.integrity(stores.objects, deep=True))) == ["ok", "problem"]
    stores.objects.delete_folder(f"bundles/{name('bundles', 111)}")
    (found,) = storing.champions(stores.objects)
    assert "is gone" in found.fact


def test_a_damaged_record_is_a_problem(stores: Stores) -> None:
    path = f"champions/{LINE}/000001.json"
    stores.objects.put(path, b"{" + stores.objects.get(path))
    assert outcomes(list(storing.integrity(stores.objects, deep=False))) == ["problem", "ok"]


def test_stale_leftovers_are_a_warning(stores: Stores) -> None:
    (stores.workplace("left") / "checkpoint").write_bytes(b"x")
    assert outcomes(list(storing.leftovers(stores))) == ["ok"]
    age(Path(stores.root), 2 * DAY)
    (found,) = storing.leftovers(stores)
    assert (found.outcome, found.remedy) == ("warning", "Run `zeroescape gc --remove`.")


def test_an_entry_from_the_future_is_a_warning(stores: Stores) -> None:
    age(Path(stores.root), -2 * DAY)
    assert outcomes(list(storing.clock(stores.objects))) == ["warning"]


def test_a_store_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "probes").write_bytes(b"no folder")
    (found,) = examined("store", lambda: storing.writing(Objects(tmp_path / "store")))
    assert (found.name, found.outcome) == ("store", "problem")
    assert found.remedy


def test_the_probe_works_on_an_object_store() -> None:
    objects = Objects("memory:///")
    check_first_writer_wins(objects)
    assert abs(store_time(objects) - store_time(Objects("memory:///"))) < 60
    assert objects.list() == []


def test_a_store_that_is_named_and_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no store"):
        examine(None, str(tmp_path / "none"), deep=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_program_ends_with_the_code_of_its_worst_finding(
    stores: Stores, tmp_path: Path
) -> None:
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_API_URL": ""}

    def code(**changed: str) -> tuple[int, str]:
        place = tmp_path / "doctor.json"
        command = [sys.executable, "-W", "error", "-m", "flows.cli", "doctor"]
        done = subprocess.run(
            [*command, "--store", str(stores.root), "--json", str(place)],
            cwd=REPOSITORY,
            env=environment | changed,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert json.loads(place.read_text())["outcome"] in done.stdout
        return done.returncode, done.stdout

    assert code()[0] == 0
    (stores.workplace("left") / "checkpoint").write_bytes(b"x")
    age(Path(stores.root), 2 * DAY)
    assert code()[0] == 1
    failed, said = code(PREFECT_API_URL="http://127.0.0.1:9/api")
    assert failed == 2
    assert "127.0.0.1:9" in said
