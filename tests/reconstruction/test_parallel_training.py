"""DistributedDataParallel for real: two gloo processes on this machine under torchrun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

from tasks.reconstruction.processes import Processes, joined_processes
from tasks.vocabulary.errors import InputError

_MODULE = ["-m", "tests.reconstruction.train_in_process"]
_TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
# Float32 and one revival: the two runs then differ by the order of sums only.
_SETTINGS = [
    'precision="float32"',
    "steps=6",
    "revival_end_step=0",
    "discriminator_start_step=3",
    "adversarial_weight=0.0",
]


def pixel_losses(output: str) -> list[float]:
    lines = [line.split() for line in output.splitlines()]
    return [float(line[1]) for line in lines if len(line) == 2 and line[0].isdigit()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        ['codebook_update="ema"'],
        ['codebook_update="gradient"'],
        ['corruption={"kind": "both"}', "code_dropout=0.1"],
    ],
)
def test_two_processes_train_as_one(tmp_path: Path, changed: list[str]) -> None:
    changes = [*_SETTINGS, *changed]
    outputs = {}
    for name, launcher in (("one", []), ("two", _TORCHRUN)):
        arguments = [str(tmp_path / name), str(tmp_path / f"{name}.x"), *changes]
        command = [sys.executable, *launcher, *_MODULE, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        outputs[name] = pixel_losses(done.stdout)
    # Only the first process reports and writes.
    assert len(outputs["one"]) == len(outputs["two"]) == 6
    assert outputs["two"][0] == pytest.approx(outputs["one"][0], rel=1e-5)
    assert outputs["two"] == pytest.approx(outputs["one"], rel=0.1)
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["checkpoint.pt"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        ["steps=6", "discriminator_start_step=2", "batch_size=4"],
        ['kind="anogan"'],  # running statistics of batch normalisation too
    ],
    ids=["vqgan", "anogan"],
)
def test_both_processes_keep_the_same_weights(tmp_path: Path, changes: list[str]) -> None:
    command = [sys.executable, *_TORCHRUN, *_MODULE, str(tmp_path / "w"), str(tmp_path / "r.x")]
    done = subprocess.run([*command, *changes], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    with (
        safe_open(tmp_path / "r.0.safetensors", "pt") as first,
        safe_open(tmp_path / "r.1.safetensors", "pt") as second,
    ):
        for name in first.keys():  # noqa: SIM118 - no dict
            assert first.get_tensor(name).equal(second.get_tensor(name)), name


def test_batch_is_shared_equally_or_refused() -> None:
    parts = [range(8)[Processes(rank, 4).share(8)] for rank in range(4)]
    assert [list(part) for part in parts] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    with pytest.raises(InputError, match="does not divide"):
        Processes(0, 3).share(8)


def test_alone_without_torchrun() -> None:
    with joined_processes("cpu") as processes:
        assert processes == Processes(0, 1, 0)
        assert processes.is_first
