"""What the past of a line holds, and which bundle a person means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.errors import NotFoundError
from storage.images import ImageRow
from storage.snapshots import SnapshotRow
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import FolderSource, ManifestSource, PhotographSettings, RoleSettings
from tasks.backfilling.wanted import Wanted
from tasks.jobs import IngestJob
from tasks.past import Past, find_bundle, newest_challenger, past_of
from tasks.vocabulary.errors import InputError

LINE, IMAGES = "boards", "i" * 8
ROLES = RoleSettings.model_validate(
    {
        "reconstruction": 2,
        "validation": 1,
        "mask": 1,
        "development": {"normal": 1, "abnormal": 1},
        "group_by": ["lot"],
    }
)
ROWS = (
    SnapshotRow(
        "a" * 64, "2026-10-02/normal/a.png", "normal", "certification", "", "", "2026-10-02"
    ),
    SnapshotRow(
        "b" * 64, "2026-10-04/normal/b.png", "abnormal", "development", "", "lot:9 c", "2026-10-04"
    ),
    SnapshotRow("c" * 64, "old/normal/gone.png", "normal", "mask"),
)


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    made = Stores(tmp_path / "store")
    images = made.images(LINE, IMAGES)
    pixels_NHWC = np.zeros((3, 4, 4, 1), np.uint8)
    facts = {"captured_at": None, "camera": "side"}
    images.write_segment(pixels_NHWC, [ImageRow(r.image_id, r.source, facts) for r in ROWS])
    return made


def put(archive: Path, *names: str) -> IngestJob:
    for name in names:
        (archive / name).parent.mkdir(parents=True, exist_ok=True)
        (archive / name).write_bytes(name.encode())
    source = FolderSource(path=str(archive))
    photograph = PhotographSettings(height_px=4, width_px=4, channels=1)
    return IngestJob(LINE, source, photograph, NoAlignment(side_px=4), ROLES)


def commit(stores: Stores, job: IngestJob) -> None:
    stores.snapshots(LINE).commit(ROWS, IMAGES, job.roles_fingerprint)


FILES = (
    "2026-10-02/normal/a.png",
    "2026-10-04/normal/b.png",
    "2026-10-09/abnormal/new.png",
    "2026-10-09/inbox/nobody.png",
)


def names(past: Past) -> list[str]:
    return [board.name for board in past.boards]


def test_the_snapshot_and_what_no_ingest_has_seen_in_the_order_of_time(
    stores: Stores, tmp_path: Path
) -> None:
    job = put(tmp_path / "archive", *FILES)
    commit(stores, job)
    past = past_of(stores, job, Wanted())
    assert names(past) == [*FILES, "old/normal/gone.png"]
    known, relabelled, new, nobodys, gone = past.boards
    assert (known.image_id, known.role, known.label) == ("a" * 64, "certification", "normal")
    assert (relabelled.label, relabelled.groups) == ("abnormal", frozenset({"lot:9 c"}))
    assert (new.image_id, new.role, new.label, new.captured_at) == (
        "",
        "",
        "abnormal",
        "2026-10-09",
    )
    assert nobodys.label == ""
    assert nobodys.photograph is not None
    assert nobodys.photograph.label == "undecided"
    assert gone.photograph is None
    assert past.without_day == 0


def test_in_a_period_boards_without_a_day_are_left_out_and_counted(
    stores: Stores, tmp_path: Path
) -> None:
    job = put(tmp_path / "archive", *FILES)
    commit(stores, job)
    past = past_of(stores, job, Wanted.parsed("2026-10-03", "2026-10-09", []))
    assert names(past) == list(FILES[1:])
    assert past.without_day == 1


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["label=abnormal"], [FILES[1], FILES[2]]),
        (["role=development"], [FILES[1]]),
        (["lot=9 c"], [FILES[1]]),
        (["camera=side"], [FILES[0], FILES[1], "old/normal/gone.png"]),
        (["camera=side", "label=normal"], [FILES[0], "old/normal/gone.png"]),
    ],
)
def test_boards_are_chosen_by_what_archive_and_store_know(
    stores: Stores, tmp_path: Path, where: list[str], found: list[str]
) -> None:
    job = put(tmp_path / "archive", *FILES)
    commit(stores, job)
    assert names(past_of(stores, job, Wanted.parsed(None, None, where))) == found


def test_columns_of_a_manifest(stores: Stores, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    lines = ["path,label,camera,captured_at,serial"]
    lines += ["x.png,normal,top,2026-10-05T08:00:00+02:00,S1", "y.png,normal,side,,S2"]
    manifest.write_text("\n".join(lines))
    job = put(tmp_path / "archive")
    job = IngestJob(LINE, ManifestSource(path=str(manifest)), job.photograph, job.alignment, ROLES)
    commit(stores, job)
    wanted = Wanted.parsed("2026-10-05", "2026-10-05", ["camera=top"])
    (board,) = past_of(stores, job, wanted).boards
    assert (board.name, board.captured_at) == ("x.png", "2026-10-05T06:00:00+00:00")


@pytest.mark.parametrize(
    ("since", "where", "said"),
    [
        ("2027-01-01", [], "2026-10-02 to 2026-10-09; of 1 no day is known"),
        (None, ["camera=bottom"], "Correct --where"),
        ("2026-01-01", ["role=mask"], "None of them has a day; of 1 no day is known"),
    ],
)
def test_an_empty_past_says_what_there_is(
    stores: Stores, tmp_path: Path, since: str | None, where: list[str], said: str
) -> None:
    job = put(tmp_path / "archive", *FILES)
    commit(stores, job)
    with pytest.raises(InputError, match=said):
        past_of(stores, job, Wanted.parsed(since, None, where))


def test_before_the_first_ingest_there_is_no_past(stores: Stores, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has no images yet"):
        past_of(stores, put(tmp_path / "archive", *FILES), Wanted())


def freeze(stores: Stores, key: str, line: str = LINE) -> str:
    stores.registry.put("bundles", key, {"bundle.json": key.encode()}, facts={"line": line})
    return key


def certify(stores: Stores, bundle: str, at: str, line: str = LINE) -> None:
    facts = {"line": line, "bundle": bundle, "at": at}
    stores.registry.put("certificates", f"of-{bundle}", {"c.json": at.encode()}, facts=facts)


def test_a_bundle_is_called_by_key_number_or_champion(stores: Stores) -> None:
    for key in ("abc1", "abd2", "ffff"):
        stores.registry.promote(LINE, freeze(stores, key))
    stores.registry.promote(LINE, "abc1")
    assert find_bundle(stores, LINE, "champion") == "abc1"
    assert find_bundle(stores, LINE, "2") == "abd2"
    assert find_bundle(stores, LINE, "abd") == "abd2"
    freeze(stores, "eeee", "another line")
    for unknown in ("ab", "zz", "", "eeee", "9"):
        with pytest.raises(InputError, match="of the bundles of boards"):
            find_bundle(stores, LINE, unknown)


def test_the_newest_challenger_was_certified_last_and_never_promoted(stores: Stores) -> None:
    assert newest_challenger(stores, LINE) is None
    for key, at in (("old", "2026-10-01"), ("new", "2026-10-09"), ("other", "2026-10-05")):
        certify(stores, freeze(stores, key), at)
    certify(stores, freeze(stores, "elsewhere", "another line"), "2026-11-01", "another line")
    assert newest_challenger(stores, LINE) == "new"
    stores.registry.promote(LINE, "new")
    stores.registry.promote(LINE, "old")
    assert newest_challenger(stores, LINE) == "other"
    stores.registry.promote(LINE, "other")
    assert newest_challenger(stores, LINE) is None
