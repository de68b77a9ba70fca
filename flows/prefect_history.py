"""Old runs of the flows taken out of Prefect's history, through its API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun
from prefect.client.schemas.sorting import FlowRunSort

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# A server may serve others, too: only runs of these flows are ever touched.
OWN_FLOWS = (
    "retrain",
    "ingest",
    "inspect",
    "localise",
    "evaluate",
    "compare",
    "compare systems",
    "contamination",
    "study",
    "nightly",
    "backfill",
    "drift",
)
_AT_ONCE = 100


def cleaned(before: datetime) -> int:
    """Delete own runs that ended before then, with their artifacts; returns how many runs.

    What runs, waits or never ended stays, as do the newest artifacts under keys that later runs wrote.
    """
    count = 0
    with get_client(sync_client=True) as client:
        while runs := _old_runs(client, before):
            for run in runs:
                # A server's own vacuum may be at the same run: first what belongs to it.
                _delete_artifacts(client, run.id)
                client.delete_flow_run(run.id)
            count += len(runs)
    return count


def old_runs(before: datetime) -> int:
    """How many runs `cleaned` would delete."""
    with get_client(sync_client=True) as client:
        return client.count_flow_runs(flow_filter=_own(), flow_run_filter=_ended(before))


def _old_runs(client: SyncPrefectClient, before: datetime) -> Sequence[FlowRun]:
    return client.read_flow_runs(
        flow_filter=_own(),
        flow_run_filter=_ended(before),
        sort=FlowRunSort.END_TIME_DESC,
        limit=_AT_ONCE,
    )


def _own() -> filters.FlowFilter:
    return filters.FlowFilter(name=filters.FlowFilterName(any_=list(OWN_FLOWS)))


def _ended(before: datetime) -> filters.FlowRunFilter:
    states = filters.FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))
    return filters.FlowRunFilter(
        state=filters.FlowRunFilterState(type=states),
        end_time=filters.FlowRunFilterEndTime(before_=before),
    )


def _delete_artifacts(client: SyncPrefectClient, run: UUID) -> None:
    chosen = filters.ArtifactFilter(flow_run_id=filters.ArtifactFilterFlowRunId(any_=[run]))
    for artifact in client.read_artifacts(artifact_filter=chosen):
        client.delete_artifact(artifact.id)
