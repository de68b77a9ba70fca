"""A plant on one machine: PostgreSQL, Prefect behind a password, worker, Dask, S3; a line on top of it."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.stack.database import binaries
from tests.infra.running_stack import (
    Plant,
    RunningStack,
    day_in,
    listening_addresses,
    planted,
    until,
)
from tests.product_line import (
    LINE,
    REPOSITORY,
    receipts,
)

# A busy machine takes its time, and a run of a line takes a while on any.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def plant() -> Iterator[Plant]:
    with planted() as found:
        yield found


def test_the_nightly_decides_as_a_local_run_does(plant: Plant) -> None:
    stack = plant.stack
    run = stack.ended(stack.triggered(f"nightly/{LINE}"))
    assert run["state_name"] == "Completed", stack.logs()
    assert run["name"].startswith(f"nightly {LINE} ")
    assert day_in(run["name"]) is not None
    assert {"zeroescape", LINE, "nightly"} <= set(run["tags"])
    assert plant.line.verdicts() == plant.local.verdicts()


def test_nobody_gets_in_without_the_password(plant: Plant) -> None:
    address = f"{plant.stack.state()['api']}/flows/filter"
    request = urllib.request.Request(address, data=b"{}", method="POST")  # noqa: S310 - our own server
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=30)  # noqa: S310 - as above


def test_everything_listens_on_loopback_only(plant: Plant) -> None:
    assert listening_addresses(plant.stack.family()) == {"127.0.0.1"}


def test_the_server_keeps_what_it_knows_in_postgresql(plant: Plant) -> None:
    assert binaries().exists()
    assert not list((plant.stack.folder / "prefect").glob("*.db"))


def test_the_clock_makes_runs_at_two_in_the_morning_in_berlin(plant: Plant) -> None:
    found = plant.stack.ask(f"deployments/name/nightly/{LINE}")
    question = {
        "deployments": {"id": {"any_": [found["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    until(lambda: plant.stack.ask("flow_runs/filter", question), 300, plant.stack.logs)
    runs = plant.stack.ask("flow_runs/filter", question)
    assert all(run["auto_scheduled"] for run in runs)
    # Summer time or not.
    assert {run["expected_start_time"][11:16] for run in runs} <= {"00:00", "01:00"}
    assert found["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    assert found["global_concurrency_limit"]["limit"] == 1


@pytest.mark.faults
def test_two_nightlies_of_a_line_follow_each_other(plant: Plant) -> None:
    ids = [plant.stack.triggered(f"nightly/{LINE}") for _ in range(2)]
    first, second = sorted(
        (plant.stack.ended(one) for one in ids), key=lambda run: str(run["start_time"])
    )
    assert first["state_name"] == second["state_name"] == "Completed", plant.stack.logs()
    assert first["end_time"] <= second["start_time"]


def test_the_champion_inspects_on_demand(plant: Plant, tmp_path: Path) -> None:
    folder = tmp_path / "verdicts"
    run = plant.stack.ended(
        plant.stack.triggered(
            f"inspect/{LINE}",
            paths=[str(plant.line.archive / "undecided")],
            folder=str(folder),
        )
    )
    assert run["state_name"] == "Completed", plant.stack.logs()
    assert len((folder / "verdicts.jsonl").read_text().splitlines()) == 4


@pytest.mark.faults
def test_a_killed_run_is_marked_and_the_next_one_goes_on(plant: Plant) -> None:
    stack, stores = plant.stack, plant.line.stores
    champion = stores.registry.champion(LINE)
    for certificate in (plant.line.store / "certificates").iterdir():
        stores.objects.delete_folder(f"certificates/{certificate.name}")
    run = stack.triggered(f"nightly/{LINE}")
    until(lambda: stack.ask(f"flow_runs/{run}")["state_type"] == "RUNNING", 600, stack.logs)
    for process in flow_processes(stack):
        process.kill()
    assert stack.ended(run)["state_type"] == "CRASHED", stack.logs()
    again = stack.ended(stack.triggered(f"nightly/{LINE}"))
    assert again["state_name"] == "Completed", stack.logs()
    assert stores.registry.champion(LINE) == champion
    assert plant.line.verdicts() == plant.local.verdicts()


def flow_processes(stack: RunningStack) -> list[psutil.Process]:
    worker = psutil.Process(stack.state()["processes"]["prefect-worker"])
    found = worker.children(recursive=True)
    assert found, stack.logs()
    return found


def test_a_dead_program_is_started_again(plant: Plant) -> None:
    before = plant.stack.state()["processes"]
    psutil.Process(before["prefect-worker"]).kill()
    until(
        lambda: plant.stack.state()["processes"]["prefect-worker"] != before["prefect-worker"],
        300,
        plant.stack.said,
    )
    run = plant.stack.ended(plant.stack.triggered(f"nightly/{LINE}"))
    assert run["state_name"] == "Completed", plant.stack.logs()


def test_limits_and_automations_were_made(plant: Plant) -> None:
    limits = plant.stack.ask("v2/concurrency_limits/filter", {})
    assert {"gpu", "cpu"} <= {limit["name"] for limit in limits}
    automations = {one["name"]: one for one in plant.stack.ask("automations/filter", {})}
    assert set(automations) >= {
        "zeroescape: dead run",
        "zeroescape: stuck start",
        "zeroescape: red run",
    }
    assert not automations["zeroescape: red run"]["enabled"]  # nobody was named to be told


def test_measured_rows_came_from_the_object_store(plant: Plant) -> None:
    assert receipts(plant.line.store, "features")


def test_the_file_of_deployments_can_be_deployed(plant: Plant) -> None:
    """The file names another line than that of the tests; its deployments are taken away again."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "prefect", "--no-prompt", "deploy"),
            *("--prefect-file", "infra/prefect.yaml", "--all"),
        ],
        cwd=REPOSITORY,
        env=os.environ | plant.stack.environment() | {"PWD": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for flow in ("nightly", "inspect"):
        found = plant.stack.ask(f"deployments/name/{flow}/elpv-mono")
        assert found["work_pool_name"] == "zeroescape"
        assert found["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
        (pull,) = found["pull_steps"]
        assert pull["prefect.deployments.steps.set_working_directory"]["directory"] == str(
            REPOSITORY
        )
        plant.stack.forget(f"deployments/{found['id']}")
