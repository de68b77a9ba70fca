"""Which programs the stack has, how they find each other, and how one sees that they work."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows import PREFECT_DEFAULTS
from infra.stack.database import DATABASE, USER, database
from infra.stack.programs import Program
from tasks.workers import environment_of_workers

REPOSITORY = Path(__file__).parents[2]
HOST = "127.0.0.1"
POOL = "zeroescape"
BUCKET = "archive"
DASK_WORKERS = 2


@dataclass(frozen=True)
class Ports:
    """Where each program listens on loopback."""

    prefect: int = 4200
    postgresql: int = 5442
    dask: int = 8786
    dask_dashboard: int = 8787
    s3: int = 9000


@dataclass(frozen=True)
class Secrets:
    """What opens the server and the database; made once, kept in a file that only we can read."""

    prefect_password: str
    database_password: str

    @classmethod
    def kept_in(cls, place: Path) -> Secrets:
        """Those of the file, or new ones that are written there."""
        if place.exists():
            return cls(**json.loads(place.read_text()))
        made = cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        place.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            json.dump(asdict(made), file)
        return made


@dataclass(frozen=True)
class Topology:
    """All programs of one stack below one folder."""

    folder: Path
    ports: Ports
    secrets: Secrets

    @property
    def api(self) -> str:
        """Where flows and persons reach Prefect."""
        return f"http://{HOST}:{self.ports.prefect}/api"

    @property
    def auth(self) -> str:
        """Name and password of the server, in basic authentication."""
        return f"admin:{self.secrets.prefect_password}"

    @property
    def s3(self) -> str:
        """Endpoint of the object store."""
        return f"http://{HOST}:{self.ports.s3}"

    @property
    def scheduler(self) -> str:
        """Address for `dask.address` of a configuration."""
        return f"tcp://{HOST}:{self.ports.dask}"

    def client_environment(self) -> dict[str, str]:
        """What a shell, a worker and a flow need to use the stack."""
        return {
            **PREFECT_DEFAULTS,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_API_AUTH_STRING": self.auth,
            "AWS_ACCESS_KEY_ID": "stack",
            "AWS_SECRET_ACCESS_KEY": "stack",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.s3,
        }

    def programs(self) -> list[Program]:
        """In the order of their start: memory, then the server and the scheduler, then workers."""
        workers = [self._dask_worker(number) for number in range(1, DASK_WORKERS + 1)]
        return [
            database(self.folder / "postgresql", self.ports.postgresql, self._database_password),
            self._s3(),
            self._scheduler(),
            self._server(),
            *workers,
            self._worker(),
        ]

    def answer(self, road: str, question: Mapping[str, Any] | None = None) -> Any:
        """What Prefect's API says, by POST where there is a question, else by GET."""
        word = base64.b64encode(self.auth.encode()).decode()
        headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
        body = None if question is None else json.dumps(question).encode()
        return _json(urllib.request.Request(f"{self.api}/{road}", data=body, headers=headers))  # noqa: S310

    @property
    def _database_password(self) -> str:
        return self.secrets.database_password

    def _s3(self) -> Program:
        command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.ports.s3)]
        return Program("s3", 0, command, healthy=self._bucket_is_there)

    def _bucket_is_there(self) -> bool:
        """Moto forgets everything at its end, so the bucket is made whenever it is asked for."""
        return _opened(urllib.request.Request(f"{self.s3}/{BUCKET}", method="PUT"))  # noqa: S310

    def _server(self) -> Program:
        place = f"{USER}:{self._database_password}@{HOST}:{self.ports.postgresql}/{DATABASE}"
        return Program(
            name="prefect-server",
            order=1,
            command=_prefect("server", "start", "--host", HOST, "--port", str(self.ports.prefect)),
            environment={
                **self.client_environment(),
                "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{place}",
                "PREFECT_SERVER_API_AUTH_STRING": self.auth,
                "PREFECT_SERVER_UI_API_URL": "/api",
            },
            healthy=lambda: _opened(urllib.request.Request(f"{self.api}/health")),  # noqa: S310
        )

    def _worker(self) -> Program:
        return Program(
            name="prefect-worker",
            order=2,
            command=_prefect(
                *("worker", "start", "--pool", POOL, "--type", "process", "--name", "stack"),
                *("--install-policy", "never"),
            ),
            environment={**self.client_environment(), **_our_code()},
            healthy=self._worker_is_online,
        )

    def _worker_is_online(self) -> bool:
        try:
            workers = self.answer(f"work_pools/{POOL}/workers/filter", {})
        except (urllib.error.URLError, OSError):
            return False
        return any(worker["status"] == "ONLINE" for worker in workers)

    def _scheduler(self) -> Program:
        dashboard = f"{HOST}:{self.ports.dask_dashboard}"
        options = ["--host", HOST, "--port", str(self.ports.dask), "--dashboard-address", dashboard]
        return Program(
            name="dask-scheduler",
            order=0,
            command=_dask("scheduler", *options),
            environment=_our_code(),
            healthy=lambda: _opened(urllib.request.Request(f"http://{dashboard}/health")),
        )

    def _dask_worker(self, number: int) -> Program:
        """One process of one thread, as those of a local cluster: the same bits on any of them."""
        with environment_of_workers():
            environment = {**os.environ, **self.client_environment(), **_our_code()}
        return Program(
            name=f"dask-worker-{number}",
            order=1,
            command=_dask(
                *("worker", self.scheduler, "--name", f"stack-{number}", "--host", HOST),
                *("--nthreads", "1", "--nworkers", "1"),
                # Also without a dashboard it answers questions on its health, otherwise to everybody.
                *("--no-dashboard", "--dashboard-address", f"{HOST}:0"),
                *("--local-directory", str(self.folder / "dask")),
            ),
            environment=environment,
            healthy=lambda: self._dask_workers() >= DASK_WORKERS,
        )

    def _dask_workers(self) -> int:
        place = f"http://{HOST}:{self.ports.dask_dashboard}/json/counts.json"
        try:
            return int(_json(urllib.request.Request(place))["workers"])  # loopback
        except (urllib.error.URLError, OSError):
            return 0


def _prefect(*words: str) -> Sequence[str]:
    return [sys.executable, "-m", "prefect", "--no-prompt", *words]


def _dask(*words: str) -> Sequence[str]:
    return [sys.executable, "-m", "dask", *words]


def _our_code() -> dict[str, str]:
    """Also where the package is not installed, as in a second working copy."""
    others = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *([others] if others else [])])}


def _json(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
        return json.load(answer)


def _opened(request: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
