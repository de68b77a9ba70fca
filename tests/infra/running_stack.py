"""The stack as `make stack` starts it, on free ports, and a product line whose archive is in its S3."""

from __future__ import annotations

import base64
import json
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from infra.stack.database import binaries
from infra.stack.programs import StackError
from tests.product_line import REPOSITORY, ProductLine, write_archive

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class RunningStack:
    """A stack in a process of its own below `folder`."""

    folder: Path
    process: subprocess.Popen[str]

    @classmethod
    def started(cls, folder: Path) -> RunningStack:
        """Up, with every program healthy."""
        folder.mkdir(mode=0o755)
        with (folder / "said.txt").open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "infra.stack", "--folder", str(folder), "--free-ports"],
                cwd=REPOSITORY,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
            )
        stack = cls(folder, process)
        until(stack.is_up, 900, stack.said)
        return stack

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.said()
        return (self.folder / "stack.json").exists()

    def said(self) -> str:
        return (self.folder / "said.txt").read_text()

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "stack.json").read_text())
        return state

    def family(self) -> list[psutil.Process]:
        """All processes of the stack, at any depth."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def environment(self) -> dict[str, str]:
        """What a shell has after it read the file `environment`."""
        lines = (self.folder / "environment").read_text().splitlines()
        pairs = (shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines)
        return {name: value for name, _, value in pairs}

    def stop(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(300)

    def ask(self, road: str, question: Mapping[str, Any] | None = None) -> Any:
        """Answer of Prefect's API: POST with a question, else GET."""
        body = None if question is None else json.dumps(question).encode()
        with urllib.request.urlopen(self._request(road, body), timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def forget(self, road: str) -> None:
        """Delete something by Prefect's API."""
        request = self._request(road, None)
        request.method = "DELETE"
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - our own server

    def _request(self, road: str, body: bytes | None) -> urllib.request.Request:
        environment = self.environment()
        word = base64.b64encode(environment["PREFECT_API_AUTH_STRING"].encode()).decode()
        return urllib.request.Request(  # noqa: S310 - our own server
            f"{environment['PREFECT_API_URL']}/{road}",
            data=body,
            headers={"Authorization": f"Basic {word}", "Content-Type": "application/json"},
        )

    def triggered(self, deployment: str, **parameters: Any) -> str:
        """Id of a run asked for as a person does in the UI."""
        found = self.ask(f"deployments/name/{deployment}")
        run = self.ask(f"deployments/{found['id']}/create_flow_run", {"parameters": parameters})
        return str(run["id"])

    def ended(self, run: str, seconds: float = 900) -> dict[str, Any]:
        """The run, once it has ended."""
        until(lambda: self.ask(f"flow_runs/{run}")["state_type"] in ENDED, seconds, self.logs)
        found: dict[str, Any] = self.ask(f"flow_runs/{run}")
        return found

    def logs(self) -> str:
        """The last lines of every program, for whoever looks at a failed test."""
        return "\n".join(
            f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:])
            for log in sorted((self.folder / "logs").glob("*.log"))
        )


def until(condition: Callable[[], object], seconds: float, why_not: Callable[[], str]) -> None:
    """Wait for it; fails with what `why_not` says."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, why_not()
        time.sleep(0.5)


@dataclass
class SmallLine(ProductLine):
    """A product line with the cheapest reconstruction: what is tested is who works where."""

    @property
    def config(self) -> Path:
        place = super().config
        settings = yaml.safe_load(place.read_text())
        settings["reconstruction"] = {"kind": "mean_image"}
        place.write_text(yaml.safe_dump(settings))
        return place


@dataclass
class StackLine(SmallLine):
    """Its images lie in the stack's S3 and are measured by the stack's Dask workers."""

    s3: str = ""
    scheduler: str = ""

    @property
    def config(self) -> Path:
        place = super().config
        settings = yaml.safe_load(place.read_text())
        settings["source"] = {
            "kind": "folder",
            "path": "s3://archive/tiles",
            "endpoint_url": self.s3,
        }
        settings["dask"] = {"address": self.scheduler, "batch_images": 4}
        place.write_text(yaml.safe_dump(settings))
        return place


def upload(archive: Path, bucket_url: str) -> None:
    """All files of a folder, under their own relative names."""
    for file in sorted(path for path in archive.rglob("*") if path.is_file()):
        name = file.relative_to(archive).as_posix()
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{bucket_url}/tiles/{name}",
            data=file.read_bytes(),
            headers={"Content-Type": "image/png"},
            method="PUT",
        )
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - as above


def listening_addresses(processes: list[psutil.Process]) -> set[str]:
    """Addresses on which these processes accept connections."""
    return {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }


def day_in(name: str) -> str | None:
    """The date that the name of a run tells."""
    found = re.search(r"\d{4}-\d\d-\d\d", name)
    return found.group() if found else None


@dataclass(frozen=True)
class Plant:
    stack: RunningStack
    line: StackLine
    local: ProductLine


@contextmanager
def planted() -> Iterator[Plant]:
    """A stack with a line deployed on it, and the same line run here; stopped without orphans.

    Skips where there is no PostgreSQL.
    """
    try:
        binaries()
    except StackError as error:
        pytest.skip(str(error))
    # Not in pytest's own folder: PostgreSQL has a user of its own, who could not walk there.
    with tempfile.TemporaryDirectory(prefix="plant-") as name:
        Path(name).chmod(0o755)
        yield from _plant(Path(name))


def _plant(folder: Path) -> Iterator[Plant]:
    archive = write_archive(folder / "archive")
    local = SmallLine(folder / "local", archive, {"PREFECT_HOME": str(folder / "prefect")})
    local.retrain()
    stack = RunningStack.started(folder / "stack")
    try:
        state = stack.state()
        upload(archive, f"{state['s3']}/{state['bucket']}")
        environment = stack.environment() | {"OMP_NUM_THREADS": "1"}
        line = StackLine(folder / "line", archive, environment)
        line.s3, line.scheduler = state["s3"], state["scheduler"]
        line.run("deploy", "--cron", "0 2 * * *", "--timezone", "Europe/Berlin")
        yield Plant(stack, line, local)
    finally:
        family = stack.family()
        stack.stop()
        assert stack.process.returncode == 0, stack.said()
        assert not [one for one in family if one.is_running()], "Ctrl-C left orphans"
