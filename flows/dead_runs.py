"""Runs whose process was killed: Prefect would call them Running for ever, if nobody told it.

Every run says at its start in which process it is (labels in Prefect). Whoever comes next on the same
machine, the next run of any line or the doctor, marks as Crashed what has no process any more. Runs of
other machines are told by their heartbeats (`flows.automations`).
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

MACHINE, PROCESS, BORN = (f"zeroescape.process.{part}" for part in ("machine", "id", "born"))


def begun(flow: object, flow_run: FlowRun, state: object) -> None:  # noqa: ARG001 - Prefect's names
    """What Prefect calls when a run starts (`on_running`): mark the dead, then say where this one is."""
    with get_client(sync_client=True) as client:
        _mark(client)
        client.update_flow_run_labels(flow_run.id, labels_of(os.getpid()))


def marked() -> list[FlowRun]:
    """Mark as Crashed every run of this machine whose process is gone; returns which."""
    with get_client(sync_client=True) as client:
        return _mark(client)


def labels_of(process_id: int) -> dict[str, Any]:
    """What tells a process from any other of this machine, also from a later one of the same number."""
    return {MACHINE: _machine(), PROCESS: process_id, BORN: _born(process_id) or ""}


def is_dead(labels: dict[str, Any]) -> bool:
    """Whether the process of these labels was one of this machine and is no more; False in doubt."""
    if labels.get(MACHINE) != _machine() or not labels.get(BORN):
        return False
    return _born(int(labels[PROCESS])) != str(labels[BORN])


def _mark(client: SyncPrefectClient) -> list[FlowRun]:
    states = [StateType.RUNNING, StateType.CANCELLING]
    question = filters.FlowRunFilter(
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=states))
    )
    found = []
    for run in client.read_flow_runs(flow_run_filter=question, limit=200):
        # Asked again after its process was found gone: it may have ended in between, as it should.
        if not is_dead(run.labels) or client.read_flow_run(run.id).state_type not in states:
            continue
        message = (
            f"Its process {run.labels[PROCESS]} on {platform.node()} is gone (killed, out of memory, or "
            "the machine restarted). Run it again; it goes on where it stood."
        )
        client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        found.append(run)
    return found


def _machine() -> str:
    """Name of the machine, and of the container on it: process ids mean nothing in another one."""
    space = Path("/proc/self/ns/pid")
    return f"{platform.node()} {space.readlink() if space.is_symlink() else ''}".strip()


def _born(process_id: int) -> str | None:
    """When a living process began, in the kernel's own ticks where it has some; None without one.

    Not by the clock of the day: after a jump of it every process would be another one.
    """
    try:
        process = psutil.Process(process_id)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        record = Path(f"/proc/{process_id}/stat")
        if record.exists():
            # The name of the program, in brackets, may hold anything; the 22nd field is the start.
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            return f"{boot} {record.read_text().rpartition(')')[2].split()[19]}"
        return str(process.create_time())
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
