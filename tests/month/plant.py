"""The plant of the month: an archive that grows by days, a configuration, a server, who serves the line."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from infra.stack.database import DATABASE, USER, database
from infra.stack.programs import Supervisor
from infra.stack.topology import Secrets
from tests.month.calendar import Calendar, PlannedBoard
from tests.product_line import REPOSITORY, ProductLine, kill_group, tile

WORKERS = 2
_DARK = 0.75
_WRONG_SIDE_PX = 48
_PATIENCE_SECONDS = 600
# A plan for a night that does not come: every night of the month is started by hand.
_NEVER = "0 0 29 2 *"


@dataclass
class PlantLine(ProductLine):
    """The tiny line with a network to train, which learns from waiting boards by policy.

    `scheduler` is the address of the plant's Dask workers; without it every run starts its own.
    """

    calendar: Calendar = field(default_factory=Calendar)
    scheduler: str | None = None

    @property
    def config(self) -> Path:
        place = super().config
        settings = yaml.safe_load(place.read_text())
        settings["reconstruction"]["steps"] = self.calendar.steps
        settings["retraining"] = {"normals": self.calendar.enough, "least": 15}
        settings["dask"] = {"address": self.scheduler, "workers": WORKERS}
        place.write_text(yaml.safe_dump(settings))
        return place

    def produced(self, day: int) -> Path:
        """The folder of a day's boards as the camera leaves them, for inspection."""
        return _written(self.calendar.boards_of(day), self.folder / "produced" / f"day-{day:02}")

    def start_archive(self) -> None:
        """The archive before the first night."""
        _written(self.calendar.first_boards(), self.archive / "day-00")

    def deliver(self, day: int) -> None:
        """Copy a day's boards into the archive; on the bad day every second one arrives broken."""
        came = self.produced(day)
        for number, file in enumerate(sorted(came.rglob("*.png"))):
            content = file.read_bytes()
            if day == self.calendar.bad_day and number % 2:
                content = broken(content, number)
            place = self.archive / came.name / file.relative_to(came)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        if day == self.calendar.bad_day + 1:
            self._deliver_whole(self.calendar.bad_day)

    def _deliver_whole(self, day: int) -> None:
        came = self.produced(day)
        for file in sorted(came.rglob("*.png")):
            place = self.archive / came.name / file.relative_to(came)
            if place.read_bytes() != file.read_bytes():
                place.write_bytes(file.read_bytes())


def broken(content: bytes, number: int) -> bytes:
    """A file as it should not arrive: cut off, of another size, or no image at all, by turns."""
    match number // 2 % 3:
        case 0:
            return content[: len(content) // 2]
        case 1:
            small = Image.open(io.BytesIO(content)).resize((_WRONG_SIDE_PX, _WRONG_SIDE_PX))
            buffer = io.BytesIO()
            small.save(buffer, "PNG")
            return buffer.getvalue()
        case _:
            return f"camera buffer overrun, board {number}".encode()


def _written(boards: Iterator[PlannedBoard], folder: Path) -> Path:
    """One sub-folder a label; what is written already stays."""
    for board in boards:
        place = folder / board.label / f"{board.label[0]}{board.number:06}.png"
        if place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels_HW = tile(board.number, board.label)
        if board.dark:
            pixels_HW = np.asarray(pixels_HW * _DARK, dtype=np.uint8)
        half = place.with_suffix(".part")
        Image.fromarray(pixels_HW).save(half, "PNG")
        half.replace(place)
    return folder


def quiet_environment(folder: Path) -> dict[str, str]:
    """A Prefect of our own below `folder`, which calls nobody."""
    return {
        "PREFECT_HOME": str((folder / "prefect").absolute()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def prefect_server(folder: Path, *, postgresql: bool) -> Iterator[str]:
    """Address of the API of a Prefect server on a free port; it ends with the block.

    On PostgreSQL as a plant has it. SQLite is locked for a minute at times where the machine is busy.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    environment = quiet_environment(folder) | {"PREFECT_API_URL": ""}
    with (
        _memory(folder, postgresql=postgresql) as memory,
        _running(command, environment | memory, folder / "server.log") as server,
    ):
        _wait(f"{address}/health", server)
        yield address


@contextmanager
def _memory(folder: Path, *, postgresql: bool) -> Iterator[dict[str, str]]:
    """A database of our own, as what a Prefect server reads of it in its environment."""
    if not postgresql:
        yield {}
        return
    place = folder / "postgresql"
    password = Secrets.kept_in(folder / "secrets.json").database_password
    port = _free_port()
    supervisor = Supervisor([database(place, port, password)], folder / "logs", lambda _said: None)
    supervisor.start()
    try:
        at = f"{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
        yield {"PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{at}"}
    finally:
        supervisor.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(line: PlantLine, address: str) -> Iterator[None]:
    """`zeroescape serve` for the line, as on the machine of a plant; its deployments are there."""
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "serve",
        str(line.config),
        "--cron",
        _NEVER,
        "--drift-cron",
        "",
    ]
    environment = quiet_environment(line.folder) | {"PREFECT_API_URL": address}
    with _running(command, environment, line.folder / "serve.log") as served:
        _wait(f"{address}/deployments/name/nightly/tiles", served)
        yield


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[str]]:
    """A program in a process group of its own, gone after the block with all that it started."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        program = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield program
        finally:
            kill_group(program)


def _wait(address: str, program: subprocess.Popen[str]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        assert program.poll() is None, (
            f"{program.args!r} ended by itself: see its log in the work folder"
        )
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(f"{address} never answered")
