"""The record of the benchmark: a JSON file to which every section adds its part as it ends."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def merged(known: dict[str, Any], section: str, part: dict[str, Any]) -> dict[str, Any]:
    """The record with a section's part in place of what it said before; other sections stay.

    `measured` remembers which keys a section brought, so that none of an older run survives.
    """
    measured = dict(known.get("measured", {}))
    former = measured.get(section, {}).get("keys", [])
    kept = {key: value for key, value in known.items() if key not in former and key != "measured"}
    measured[section] = {**circumstances(), "keys": sorted(part)}
    return {**kept, **part, "measured": measured}


def circumstances() -> dict[str, Any]:
    """When this was measured, and what else the machine had to do."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu_cores": os.cpu_count(),
        "load_average_at_end": [round(load, 2) for load in os.getloadavg()],
    }


def add_part(place: Path, section: str, part: dict[str, Any]) -> None:
    """Write a section's part; a reader sees the old record or the new one, never a half."""
    try:
        known = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = {}
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_name(f"{place.name}.part")
    half.write_text(json.dumps(merged(known, section, part), indent=1) + "\n", encoding="utf-8")
    half.replace(place)
