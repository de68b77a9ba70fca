"""Residuals over time: a camera that drifts is named, one that only varies is not."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from tasks.reporting.alignment_history import (
    RegisteredBoard,
    alignment_history_png,
    alignment_sentences,
    drifts,
)

START = datetime(2026, 11, 1, tzinfo=UTC)


def boards(
    count: int, camera: str = "top", seed: int = 0, drift_px: float = 0.0, timed: bool = True
) -> list[RegisteredBoard]:
    generator = np.random.default_rng(seed)
    return [
        RegisteredBoard(
            captured_at=(START + timedelta(hours=at)).isoformat() if timed else "",
            camera=camera,
            residual_px=float(generator.uniform(0.05, 0.2)),
            x_px=float(generator.normal(0, 1) + drift_px * at / count),
            y_px=float(generator.normal(0, 1)),
            turn_deg=float(generator.normal(0, 0.1)),
        )
        for at in range(count)
    ]


def test_a_camera_that_drifts_is_named_with_what_moved_and_its_n() -> None:
    [found] = drifts([*boards(90, "left"), *boards(90, "right", seed=1, drift_px=6.0)])
    assert (found.camera, found.quantity, found.n) == ("right", "place across", 30)
    assert found.after - found.before == pytest.approx(4.0, abs=0.8)
    assert "Camera right drifts: median place across" in found.sentence()


@pytest.mark.parametrize("seed", range(20))
def test_a_camera_that_only_varies_does_not_drift(seed: int) -> None:
    assert drifts(boards(60, seed=seed)) == []


def test_nothing_is_said_of_few_boards_or_boards_without_times() -> None:
    assert drifts(boards(11, drift_px=50.0)) == []
    assert drifts(boards(90, drift_px=50.0, timed=False)) == []


def test_words_carry_the_limit_and_who_must_look() -> None:
    first, second = alignment_sentences(boards(40), 0.5, 3)
    assert first.startswith("40 boards registered: median residual 0.1")
    assert "(limit 0.5 px)" in first
    assert second == "3 boards are misaligned: in quarantine, flagged for a person."
    assert alignment_sentences([], 0.5, 0) == []


@pytest.mark.parametrize("timed", [True, False])
def test_the_picture_is_small_and_shows_every_camera(timed: bool) -> None:
    pictured = [*boards(200, "left", timed=timed), *boards(200, "right", seed=1, timed=timed)]
    content = alignment_history_png(pictured, 0.5)
    assert len(content) < 60_000
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        assert picture.size == (648, 414)
    assert content != alignment_history_png(pictured[:200], 0.5)
    # A run without a registered board still has its page.
    assert alignment_history_png([], 0.5)
