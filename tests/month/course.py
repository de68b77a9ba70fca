"""The course of the month, night by night; a night that is done is not done again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.workers import Workers
from tests.month.calendar import Calendar
from tests.month.nights import run_day, run_night
from tests.month.plant import WORKERS, PlantLine, prefect_server, quiet_environment, serving

Record = dict[str, Any]
Tell = Callable[[int, str], None]


class OtherMonthError(ValueError):
    """The work folder holds the beginning of a month with another calendar."""


class Diary:
    """The records of the nights that are done, in a file of the work folder."""

    def __init__(self, place: Path, calendar: Calendar) -> None:
        self._place = place
        self._calendar = asdict(calendar)
        self.nights: list[Record] = []
        if place.exists():
            known = json.loads(place.read_text(encoding="utf-8"))
            if known["calendar"] != self._calendar:
                raise OtherMonthError(f"{place} tells of another month: remove its folder.")
            self.nights = known["nights"]

    def save(self) -> None:
        """A reader sees the old diary or the new one, never a half."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        half = self._place.with_suffix(".part")
        content = {"calendar": self._calendar, "nights": self.nights}
        half.write_text(json.dumps(content, indent=1), encoding="utf-8")
        half.replace(self._place)


def live_through(
    calendar: Calendar, folder: Path, tell: Tell, *, postgresql: bool = True
) -> list[Record]:
    """All nights and days of the month, each with its record; goes on where it was interrupted."""
    folder = folder.absolute()
    diary = Diary(folder / "diary.json", calendar)
    line = PlantLine(folder, folder / "archive", quiet_environment(folder), calendar=calendar)
    if _is_over(diary, calendar):
        return diary.nights
    line.start_archive()
    with (
        Workers(None, WORKERS) as workers,
        prefect_server(folder, postgresql=postgresql) as address,
    ):
        line.scheduler = str(workers.client().scheduler_info()["address"])
        with serving(line, address), temporary_settings({PREFECT_API_URL: address}):
            for night in range(1, calendar.nights + 1):
                _lived(diary, line, night, tell)
    return diary.nights


def _is_over(diary: Diary, calendar: Calendar) -> bool:
    return len(diary.nights) == calendar.nights and "day" in diary.nights[-1]


def _lived(diary: Diary, line: PlantLine, night: int, tell: Tell) -> None:
    if len(diary.nights) < night:
        tell(night, "night")
        before = diary.nights[-1] if diary.nights else None
        diary.nights.append(run_night(line, night, before))
        diary.save()
    record = diary.nights[night - 1]
    if "day" not in record:
        tell(night, "day")
        record["day"] = run_day(line, night, line.folder / "inspected")
        diary.save()
