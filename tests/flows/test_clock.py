"""Stages are timed and logged; memory of children counts."""

from __future__ import annotations

import logging
import subprocess
import sys
import time

import pytest

from flows.clock import PeakMemory, StageClock


def test_a_stage_that_runs_twice_is_summed_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    clock = StageClock(logging.getLogger("stages"))
    with caplog.at_level(logging.INFO, "stages"):
        for _ in range(2):
            with clock.stage("train"):
                time.sleep(0.01)
    assert clock.seconds["train"] >= 0.02
    assert [record.message.split()[0] for record in caplog.records] == ["train", "train"]


def test_a_stage_that_fails_is_timed_too() -> None:
    clock = StageClock(logging.getLogger("stages"))
    with pytest.raises(ZeroDivisionError), clock.stage("fit"):
        raise ZeroDivisionError
    assert clock.seconds["fit"] >= 0


def test_memory_of_children_counts() -> None:
    taking = "block = bytearray(b'x') * (200 << 20); print(len(block), flush=True); input()"
    with PeakMemory(every_seconds=0.01) as memory:
        before = memory.peak_mb
        with subprocess.Popen(
            [sys.executable, "-c", taking], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            deadline = time.monotonic() + 30
            while memory.peak_mb < before + 200 and time.monotonic() < deadline:
                time.sleep(0.02)
            child.kill()
    assert memory.peak_mb >= before + 200
