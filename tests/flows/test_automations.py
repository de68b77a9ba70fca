"""A killed run is marked although nobody watches it, and a person is told: on a real Prefect server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.automations import DEAD, RED, STUCK, make_automations
from tasks.vocabulary.errors import InputError
from tests.flows.prefect_api import asked
from tests.product_line import REPOSITORY, kill_group

pytestmark = pytest.mark.timeout(1800)

BLOCK = "custom-webhook/quality"
# A run outside of any worker: nobody but its heartbeats could tell that it is gone.
RUN = """
import time
import flows
from prefect import flow, tags
@flow(name="retrain", flow_run_name="doomed")
def doomed():
    time.sleep(600)
with tags("zeroescape"):
    doomed()
"""


class Receiver(HTTPServer):
    """A chat or pager: keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiving)
        self.posted: list[dict[str, Any]] = []


class Receiving(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        length = int(self.headers["Content-Length"])
        self.server.posted.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    with temporary_settings(
        {
            PREFECT_API_URL: environment["PREFECT_API_URL"],
            PREFECT_HOME: Path(environment["PREFECT_HOME"]),
        }
    ):
        yield environment


def states(environment: dict[str, str]) -> list[str]:
    question = {"flow_runs": {"name": {"any_": ["doomed"]}}}
    return [run["state_type"] for run in asked(environment, "flow_runs/filter", question)]


def until(environment: dict[str, str], state: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while states(environment) != [state]:
        assert time.monotonic() < end, states(environment)
        time.sleep(1)


@pytest.mark.faults
def test_a_killed_run_is_marked_and_a_person_is_told(
    server: dict[str, str], receiver: Receiver
) -> None:
    block = CustomWebhookNotificationBlock(
        name="quality",
        url=f"http://127.0.0.1:{receiver.server_port}/",
        json_data={"text": "{{subject}}\n{{body}}"},
    )
    block.save("quality", overwrite=True)
    assert set(make_automations(BLOCK)) == {DEAD, STUCK, RED}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=REPOSITORY,
        env={**os.environ, **server},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        until(server, "RUNNING", 600)
        time.sleep(5)  # its first heartbeat is on its way through the server
    finally:
        kill_group(process)
    until(server, "CRASHED", 600)
    end = time.monotonic() + 300
    while not receiver.posted:
        assert time.monotonic() < end, "nobody was told"
        time.sleep(1)
    said = receiver.posted[0]["text"]
    assert said.startswith("zeroescape: doomed")
    assert "No heartbeat for 90 s" in said
    assert "None" not in said


@pytest.mark.slow
def test_automations_stay_as_a_person_left_them(server: dict[str, str]) -> None:
    make_automations(None)
    found = {one["name"]: one for one in asked(server, "automations/filter")}
    assert {DEAD, STUCK, RED} <= set(found)
    assert make_automations(None) == []
    again = {one["name"]: one for one in asked(server, "automations/filter")}
    assert again == found


@pytest.mark.slow
def test_a_block_that_does_not_exist_is_refused(server: dict[str, str]) -> None:
    with pytest.raises(InputError, match="no notification block"):
        make_automations("custom-webhook/nobody")
