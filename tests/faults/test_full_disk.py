"""A real disk without room for one byte more, at three moments of a run; then somebody makes room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aftermath import (
    Condition,
    assert_no_orphans,
    assert_nothing_half_written,
    features_begun,
    images_begun,
    training_begun,
    wait_for,
)
from tests.conftest import Retrained
from tests.faults.conftest import Record
from tests.infra.running_stack import SmallLine
from tests.product_line import LINE, ProductLine, ended, kill_group
from tests.small_disk import fill, small_disk

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]
_MEGABYTES = 24


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", _MEGABYTES) as folder:
        yield folder


@pytest.mark.parametrize(
    ("when", "moment"),
    [("while images are stored", images_begun), ("while boards are measured", features_begun)],
)
def test_a_full_disk(
    when: str,
    moment: Condition,
    disk: Path,
    retrained: Retrained,
    environment: dict[str, str],
    small_undisturbed: ProductLine,
    record: Record,
) -> None:
    line = SmallLine(disk / "line", retrained.line.archive, environment)
    filled_and_run_again(when, moment, line, small_undisturbed, record)


def test_a_full_disk_for_checkpoints(
    disk: Path,
    retrained: Retrained,
    environment: dict[str, str],
    undisturbed: ProductLine,
    record: Record,
) -> None:
    line = ProductLine(disk / "line", retrained.line.archive, environment)
    filled_and_run_again("while checkpoints are written", training_begun, line, undisturbed, record)


def filled_and_run_again(
    when: str, moment: Condition, line: ProductLine, undisturbed: ProductLine, record: Record
) -> None:
    row = record("disk full", when)
    process = line.start("retrain")
    try:
        wait_for(moment, line, process)
        ballast = fill(line.folder.parent)
        row.done(line)
        said = ended(process, 1)
        row.detected()
    finally:
        kill_group(process)
    assert "StorageFullError" in said, said
    assert_no_orphans([process])
    assert_nothing_half_written(line)
    assert line.stores.registry.champion(LINE) is None
    ballast.unlink()
    line.retrain()
    row.judge(
        line, undisturbed, "The run ended with the reason and the remedy; with room it went on."
    )
