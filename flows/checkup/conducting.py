"""Whether Prefect is there, its schedules make runs, somebody executes them, and running runs live."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.checkup.finding import Finding
from flows.durations import said

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

PRODUCT_TAG = "zeroescape"
_LATE = timedelta(minutes=15)
_SILENT = timedelta(minutes=10)
_NAMED = 5


def prefect_side() -> Iterator[Finding]:
    """All that can be told of Prefect; without a server, whether the embedded one has its place."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    address = PREFECT_API_URL.value()
    if not address:
        yield _embedded()
        return
    with get_client(sync_client=True) as client:
        unreachable = client.api_healthcheck()
        if unreachable is not None:
            reason = (str(unreachable).splitlines() or [""])[0] or type(unreachable).__name__
            remedy = "Start it, correct PREFECT_API_URL and PREFECT_API_AUTH_STRING, or unset them."
            yield Finding("Prefect", "problem", f"{address} does not answer: {reason}", remedy)
            return
        yield _versions(client, address)
        yield from _schedules(client)
        yield from _dead()
        yield from _zombies(client)


def _embedded() -> Finding:
    from prefect.settings import PREFECT_HOME

    home = PREFECT_HOME.value().expanduser()
    place = home
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        remedy = "Give the right to write there, or set PREFECT_HOME to another folder."
        return Finding(
            "Prefect", "problem", f"{home} is not writable for the embedded server", remedy
        )
    fact = f"embedded server in {home}; nothing is scheduled without PREFECT_API_URL"
    return Finding("Prefect", "ok", fact)


def _versions(client: SyncPrefectClient, address: str) -> Finding:
    import prefect

    theirs = client.api_version()
    fact = f"{address} answers, version {theirs}, ours {prefect.__version__}"
    if theirs.split(".")[:2] != prefect.__version__.split(".")[:2]:
        remedy = f"Install prefect=={theirs} here, or {prefect.__version__} there."
        return Finding("Prefect", "warning", fact, remedy)
    return Finding("Prefect", "ok", fact)


def _schedules(client: SyncPrefectClient) -> Iterator[Finding]:
    """Of every deployment with a schedule: its next run is planned, and none was left waiting."""
    ours = [one for one in _all_deployments(client) if PRODUCT_TAG in one.tags]
    if not ours:
        remedy = "For nightlies run `zeroescape serve` or `zeroescape deploy`."
        yield Finding("schedules", "ok", "the server has no deployment of zeroescape", remedy)
    for deployment in ours:
        name = f"schedule {deployment.name}"
        if deployment.paused or not any(one.active for one in deployment.schedules):
            if deployment.schedules:
                remedy = "Resume it in the Prefect UI, or serve it again."
                yield Finding(name, "warning", "it is paused: no run starts by itself", remedy)
            continue
        yield _schedule(client, deployment, name)


def _all_deployments(client: SyncPrefectClient) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while page := client.read_deployments(limit=200, offset=len(found)):
        found += page
    return found


def _schedule(client: SyncPrefectClient, deployment: DeploymentResponse, name: str) -> Finding:
    waiting = _runs(client, ["SCHEDULED"], deployment.id)
    now = datetime.now(UTC)
    planned = sorted(run.expected_start_time for run in waiting if run.expected_start_time)
    if not planned:
        old = deployment.created is not None and now - deployment.created > _LATE
        remedy = "Restart the server; look at its log, and at the version of SQLAlchemy above."
        fact = "is active and has no planned run: the scheduler makes none"
        return Finding(name, "problem" if old else "warning", fact, remedy)
    if now - planned[0] > _LATE:
        remedy = "Start `zeroescape serve`, or a worker for its pool: nobody executes it."
        fact = f"a run waits since {said((now - planned[0]).total_seconds())}"
        return Finding(name, "problem", fact, remedy)
    return Finding(name, "ok", f"next run {planned[0]:%Y-%m-%d %H:%M %Z}")


def _dead() -> Iterator[Finding]:
    """Runs of this machine without a process, marked by now."""
    from flows.dead_runs import PROCESS, marked

    for run in marked():
        fact = f"{run.name} had no process any more ({run.labels[PROCESS]}); it is marked as crashed now"
        remedy = "Look why it died (memory?), then run it again; it goes on where it stood."
        yield Finding("dead run", "warning", fact, remedy)


def _zombies(client: SyncPrefectClient) -> Iterator[Finding]:
    """Runs that the server believes to be at work, and of which nothing was heard for a while."""
    before = datetime.now(UTC) - _SILENT
    running = _runs(client, ["RUNNING"])
    silent = [
        run
        for run in running
        if run.start_time and run.start_time < before and not _heard_of(client, run, before)
    ]
    if not silent:
        yield Finding("running", "ok", f"{len(running)} runs at work, none of them silent")
    for run in silent[:_NAMED]:
        remedy = (
            f"Its process is gone: `prefect flow-run cancel {run.id}`, then start it again; it goes "
            "on where it stood."
        )
        fact = f"{run.name} runs, and nothing was heard of it for {said(_SILENT.total_seconds())}"
        yield Finding("running", "problem", fact, remedy)


def _runs(
    client: SyncPrefectClient, states: Sequence[str], deployment: Any = None
) -> list[FlowRun]:
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    types = [StateType(state) for state in states]
    state = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=types))
    chosen = filters.FlowRunFilter(state=state)
    if deployment is not None:
        chosen.deployment_id = filters.FlowRunFilterDeploymentId(any_=[deployment])
    return client.read_flow_runs(flow_run_filter=chosen, limit=200)


def _heard_of(client: SyncPrefectClient, run: FlowRun, since: datetime) -> bool:
    """Whether any event of the run, a heartbeat for one, came since then."""
    question = {
        "filter": {
            "occurred": {"since": since.isoformat()},
            "any_resource": {"id": [f"prefect.flow-run.{run.id}"]},
        },
        "limit": 1,
    }
    answer = client.request("POST", "/events/filter", json=question)
    return bool(answer.json()["events"])
