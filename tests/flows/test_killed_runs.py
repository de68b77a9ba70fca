"""SIGKILL at any moment costs time and nothing else: the verdicts are those of an undisturbed run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.aftermath import (
    assert_nothing_half_written,
    features_done,
    folders,
    training_begun,
    wait_for,
    weights_digest,
)
from tests.conftest import Retrained
from tests.product_line import LINE, ProductLine

pytestmark = pytest.mark.slow


@pytest.mark.faults
def test_a_flow_killed_twice_ends_with_the_same_verdicts(
    retrained: Retrained, environment: dict[str, str], tmp_path: Path
) -> None:
    line = ProductLine(tmp_path / "line", retrained.line.archive, environment)
    for moment in (training_begun, features_done):
        process = line.start("retrain")
        try:
            wait_for(moment, line, process)
        finally:
            # The flow alone: its training and its workers end by themselves, and with them the pipe.
            process.kill()
            process.communicate(timeout=300)
        assert_nothing_half_written(line)
        assert line.stores.registry.champion(LINE) is None
    figures = line.retrain()
    assert figures["fingerprints"] == retrained.figures["fingerprints"]
    assert line.verdicts() == retrained.line.verdicts()
    assert weights_digest(line) == weights_digest(retrained.line)
    assert folders(line, "workplaces") == []
