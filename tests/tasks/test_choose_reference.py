"""Which photographs make the reference: never one that another role keeps unseen."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from tasks.archive.settings import PhotographSettings
from tasks.archive.sources import Photograph
from tasks.choose_reference import _usable
from tests.archive.encoded import encoded

SETTINGS = PhotographSettings(height_px=24, width_px=20, channels=1)


def test_boards_of_other_roles_twins_and_damaged_files_are_left_out(tmp_path: Path) -> None:
    contents = [encoded(np.full((24, 20), shade, np.uint8)) for shade in (1, 2, 2, 3, 4)]
    contents.insert(0, contents[4][:40])
    photographs = []
    for number, content in enumerate(contents):
        place = tmp_path / f"{number}.png"
        place.write_bytes(content)
        photographs.append(Photograph(str(place), place.name, "normal"))
    certifying = {hashlib.sha256(contents[1]).hexdigest()}
    used: list[str] = []
    chosen = [p[0, 0, 0] for p in _usable(photographs, SETTINGS, 2, certifying, used)]
    assert chosen == [2, 3]
    assert used == [hashlib.sha256(contents[at]).hexdigest() for at in (2, 4)]


def test_a_board_that_a_person_calls_no_normal_is_left_out(tmp_path: Path) -> None:
    contents = [encoded(np.full((24, 20), shade, np.uint8)) for shade in (1, 2, 3)]
    photographs = []
    for number, content in enumerate(contents):
        place = tmp_path / f"{number}.png"
        place.write_bytes(content)
        photographs.append(Photograph(str(place), place.name, "normal"))
    doubted = (hashlib.sha256(contents[0]).hexdigest()[:8],)
    used: list[str] = []
    chosen = [p[0, 0, 0] for p in _usable(photographs, SETTINGS, 2, set(), used, doubted)]
    assert chosen == [2, 3]
