"""Start the stack, keep it up until Ctrl-C, stop it: `python -m infra.stack`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path
from types import FrameType

from infra.stack.programs import StackError, Supervisor
from infra.stack.topology import BUCKET, HOST, POOL, Ports, Secrets, Topology


def main() -> int:
    """Exit code 0 after Ctrl-C or SIGTERM, 1 where a program did not come up or stay up."""
    options = _options()
    folder = options.folder.absolute()
    signal.signal(signal.SIGTERM, _interrupt)
    supervisor = None
    try:
        ports = _free_ports() if options.free_ports else Ports()
        _refuse_taken(ports)
        topology = Topology(folder, ports, Secrets.kept_in(folder / "secrets.json"))
        supervisor = Supervisor(topology.programs(), folder / "logs", _say)
        supervisor.start()
        _announce(topology, supervisor)
        while True:
            time.sleep(0.5)
            if supervisor.restart_dead():
                _write_state(topology, supervisor)
    except KeyboardInterrupt:
        return 0
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if supervisor is not None:
            supervisor.stop()
        (folder / "stack.json").unlink(missing_ok=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.stack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/stack"))
    parser.add_argument("--free-ports", action="store_true", help="any, instead of the usual ones")
    return parser.parse_args()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _free_ports() -> Ports:
    """Ports that nobody listens on; all held at once, so that none is given twice."""
    probes = [socket.socket() for _ in fields(Ports)]
    for probe in probes:
        probe.bind((HOST, 0))
    numbers = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return Ports(*numbers)


def _refuse_taken(ports: Ports) -> None:
    for name, port in asdict(ports).items():
        with socket.socket() as probe:
            # Without it a port is taken for a minute after its last connection.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise StackError(
                    f"Port {port} ({name}) is taken. Stop who listens there, or use --free-ports."
                ) from error


def _announce(topology: Topology, supervisor: Supervisor) -> None:
    shell = topology.folder / "environment"
    with os.fdopen(os.open(shell, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        for name, value in topology.client_environment().items():
            file.write(f"export {name}={shlex.quote(value)}\n")
    _write_state(topology, supervisor)
    _say(
        f"\nPrefect UI      {topology.api.removesuffix('/api')}   (log in with {topology.auth})\n"
        f"Dask            {topology.scheduler}   (dask.address of a configuration)\n"
        f"S3              {topology.s3}   (s3://{BUCKET}, forgotten at the end)\n"
        f"logs            {topology.folder / 'logs'}\n\n"
        f"In another shell: . {shell} && zeroescape deploy my-line.yaml --pool {POOL}\n"
        "Ctrl-C stops everything."
    )


def _write_state(topology: Topology, supervisor: Supervisor) -> None:
    """For programs: addresses and processes, complete whenever the file is there."""
    state = {
        "api": topology.api,
        "scheduler": topology.scheduler,
        "s3": topology.s3,
        "bucket": BUCKET,
        "pool": POOL,
        "ports": asdict(topology.ports),
        "processes": supervisor.process_ids(),
    }
    place = topology.folder / "stack.json"
    fresh = place.with_suffix(".new")
    fresh.write_text(json.dumps(state, indent=1))
    fresh.replace(place)


if __name__ == "__main__":
    sys.exit(main())
