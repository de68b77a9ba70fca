"""With a wrong SQLAlchemy, Prefect's cron schedules silently never produce a run; ours do."""

from __future__ import annotations

import time

import pytest

from tests.flows.prefect_api import asked

pytestmark = pytest.mark.slow


def test_a_deployment_with_a_cron_gets_scheduled_runs(environment: dict[str, str]) -> None:
    flow = asked(environment, "flows/", {"name": "nightly"})
    deployment = asked(
        environment,
        "deployments/",
        {
            "name": "every-night",
            "flow_id": flow["id"],
            "entrypoint": "flows/retrain.py:retrain",
            "schedules": [{"active": True, "schedule": {"cron": "0 2 * * *", "timezone": "UTC"}}],
        },
    )
    question = {"deployments": {"id": {"any_": [deployment["id"]]}}}
    for _ in range(240):
        runs = asked(environment, "flow_runs/filter", question)
        if runs:
            break
        time.sleep(0.5)
    assert runs, "the scheduler made no run in two minutes"
    assert all(run["auto_scheduled"] and run["state_type"] == "SCHEDULED" for run in runs)
    assert all("T02:00:00" in run["expected_start_time"] for run in runs)
