"""`zeroescape certify` on files whose pictures, lots and times tell more than they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flows.cli import WRONG_INPUT
from flows.exit_codes import FAILED
from tests.flows.test_certify import Desk
from tests.flows.test_cli import plain

HEADER = "i,s,y,part,when,lot,file"


def lit_set(folder: Path, count: int = 48, glow: float = 30.0) -> Desk:
    """Every third board is a defect, photographed beside a lamp that lights the upper border."""
    desk = Desk(folder)
    (folder / "pictures").mkdir()
    lines = []
    for at in range(count):
        bad, random = at % 3 == 0, np.random.default_rng(at)
        grey = random.normal(110, 12, (32, 40))
        grey[:2] += glow * bad
        pixels = np.clip(grey, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{at}.png")
        part = f"p{at % 3}-{at // 6}"
        when = f"2026-03-{1 + at % 28:02}T08:{at:02}:00+01:00"
        score = random.normal(2.0 * bad)
        lines.append(f"b{at},{score:.3f},{int(bad)},{part},{when},L{at % 4},pictures/{at}.png")
    desk.write("\n".join(lines) + "\n", HEADER)
    return desk


@pytest.fixture(scope="module")
def lit(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return lit_set(tmp_path_factory.mktemp("lit"))


def test_a_lamp_is_named_in_every_form_of_the_certificate(lit: Desk) -> None:
    page = lit.folder / "page.html"
    done = lit.ask("--path", "file", "--html", page)
    assert done.exit_code == 0, done.output
    found = lit.certificate("--path", "file")
    said = " ".join(found["warnings"])
    assert "alone tells defects from good boards" in said
    assert "the score may have learned the lamp, not the defect" in said.lower()
    best = found["confounds"]["properties"][0]
    assert best["auroc"] == 1.0
    assert best["above"]
    assert best["by_chance"] < 0.9
    assert found["confounds"]["pictures"] == {
        "looked_at": 48,
        "of": 48,
        "unreadable": 0,
        "reasons": [],
    }
    assert "What trivial properties alone tell" in plain(done.output)
    assert "the lamp, not the defect" in page.read_text()
    assert "What trivial properties alone tell" in page.read_text()


def test_pictures_that_cannot_be_read_are_counted_and_said(tmp_path: Path) -> None:
    desk = lit_set(tmp_path, 24)
    pictures = tmp_path / "pictures"
    (pictures / "1.png").write_bytes(b"")
    (pictures / "2.png").write_bytes((pictures / "4.png").read_bytes()[:200])
    (pictures / "3.png").unlink()
    (pictures / "5.png").unlink()
    (pictures / "5.png").mkdir()
    found = desk.certificate("--path", "file")["confounds"]
    assert (found["pictures"]["looked_at"], found["pictures"]["unreadable"]) == (24, 4)
    assert found["pictures"]["reasons"][0] == "1.png: The file is empty."
    assert "4 unreadable" in plain(desk.ask("--path", "file").output)


def test_no_picture_at_all_can_be_read(tmp_path: Path) -> None:
    desk = lit_set(tmp_path, 12)
    for file in (tmp_path / "pictures").iterdir():
        file.unlink()
    found = desk.certificate("--path", "file", "--html", tmp_path / "page.html")["confounds"]
    assert found["pictures"]["unreadable"] == 12
    assert (found["properties"], found["together"]) == ([], {})
    assert "none of them varies" in (tmp_path / "page.html").read_text()


def test_so_many_of_each_class_are_chosen_by_their_names(lit: Desk) -> None:
    first, again = (
        lit.certificate("--path", "file", "--pictures", 5)["confounds"] for _ in range(2)
    )
    assert first == again
    assert first["pictures"]["looked_at"] == 10
    assert (first["n_normal"], first["n_abnormal"]) == (5, 5)
    assert lit.certificate("--path", "file", "--pictures", 0)["confounds"] is None


def test_lots_of_one_class_and_the_period_covered(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    rows = [
        f"b{at},{at % 7 + 3 * (at % 2)},{int(at % 2)},L{at % 2}{at // 10},2026-01-{1 + at // 4:02}"
        for at in range(80)
    ]
    desk.write("\n".join(rows) + "\n", "i,s,y,lot,when")
    found = desk.certificate("--lot", "lot", "--time", "when")
    assert "16 of 16 lots hold one class only" in " ".join(found["warnings"])
    screening = found["confounds"]
    assert screening["lots"][0]["count"] == 16
    assert screening["period"] == {
        "first": "2026-01-01T00:00:00+00:00",
        "last": "2026-01-20T00:00:00+00:00",
        "missing": 0,
    }
    assert screening["pictures"] is None
    worst = screening["worst_lot"]
    assert (worst["missed"], worst["n_abnormal"]) == (0, 0)
    assert 0 < worst["false_calls"] <= worst["n_normal"]


@pytest.mark.parametrize(
    ("cells", "first"),
    [(["1", "2.5", ""], 1.0), (["2026-03-01", "2026-03-02T10:00:00Z", "na"], None)],
)
def test_times_are_numbers_or_dates(tmp_path: Path, cells: list[str], first: Any) -> None:
    desk = Desk(tmp_path)
    desk.write("".join(f"{at},{at},{at % 2},{cells[at % 3]}\n" for at in range(30)), "i,s,y,when")
    period = desk.certificate("--time", "when")["confounds"]["period"]
    assert period["missing"] == 10
    assert period["first"] == (first or "2026-03-01T00:00:00+00:00")


@pytest.mark.parametrize("cell", ["yesterday", "2026-13-01", "12/03/2026"])
def test_a_time_that_is_none_is_wrong_input(tmp_path: Path, cell: str) -> None:
    desk = Desk(tmp_path)
    desk.write(f"a,1,0,2026-01-01\nb,2,1,{cell}\n", "i,s,y,when")
    done = desk.ask("--time", "when")
    assert done.exit_code == WRONG_INPUT
    assert f"Row 2 of 'when' is '{cell}', no time." in plain(done.stderr)
    assert desk.looks_kept() == 0


def test_what_groups_are_worth_is_said(lit: Desk) -> None:
    found = lit.certificate("--id", "i", "--group", "part")
    torn = found["ungrouped"]
    assert (found["n_abnormal"], torn["n_abnormal"]) == (8, 16)
    assert torn["escape_upper"] < found["escape_upper"]
    assert torn["sentence"] in found["conditions"]
    assert "n would be 16 defects instead of 8" in torn["sentence"]
    assert lit.certificate("--id", "i")["ungrouped"] is None


def test_one_picture_of_each_class_is_no_alarm(tmp_path: Path) -> None:
    desk = lit_set(tmp_path, 2)
    desk.write("d,1,1,p,,L,pictures/0.png\nn,0,0,q,,L,pictures/1.png\n", HEADER)
    found = desk.certificate("--path", "file", "--lot", "lot", "--time", "when")
    assert found["confounds"]["properties"] == []
    assert not [said for said in found["warnings"] if "alone tells" in said]


def test_pictures_of_one_class_are_refused_as_such_a_set_always_is(tmp_path: Path) -> None:
    desk = lit_set(tmp_path, 6)
    desk.write("d,1,1,p,,L,pictures/0.png\ne,2,1,q,,L,pictures/3.png\n", HEADER)
    assert desk.ask("--path", "file").exit_code in (WRONG_INPUT, FAILED)


def test_times_of_a_parquet_are_read_as_they_are(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    days = np.arange("2026-01-01", "2026-01-31", dtype="datetime64[D]").astype("datetime64[ms]")
    columns = {"s": np.arange(30.0), "y": np.arange(30) % 2, "when": days}
    for kind in (pa.timestamp("ms"), pa.timestamp("ns", "Europe/Berlin"), pa.date32()):
        table = pa.table(columns)
        typed = table.column("when").cast(pa.timestamp("ms")).cast(kind)
        pq.write_table(table.set_column(2, "when", typed), desk.scores)
        period = desk.certificate("--time", "when")["confounds"]["period"]
        assert period["first"] == "2026-01-01T00:00:00+00:00", kind
        assert period["last"] == "2026-01-30T00:00:00+00:00", kind
