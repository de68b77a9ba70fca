"""What turns the light green, yellow or red, and what it says."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tasks.drift.boards import Board
from tasks.drift.light import judge, unknown
from tasks.drift.period import CertifiedPeriod, finite
from tasks.drift.picture import drift_png
from tasks.drift.settings import DriftSettings
from tests.drift.streams import period, stream

SETTINGS = DriftSettings()


def test_boards_as_certified_are_green_and_counted() -> None:
    light = judge(period(), stream(60), SETTINGS)
    assert light.colour == "green"
    assert [found.colour for found in light.findings] == ["green"] * 6
    assert "of 60 boards" in light.reason
    assert light.first_red is None


def test_a_large_shift_is_red_and_says_what_since_when_and_how_many() -> None:
    boards = stream(120, shift=4.0)
    light = judge(period(), boards, SETTINGS)
    assert light.colour == "red"
    found = light.first_red
    assert found is not None
    assert found.quantity == "brightness"
    assert found.board is not None
    assert found.at == boards[found.board - 1].at
    assert "The mean brightness is out of the certified range" in found.sentence
    assert "above" in found.sentence
    assert f"board {found.board}, 2026-03-01" in found.sentence


def test_a_shift_within_what_is_tolerated_is_yellow() -> None:
    light = judge(period(), stream(200, shift=0.8), SETTINGS)
    assert light.colour == "yellow"
    assert "not quite what it was" in light.reason


def test_the_camera_that_drifts_is_named_first() -> None:
    light = judge(period(), stream(160, shift=5.0, cameras=("left", "right")), SETTINGS)
    assert light.colour == "red"
    assert "By camera: right" in light.reason


def test_the_lot_is_named() -> None:
    boards = [replace(one, lots=("lot 17",)) for one in stream(60, shift=6.0)]
    assert "Most in lot 17 (" in judge(period(), boards, SETTINGS).reason


def test_too_many_flags_are_red() -> None:
    light = judge(period(), stream(120, flag_rate=0.7), SETTINGS)
    assert light.colour == "red"
    assert "Too many boards are flagged" in light.reason


def test_the_score_is_watched_on_accepted_boards_only() -> None:
    """Defective boards score high and are flagged: their share is nobody's drift."""
    boards = [
        replace(one, flagged=True, values={**one.values, "score": 9.0}) if number % 12 == 0 else one
        for number, one in enumerate(stream(120, flag_rate=0.0))
    ]
    assert judge(period(), boards, SETTINGS).colour == "green"


def test_a_better_registration_is_no_drift_to_red_but_a_worse_one_is() -> None:
    better = judge(period(), stream(100, shift=-6.0, quantity="residual_px"), SETTINGS)
    worse = judge(period(), stream(100, shift=6.0, quantity="residual_px"), SETTINGS)
    assert (better.colour, worse.colour) == ("yellow", "red")


@pytest.mark.parametrize(("n", "words"), [(0, "nothing yet"), (1, "1 board yet")])
def test_hardly_any_board_is_not_green(n: int, words: str) -> None:
    light = judge(period(), stream(n), SETTINGS)
    assert light.colour == "yellow"
    assert words in light.reason


def test_too_few_certified_boards_cannot_be_watched_and_that_is_yellow() -> None:
    light = judge(period(n=3, good=3, flagged=3), stream(50), SETTINGS)
    assert light.colour == "yellow"
    assert all("cannot be watched" in found.sentence for found in light.findings)
    assert drift_png(light.watched)
    assert drift_png(judge(period(), [], SETTINGS).watched)


def test_a_constant_quantity_stays_green_and_a_constant_camera_is_noticed() -> None:
    known = CertifiedPeriod({"brightness": (100.0,) * 80}, 80, 2)
    at = "2026-03-01T00:00:00+00:00"
    still = [Board(n, at, False, {"brightness": 100.0}) for n in range(1, 40)]
    assert judge(known, still, SETTINGS).colour == "green"
    stuck = [Board(n, at, False, {"brightness": 0.0}) for n in range(1, 200)]
    light = judge(period(), stuck, SETTINGS)
    assert light.colour == "yellow"
    assert "mean brightness" in light.reason


def test_boards_without_an_answer_count_as_flagged_and_nowhere_else() -> None:
    dead = [Board(n, "2026-03-01T00:00:00+00:00", True, {}) for n in range(1, 60)]
    light = judge(period(), dead, SETTINGS)
    assert light.colour == "red"
    assert {found.quantity for found in light.findings if found.colour == "red"} == {"flags"}


def test_what_nobody_measures_is_not_watched() -> None:
    known = CertifiedPeriod(
        finite({"brightness": [1.0, 2.0] * 40, "residual_px": [np.nan] * 80}), 80, 2
    )
    names = {one.quantity.name for one in judge(known, stream(30), SETTINGS).watched}
    assert names == {"brightness", "flags"}


def test_remarks_are_yellow_and_below_red() -> None:
    light = judge(period(), stream(80, shift=6.0), SETTINGS, ["The clock was set back."])
    assert [found.colour for found in light.findings][:2] == ["red", "yellow"]
    assert unknown("Nothing is known.", 3, 0.01).colour == "yellow"


def test_a_period_is_read_back_as_it_was_written() -> None:
    known = period(n=5)
    assert CertifiedPeriod.from_json(known.to_json()) == known


def test_the_picture_has_a_strip_for_every_quantity() -> None:
    light = judge(period(), stream(80, shift=6.0), SETTINGS)
    with Image.open(io.BytesIO(drift_png(light.watched))) as many:
        with Image.open(io.BytesIO(drift_png(light.watched[:2]))) as few:
            assert many.size[1] > few.size[1] + 200
        pixels_HW3 = np.asarray(many.convert("RGB")).astype(int)
    red, green, blue = np.moveaxis(pixels_HW3, -1, 0)
    assert ((red > 150) & (green < 60) & (blue < 60)).any()
