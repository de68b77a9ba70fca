"""The training as a process of its own: all cores, all GPUs, killable, resumed from its checkpoint.

    python -m tasks.training_job JOB.json

reads the images named in the job, trains, and leaves `weights.safetensors` and `history.json` in the
workplace. Every line on standard output is one JSON object: `{"step": {...}, "of": steps}`, or at
the end `{"error": what, "remedy": ..., "kind": "input", "full" or "diverged"}`. It ends by itself when
nobody reads its output any more.
Exit codes: 0 done, 3 no model, for the reason said last.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from storage.errors import StorageFullError, translate
from storage.stores import Stores
from tasks.jobs import TrainingJob
from tasks.perception.backbone import build_perception
from tasks.reconstruction.errors import TrainingDivergedError
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.persistence import save_reconstructor
from tasks.reconstruction.settings import ReconstructionSettings
from tasks.reconstruction.training import train
from tasks.vocabulary.errors import InputError

FAILED = 3


def main(job_file: Path) -> int:
    """Run one job; see the module's text for its output and exit codes."""
    _use_every_gpu(job_file)
    job: TrainingJob = TypeAdapter(TrainingJob).validate_json(job_file.read_bytes())
    with (job.workplace / "lock").open("w") as lock:
        if _rank() == 0:
            # A parent killed a moment ago may have left its training running until its next line.
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _run(job)
        except InputError as error:
            _say({"error": error.what, "remedy": error.remedy, "kind": "input"})
            return FAILED
        except TrainingDivergedError as error:
            _say({"error": error.what, "remedy": error.remedy, "kind": "diverged"})
            return FAILED
        except Exception as error:
            # Of whatever kind: each library has its own for a disk without room.
            full = translate(error, f"training in {job.workplace}")
            if not isinstance(full, StorageFullError):
                raise
            _say({"error": full.what, "remedy": full.remedy, "kind": "full"})
            return FAILED
    return 0


def _run(job: TrainingJob) -> None:
    images = Stores(job.store).images(job.line, job.images_fingerprint)
    trained = train(
        job.reconstruction,
        images.read(job.training_ids),
        images.read(job.validation_ids),
        lambda: build_perception(job.perception),
        job.workplace,
        lambda step: _say_step(step, job.reconstruction),
    )
    if _rank() == 0:
        save_reconstructor(trained.reconstructor, job.workplace / "weights.safetensors")
        history = {
            "best_step": trained.best_step,
            "mean_image_psnr_db": trained.mean_image_psnr_db,
            "steps": [asdict(s) for s in trained.history],
            # Sums of another number of threads differ in the last bits, and after a training in the first.
            "threads": torch.get_num_threads(),
        }
        (job.workplace / "history.json").write_text(json.dumps(history))


def _use_every_gpu(job_file: Path) -> None:
    """Start again under torchrun, one process a GPU, where there are several."""
    gpus = torch.cuda.device_count()
    if gpus > 1 and "RANK" not in os.environ:
        torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}"]
        command = [sys.executable, "-m", *torchrun, "-m", "tasks.training_job", str(job_file)]
        os.execv(sys.executable, command)  # noqa: S606  # our own interpreter, no shell on purpose


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _say_step(step: TrainingStep, settings: ReconstructionSettings) -> None:
    if _rank() == 0:
        _say({"step": asdict(step), "of": getattr(settings, "steps", 1)})


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
