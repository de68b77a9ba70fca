"""SIGKILL of the flow, its training and a worker, at many moments of a run on this machine."""

from __future__ import annotations

import subprocess
import time
from datetime import datetime
from typing import Any

import pytest

from tests.aftermath import (
    Condition,
    assert_no_orphans,
    assert_nothing_half_written,
    certified,
    features_begun,
    features_done,
    images_begun,
    training_begun,
    wait_for,
)
from tests.faults.conftest import Record
from tests.flows.prefect_api import asked
from tests.product_line import LINE, ProductLine, descendants, ended, kill_group

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

WITH_A_NETWORK = [
    ("while images are stored", images_begun),
    ("while the network trains", training_begun),
]
WITHOUT = [
    ("while boards are measured", features_begun),
    ("while classifiers are fitted", features_done),
    ("between certificate and promotion", certified),
]


@pytest.mark.parametrize(("when", "moment"), WITH_A_NETWORK)
def test_a_killed_flow_of_a_network(
    when: str, moment: Condition, line: ProductLine, undisturbed: ProductLine, record: Record
) -> None:
    killed_and_run_again(when, moment, line, undisturbed, record)


@pytest.mark.parametrize(("when", "moment"), WITHOUT)
def test_a_killed_flow(
    when: str,
    moment: Condition,
    small_line: ProductLine,
    small_undisturbed: ProductLine,
    record: Record,
) -> None:
    killed_and_run_again(when, moment, small_line, small_undisturbed, record)


def killed_and_run_again(
    when: str, moment: Condition, line: ProductLine, undisturbed: ProductLine, record: Record
) -> None:
    """The killed run is a zombie in Prefect until the next run of the machine marks it."""
    row = record("SIGKILL of the flow process", when)
    process = line.start("retrain")
    try:
        wait_for(moment, line, process)
    finally:
        process.kill()
        row.done(line)
        # Its training and its workers end by themselves, and with them the pipe.
        process.communicate(timeout=300)
    assert_no_orphans([process])
    assert_nothing_half_written(line)
    assert line.stores.registry.champion(LINE) is None
    assert run_of(line, process)["state_type"] == "RUNNING"
    line.retrain()
    dead = run_of(line, process)
    assert dead["state_type"] == "CRASHED"
    assert "is gone" in dead["state"]["message"]
    row.detected(datetime.fromisoformat(dead["state"]["timestamp"]).timestamp())
    row.judge(
        line,
        undisturbed,
        "The next run marked the zombie as crashed and went on where it stood.",
    )


def run_of(line: ProductLine, process: subprocess.Popen[str]) -> dict[str, Any]:
    """What Prefect knows of the run of a process; found by what the run said of itself."""
    runs = asked(dict(line.environment), "flow_runs/filter", {"sort": "START_TIME_DESC"})
    (found,) = (run for run in runs if run["labels"].get("zeroescape.process.id") == process.pid)
    return dict(found)


def test_a_killed_training_and_a_killed_worker(
    line: ProductLine, undisturbed: ProductLine, record: Record
) -> None:
    training = record("SIGKILL of the training process", "after its first checkpoint")
    worker = record("SIGKILL of a Dask worker", "while boards are measured")
    process = line.start("retrain")
    try:
        wait_for(training_begun, line, process)
        (running,) = descendants(process, "tasks.training_job")
        running.kill()
        training.done(line)
        wait_for(lambda _: bool(descendants(process, "tasks.training_job")), line, process)
        training.detected()
        wait_for(features_begun, line, process)
        # Dask's workers are the children that multiprocessing spawned.
        before = {one.pid for one in descendants(process, "spawn_main")}
        descendants(process, "spawn_main")[0].kill()
        worker.done(line)
        wait_for(lambda _: bool(workers_of(process) - before), line, process)
        worker.detected()
        ended(process)
    finally:
        kill_group(process)
    assert_no_orphans([process])
    training.judge(line, undisturbed, "The same run started it again, from its checkpoint.")
    worker.judge(line, undisturbed, "The same run went on: another worker did its batches.")


def workers_of(process: subprocess.Popen[str]) -> set[int]:
    return {one.pid for one in descendants(process, "spawn_main")}


def test_two_nightlies_at_once(
    small_line: ProductLine, small_undisturbed: ProductLine, record: Record
) -> None:
    row = record("two nightlies of one line", "started at once")
    row.done(small_line)
    both = [small_line.start("retrain") for _ in range(2)]
    try:
        second = first_ended(both)
        row.detected()
        said = ended(second, 1)
        assert "is at work on line-tiles" in " ".join(said.split())
        ended(next(one for one in both if one is not second))
    finally:
        for process in both:
            kill_group(process)
    assert_no_orphans(both)
    small_line.retrain()
    row.judge(small_line, small_undisturbed, "The second one said who is at work and ended.")
    assert len(small_line.stores.registry.history(LINE)) == 1


def first_ended(processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    end = time.monotonic() + 600
    while True:
        for process in processes:
            if process.poll() is not None:
                return process
        assert time.monotonic() < end
        time.sleep(0.1)
