"""The month's program: its calendar, its arithmetic, its diary, and three nights of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.month.calendar import Calendar
from tests.month.course import Diary, OtherMonthError
from tests.month.figures import is_ordinary, month_part
from tests.month.overhead import overhead_ms, write_noise
from tests.month.plant import PlantLine, broken
from tests.product_line import REPOSITORY

SMALL = Calendar(nights=4, boards=10, normals=4, abnormals=2, bad_day=1, drift_day=3, lamp_day=4)


def night(number: int, images: int, seconds: float, trained: bool = False) -> dict[str, Any]:
    return {
        "night": number,
        "seconds": seconds,
        "images": images,
        "new_images": 40,
        "trained": trained,
        "stages": {"ingest": seconds / 2},
        "day": {"light": "red" if number == 3 else "green", "escapes": 0, "defects": 2},
    }


def test_every_day_has_other_boards_and_the_lamp_is_weak_for_a_while() -> None:
    days = [list(SMALL.boards_of(day)) for day in range(1, 5)]
    numbers = [board.number for day in days for board in day]
    assert len(set(numbers)) == len(numbers) == 40
    assert [day[0].dark for day in days] == [False, False, True, False]
    assert [board.label for board in days[0]].count("abnormal") == 1
    assert SMALL.events(2) == ["the broken files are delivered again, whole"]


def test_a_bad_day_breaks_half_of_the_files_until_the_day_after(tmp_path: Path) -> None:
    line = PlantLine(tmp_path, tmp_path / "archive", {}, calendar=SMALL)
    line.deliver(1)
    produced = line.folder / "produced" / "day-01"
    files = [path.relative_to(produced) for path in sorted(produced.rglob("*.png"))]

    def differing() -> list[Path]:
        archive = line.archive / "day-01"
        return [
            one for one in files if (archive / one).read_bytes() != (produced / one).read_bytes()
        ]

    assert len(differing()) == len(files) // 2 == 5
    line.deliver(2)
    assert differing() == []


def test_files_are_broken_in_three_ways(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 90).save(buffer, "PNG")
    whole = buffer.getvalue()
    short, small, words = (broken(whole, number) for number in (1, 3, 5))
    assert whole.startswith(short)
    assert Image.open(io.BytesIO(small)).size == (48, 48)
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(words))


def test_the_last_night_is_held_against_the_third_and_growth_against_the_archive() -> None:
    nights = [night(1, 100, 50, trained=True)]
    nights += [night(2, 140, 5.0), night(3, 180, 5.4), night(4, 220, 60, trained=True)]
    nights += [night(5, 260, 6.2)]
    part = month_part(nights)
    assert part["night_seconds"] == [50, 5.0, 5.4, 60, 6.2]
    assert part["night30_over_night3"] == pytest.approx(6.2 / 5.4)
    assert part["ordinary"]
    assert part["growth_ms_an_image"] == pytest.approx(10.0)
    assert part["stage_growth_ms_an_image"]["ingest"] == pytest.approx(5.0)
    assert part["nights_trained"] == [1, 4]
    assert part["nights_red"] == [3]
    assert not month_part([*nights, night(6, 300, 60, trained=True)])["ordinary"]
    assert not is_ordinary(night(7, 300, 5.0) | {"new_images": 0})


def test_a_diary_goes_on_and_refuses_another_month(tmp_path: Path) -> None:
    diary = Diary(tmp_path / "diary.json", SMALL)
    diary.nights.append(night(1, 100, 50))
    diary.save()
    assert Diary(tmp_path / "diary.json", SMALL).nights == diary.nights
    with pytest.raises(OtherMonthError, match="another month"):
        Diary(tmp_path / "diary.json", replace(SMALL, boards=11))


def test_overhead_is_the_wall_without_the_computing_that_workers_share() -> None:
    assert overhead_ms(3.0, 2.0, 1000) == pytest.approx(2.0)


def test_files_for_the_overhead_differ(tmp_path: Path) -> None:
    write_noise(tmp_path, 21, 16)
    files = list(tmp_path.rglob("*.png"))
    assert len({path.read_bytes() for path in files}) == 21
    assert len(list((tmp_path / "abnormal").iterdir())) == 2


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_three_nights_of_the_month(tmp_path: Path) -> None:
    place = tmp_path / "month.json"
    command = [sys.executable, "-m", "tests.month", "--json", str(place), "--only", "month"]
    command += ["--nights", "3", "--boards", "12", "--steps", "20"]
    command += ["--folder", str(tmp_path / "month"), "--sqlite"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    part: dict[str, Any] = json.loads(place.read_text())
    first, second, third = part["nights"]
    assert [one["trained"] for one in part["nights"]] == [True, False, False]
    assert first["promotion"] == "first"
    assert {one["champion"] for one in part["nights"]} == {1}
    assert (first["quarantined"], second["quarantined"], third["quarantined"]) == (0, 6, 0)
    assert second["new_images"] == 6
    assert third["new_images"] == 18
    assert set(third["stages"]) >= {"ingest", "extract", "certify", "report"}
