"""Programs that run beside each other: started in order, watched, restarted, stopped without orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

Say = Callable[[str], None]
_START_SECONDS = 600
_STOP_SECONDS = 20
# A program that dies so often within so many seconds has a reason that a restart does not remove.
_MOST_DEATHS, _DEATHS_WITHIN_SECONDS = 5, 60.0


class StackError(RuntimeError):
    """The stack cannot be started, or a part of it does not stay up; the text names the remedy."""


@dataclass(frozen=True)
class Program:
    """What to run, as whom, and how to see that it works; `order` of the start, lowest first."""

    name: str
    order: int
    command: Sequence[str]
    healthy: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def whole_command(self) -> list[str]:
        """With setpriv in front: its own user, and a signal should whoever started it be killed."""
        changed = ["setpriv", "--pdeathsig", self.stop_signal.name.removeprefix("SIG")]
        if self.user is not None:
            changed += [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"]
        return [*changed, "--", *self.command]


@dataclass
class Supervisor:
    """Runs programs; must be used from the main thread, for a death signal belongs to a thread."""

    programs: Sequence[Program]
    logs: Path
    say: Say
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False)
    _deaths: dict[str, list[float]] = field(default_factory=dict, init=False)

    def start(self) -> None:
        """Start all, those of one order side by side; raises `StackError` with the log's last lines."""
        for order in sorted({program.order for program in self.programs}):
            beside = [program for program in self.programs if program.order == order]
            for program in beside:
                self._launch(program)
            for program in beside:
                self._wait(program)
                self.say(f"up: {program.name} (process {self._running[program.name].pid})")

    def process_ids(self) -> dict[str, int]:
        """Which process each program is now."""
        return {name: process.pid for name, process in self._running.items()}

    def restart_dead(self) -> bool:
        """Start again what has ended, and say whether there was any.

        Raises `StackError` for a program that does not stay up.
        """
        dead = [p for p in self.programs if self._running[p.name].poll() is not None]
        for program in dead:
            code = self._running[program.name].returncode
            now = time.monotonic()
            recent = [
                at for at in self._deaths.get(program.name, []) if now - at < _DEATHS_WITHIN_SECONDS
            ]
            self._deaths[program.name] = [*recent, now]
            if len(recent) >= _MOST_DEATHS:
                raise StackError(f"{program.name} does not stay up:\n{self._last_lines(program)}")
            self.say(f"{program.name} ended with code {code}; starting it again")
            time.sleep(min(0.5 * 2 ** len(recent), 5.0))
            self._launch(program)
        return bool(dead)

    def stop(self) -> None:
        """Stop all, the last started first; what does not go by itself is killed with its children."""
        for program in sorted(self.programs, key=lambda program: -program.order):
            process = self._running.pop(program.name, None)
            if process is not None:
                _stop(process, program.stop_signal)
                self.say(f"stopped: {program.name}")

    def _launch(self, program: Program) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{program.name}.log").open("ab") as log:
            self._running[program.name] = subprocess.Popen(  # noqa: S603  # our own programs
                program.whole_command,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait(self, program: Program) -> None:
        end = time.monotonic() + _START_SECONDS
        process = self._running[program.name]
        # Until setpriv has become the program, nothing ends it should this process be killed.
        while _is_setpriv(process) or not program.healthy():
            if process.poll() is not None:
                raise StackError(f"{program.name} ended at once:\n{self._last_lines(program)}")
            if time.monotonic() > end:
                raise StackError(f"{program.name} never answered:\n{self._last_lines(program)}")
            time.sleep(0.2)

    def _last_lines(self, program: Program) -> str:
        log = self.logs / f"{program.name}.log"
        lines = log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([*lines, f"(the whole log: {log})"])


def _is_setpriv(process: subprocess.Popen[bytes]) -> bool:
    try:
        return psutil.Process(process.pid).cmdline()[:1] == ["setpriv"]
    except psutil.Error:
        return False


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """Politely, then not; its children, too, also those that have made themselves groups of their own."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.send_signal(stop_signal)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # Killed is not yet gone: 'stopped' is said of what is no more.
    psutil.wait_procs(family, timeout=_STOP_SECONDS)
