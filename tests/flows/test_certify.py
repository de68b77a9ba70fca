"""`zeroescape certify` from file to certificate, on files as other tools write them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flows.cli import DONE, FAILED, WRONG_INPUT, app
from tasks.certification.bounds import escape_upper_bound, exact_interval
from tests.flows.test_cli import plain

KEYS = {
    "n_normal",
    "n_abnormal",
    "threshold",
    "escapes",
    "escape_upper_95",
    "false_calls",
    "false_call_rate",
    "false_call_interval",
    "ladder",
    "data_sha256",
    "looks",
}


class Desk:
    """One folder with a file of scores, its ledger and what was certified."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scores = folder / "scores.csv"

    def write(self, rows: str, header: str = "i,s,y") -> None:
        self.scores.write_text(f"{header}\n{rows}")

    def ask(self, *options: object) -> Result:
        asked = ["--score", "s", "--label", "y", "--store", self.folder / "store", *options]
        command = ["certify", self.scores, *asked, "--json", self.folder / "certificate.json"]
        return CliRunner().invoke(app, [str(each) for each in command])

    def certificate(self, *options: object) -> dict[str, Any]:
        done = self.ask(*options)
        assert done.exit_code == DONE, done.output
        found: dict[str, Any] = json.loads((self.folder / "certificate.json").read_text())
        return found

    def looks_kept(self) -> int:
        return len(list((self.folder / "store").glob("looks/*.json")))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.write(rows())
    return made


def rows(n_normal: int = 40, n_abnormal: int = 60, scale: float = 1.0) -> str:
    """Good boards score 0 to 39, defective ones 35 to 94."""
    good = [f"n{at},{scale * at},0" for at in range(n_normal)]
    return "\n".join(good + [f"d{at},{scale * (35 + at)},1" for at in range(n_abnormal)]) + "\n"


def test_a_fixed_threshold_on_fresh_boards(desk: Desk) -> None:
    made = desk.certificate("--id", "i", "--threshold", 36)
    assert made.keys() >= KEYS
    assert (made["n_normal"], made["n_abnormal"], made["threshold"]) == (40, 60, 36.0)
    assert (made["escapes"], made["false_calls"], made["looks"]) == (1, 4, 1)
    assert made["rank"] is None
    assert made["escape_upper"] == made["escape_upper_95"] == escape_upper_bound(1, 60, 0.95)
    assert made["false_call_interval"] == list(exact_interval(4, 40, 0.95))
    assert [step["misses"] for step in made["ladder"]] == [0, 1, 2, 5]
    assert "1 of 60 held-out defects was missed at a threshold fixed" in made["sentence"]


def test_without_a_threshold_it_is_the_lowest_defect(desk: Desk) -> None:
    made = desk.certificate("--id", "i")
    assert (made["rank"], made["threshold"], made["escapes"]) == (1, 35.0, 0)
    assert made["escape_upper"] == escape_upper_bound(0, 60, 0.95)
    assert (
        made["price_set_by"][0] | {"score": 35.0, "sets_threshold": True, "name": "d0"}
        == (made["price_set_by"][0])
    )


def test_a_wanted_escape_rate_or_how_many_defects_are_missing(desk: Desk) -> None:
    made = desk.certificate("--id", "i", "--escape-rate", 0.1, "--confidence", 0.9)
    assert made["rank"] == 3
    assert made["threshold"] == 37.0
    refused = desk.ask("--id", "i", "--escape-rate", 0.01)
    assert refused.exit_code == FAILED
    assert "needed. Collect" in plain(refused.stderr)
    assert desk.looks_kept() == 1


def test_looks_are_counted_and_paid_for(desk: Desk) -> None:
    first = desk.certificate("--id", "i", "--threshold", 36)
    again = desk.certificate("--id", "i", "--threshold", 36)
    assert first["looks"] == again["looks"] == desk.looks_kept() == 1
    second = desk.certificate("--id", "i", "--threshold", 37)
    assert second["looks"] == 2
    assert second["escape_upper_95"] == pytest.approx(escape_upper_bound(2, 60, 0.975))
    assert "not fresh" in " ".join(second["warnings"])
    desk.write(rows(scale=2.0))
    assert desk.certificate("--id", "i", "--set", "new name")["looks"] == 3
    desk.write(rows().replace("d0,35.0,1", "d0,35.0,0"))
    assert desk.certificate("--id", "i")["looks"] == 4
    desk.write(rows(n_abnormal=61))
    assert desk.certificate("--id", "i")["looks"] == 5  # one board more makes no fresh set
    desk.write(rows().replace("n", "new-n").replace("d", "new-d"))
    assert desk.certificate("--id", "i")["looks"] == 1
    assert desk.certificate("--id", "i", "--set", "new name")["looks"] == 5


