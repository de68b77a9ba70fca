"""Labels night after night: the archive's, a person's against it, and what is kept of both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from storage.label_changes import LabelChange
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.accounting import Account
from tasks.alignment.settings import NoAlignment
from tasks.archive.photograph import Label, Photograph
from tasks.archive.relabels import read_relabels
from tasks.archive.retraining import ORDINARY
from tasks.archive.roles import Role
from tasks.archive.settings import FolderSource, PhotographSettings, RoleSettings
from tasks.archive.sorting import Digested, Refusal
from tasks.dealing import deal
from tasks.ingest import _boards, _commit_roles
from tasks.jobs import IngestJob
from tasks.labelling import BY_ARCHIVE, TAKEN_OUT, labelled_today
from tasks.score_sheet import labelled, relabelled_count
from tasks.vocabulary.errors import InputError

LINE = "tiles"
ROLES = RoleSettings.model_validate(
    {
        "reconstruction": 4,
        "validation": 1,
        "mask": 1,
        "development": {"normal": 3, "abnormal": 3},
        "near_duplicates": None,
    }
)
ARCHIVE: dict[str, Label] = {
    **{f"normal/n{at}.png": "normal" for at in range(14)},
    **{f"abnormal/a{at}.png": "abnormal" for at in range(6)},
    "undecided/u0.png": "undecided",
}


def id_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@dataclass
class Line:
    """A line whose archive and relabel file change between its ingests."""

    folder: Path
    stores: Stores
    archive: dict[str, Label]
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    night: int = 0

    def say(self, *rows: str) -> None:
        lines = "\n".join(("image_id,label,who,why", *rows))
        (self.folder / "relabels.csv").write_text(lines, encoding="utf-8")

    def ingest(self, job: IngestJob | None = None) -> tuple[Snapshot, tuple[str, ...]]:
        self.night += 1
        job = job or self.job
        account = Account(
            tuple(Digested(Photograph(n, n, label), id_of(n)) for n, label in self.archive.items()),
            tuple(
                Refusal(Photograph(name, name, None), id_of(of), kind, "a reason", "a remedy")
                for name, (of, kind) in self.refused.items()
            ),
        )
        file = read_relabels(job.relabels, job.source)
        today = labelled_today(self.stores, job, file, account)
        now = f"2026-11-{self.night:02d}T20:00:00+00:00"
        boards = _boards(self.stores, job, "f", today.kept)
        dealing = deal(self.stores, job, None, boards, ORDINARY, None, now)
        snapshot = _commit_roles(self.stores, job, "f", boards, dealing, today, now)
        return snapshot, today.waiting

    @property
    def job(self) -> IngestJob:
        place = self.folder / "relabels.csv"
        return IngestJob(
            LINE,
            FolderSource(path="images"),
            PhotographSettings(height_px=24, width_px=24, channels=1),
            NoAlignment(side_px=24),
            ROLES,
            str(place) if place.exists() else None,
        )

    def finish(self) -> None:
        """A bundle becomes the champion: its scores can be seen. Older ones do not tell their line."""
        key = f"b{self.night}"
        self.stores.registry.put("bundles", key, {"bundle.json": b"{}"})
        self.stores.registry.promote(LINE, key)

    def changes(self) -> tuple[LabelChange, ...]:
        return self.stores.labels(LINE).history().changes


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path, Stores(tmp_path / "store"), dict(ARCHIVE))


def rows_of(snapshot: Snapshot) -> Mapping[str, SnapshotRow]:
    return {row.source: row for row in snapshot.rows}


def one_of(snapshot: Snapshot, role: Role, label: str) -> str:
    return next(row.source for row in snapshot.rows if (row.role, row.label) == (role, label))


def test_a_change_after_scores_were_seen_is_kept_counted_and_taken_back(line: Line) -> None:
    before, _ = line.ingest()
    line.finish()
    name = one_of(before, Role.DEVELOPMENT, "normal")
    line.say(f"{name},abnormal,A. Ray,bridge at pad 7")
    snapshot, waiting = line.ingest()
    row = rows_of(snapshot)[name]
    assert (row.label, row.label_before, row.label_scored) == ("abnormal", "normal", "normal")
    assert (row.role, waiting) == (Role.DEVELOPMENT, ())
    assert relabelled_count(snapshot) == relabelled_count(snapshot, Role.DEVELOPMENT) == 1
    assert relabelled_count(snapshot, Role.CERTIFICATION, Role.MASK) == 0
    said = ("A. Ray", "bridge at pad 7", "2026-11-02T20:00:00+00:00", True)
    told = LabelChange(id_of(name), name, "normal", "abnormal", *said)
    assert line.changes() == (told,)
    # The next night finds the same and adds nothing.
    assert line.ingest()[0] == snapshot
    assert line.changes() == (told,)

    line.say()
    after, _ = line.ingest()
    assert after == before
    last = line.changes()[-1]
    assert (last.before, last.after, last.who, last.why) == ("abnormal", "normal", "", TAKEN_OUT)


def test_a_label_that_was_corrected_before_any_score_is_not_counted(line: Line) -> None:
    name = "normal/n3.png"
    line.say(f"{id_of(name)[:8]},abnormal,A. Ray,bridge")
    first, _ = line.ingest()
    line.finish()
    second, _ = line.ingest()
    for snapshot in (first, second):
        row = rows_of(snapshot)[name]
        assert (row.label, row.label_before, row.label_scored) == ("abnormal", "normal", "")
        assert row.role in (Role.DEVELOPMENT, Role.CERTIFICATION)
        assert relabelled_count(snapshot) == 0
    assert [change.scores_seen for change in line.changes()] == [False]
    # Taken back in the knowledge of the score, it is.
    line.say()
    third, _ = line.ingest()
    row = rows_of(third)[name]
    assert (row.label, row.label_before, row.label_scored) == ("normal", "", "abnormal")
    assert relabelled_count(third) == 1


def test_a_frozen_bundle_that_was_never_promoted_was_seen_too(line: Line) -> None:
    line.ingest()
    line.stores.registry.put("bundles", "other", {"b": b"{}"}, facts={"line": "other line"})
    line.say("normal/n3.png,abnormal,A. Ray,bridge")
    line.ingest()
    line.stores.registry.put("bundles", "own", {"b": b"{}"}, facts={"line": LINE})
    line.say("normal/n3.png,undecided,A. Ray,no bridge after all")
    line.ingest()
    assert [change.scores_seen for change in line.changes()] == [False, True]


def test_an_escape_that_is_called_undecided_stays_among_the_changed_labels(line: Line) -> None:
    before, _ = line.ingest()
    line.finish()
    name = one_of(before, Role.CERTIFICATION, "abnormal")
    line.say(f"{name},undecided,A. Ray,too small to tell")
    after, _ = line.ingest()
    assert rows_of(after)[name].role == Role.CERTIFICATION
    assert id_of(name) in labelled(before, Role.CERTIFICATION).image_ids
    assert id_of(name) not in labelled(after, Role.CERTIFICATION).image_ids
    assert relabelled_count(after, Role.CERTIFICATION) == 1


def test_an_image_that_trained_is_set_aside_and_comes_back_with_its_label(line: Line) -> None:
    before, _ = line.ingest()
    name = one_of(before, Role.RECONSTRUCTION, "normal")
    line.say(f"{name},abnormal,A. Ray,scratch")
    for _ in range(2):
        after, _ = line.ingest()
        assert rows_of(after)[name].role == Role.SET_ASIDE
        others = [row for row in after.rows if row.source != name]
        assert others == [row for row in before.rows if row.source != name]
    line.say()
    assert line.ingest()[0] == before


def test_what_the_archive_changes_by_itself_is_kept_and_counted_too(line: Line) -> None:
    before, _ = line.ingest()
    line.finish()
    name = one_of(before, Role.CERTIFICATION, "normal")
    line.archive[name] = "abnormal"
    after, _ = line.ingest()
    row = rows_of(after)[name]
    assert (row.role, row.label_before, row.label_scored) == (Role.CERTIFICATION, "", "normal")
    assert relabelled_count(after, Role.CERTIFICATION) == 1
    [change] = line.changes()
    assert (change.before, change.after, change.who, change.why) == (
        "normal",
        "abnormal",
        "",
        BY_ARCHIVE,
    )


def test_a_label_that_a_person_confirms_is_on_record_and_no_change(line: Line) -> None:
    before, _ = line.ingest()
    line.finish()
    line.say("normal/n3.png,normal,A. Ray,only dust")
    assert line.ingest()[0] == before
    [change] = line.changes()
    assert (change.before, change.after, change.who) == ("normal", "normal", "A. Ray")
    line.say("normal/n3.png,normal,B. Lee,only dust")
    line.ingest()
    assert [change.who for change in line.changes()] == ["A. Ray", "B. Lee"]


def test_the_archive_may_come_to_agree_with_a_row(line: Line) -> None:
    line.ingest()
    line.say("normal/n3.png,abnormal,A. Ray,bridge")
    line.ingest()
    line.archive["normal/n3.png"] = "abnormal"
    row = rows_of(line.ingest()[0])["normal/n3.png"]
    assert (row.label, row.label_before) == ("abnormal", "")
    line.say()
    assert rows_of(line.ingest()[0])["normal/n3.png"].label == "abnormal"
    assert len(line.changes()) == 1


def test_a_slip_of_the_pen_stops_the_ingest_and_changes_nothing(line: Line) -> None:
    line.ingest()
    line.say("normal/n3.png,abnormal,A. Ray,bridge", "n4.png,abnormal,A. Ray,bridge")
    with pytest.raises(InputError, match=r"images that the line never had: n4\.png \(row 2\)"):
        line.ingest()
    assert line.changes() == ()


@pytest.mark.parametrize("called", ["normal/n3.png", id_of("normal/n3.png")[:10]])
def test_a_row_waits_for_an_image_that_is_away(line: Line, called: str) -> None:
    line.say(f"{called},abnormal,A. Ray,bridge")
    line.ingest()
    del line.archive["normal/n3.png"]
    for _ in range(2):
        snapshot, waiting = line.ingest()
        assert waiting == (
            f"Row 1 of the relabel file ({called}, abnormal) waits: the image is not in the "
            "archive now.",
        )
        assert "normal/n3.png" not in rows_of(snapshot)
    line.archive["normal/n3.png"] = "normal"
    snapshot, waiting = line.ingest()
    assert rows_of(snapshot)["normal/n3.png"].label == "abnormal"
    assert waiting == ()
    assert len(line.changes()) == 1


@pytest.mark.parametrize("called", ["normal/cut.png", id_of("cut")[:10]])
def test_a_row_waits_for_an_image_in_quarantine(line: Line, called: str) -> None:
    line.refused["normal/cut.png"] = ("cut", "unusable")
    line.say(f"{called},abnormal,A. Ray,bridge")
    [waiting] = line.ingest()[1]
    assert waiting.endswith("waits: the image is in quarantine (unusable).")
    assert f"({called}, abnormal)" in waiting


def test_a_row_about_a_copy_is_about_the_image(line: Line) -> None:
    line.refused["later/copy.png"] = ("normal/n3.png", "duplicate")
    line.say("later/copy.png,abnormal,A. Ray,bridge")
    snapshot, waiting = line.ingest()
    assert (rows_of(snapshot)["normal/n3.png"].label, waiting) == ("abnormal", ())


def test_other_settings_of_the_roles_deal_anew_and_forget_no_change(line: Line) -> None:
    before, _ = line.ingest()
    line.finish()
    name = one_of(before, Role.RECONSTRUCTION, "normal")
    line.say(f"{name},abnormal,A. Ray,scratch")
    line.ingest()
    job = line.job
    other = IngestJob(
        job.line,
        job.source,
        job.photograph,
        job.alignment,
        job.roles.model_copy(update={"seed": 1}),
        job.relabels,
    )
    row = rows_of(line.ingest(other)[0])[name]
    assert row.role in (Role.DEVELOPMENT, Role.CERTIFICATION)
    assert (row.label_before, row.label_scored) == ("normal", "normal")
    assert len(line.changes()) == 1
