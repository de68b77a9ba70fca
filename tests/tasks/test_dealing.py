"""A line's nights: who waits, when waiting images are learnt from, and what the ingest remembers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from storage.ingests import IngestRecord
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.retraining import ORDINARY, Occasion
from tasks.archive.roles import Board, Role
from tasks.archive.settings import (
    ClassCounts,
    FolderSource,
    PhotographSettings,
    RetrainingSettings,
    RoleSettings,
)
from tasks.dealing import Dealing, deal, remember_roles, would_learn
from tasks.jobs import IngestJob

JOB = IngestJob(
    "tiles",
    FolderSource(path="images"),
    PhotographSettings(height_px=24, width_px=24, channels=1),
    NoAlignment(side_px=24),
    RoleSettings(
        reconstruction=6,
        validation=2,
        mask=2,
        development=ClassCounts(normal=4, abnormal=4),
        near_duplicates=None,
    ),
    retraining=RetrainingSettings(share=0.5, normals=25, days=30, least=5),
)


@dataclass
class Line:
    stores: Stores
    boards: list[Board] = field(default_factory=list)
    last: IngestRecord | None = None
    day: int = 0

    def night(self, occasion: Occasion = ORDINARY, normal: int = 20) -> Dealing:
        self.day += 1
        self.boards += [Board(f"n{self.day}-{at}", "normal") for at in range(normal)]
        self.boards += [Board(f"a{self.day}-{at}", "abnormal") for at in range(normal // 3)]
        now = f"2026-11-{self.day:02d}T02:00:00+00:00"
        dealing = deal(self.stores, JOB, None, self.boards, occasion, self.last, now)
        remember_roles(self.stores, JOB, dealing)
        self.last = IngestRecord(
            key=str(self.day),
            at=now,
            snapshot=self.day,
            images_fingerprint="i",
            reference=None,
            seen=len(self.boards),
            ingested=len(self.boards),
            duplicates=0,
            quarantined={},
            quarantine="q",
            to_learn=dealing.to_learn,
            learnt_at=dealing.learnt_at,
            learning=list(dealing.learning),
        )
        return dealing


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(Stores(tmp_path / "store"))


def learns_from(dealing: Dealing) -> set[str]:
    idle = {Role.CERTIFICATION, Role.WAITING, Role.UNDECIDED}
    return {name for name, role in dealing.roles.items() if role not in idle}


def test_ordinary_nights_change_nothing_that_learns_until_enough_wait(line: Line) -> None:
    first = line.night()
    assert Role.WAITING not in first.roles.values()
    learnt = learns_from(first)
    nights = [line.night() for _ in range(6)]
    waiting = 0
    for night in nights:
        waiting += 20
        if night.learning:
            assert night.to_learn == 0
            assert learns_from(night) > learnt
        else:
            assert learns_from(night) == learnt
            assert 0 < night.to_learn < 25
        learnt = learns_from(night)
    assert 1 <= sum(bool(night.learning) for night in nights) <= 3
    times = [night.learnt_at for night in (first, *nights)]
    learning = [bool(night.learning) for night in nights]
    assert [later != earlier for earlier, later in pairwise(times)] == learning


def test_a_request_opens_what_waits_and_the_next_night_does_not_open_again(line: Line) -> None:
    line.night()
    ordinary = line.night()
    assert ordinary.to_learn > 0
    assert ordinary.learning == ()
    asked = line.night(Occasion(asked=True), normal=0)
    assert asked.learning == ("it was asked for",)
    assert asked.to_learn == 0
    certifying = Counter(asked.roles.values())[Role.CERTIFICATION]
    assert certifying == Counter(ordinary.roles.values())[Role.CERTIFICATION]
    assert line.night(normal=0).roles == asked.roles
    assert line.last is not None
    assert not would_learn(JOB, Occasion(asked=True), line.last, line.last.at)


def test_a_night_without_new_files_learns_when_its_time_has_come(line: Line) -> None:
    line.night()
    line.night()
    assert line.last is not None
    assert not would_learn(JOB, ORDINARY, line.last, line.last.at)
    assert would_learn(JOB, ORDINARY, line.last, "2026-12-01T02:00:00+00:00")
    assert would_learn(
        JOB, Occasion(suspended="2026-11-03T02:00:00+00:00"), line.last, line.last.at
    )
    assert would_learn(JOB, Occasion(asked=True), line.last, line.last.at)
