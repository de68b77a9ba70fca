"""What a person sees of the quarantine and does about it, as commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.cli import WRONG_INPUT
from storage.ledger import SeenFile
from storage.quarantine import QuarantineEntry
from storage.stores import Stores
from tests.flows.test_cli import plain, run
from tests.flows.test_settings import SMALLEST, written

ODD_NAME = "normal/smile 😀\nand break.png"
ENTRIES = [
    QuarantineEntry("normal/turned.png", "d1", "misaligned", "Residual 3 px.", "Look.", "fp"),
    QuarantineEntry("normal/cut.png", "d2", "unusable", "It is truncated.", "Copy it.", "fp"),
    QuarantineEntry(ODD_NAME, None, "unreadable", "No right to read.", "Give it.", ""),
]


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    stores = Stores(tmp_path / "store")
    stores.quarantine("boards").renew(ENTRIES, "2026-11-20T08:00:00+00:00")
    seen = {"normal/turned.png": SeenFile("s", "d1"), "normal/cut.png": SeenFile("s", "d2")}
    stores.files("boards").renew(seen)
    return stores


@pytest.fixture
def config(tmp_path: Path, stores: Stores) -> Path:
    return written(tmp_path, SMALLEST | {"store": str(stores.root)})


def test_the_list_says_what_why_since_when_and_what_to_do(config: Path, tmp_path: Path) -> None:
    figures = tmp_path / "quarantine.json"
    shown = run("quarantine", "list", config, "--json", figures)
    assert shown.exit_code == 0
    # The table wraps; the figures do not.
    entries = {entry["source"]: entry for entry in json.loads(figures.read_text())}
    assert entries.keys() == {entry.source for entry in ENTRIES}
    assert entries["normal/cut.png"]["remedy"] == "Copy it."
    assert entries[ODD_NAME]["first_seen_at"] == "2026-11-20T08:00:00+00:00"
    assert "3 files." in plain(shown.output)


def test_one_kind_can_be_listed_and_an_unknown_one_is_named(config: Path, tmp_path: Path) -> None:
    figures = tmp_path / "quarantine.json"
    run("quarantine", "list", config, "--kind", "misaligned", "--json", figures)
    assert [entry["digest"] for entry in json.loads(figures.read_text())] == ["d1"]
    wrong = run("quarantine", "list", config, "--kind", "odd")
    assert wrong.exit_code == WRONG_INPUT
    assert "Kinds: misaligned, unreadable, unusable." in plain(wrong.stderr)


def test_retry_forgets_what_is_known_of_the_named_files(config: Path, stores: Stores) -> None:
    done = run("quarantine", "retry", config, "normal/cut.png")
    assert "1 files will be read again" in plain(done.output)
    assert stores.files("boards").known().keys() == {"normal/turned.png"}
    left = {entry.source for entry in stores.quarantine("boards").entries()}
    assert left == {"normal/turned.png", ODD_NAME}
    run("quarantine", "retry", config, "--all")
    assert stores.quarantine("boards").entries() == []


def test_a_name_that_no_terminal_can_show_is_asked_for_as_it_is_listed(
    config: Path, stores: Stores
) -> None:
    done = run("quarantine", "retry", config, r"normal/smile \U0001f600\nand break.png")
    assert done.exit_code == 0
    assert ODD_NAME not in {entry.source for entry in stores.quarantine("boards").entries()}


@pytest.mark.parametrize("arguments", [[], ["normal/none.png"]])
def test_a_file_that_is_not_in_quarantine_is_refused(config: Path, arguments: list[str]) -> None:
    done = run("quarantine", "retry", config, *arguments)
    assert done.exit_code == WRONG_INPUT
    assert "Name files as `zeroescape quarantine list` does." in plain(done.stderr)


def test_a_release_is_on_record_with_who_and_why(config: Path, stores: Stores) -> None:
    answer = ("--by", "A. Ray", "--note", "pose checked")
    done = run("quarantine", "release", config, "normal/turned.png", *answer)
    assert done.exit_code == 0
    [release] = stores.quarantine("boards").released().values()
    assert (release.digest, release.by, release.note) == ("d1", "A. Ray", "pose checked")


@pytest.mark.parametrize(
    ("name", "remedy"), [("normal/cut.png", "Copy it."), (ODD_NAME, "Give it.")]
)
def test_only_misaligned_boards_are_for_a_person_to_release(
    config: Path, stores: Stores, name: str, remedy: str
) -> None:
    answer = ("--by", "A. Ray", "--note", "it will do")
    done = run("quarantine", "release", config, "normal/turned.png", name, *answer)
    assert done.exit_code == WRONG_INPUT
    assert remedy in plain(done.stderr)
    assert stores.quarantine("boards").released() == {}


def test_a_line_without_a_store_says_what_to_run(tmp_path: Path) -> None:
    config = written(tmp_path, SMALLEST | {"store": str(tmp_path / "absent")})
    done = run("quarantine", "list", config)
    assert done.exit_code == WRONG_INPUT
    assert "zeroescape ingest" in plain(done.stderr)
    assert not (tmp_path / "absent").exists()
