"""A killed run that no other run of its machine follows: its silence is noticed by Prefect's automation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.automations import make_automations
from tests.aftermath import assert_no_orphans, images_begun, wait_for
from tests.faults.conftest import Record
from tests.faults.test_killed_processes import run_of
from tests.infra.running_stack import until
from tests.product_line import ProductLine

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]


@pytest.fixture
def automations(environment: dict[str, str]) -> Iterator[None]:
    """Those that `serve` and `deploy` make; gone afterwards, for other tests kill runs as well."""
    settings = {
        PREFECT_API_URL: environment["PREFECT_API_URL"],
        PREFECT_HOME: Path(environment["PREFECT_HOME"]),
    }
    with temporary_settings(settings), get_client(sync_client=True) as client:
        make_automations(None)
        try:
            yield
        finally:
            for automation in client.read_automations():
                client.delete_automation(automation.id)


@pytest.mark.usefixtures("automations")
def test_a_zombie_that_nobody_follows(
    small_line: ProductLine, small_undisturbed: ProductLine, record: Record
) -> None:
    row = record("zombie run", "its process killed, and no other run comes")
    process = small_line.start("retrain")
    try:
        wait_for(images_begun, small_line, process)
        # Its heartbeats are on their way through the server: two a minute.
        until(lambda: run_of(small_line, process)["state_type"] == "RUNNING", 60, lambda: "no run")
    finally:
        process.kill()
        row.done(small_line)
        process.communicate(timeout=300)
    assert_no_orphans([process])
    assert run_of(small_line, process)["state_type"] == "RUNNING"
    until(
        lambda: run_of(small_line, process)["state_type"] == "CRASHED",
        600,
        lambda: str(run_of(small_line, process)),
    )
    dead = run_of(small_line, process)
    assert "No heartbeat" in dead["state"]["message"]
    row.detected(datetime.fromisoformat(dead["state"]["timestamp"]).timestamp())
    small_line.retrain()
    row.judge(
        small_line,
        small_undisturbed,
        "Prefect's automation marked it as crashed for want of heartbeats; the next run went on.",
    )
