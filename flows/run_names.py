"""Names of runs in the Prefect UI: what, which product line, and of which day."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prefect.runtime import flow_run

from flows.settings import load_settings
from tasks.vocabulary.errors import InputError


def named(what: str) -> Callable[[], str]:
    """What Prefect calls when a run starts: 'nightly boards 2026-11-22'."""

    def name() -> str:
        parameters = flow_run.parameters or {}
        asked = parameters.get("request")
        line = line_of(Path(asked.config if asked else parameters["config"]))
        day = _day_of(flow_run.scheduled_start_time, parameters.get("timezone"))
        return f"{what} {line} {day}{_period(parameters)}"

    return name


def _period(parameters: Mapping[str, Any]) -> str:
    """Of which boards, where a run is about those of some days: ', boards from 2026-10-01 to today'."""
    since, until = parameters.get("since"), parameters.get("until")
    if since is None and until is None:
        return ""
    return f", boards from {str(since or 'the first')[:10]} to {str(until or 'today')[:10]}"


def this_process() -> str:
    """Who is at work, for whoever finds the line taken."""
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    return f"Process {os.getpid()} on {platform.node()}, since {since},"


def line_of(config: Path) -> str:
    """The line's own name; that of the file where it cannot be read, which the run itself will say."""
    try:
        return load_settings(config).line
    except InputError:
        return config.stem


def _day_of(planned: datetime, timezone: str | None) -> str:
    """The day for which the run was planned, where the plant is; else where this machine is."""
    zone = ZoneInfo(timezone) if timezone else None
    return planned.astimezone(zone).date().isoformat()
