"""A training killed by SIGKILL and started again ends with the bits of an undisturbed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

_PROGRAM = [sys.executable, "-m", "tests.reconstruction.train_in_process"]
_SETTINGS = ["steps=24", "checkpoint_every=5", "discriminator_start_step=8"]


def run(workplace: Path, result: Path) -> list[str]:
    command = [*_PROGRAM, str(workplace), str(result), *_SETTINGS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout.splitlines()


def run_and_kill(workplace: Path, result: Path, at_step: int) -> None:
    command = [*_PROGRAM, str(workplace), str(result), *_SETTINGS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line.split()[0]) == at_step:
                process.kill()
                break
        process.stdout.read()
    assert process.returncode == -9
    assert not list(result.parent.glob(f"{result.stem}*.safetensors"))


@pytest.mark.slow
def test_killed_twice_and_resumed_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole_steps = run(tmp_path / "whole", tmp_path / "whole.x")
    run_and_kill(tmp_path / "cut", tmp_path / "cut.x", at_step=6)
    run_and_kill(tmp_path / "cut", tmp_path / "cut.x", at_step=17)
    # A kill in the middle of a write leaves this behind; it must not be taken for a checkpoint.
    (tmp_path / "cut" / "checkpoint.pt.partial").write_bytes(b"half")
    resumed_steps = run(tmp_path / "cut", tmp_path / "cut.x")
    assert len(whole_steps) == 24
    assert 0 < len(resumed_steps) < 24
    assert resumed_steps == whole_steps[-len(resumed_steps) :]
    with (
        safe_open(tmp_path / "whole.0.safetensors", "pt") as whole,
        safe_open(tmp_path / "cut.0.safetensors", "pt") as cut,
    ):
        assert list(whole.keys()) == list(cut.keys())
        for name in whole.keys():  # noqa: SIM118 - no dict
            assert whole.get_tensor(name).equal(cut.get_tensor(name)), name
