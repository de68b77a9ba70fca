"""Programs beside each other: watched, started again, and gone with whoever started them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.stack import database
from infra.stack.programs import Program, StackError, Supervisor
from tests.infra.running_stack import until
from tests.product_line import REPOSITORY

SLEEPING = [sys.executable, "-c", "import time; time.sleep(600)"]
# With a child in a group of its own, as the runs of a Prefect worker may be.
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(601)'],"
    " start_new_session=True)\n"
    "print('up', flush=True)\n"
    "time.sleep(602)",
]
OWNER = """
import signal, sys
from pathlib import Path
from infra.stack.programs import Program, Supervisor
program = Program("sleeper", 0, [sys.executable, "-c", "import time; time.sleep(603)"], lambda: True)
supervisor = Supervisor([program], Path(sys.argv[1]), print)
supervisor.start()
print(supervisor.process_ids()["sleeper"], flush=True)
signal.pause()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    said: list[str] = []
    log = tmp_path / "parent.log"
    programs = [
        Program("sleeper", 0, SLEEPING, lambda: True),
        Program("parent", 1, PARENT, lambda: "up" in log.read_text()),
    ]
    supervisor = Supervisor(programs, tmp_path, said.append)
    yield supervisor
    supervisor.stop()


def test_all_are_stopped_with_their_children(supervisor: Supervisor) -> None:
    supervisor.start()
    processes = [psutil.Process(number) for number in supervisor.process_ids().values()]
    family = [*processes, *(child for one in processes for child in one.children(recursive=True))]
    assert len(family) == 3
    supervisor.stop()
    assert not [one for one in family if one.is_running() and one.status() != "zombie"]


def test_what_dies_is_started_again(supervisor: Supervisor) -> None:
    supervisor.start()
    before = supervisor.process_ids()
    assert not supervisor.restart_dead()
    killed = psutil.Process(before["sleeper"])
    killed.kill()
    until(supervisor.restart_dead, 20, lambda: "it was not started again")
    after = supervisor.process_ids()
    assert after["sleeper"] != before["sleeper"]
    assert after["parent"] == before["parent"]


def test_a_program_that_ends_at_once_says_its_last_words(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; sys.exit('no such database')"]
    supervisor = Supervisor([Program("broken", 0, words, lambda: False)], tmp_path, print)
    with pytest.raises(StackError, match="no such database"):
        supervisor.start()
    supervisor.stop()


def test_programs_go_when_their_owner_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        sleeper = psutil.Process(int(owner.stdout.readline()))
        owner.send_signal(signal.SIGKILL)
    until(lambda: gone(sleeper), 20, lambda: "it outlived its owner")


def gone(process: psutil.Process) -> bool:
    time.sleep(0.05)
    return not process.is_running() or process.status() == "zombie"


def test_without_postgresql_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="apt-get install postgresql-15"):
        database.binaries()
