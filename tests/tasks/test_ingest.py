"""An archive over time: what is new is read, what is known is not, and nothing is lost in silence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from storage.ingests import IngestRecord
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import FolderSource, PhotographSettings, RoleSettings
from tasks.ingest import ingest
from tasks.jobs import IngestJob
from tasks.progress import Progress, listening
from tasks.workers import Workers
from tests.product_line import write_archive
from tests.spoilt import SPOILT, spoil

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(None, 1, 8) as started:
        yield started


@dataclass
class Line:
    """A line on disk, and how many files its last ingest read."""

    archive: Path
    stores: Stores
    job: IngestJob
    workers: Workers
    read: int = 0

    def ingest(self) -> IngestRecord:
        self.read = 0

        def count(progress: Progress) -> None:
            if progress.stage == "read and align":
                self.read = progress.done

        with listening(count):
            record: IngestRecord = ingest.fn(self.stores, self.job, None, self.workers)
        assert record.seen == record.ingested + record.duplicates + record.in_quarantine
        return record

    def snapshot(self) -> Snapshot:
        last = self.stores.ingests(self.job.line).last()
        assert last is not None
        return self.stores.snapshots(self.job.line).read(last.snapshot)

    def roles(self) -> dict[str, str]:
        return {row.image_id: row.role for row in self.snapshot().rows}

    def segments(self) -> int:
        return len(list(Path(self.stores.root, "images").rglob("receipt.json")))


@pytest.fixture
def line(tmp_path: Path, workers: Workers) -> Line:
    archive = write_archive(tmp_path / "archive", {"normal": 14, "abnormal": 6})
    job = IngestJob(
        "tiles",
        FolderSource(path=str(archive)),
        PhotographSettings(height_px=64, width_px=64, channels=1),
        NoAlignment(side_px=64),
        RoleSettings.model_validate(
            {
                "reconstruction": 4,
                "validation": 1,
                "mask": 2,
                "development": {"normal": 3, "abnormal": 3},
            }
        ),
    )
    return Line(archive, Stores(tmp_path / "store"), job, workers)


def test_an_unchanged_archive_is_a_look_up(line: Line) -> None:
    first = line.ingest()
    assert line.read == first.ingested == 20
    assert line.ingest() == first
    assert line.read == 0
    assert len(line.stores.ingests("tiles").history()) == 1


def test_only_new_and_changed_files_are_read(line: Line) -> None:
    line.ingest()
    before = line.roles()
    write_archive(line.archive / "2026-11-21", {"normal": 16})
    touched = line.archive / "normal" / "n000.png"
    touched.write_bytes(touched.read_bytes())
    # 14 of the 16 are the same pictures under another name: read, never stored again.
    record = line.ingest()
    assert line.read == 17
    assert (record.seen, record.ingested, record.duplicates) == (36, 22, 14)
    after = line.roles()
    assert len(after) == 22
    assert {image_id: after[image_id] for image_id in before} == before


def test_renamed_files_are_no_new_boards(line: Line) -> None:
    line.ingest()
    before, segments = line.roles(), line.segments()
    (line.archive / "normal").rename(line.archive / "moved")
    (line.archive / "moved").rename(line.archive / "2026-11-20")
    (line.archive / "2026-11-20").rename(line.archive / "normal")
    for path in sorted((line.archive / "normal").iterdir()):
        path.rename(path.with_name(f"board {path.name}"))
    assert line.ingest().ingested == 20
    assert line.roles() == before
    assert line.segments() == segments


def test_a_board_that_was_away_comes_back_to_its_role(line: Line, tmp_path: Path) -> None:
    line.ingest()
    before = line.roles()
    certifying = [
        Path(row.source).name for row in line.snapshot().rows if row.role == "certification"
    ]
    normals = [name for name in certifying if name.startswith("n")][:2]
    away = tmp_path / "away"
    away.mkdir()
    for name in normals:
        (line.archive / "normal" / name).rename(away / name)
    assert line.ingest().ingested == 18
    # While they are away a new board fills no role of theirs that it would have to give back.
    write_archive(line.archive / "new", {"normal": 15})
    line.ingest()
    shutil.rmtree(line.archive / "new")
    for path in away.iterdir():
        path.rename(line.archive / "normal" / path.name)
    line.ingest()
    assert line.roles() == before


def test_refused_files_are_not_tried_again_until_a_person_says_so(line: Line) -> None:
    spoil(line.archive)
    record = line.ingest()
    assert record.quarantined == {"label": 3, "unusable": 9}
    assert record.duplicates == 1
    write_archive(line.archive / "later", {"normal": 15})
    line.ingest()
    assert line.read == 15

    quarantine, files = line.stores.quarantine("tiles"), line.stores.files("tiles")
    entries = [entry for entry in quarantine.entries() if entry.source == "normal/cut.png"]
    files.forget(["normal/cut.png"])
    quarantine.forget(entry.key for entry in entries)
    again = line.ingest()
    assert line.read == 1
    assert again.quarantined["unusable"] == 9
    assert {entry.source for entry in quarantine.entries()} >= SPOILT.keys()


def test_a_mended_file_leaves_the_quarantine(line: Line) -> None:
    broken = line.archive / "normal" / "n003.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])
    record = line.ingest()
    assert record.quarantined == {"unusable": 1}
    broken.write_bytes(whole)
    mended = line.ingest()
    assert line.read == 1
    assert mended.quarantined == {}
    assert mended.ingested == 20
    assert line.stores.quarantine("tiles").entries() == []


def test_a_file_that_cannot_be_read_is_tried_every_time(line: Line) -> None:
    target = line.archive / "normal" / "n001.png"
    content = target.read_bytes()
    target.unlink()
    target.symlink_to(target)
    record = line.ingest()
    assert record.quarantined == {"unreadable": 1}
    assert line.ingest().quarantined == {"unreadable": 1}
    target.unlink()
    target.write_bytes(content)
    assert line.ingest().ingested == 20


def test_roles_that_stay_short_leave_what_was_read(line: Line) -> None:
    roles = line.job.roles.model_copy(update={"reconstruction": 50})
    short = replace(line.job, roles=roles)
    with pytest.raises(ValueError, match="needs"):
        ingest.fn(line.stores, short, None, line.workers)
    assert line.ingest().ingested == 20
    assert line.read == 0


def test_a_killed_ingest_reads_again_but_stores_nothing_twice(line: Line) -> None:
    class KilledError(BaseException):
        pass

    def kill(progress: Progress) -> None:
        if progress.stage == "read and align":
            raise KilledError

    with listening(kill), pytest.raises(KilledError):
        ingest.fn(line.stores, line.job, None, line.workers)
    assert line.stores.snapshots("tiles").latest() is None
    assert line.ingest().ingested == 20
    assert len(line.stores.images("tiles", line.snapshot().images_fingerprint).rows()) == 20


def test_an_edited_relabel_file_is_seen_and_no_photograph_is_read_for_it(
    line: Line, tmp_path: Path
) -> None:
    place = tmp_path / "relabels.csv"
    line.job = replace(line.job, relabels=str(place))
    place.write_text("image_id,label,who,why\nnormal/n003.png,normal,,\n")
    first = line.ingest()
    assert line.ingest() == first
    place.write_text("image_id,label,who,why\nnormal/n003.png,abnormal,A. Ray,a blob\n")
    edited = line.ingest()
    assert (line.read, edited.relabelled, edited.snapshot) == (0, 1, first.snapshot + 1)
    assert line.ingest() == edited
    # Another order of the columns says nothing new.
    place.write_text("label;image_id;who;why\nabnormal;normal/n003.png;A. Ray;a blob\n")
    assert line.ingest() == edited
    labels = {row.source: row.label for row in line.snapshot().rows}
    assert labels["normal/n003.png"] == "abnormal"
    place.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        line.ingest()
    line.job = replace(line.job, relabels=None)
    assert line.ingest().snapshot == first.snapshot
    assert line.read == 0
