"""A run whose process is gone is told from one that is at work, and Prefect is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.checkup.conducting import prefect_side
from flows.dead_runs import BORN, MACHINE, is_dead, labels_of, marked
from tests.flows.prefect_api import asked


def test_a_process_is_dead_when_it_ended_also_before_anybody_asked_how() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        labels = labels_of(process.pid)
        assert not is_dead(labels)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(labels)  # nobody waited for it yet: the system still lists it
    assert is_dead(labels)


def test_another_process_of_the_same_number_is_another_one() -> None:
    labels = labels_of(os.getpid())
    assert not is_dead(labels)
    assert is_dead({**labels, BORN: f"{labels[BORN]}1"})


def test_of_other_machines_and_of_who_said_nothing_nobody_knows() -> None:
    labels = {**labels_of(os.getpid()), BORN: "another moment"}
    assert is_dead(labels)
    assert not is_dead({**labels, MACHINE: "elsewhere"})
    assert not is_dead({**labels, BORN: ""})
    assert not is_dead({})


@pytest.mark.slow
def test_the_dead_are_marked_and_the_living_left_alone(environment: dict[str, str]) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        of_the_dead = labels_of(process.pid)
        process.kill()
    settings = {
        PREFECT_API_URL: environment["PREFECT_API_URL"],
        PREFECT_HOME: Path(environment["PREFECT_HOME"]),
    }
    with temporary_settings(settings), get_client(sync_client=True) as client:
        dead, told_by_the_doctor = (running(environment) for _ in range(2))
        living, silent = running(environment), running(environment)
        client.update_flow_run_labels(dead, of_the_dead)
        client.update_flow_run_labels(living, labels_of(os.getpid()))
        assert [run.id for run in marked() if run.id in {dead, living, silent}] == [dead]
        client.update_flow_run_labels(told_by_the_doctor, of_the_dead)
        found = [one for one in prefect_side() if one.name == "dead run"]
        assert any(client.read_flow_run(told_by_the_doctor).name in one.fact for one in found)
        assert "is gone" in str(client.read_flow_run(dead).state)
        types = [client.read_flow_run(run).state_type for run in (dead, living, silent)]
        assert types == [StateType.CRASHED, StateType.RUNNING, StateType.RUNNING]
        for run in (living, silent):
            client.delete_flow_run(run)


def running(environment: dict[str, str]) -> UUID:
    """A run that Prefect believes to be at work."""
    flow = asked(environment, "flows/", {"name": "retrain"})["id"]
    run = asked(environment, "flow_runs/", {"flow_id": flow})["id"]
    asked(environment, f"flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    return UUID(run)
