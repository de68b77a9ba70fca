"""SIGKILL of every program of a real plant in the middle of a nightly; the stack starts each again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from tests.aftermath import Condition, features_begun, images_begun
from tests.faults.conftest import Record
from tests.infra.running_stack import Plant, planted, until
from tests.product_line import LINE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

PROGRAMS = [
    ("Dask worker", "dask-worker-1", "while boards are measured", features_begun),
    ("Dask scheduler", "dask-scheduler", "while boards are measured", features_begun),
    ("Prefect worker", "prefect-worker", "while images are stored", images_begun),
    ("Prefect server", "prefect-server", "while images are stored", images_begun),
    ("PostgreSQL", "postgresql", "while boards are measured", features_begun),
]


@pytest.fixture(scope="module")
def plant() -> Iterator[Plant]:
    with planted() as found:
        yield found


@pytest.mark.parametrize(("name", "program", "when", "moment"), PROGRAMS)
def test_a_killed_program(
    name: str, program: str, when: str, moment: Condition, plant: Plant, record: Record
) -> None:
    row = record(f"SIGKILL of the stack's {name}", when)
    # A line of its own: nothing of it is done yet.
    stack, line = plant.stack, replace(plant.line, folder=plant.line.folder / program)
    config = str(line.config)
    run = stack.triggered(f"nightly/{LINE}", config=config)
    # As often as it can: a moment that is looked for twice a second is over.
    end = time.monotonic() + 600
    while not moment(line):
        assert time.monotonic() < end, stack.logs()
        time.sleep(0.01)
    before = stack.state()["processes"][program]
    psutil.Process(before).kill()
    row.done(line)
    until(lambda: stack.state()["processes"][program] != before, 300, stack.said)
    row.detected()
    until(lambda: answers(plant), 300, stack.logs)
    first = stack.ended(run)["state_name"]
    again = stack.ended(stack.triggered(f"nightly/{LINE}", config=config))
    assert again["state_name"] == "Completed", stack.logs()
    assert orphans(plant) == []
    end_of_first = (
        "completed" if first == "Completed" else f"ended as {first}, the next one completed"
    )
    row.judge(line, plant.local, f"Started again by the stack; the run {end_of_first}.")


def answers(plant: Plant) -> bool:
    """Whether Prefect's server knows its runs again."""
    try:
        return bool(plant.stack.ask("flow_runs/filter", {"limit": 1}))
    except OSError:
        return False


def orphans(plant: Plant) -> list[list[str]]:
    """Processes of the plant that nobody of the plant looks after any more."""
    place, own = str(plant.stack.folder), {one.pid for one in plant.stack.family()}
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = place in " ".join(process.environ().values())
            if is_ours and process.pid not in own and process.ppid() == 1:
                found.append(process.cmdline())
        except psutil.Error:
            continue
    return found
