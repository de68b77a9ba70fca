"""`zeroescape serve` on a laptop, and two runs of one line that a person starts at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.product_line import (
    LINE,
    REPOSITORY,
    ProductLine,
    ended,
    kill_group,
    receipts,
    write_archive,
)

# A busy machine takes its time, and a run of a line takes a while on any.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def line(tmp_path: Path) -> ProductLine:
    environment = {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": "",
        "OMP_NUM_THREADS": "1",
    }
    archive = write_archive(tmp_path / "archive")
    line = ProductLine(tmp_path / "line", archive, environment)
    line.changes["reconstruction"] = {"steps": 20}
    return line


def until(condition: Callable[[], object], seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.5)


def asked(api: str, road: str, question: Any = None) -> Any:
    body = None if question is None else json.dumps(question).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{api}/{road}", data=body, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def known(api: str, road: str) -> bool:
    try:
        asked(api, road)
    except (urllib.error.URLError, OSError):  # no server yet, or no such thing on it
        return False
    return True


@pytest.mark.faults
def test_a_laptop_serves_a_line_until_ctrl_c(line: ProductLine, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api, log = f"http://127.0.0.1:{port}/api", tmp_path / "log.txt"
    command = [sys.executable, "-m", "flows.cli", "serve", str(line.config)]
    command += ["--port", str(port), "--timezone", "Europe/Berlin"]
    with log.open("w") as output:
        serving = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=os.environ | line.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        # The last of the two to be brought to the server.
        until(lambda: known(api, f"deployments/name/inspect/{LINE}"), 600, log)
        nightly = asked(api, f"deployments/name/nightly/{LINE}")
        assert nightly["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"
        run = asked(api, f"deployments/{nightly['id']}/create_flow_run", {})
        until(
            lambda: asked(api, f"flow_runs/{run['id']}")["state_type"] in {"COMPLETED", "FAILED"},
            900,
            log,
        )
        assert asked(api, f"flow_runs/{run['id']}")["state_name"] == "Completed", log.read_text()
        assert line.stores.registry.champion(LINE) is not None
        family = psutil.Process(serving.pid).children(recursive=True)
        serving.send_signal(signal.SIGINT)
        serving.wait(300)
        assert not [one for one in family if one.is_running()], "Ctrl-C left orphans"
    finally:
        kill_group(serving)


@pytest.mark.faults
def test_of_two_retrains_by_hand_the_second_ends_at_once(line: ProductLine) -> None:
    first = line.start("retrain")
    try:
        while not receipts(line.store, "images"):
            assert first.poll() is None, first.communicate()[0]
            time.sleep(0.05)
        said = " ".join(line.run("retrain", code=1).split())
        assert f"is at work on line-{LINE}" in said
        assert f"Process {first.pid} on" in said
        assert "Run again when it has ended" in said
        ended(first)
    finally:
        kill_group(first)
    assert line.stores.registry.champion(LINE) is not None
