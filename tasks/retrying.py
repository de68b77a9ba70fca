"""What Prefect retries: transient errors only. A wrong input stays wrong, so it is never tried again."""

from __future__ import annotations

from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from storage.errors import TransientStorageError


class ProcessLostError(ConnectionError):
    """A process of ours died from outside (killed, out of memory); its work resumes where it stood."""


TRANSIENT_ERRORS = (TransientStorageError, ConnectionError, TimeoutError)


def is_transient(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the failed state came from an error that may pass by itself."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, TRANSIENT_ERRORS)


# Our receipts replace Prefect's result cache: its keys know the inputs, not the code or the model.
RETRYING: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [2, 10, 30],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_transient,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}
