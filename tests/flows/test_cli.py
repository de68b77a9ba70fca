from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import FAILED, WRONG_INPUT, app
from tasks.metrics.catalogue import HEADINGS
from tasks.metrics.table import TABLE
from tests.flows.test_settings import SMALLEST, written

COMMANDS = (
    "demo",
    "ingest",
    "retrain",
    "inspect",
    "check",
    "labels",
    "evaluate",
    "study",
    "contamination",
    "compare",
    "certificate",
    "certify",
    "localise",
    "drift",
    "backfill",
    "serve",
    "deploy",
    "promote",
    "rollback",
    "history",
    "metrics",
    "doctor",
    "gc",
    "backup",
    "restore",
    "synthesize",
    "ui",
)
QUARANTINE = ("list", "retry", "release")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def plain(text: str) -> str:
    """Without colours and line breaks, which depend on the terminal."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    assert all(command in shown.output for command in COMMANDS)
    assert "Exit codes: 0 done, 1 failed run, 2 wrong input." in plain(shown.output)
    assert {
        command.callback.__name__ for command in app.registered_commands if command.callback
    } == {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(command: str) -> None:
    shown = run(command, "--help")
    assert shown.exit_code == 0
    assert f"Example: zeroescape {command}" in plain(shown.output)


@pytest.mark.parametrize("command", QUARANTINE)
def test_help_of_the_quarantine_has_examples(command: str) -> None:
    shown = run("quarantine", command, "--help")
    assert shown.exit_code == 0
    assert f"Example: zeroescape quarantine {command}" in plain(shown.output)


@pytest.mark.parametrize("arguments", [["retrain"], ["inspect", "x.yaml"], ["retrain", "--no"]])
def test_wrong_usage_is_wrong_input(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == WRONG_INPUT


def test_check_of_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    done = run("check", tmp_path / "absent.yaml")
    assert done.exit_code == WRONG_INPUT
    assert "cannot be read" in plain(done.stderr)
    assert "Give the path of a YAML file." in plain(done.stderr)
    assert "Traceback" not in done.output


def test_check_of_an_unknown_key_names_it(tmp_path: Path) -> None:
    done = run("check", written(tmp_path, SMALLEST | {"stoer": "x"}))
    assert done.exit_code == WRONG_INPUT
    assert "stoer: Extra inputs are not permitted" in plain(done.stderr)


def test_check_of_a_line_without_images_says_so(tmp_path: Path) -> None:
    report = tmp_path / "new" / "check.json"
    content = SMALLEST | {"store": str(tmp_path / "store")}
    content["source"] = {"kind": "folder", "path": str(tmp_path)}
    done = run("check", written(tmp_path, content), "--json", report)
    assert done.exit_code == WRONG_INPUT
    assert "holds no image" in plain(done.output)
    findings = json.loads(report.read_text())
    assert findings["line"] == "boards"
    assert len(findings["problems"]) == 1
    assert len(findings["facts"]) == 3


def test_check_counts_what_the_roles_need(tmp_path: Path) -> None:
    for label, count in (("normal", 6), ("abnormal", 2)):
        (tmp_path / label).mkdir()
        for at in range(count):
            (tmp_path / label / f"{at}.png").write_bytes(b"")
    roles = {
        "reconstruction": 2,
        "validation": 1,
        "mask": 1,
        "development": {"normal": 1, "abnormal": 2},
    }
    content = SMALLEST | {"source": {"kind": "folder", "path": str(tmp_path)}, "roles": roles}
    done = run("check", written(tmp_path, content | {"store": str(tmp_path / "store")}))
    assert done.exit_code == WRONG_INPUT
    assert "The archive has 2 abnormal images; the roles take 2" in plain(done.output)
    (tmp_path / "abnormal" / "2.png").write_bytes(b"")
    assert run("check", tmp_path / "line.yaml").exit_code == 0


def test_check_names_missing_weights(tmp_path: Path) -> None:
    weights = {"kind": "vgg16", "weights": str(tmp_path / "absent.pth")}
    done = run("check", written(tmp_path, SMALLEST | {"perception": weights}))
    assert done.exit_code == WRONG_INPUT
    assert "absent.pth" in plain(done.output)


@pytest.mark.slow
def test_metrics_are_listed_by_their_whole_names(tmp_path: Path) -> None:
    shown = run("metrics", "--json", tmp_path / "metrics.json")
    assert shown.exit_code == 0
    listed = json.loads((tmp_path / "metrics.json").read_text())
    assert len(listed) == len(TABLE)
    for row in listed:
        assert row["metric"] in shown.output
        assert set(row) == set(HEADINGS)


@pytest.mark.slow
def test_a_prefect_server_that_does_not_answer_is_named_with_the_remedy(tmp_path: Path) -> None:
    config = written(tmp_path, SMALLEST)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "retrain", str(config)],
        env=os.environ | {"PREFECT_API_URL": address, "PREFECT_HOME": str(tmp_path / "prefect")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == FAILED
    assert address in done.stderr
    assert "PREFECT_API_URL" in done.stderr
    assert "Traceback" not in done.stderr
