"""A clock that jumps back and ahead by more than a year while a run is at work."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.aftermath import assert_no_orphans, features_begun, training_begun, wait_for
from tests.faults.conftest import Record
from tests.product_line import LINE, REPOSITORY, ProductLine, ended, kill_group
from tests.storage.plant_store import DAY, age

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]
_DAYS = 400


@dataclass(frozen=True)
class Clock:
    """The time of day of every process that is started with its environment, see `clock_shift.c`."""

    folder: Path

    def __post_init__(self) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("needs a C compiler: apt-get install gcc")
        source = Path(__file__).with_name("clock_shift.c")
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(source)]
        subprocess.run(command, check=True)
        self._place.write_bytes(struct.pack("q", 0))

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT": str(self._place)}

    def jump(self, days: int) -> None:
        """From now on it is wrong by so many days."""
        with self._place.open("r+b") as file, mmap.mmap(file.fileno(), 8) as shared:
            shared[:] = struct.pack("q", days * int(DAY))

    @property
    def _library(self) -> Path:
        return self.folder / "clock_shift.so"

    @property
    def _place(self) -> Path:
        return self.folder / "shift"


def test_a_clock_that_jumps(
    line: ProductLine, undisturbed: ProductLine, tmp_path: Path, record: Record
) -> None:
    when = f"{_DAYS} days back while it trains, {_DAYS} ahead while it measures"
    row, clock, right = record("clock jump", when), Clock(tmp_path), line.environment
    line.environment = {**right, **clock.environment}
    process = line.start("retrain")
    try:
        wait_for(training_begun, line, process)
        clock.jump(-_DAYS)
        row.done(line)
        wait_for(features_begun, line, process)
        clock.jump(_DAYS)
        # To a clock that is ahead, all that was written before is old: also what is being written.
        age(line.store, _DAYS * DAY)
        collect_garbage(line)
        ended(process)
    finally:
        kill_group(process)
    assert_no_orphans([process])
    line.environment = right
    line.retrain()
    outcome = (
        "The run and a garbage collection beside it took no notice; champions follow by number."
    )
    row.judge(line, undisturbed, outcome)
    assert_champions_follow_by_number(line)


def collect_garbage(line: ProductLine) -> None:
    """Of what the clock calls old, nothing goes that a run may need."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "flows.cli",
            "gc",
            "--store",
            line.store,
            "--remove",
            "--grace",
            "0s",
        ],
        cwd=REPOSITORY,
        env={**os.environ, **line.environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 or "at work" in done.stderr, done.stderr


def assert_champions_follow_by_number(line: ProductLine) -> None:
    """The first champion was promoted by the wrong clock, after the second by its own account."""
    line.changes["classification"] = {"members": [{"kind": "logistic_regression"}]}
    line.retrain()
    if len(line.stores.registry.history(LINE)) == 1:
        line.run("promote", "--by", "tests", "--why", "the clock is right again")
    first, second = line.stores.registry.history(LINE)
    assert [first.number, second.number] == [1, 2]
    at = [datetime.fromisoformat(str(one.facts["at"])) for one in (first, second)]
    assert at[0] > at[1]
    assert line.stores.registry.champion(LINE) == second.bundle
