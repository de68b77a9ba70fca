"""Workers that die again and again: for want of memory whatever they do, or at one image of many."""

from __future__ import annotations

from pathlib import Path
from shutil import copy2, copytree

import pytest
from distributed.system import MEMORY_LIMIT

from tests.aftermath import assert_no_orphans, assert_nothing_half_written, rows_of, wait_for
from tests.conftest import Retrained
from tests.deadly import killed_while_reading, write_deadly
from tests.faults.conftest import Record
from tests.infra.running_stack import SmallLine
from tests.product_line import LINE, ProductLine, ended

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]
# A worker has 200 MB before it has done anything, 700 MB with its networks.
_TOO_LITTLE_MB = 420


def test_workers_without_memory_for_what_they_load(
    small_line: ProductLine, small_undisturbed: ProductLine, record: Record
) -> None:
    """They take images in, and die while they load what measures them: no image is to blame."""
    row = record("out-of-memory workers", "all of them, from the first measured board on")
    enough = small_line.environment
    small_line.environment = {**enough, **killed_above(_TOO_LITTLE_MB)}
    process = small_line.start("retrain")
    row.done(small_line)
    said = ended(process, 1)
    row.detected()
    assert "WorkersDieError" in said, said
    assert "memory" in said
    assert_no_orphans([process])
    assert_nothing_half_written(small_line)
    assert not any("features" in one for one in rows_of(small_line))
    small_line.environment = enough
    small_line.retrain()
    row.judge(
        small_line,
        small_undisturbed,
        "The run ended with the reason; no image was blamed. With memory it went on.",
    )


def test_an_image_that_kills_every_worker(
    retrained: Retrained,
    environment: dict[str, str],
    tmp_path: Path,
    small_undisturbed: ProductLine,
    record: Record,
) -> None:
    row = record("poisoned image", "it kills every worker that reads it")
    archive = copytree(retrained.line.archive, tmp_path / "archive", copy_function=copy2)
    deadly = write_deadly(archive / "normal" / "deadly.png")
    line = SmallLine(tmp_path / "line", archive, environment)
    process = line.start("retrain")
    with killed_while_reading(deadly, process.pid) as killed:
        wait_for(lambda _: bool(killed), line, process)
        row.done(line)
        wait_for(lambda _: any(poisoned(line)), line, process)
        row.detected()
        ended(process)
    assert_no_orphans([process])
    assert poisoned(line) == ["normal/deadly.png"]
    tries = len(set(killed))
    deadly.unlink()
    line.retrain()
    row.judge(
        line,
        small_undisturbed,
        f"It killed {tries} workers, then was alone in quarantine; all others went on in the same run.",
    )


def killed_above(megabytes: int) -> dict[str, str]:
    """What tells Dask's nannies to kill a worker of two that has so much memory."""
    share = megabytes * 2**20 / (MEMORY_LIMIT / 2)
    never = dict.fromkeys(("TARGET", "SPILL", "PAUSE"), "false")
    memory = {"TERMINATE": f"{share:.6f}", **never}
    return {f"DASK_DISTRIBUTED__WORKER__MEMORY__{name}": value for name, value in memory.items()}


def poisoned(line: ProductLine) -> list[str]:
    return [one.source for one in line.stores.quarantine(LINE).entries() if one.kind == "poisoned"]
