"""Questions to a Prefect server, asked over HTTP as any client would."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any


def asked(environment: dict[str, str], road: str, content: Any = None) -> Any:
    """Answer of a POST to the API below `PREFECT_API_URL`."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{environment['PREFECT_API_URL']}/{road}",
        data=json.dumps(content or {}).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    for waited_seconds in range(30):
        try:
            with urllib.request.urlopen(request, timeout=180) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            # SQLite is busy: Prefect's own client asks again as well.
            if error.code != 503 or waited_seconds == 29:
                raise
            time.sleep(1)
    raise AssertionError("not reached")


def events(environment: dict[str, str], name: str, least: int = 1) -> list[dict[str, Any]]:
    """All events of a name, the newest first; a server writes them down some seconds after they came."""
    for _ in range(60):
        wanted = {"filter": {"event": {"name": [name]}}}
        found: list[dict[str, Any]] = asked(environment, "events/filter", wanted)["events"]
        if len(found) >= least:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{len(found)} events {name}, {least} wanted")
