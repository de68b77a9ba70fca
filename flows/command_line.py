"""What commands share: quiet Prefect, and figures for machines."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def prefect_for_terminals() -> None:
    """Progress bars and one sentence instead of log lines and traces; the log is in the Prefect UI."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def write_json(content: Any, place: Path | None) -> None:
    """Write the figures where the user asked for them."""
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
