"""A loopback proxy in front of an object store: of ten requests one fails, each time in another way."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_EVERY = 10
# Longer than a driver waits for an answer; the connection is closed then, without one.
_STALL_SECONDS = 40.0
_WAYS = ("error 503", "broken off", "error 500", "no answer", "cut in the middle")
_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


class UnsteadyProxy(ThreadingHTTPServer):
    """Passes requests on, but for every tenth; `done` counts what was done to those."""

    daemon_threads = True

    def __init__(self, endpoint_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = urlsplit(endpoint_url).netloc
        self.ending = threading.Event()
        self.done: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._ways = itertools.cycle(_WAYS)
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fault(self) -> str | None:
        """What happens to the next request, None if nothing does."""
        with self._lock:
            if next(self._numbers) % _EVERY:
                self.done["passed on"] += 1
                return None
            way = next(self._ways)
            self.done[way] += 1
            return way

    def stop(self) -> None:
        self.ending.set()
        self.shutdown()
        self.server_close()


class _Passing(BaseHTTPRequestHandler):
    server: UnsteadyProxy

    def do_GET(self) -> None:
        way = self.server.fault()
        self.close_connection = True
        if way == "broken off":
            return
        if way == "no answer":
            self.server.ending.wait(_STALL_SECONDS)
            return
        if way is not None and way.startswith("error"):
            self.send_error(int(way.split()[1]))
            return
        status, headers, content = self._asked()
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            half = way == "cut in the middle"
            self.wfile.write(content[: len(content) // 2] if half else content)

    do_HEAD = do_GET

    def _asked(self) -> tuple[int, list[tuple[str, str]], bytes]:
        behind = http.client.HTTPConnection(self.server.behind, timeout=60)
        try:
            behind.request(self.command, self.path, headers=dict(self.headers))
            answer = behind.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            behind.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        pass
