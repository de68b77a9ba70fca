"""Questions to a Prefect server, asked over HTTP as any client would."""

from __future__ import annotations

import json
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
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        return json.load(answer)