def test_a_set_without_its_missed_defect_is_no_fresh_set(desk: Desk) -> None:
    assert desk.certificate("--id", "i", "--threshold", 36)["escapes"] == 1
    desk.write(rows().replace("d0,35.0,1\n", ""))
    better = desk.certificate("--id", "i", "--threshold", 36)
    assert (better["escapes"], better["looks"]) == (0, 2)


def test_parts_count_once(desk: Desk) -> None:
    desk.write("a,1,0,p\nb,9,0,p\nc,2,0,q\nd,5,1,r\ne,20,1,r\nf,30,1,s\ng,3,0,r\n", "i,s,y,part")
    every = desk.certificate("--id", "i", "--group", "part", "--threshold", 8)
    assert (every["n_normal"], every["n_abnormal"], every["n_images"]) == (3, 2, 7)
    assert (every["escapes"], every["false_calls"]) == (1, 1)
    options = ("--id", "i", "--group", "part", "--threshold", 8, "--caught-by", "any-image")
    assert desk.certificate(*options)["escapes"] == 0
    assert "caught if any of its images is flagged" in " ".join(
        desk.certificate(*options)["conditions"]
    )


def test_scores_that_run_the_other_way(desk: Desk) -> None:
    desk.write(rows(scale=-1.0))
    refused = desk.ask("--id", "i")
    assert refused.exit_code == WRONG_INPUT
    assert "--lower-is-worse" in plain(refused.stderr)
    made = desk.certificate("--id", "i", "--lower-is-worse", "--html", desk.folder / "c.html")
    assert (made["threshold"], made["flagged_where"]) == (-35.0, "score <= threshold")
    assert made["ladder"][1]["threshold"] == -36.0
    assert made["false_calls"] == 5
    fixed = desk.certificate("--id", "i", "--lower-is-worse", "--threshold", -36)
    assert (fixed["escapes"], fixed["false_calls"]) == (1, 4)
    desk.write(rows())
    assert "Leave out --lower-is-worse" in plain(desk.ask("--lower-is-worse").stderr)


def test_boards_without_a_score_are_flagged_and_said(desk: Desk) -> None:
    desk.write(rows() + "x,nan,0\ny,inf,1\nz,,1\n")
    made = desk.certificate("--id", "i", "--threshold", 50)
    assert (made["n_normal"], made["n_abnormal"], made["escapes"]) == (41, 62, 15)
    assert made["false_calls"] == 1
    assert made["unscored"] == {"normal": 1, "abnormal": 2}
    assert "3 boards without a finite score" in " ".join(made["warnings"])


def test_constant_scores_flag_everything(desk: Desk) -> None:
    desk.write("a,0.5,0\nb,0.5,1\nc,0.5,0\n")
    made = desk.certificate("--id", "i")
    assert (made["false_calls"], made["escapes"], made["auroc"]) == (2, 0, 0.5)
    assert made["warnings"][0].startswith("All scores are equal")
    assert any("next to nothing" in said for said in made["warnings"])


@pytest.mark.parametrize(
    ("content", "options", "code", "said"),
    [
        ("a,1,0\nb,2,0\n", [], FAILED, "There is no defect among the labels"),
        ("a,1,1\nb,2,1\n", [], WRONG_INPUT, "no good board among the labels"),
        ("a,1,0\nb,nan,1\n", [], FAILED, "Collect at least 1 more"),
        ("a,1,0\na,2,1\n", ["--id", "i"], WRONG_INPUT, "occur more than once"),
        ("a,1,0\nb,2,maybe\n", [], WRONG_INPUT, "holds 'maybe'"),
        ("a,1,0\nb,2,1\n", ["--family", "kind"], WRONG_INPUT, "no column 'kind'"),
        ("a,1,0\nb,2,1\n", ["--threshold", "nan"], WRONG_INPUT, "finite number"),
        ("a,1,0\nb,2,1\n", ["--threshold", 1, "--escape-rate", 0.1], WRONG_INPUT, "Both a"),
        ("a,1,0\nb,2,1\n", ["--confidence", 95], WRONG_INPUT, "confidence 95"),
        ("a,1,0\nb,2,1\n", ["--prevalence", 3], WRONG_INPUT, "prevalence 3"),
        ("a,1,0\nb,2,1\n", ["--flag-rate-today", 0.4], WRONG_INPUT, "--review-seconds"),
    ],
)
def test_bad_input_ends_with_a_sentence_and_no_look(
    desk: Desk, content: str, options: list[object], code: int, said: str
) -> None:
    desk.write(content)
    done = desk.ask(*options)
    assert done.exit_code == code
    assert said in plain(done.stderr)
    assert "Traceback" not in done.output
    assert desk.looks_kept() == 0


