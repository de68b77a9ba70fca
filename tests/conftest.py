"""Fixtures of slow tests: one product line retrained once, and one Prefect server, a session."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.product_line import REPOSITORY, ProductLine, kill_group, write_archive
from tests.spoilt import SPOILT, spoil

# A busy machine is no fault of the code: its timing is not what these tests are about.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
# Test processes side by side that each use all cores wait for one another: 40 s instead of 1 s for a test
# that runs a network. Read when torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"


# Started in the background by a shell, we ignore Ctrl-C, and with us the programs that shall obey it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Minutes each, by `pytest --durations`. Only with --no-loadscope-reorder are they begun in this order.
_LONGEST_FILES = (
    "test_readme.py",
    "test_backfill.py",
    "test_stack.py",
    "test_retrain.py",
    "test_promotion.py",
)


@dataclass(frozen=True)
class Retrained:
    """A product line after its first run, with the figures of that run."""

    line: ProductLine
    figures: dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: at the end one process would wait for them alone."""
    rank = {name: place for place, name in enumerate(_LONGEST_FILES)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session")
def base_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A Prefect of our own; one thread, because neighbours share the machine."""
    return {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1",
        "PREFECT_API_URL": "",
    }


@pytest.fixture(scope="session")
def retrained(
    tmp_path_factory: pytest.TempPathFactory, base_environment: dict[str, str]
) -> Retrained:
    """Retrained as a user does it: from an archive with spoilt files, without any server running."""
    folder = tmp_path_factory.mktemp("retrained")
    archive = write_archive(folder / "archive")
    spoil(archive)
    assert len(SPOILT) > 8
    line = ProductLine(folder / "line", archive, base_environment, {"dask": {"workers": 2}})
    return Retrained(line, line.retrain())


@pytest.fixture(scope="session")
def environment(
    retrained: Retrained, base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Environment with the address of a running Prefect server, on the home of the first run.

    Only after that run: it has an embedded server on the same database.
    """
    with _prefect_server(base_environment, tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture(scope="session")
def busy_environment(
    base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """As `environment`, but for runs whose history nobody asks for: saves each an embedded server."""
    home = base_environment | {"PREFECT_HOME": str(tmp_path_factory.mktemp("busy-prefect"))}
    with _prefect_server(home, tmp_path_factory.mktemp("busy-server")) as served:
        yield served


@contextmanager
def _prefect_server(environment: dict[str, str], folder: Path) -> Iterator[dict[str, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    log = folder / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            _wait_until_healthy(f"{address}/health", server, log)
            yield {**environment, "PREFECT_API_URL": address}
        finally:
            kill_group(server)


def _wait_until_healthy(address: str, server: subprocess.Popen[str], log: Path) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our server
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert server.poll() is None, log.read_text()
            time.sleep(0.3)
    raise AssertionError(f"The server never answered: {log.read_text()}")
