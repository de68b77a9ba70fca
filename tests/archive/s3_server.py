"""An S3 server of our own on loopback, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


class S3Server:
    """A moto server; with `keys` it lets nobody in whose access key it did not issue."""

    def __init__(self, log: Path, *, keys: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.endpoint_url = f"http://127.0.0.1:{port}"
        checking = {"INITIAL_NO_AUTH_ACTION_COUNT": "0"} if keys else {}
        self._log = log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                env={**os.environ, **checking},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Until it answers."""
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.endpoint_url}/moto-api/", timeout=5):  # noqa: S310 - our server
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert self._process.poll() is None, self._log.read_text()
                time.sleep(0.1)
        raise AssertionError(f"The server never answered: {self._log.read_text()}")

    def stop(self) -> None:
        """Gone, as after a power cut."""
        self._process.kill()
        self._process.wait()
