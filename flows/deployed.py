"""The flows that Prefect starts, by the clock or on demand: what arrives is JSON, not paths.

`nightly` is `retrain` with a plan: a night that was missed, or that another run did, or whose line is at
work already, ends as 'Skipped' and says why. One that a person starts (`prefect deployment run
nightly/<line>`) runs. The same holds for `drift`, the look at a line's light.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterStartTime,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed

from flows.backfill import backfill_line
from flows.dead_runs import begun
from flows.drift import drift
from flows.figures import RunFigures
from flows.inspect import inspect
from flows.nights import why_left_out
from flows.retrain import retrain
from flows.run_names import named
from storage.errors import BusyError, NotFoundError

SKIPPED = "Skipped"
RED_LIGHT = "Red"
LIGHTS = {"green": "Green", "yellow": "Yellow"}


@flow(name="nightly", flow_run_name=named("nightly"), on_running=[begun])
def nightly(
    config: str, timezone: str = "UTC", catch_up: bool = False, learn: bool = False
) -> RunFigures | State[Any]:
    """Retrain a product line as planned; `timezone` is that of the plan, `catch_up` runs a missed night.

    `learn` asks for a training on images that wait, whatever the line's policy says. Raises what
    `retrain` raises.
    """
    left_out = _why_left_out(timezone, catch_up=catch_up)
    if left_out is not None:
        return Completed(name=SKIPPED, message=left_out)
    try:
        return retrain.fn(Path(config), learn=learn)
    except BusyError as error:
        return Completed(name=SKIPPED, message=str(error))


@flow(name="inspect", flow_run_name=named("inspect"), on_running=[begun])
def inspect_on_demand(config: str, paths: list[str], folder: str | None = None) -> str:
    """Let the champion of a line judge images; returns the folder with verdicts and overlays.

    Without `folder`, one of its own below build/inspect. Raises what `inspect` raises.
    """
    place = Path(folder or f"build/inspect/{this_run.id}").absolute()
    inspect.fn(Path(config), [Path(path) for path in paths], place)
    return str(place)


@flow(name="backfill", flow_run_name=named("backfill"), on_running=[begun])
def backfill_on_demand(
    config: str,
    since: str | None = None,
    until: str | None = None,
    model: str | None = None,
    where: list[str] | None = None,
    images_per_second: float | None = None,
    at_most_workers: int = 1,
) -> str:
    """Hold a bundle against the champion of a line on the boards of a period; returns the page.

    `since` and `until` are days (2026-10-01), both included. `model` is a bundle's key, the number of a
    promotion or `champion`; without: the newest challenger that was kept back. `where` are conditions like
    `camera=left`. Raises what `flows.backfill` raises.
    """
    found = backfill_line.fn(
        Path(config), since, until, model, where or (), images_per_second, at_most_workers
    )
    return str(found.page)


@flow(name="drift", flow_run_name=named("drift"), on_running=[begun])
def drift_as_planned(config: str, timezone: str = "UTC") -> State[Any]:
    """Hold today's boards against the certified ones; the state is called as the line's light.

    Red is a failed state, suspends the certificate, and sends events when it turns red; a line without
    a champion has no light yet. `timezone` is that of the plan.
    """
    # A late look sees what is new since, too; one of several is enough.
    left_out = _why_left_out(timezone, catch_up=True)
    if left_out is not None:
        return Completed(name=SKIPPED, message=left_out)
    try:
        found = drift.fn(Path(config))
    except NotFoundError as error:
        return Completed(name=SKIPPED, message=str(error))
    if found.suspension is not None:
        return Failed(name=RED_LIGHT, message=found.suspension.sentence)
    light = found.light
    if light.colour == "red":
        return Failed(name=RED_LIGHT, message=light.reason)
    return Completed(name=LIGHTS[light.colour], message=light.reason)


def _why_left_out(timezone: str, *, catch_up: bool) -> str | None:
    """Why this run need not do what it was planned for; None for those that a person asked for."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None or not run.auto_scheduled:
        return None
    now = datetime.now(ZoneInfo(timezone))
    planned = (run.expected_start_time or now).astimezone(now.tzinfo)
    return why_left_out(planned, now, _begun_since(run, planned), catch_up=catch_up)


def _begun_since(run: FlowRun, planned: datetime) -> datetime | None:
    """When a run of the same deployment began after this one should have; skipped ones did nothing."""
    if run.deployment_id is None:
        return None
    question = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        start_time=FlowRunFilterStartTime(after_=planned),
    )
    with get_client(sync_client=True) as client:
        others = client.read_flow_runs(flow_run_filter=question)
    begun = [
        other.start_time
        for other in others
        if other.id != run.id and other.state_name != SKIPPED and other.start_time is not None
    ]
    return min(begun, default=None)