def test_semicolons_with_decimal_commas_are_named_one_after_the_other(desk: Desk) -> None:
    desk.scores.write_text("i;s;y\na;0,1;0\nb;0,9;1\n")
    assert "separated by semicolons" in plain(desk.ask().stderr)
    assert "Write decimals with a point" in plain(desk.ask("--delimiter", ";").stderr)
    desk.scores.write_bytes(b"\xef\xbb\xbfi,s,y\r\na,0.1,0\r\nb,0.9,1\r\n")
    assert desk.certificate("--id", "i")["threshold"] == 0.9


def test_a_page_that_cannot_be_written_is_said_in_a_sentence(desk: Desk) -> None:
    (desk.folder / "file").write_text("")
    refused = desk.ask("--id", "i", "--html", desk.folder / "file" / "page.html")
    assert refused.exit_code == WRONG_INPUT
    assert "page.html cannot be written" in plain(refused.stderr)
    assert desk.certificate("--id", "i")["looks"] == 1


def test_costs_in_use(desk: Desk) -> None:
    options = ("--prevalence", 0.01, "--flag-rate-today", 0.5, "--review-seconds", 8)
    made = desk.certificate("--id", "i", "--threshold", 36, *options)
    upper = escape_upper_bound(1, 60, 0.95)
    assert made["boards"]["escapes_per_million_at_most"] == pytest.approx(1e4 * upper)
    assert made["false_calls_per_1000_boards"] == pytest.approx(99.0)
    assert made["boards"]["operator"]["seconds_saved"] == pytest.approx(8 * (0.5 - 0.109))
    assert [each["fresh_defects"] for each in made["repeats"]] == [10, 60, 100, 1000]


def test_families_sizes_and_pictures_reach_the_page(desk: Desk) -> None:
    lines = [f"{line},{'dent' if at % 2 else 'hole'},{at},p{at}.png"
             for at, line in enumerate(rows().splitlines())]  # fmt: skip
    desk.write("\n".join(lines) + "\n", "i,s,y,kind,mm,file")
    columns = ("--id", "i", "--family", "kind", "--size", "mm", "--path", "file")
    made = desk.certificate(*columns, "--html", desk.folder / "c.html")
    assert {one["name"]: one["n"] for one in made["families"]} == {"dent": 30, "hole": 30}
    assert [one["n"] for one in made["sizes"]] == [15, 15, 15, 15]
    page = (desk.folder / "c.html").read_text()
    assert "no readable picture" in page
    assert made["data_sha256"] in page


def test_a_parquet_of_many_rows_without_needing_ids(desk: Desk) -> None:
    generator = np.random.default_rng(0)
    labels = generator.random(20_000) < 0.02
    scores = generator.normal(size=20_000) + 4.0 * labels
    pq.write_table(pa.table({"s": scores, "y": labels}), desk.scores)
    made = desk.certificate("--threshold", 2.0)
    assert made["n_abnormal"] == int(labels.sum())
    assert made["escapes"] == int((scores[labels] < 2.0).sum())
    assert any("number of rows alone" in said for said in made["warnings"])


@pytest.mark.faults
def test_ten_million_rows_fit_into_four_gigabytes(desk: Desk) -> None:
    n = 10_000_000
    generator = np.random.default_rng(0)
    labels = (generator.random(n) < 0.001).astype(np.int8)
    scores = generator.normal(size=n).astype(np.float32) + 4 * labels
    numbers = pa.array(np.arange(n))
    names = pc.binary_join_element_wise(pa.scalar("b"), numbers.cast(pa.string()), "")
    table = pa.table({"i": names, "s": scores.astype(np.float32), "y": labels})
    pq.write_table(table, desk.scores)
    program = (
        "import resource, sys\n"
        "from flows.cli import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "finally:\n"
        "    print('KB', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    asked = [
        "certify",
        "scores.csv",
        "--score",
        "s",
        "--label",
        "y",
        "--id",
        "i",
        "--threshold",
        "2",
    ]
    command = [sys.executable, "-c", program, *asked, "--store", "store", "--json", "c.json"]
    done = subprocess.run(command, cwd=desk.folder, capture_output=True, text=True)
    assert done.returncode == DONE, done.stderr
    made = json.loads((desk.folder / "c.json").read_text())
    assert (made["n_images"], made["n_abnormal"]) == (n, int(labels.sum()))
    assert made["escapes"] == int((scores[labels == 1] < 2.0).sum())
    assert int(done.stderr.rpartition("KB ")[2]) < 4_000_000


def test_it_works_where_torch_prefect_and_dask_cannot_be_imported(desk: Desk) -> None:
    program = (
        "import sys\n"
        "for name in ('torch', 'prefect', 'dask', 'distributed', 'sklearn', 'cv2', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from flows.cli import app\n"
        "app(sys.argv[1:])\n"
    )
    options = ["--score", "s", "--label", "y", "--store", "store", "--html", "c.html"]
    command = [sys.executable, "-W", "error", "-c", program, "certify", "scores.csv", *options]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        command,
        cwd=desk.folder,
        env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == DONE, done.stderr
    assert "Escape certificate" in (desk.folder / "c.html").read_text()
