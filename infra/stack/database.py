"""PostgreSQL from the Debian package: found, set up once, run as a user that may run it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from infra.stack.programs import Program, StackError

USER = "zeroescape"
DATABASE = "postgres"
INSTALLED = Path("/usr/lib/postgresql")
_MISSING = "PostgreSQL is not installed. Install it with: apt-get install postgresql-15"


def binaries() -> Path:
    """Folder of `postgres` and `initdb`, the newest version; raises `StackError` with the package."""
    found = sorted(INSTALLED.glob("*/bin/postgres"), key=_version)
    if found:
        return found[-1].parent
    beside = shutil.which("postgres")
    if beside is None:
        raise StackError(_MISSING)
    return Path(beside).parent


def _version(program: Path) -> int:
    name = program.parents[1].name
    return int(name) if name.isdigit() else 0


def database(folder: Path, port: int, password: str) -> Program:
    """The server on loopback, its cluster set up first if `folder` has none; only by password."""
    place, user = binaries(), unprivileged_user()
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _set_up(place, folder, user, password)
    return Program(
        name="postgresql",
        order=0,
        command=[
            str(place / "postgres"),
            *("-D", str(data)),
            *("-p", str(port)),
            *("-c", "listen_addresses=127.0.0.1"),
            *("-c", "unix_socket_directories="),
        ],
        healthy=lambda: _ready(place, port),
        user=user,
        # Fast shutdown: whoever is still connected is cut off, nothing is lost.
        stop_signal=signal.SIGINT,
    )


def unprivileged_user() -> str | None:
    """Whom PostgreSQL runs as: ourselves, or the user postgres where we are root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise StackError("PostgreSQL does not run as root. Make a user: adduser --system postgres")


def _set_up(place: Path, folder: Path, user: str | None, password: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "password"
    secret.write_text(password + "\n")
    secret.chmod(0o600)
    if user is not None:
        shutil.chown(folder, user)
        shutil.chown(secret, user)
    command = [
        *([] if user is None else ["runuser", "-u", user, "--"]),
        str(place / "initdb"),
        *("-D", str(folder / "data")),
        *("-U", USER),
        *("--encoding", "UTF8"),
        *("--locale", "C"),
        *("--auth", "scram-sha-256"),
        *("--pwfile", str(secret)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)  # noqa: S603
    secret.unlink()
    if done.returncode != 0:
        raise StackError(
            f"initdb failed in {folder}: {done.stderr.strip()}\n"
            "The user of PostgreSQL must be able to reach that folder: name another by --folder."
        )


def _ready(place: Path, port: int) -> bool:
    command = [str(place / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603
