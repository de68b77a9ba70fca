"""A real Prefect server: what is cleaned from its history, and what the doctor sees of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.flows.prefect_api import asked

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).parents[2]


def in_database(environment: dict[str, str], *statements: tuple[str, dict[str, str]]) -> None:
    """What no API allows: turning back the server's clock, and forgetting what it heard."""
    place = Path(environment["PREFECT_HOME"]) / "prefect.db"
    with closing(sqlite3.connect(place, timeout=60)) as database, database:
        for statement, values in statements:
            database.execute(statement, values)


def earlier(column: str, days: int) -> str:
    return f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '-{days} days')"


def new_run(environment: dict[str, str], flow: str, *states: str) -> str:
    flow_id = asked(environment, "flows/", {"name": flow})["id"]
    run = asked(environment, "flow_runs/", {"flow_id": flow_id})["id"]
    for state in states:
        content = {"state": {"type": state}, "force": True}
        asked(environment, f"flow_runs/{run}/set_state", content)
    return str(run)


def ended_run(environment: dict[str, str], flow: str) -> str:
    """A completed run with an artifact."""
    run = new_run(environment, flow, "RUNNING", "COMPLETED")
    content = {"flow_run_id": run, "type": "markdown", "data": "x", "key": f"old-{flow}"}
    asked(environment, "artifacts/", content)
    return run


def made_older(environment: dict[str, str], days_of_runs: dict[str, int]) -> None:
    """Turn back the ends of runs, all at once: the database is the server's."""
    moves = (
        (
            f"UPDATE flow_run SET end_time = {earlier('end_time', days)} WHERE id = :run",  # noqa: S608 - ours
            {"run": run},
        )
        for run, days in days_of_runs.items()
    )
    in_database(environment, *moves)


def command(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, words)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def known(environment: dict[str, str], runs: list[str]) -> list[str]:
    found = asked(environment, "flow_runs/filter", {"flow_runs": {"id": {"any_": runs}}})
    return [run["id"] for run in found]


def artifacts(environment: dict[str, str], runs: list[str]) -> list[Any]:
    chosen = {"artifacts": {"flow_run_id": {"any_": runs}}}
    found: list[Any] = asked(environment, "artifacts/filter", chosen)
    return found


def test_old_runs_of_own_flows_go_with_their_artifacts(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    old = [ended_run(environment, "retrain") for _ in range(3)]
    young = [ended_run(environment, "retrain")]
    foreign = [ended_run(environment, "somebody-elses")]
    made_older(environment, dict.fromkeys(old + foreign, 100) | dict.fromkeys(young, 10))
    words = ("gc", "--store", tmp_path / "store", "--prefect-days", 90)
    looked = command(environment, *words)
    assert looked.returncode == 0, looked.stderr
    assert "3 runs that ended before" in looked.stdout
    assert len(known(environment, old)) == 3
    report = tmp_path / "gc.json"
    assert command(environment, *words, "--remove", "--json", report).returncode == 0
    assert json.loads(report.read_text())["prefect_runs"] == 3
    assert known(environment, old) == []
    assert artifacts(environment, old) == []
    assert set(known(environment, young + foreign)) == {*young, *foreign}
    assert len(artifacts(environment, young + foreign)) == 2


def test_the_doctor_sees_waiting_schedules_and_silent_runs(
    environment: dict[str, str], tmp_path: Path
) -> None:
    flow = asked(environment, "flows/", {"name": "retrain"})["id"]
    deployment = asked(
        environment,
        "deployments/",
        {
            "name": "doctored",
            "flow_id": flow,
            "tags": ["zeroescape"],
            "schedules": [{"active": True, "schedule": {"cron": "0 2 * * *", "timezone": "UTC"}}],
        },
    )["id"]
    planned = {"deployments": {"id": {"any_": [deployment]}}}
    for _ in range(240):
        if asked(environment, "flow_runs/filter", planned):
            break
        time.sleep(0.5)
    found = examined(environment, tmp_path)
    assert found["Prefect"]["outcome"] == "ok"
    assert found["schedule doctored"]["outcome"] == "ok"
    assert "next run" in found["schedule doctored"]["fact"]
    late = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": late}}
    content = {"flow_id": flow, "deployment_id": deployment, "state": state}
    asked(environment, "flow_runs/", content)
    silent = new_run(environment, "retrain", "RUNNING")
    moved = f"UPDATE flow_run SET start_time = {earlier('start_time', 1)} WHERE id = :run"  # noqa: S608 - ours
    in_database(environment, (moved, {"run": silent}))
    heard_of(environment, silent)
    found = examined(environment, tmp_path)
    assert found["schedule doctored"]["outcome"] == "problem"
    assert "a run waits" in found["schedule doctored"]["fact"]
    # Its change of state was an event of this minute.
    assert silent not in found["running"]["remedy"]
    heard = {"resource": f"prefect.flow-run.{silent}"}
    forgotten = "DELETE FROM event_resources WHERE resource_id = :resource"
    in_database(environment, (forgotten, heard))
    found = examined(environment, tmp_path)
    assert "problem" in found["running"]["outcome"]
    assert f"prefect flow-run cancel {silent}" in found["running"]["remedy"]


def heard_of(environment: dict[str, str], run: str) -> None:
    """Wait until the server has written down an event of the run, which takes it some seconds."""
    wanted = {"filter": {"resource": {"id": [f"prefect.flow-run.{run}"]}}}
    for _ in range(120):
        if asked(environment, "events/filter", wanted)["events"]:
            return
        time.sleep(0.5)
    raise AssertionError(f"no event of {run}")


def examined(environment: dict[str, str], folder: Path) -> dict[str, dict[str, str]]:
    place = folder / "doctor.json"
    done = command(environment, "doctor", "--json", place)
    assert "Traceback" not in done.stderr, done.stderr
    found: dict[str, dict[str, str]] = {}
    for one in json.loads(place.read_text())["findings"]:
        # Other tests' killed runs are silent, too: what is said of any of them.
        said = found.setdefault(one["name"], {"outcome": "", "fact": "", "remedy": ""})
        found[one["name"]] = {name: f"{said[name]} {one[name]}".strip() for name in said}
    return found
