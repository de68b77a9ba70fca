"""Deployments brought to a Prefect server: served from this process, or handed to a work pool."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import prefect
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.automations import RED, make_automations
from flows.deployments import Plan, deployments_of
from flows.limits import make_limits
from tasks.vocabulary.errors import InputError, ZeroescapeError

Say = Callable[[str], None]
_SERVER_SECONDS = 120


@dataclass(frozen=True)
class ServeRequest:
    """Which lines, when, whom to tell of red runs, and how many runs at a time."""

    configs: Sequence[Path]
    plan: Plan
    notify: str | None
    at_once: int


class ServerDiedError(ZeroescapeError, RuntimeError):
    """The Prefect server that was started for `serve` did not come up."""


def serve_lines(request: ServeRequest, port: int, say: Say) -> None:
    """Serve until interrupted, with a server of its own on loopback where none is configured.

    Raises `InputError` for a wrong configuration, cron or time zone, before anything starts.
    """
    deployments = deployments_of(request.configs, request.plan)
    with _server(port, say) as address, temporary_settings({PREFECT_API_URL: address}):
        os.environ["PREFECT_API_URL"] = address
        _prepare(request, say)
        for deployment in deployments:
            say(f"serving {deployment.full_name}")
        # Without catching up, nights in which nothing is served leave no run behind that waits.
        prefect.serve(
            *deployments,
            limit=request.at_once,
            pause_on_shutdown=not request.plan.catch_up,
            print_starting_message=False,
        )


def deploy_lines(request: ServeRequest, pool: str, say: Say) -> None:
    """Hand the lines' deployments to a work pool of processes, which is made where it is missing.

    Raises `InputError` where no server is configured, or as `serve_lines`.
    """
    if not PREFECT_API_URL.value():
        raise InputError(
            "A work pool lives on a Prefect server, and none is configured.",
            "Set PREFECT_API_URL, or use `zeroescape serve` on a single machine.",
        )
    deployments = deployments_of(request.configs, request.plan, pool)
    _make_pool(pool, say)
    _prepare(request, say)
    for deployment in deployments:
        deployment.apply(work_pool_name=pool)
        say(f"deployed: {deployment.full_name} to the work pool {pool}")


def _prepare(request: ServeRequest, say: Say) -> None:
    for limit in make_limits():
        say(f"concurrency limit {limit}: 1 (prefect gcl update {limit} --limit N)")
    for automation in make_automations(request.notify):
        say(f"automation made: {automation}")
    if request.notify is None:
        say(f"Nobody is told of failed and red runs: name a block by --notify ({RED!r}).")


def _make_pool(pool: str, say: Say) -> None:
    with get_client(sync_client=True) as client:
        try:
            found = client.read_work_pool(pool)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
            say(f"work pool made: {pool} (prefect worker start --pool {pool})")
            return
    if found.type != "process":
        raise InputError(
            f"The work pool {pool} is of type {found.type}.", "Name a pool of type process."
        )


@contextmanager
def _server(port: int, say: Say) -> Iterator[str]:
    """The API of the configured server; else of one that runs at the port; else of one of our own."""
    configured = PREFECT_API_URL.value()
    if configured:
        yield configured
        return
    address = f"http://127.0.0.1:{port}/api"
    if _healthy(address):
        yield address
        return
    command = [sys.executable, "-m", "prefect", "server", "start"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    if shutil.which("setpriv"):  # Linux: should we be killed, the server goes, too
        command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
    # Its pages ask for port 4200 otherwise, wherever they came from.
    own = {"PREFECT_SERVER_UI_API_URL": "/api", "PREFECT_UI_URL": address.removesuffix("/api")}
    environment = own | os.environ
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            _wait(address, server)
            say(f"Prefect UI: http://127.0.0.1:{port}")
            yield address
        finally:
            server.terminate()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _SERVER_SECONDS
    while not _healthy(address):
        if server.poll() is not None or time.monotonic() > end:
            raise ServerDiedError(
                f"The Prefect server did not come up at {address}.",
                "Look at what it said above, or choose another --port.",
            )
        time.sleep(0.3)


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310  # loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
