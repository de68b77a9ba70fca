"""Verb: train the reconstruction of normals, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import deque
from typing import Any

from prefect import task
from pydantic import TypeAdapter

from storage.errors import StorageFullError, translated
from storage.fingerprints import fingerprint
from storage.receipts import Json, Receipt
from storage.stores import Stores
from tasks.jobs import TrainingJob
from tasks.perception.identity import weights_identity
from tasks.progress import report_progress
from tasks.retrying import RETRYING, ProcessLostError
from tasks.vocabulary.errors import InputError, ZeroescapeError


@task(name="train", **RETRYING)
def train(stores: Stores, job: TrainingJob, key: str) -> Receipt:
    """Commit the model of `key`; an interrupted training goes on from its last checkpoint.

    Raises `InputError` where images or settings cannot be trained on, `TrainingFailedError` where the
    training diverged, `StorageFullError` where a checkpoint found no room, and `ProcessLostError` (retried)
    where its process was killed.
    """
    # Of two runs that train the same model, the second waits and then finds it committed.
    with stores.exclusive(key):
        receipt = stores.registry.find("models", key) or _trained(stores, job, key)
        # Also left by a run that was killed between commit and clearing.
        stores.clear_workplace(key)
    return receipt


def _trained(stores: Stores, job: TrainingJob, key: str) -> Receipt:
    begin = time.perf_counter()
    run_training(job)
    seconds = time.perf_counter() - begin
    weights = (job.workplace / "weights.safetensors").read_bytes()
    history = (job.workplace / "history.json").read_bytes()
    settings = json.dumps(job.reconstruction.model_dump(mode="json"), indent=1).encode()
    files = {"weights.safetensors": weights, "history.json": history, "settings.json": settings}
    inputs = {"images": job.images_fingerprint}
    return stores.registry.put("models", key, files, inputs=inputs, facts=_facts(history, seconds))


class TrainingFailedError(ZeroescapeError, RuntimeError):
    """The training ended without a model; trying again with the same settings would end the same."""


def run_training(job: TrainingJob) -> None:
    """Run the training process to its end and pass its progress on."""
    job_file = job.workplace / "job.json"
    with translated(f"writing {job_file}"):
        job.workplace.mkdir(parents=True, exist_ok=True)
        job_file.write_bytes(TypeAdapter(TrainingJob).dump_json(job))
    last_lines: deque[str] = deque(maxlen=20)
    complaint: dict[str, str] = {}
    with subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-m", "tasks.training_job", str(job_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101  # PIPE was asked for
        try:
            for line in process.stdout:
                complaint = _heard(line, last_lines) or complaint
        except BaseException:
            process.kill()
            raise
    _raise_for(process.returncode, complaint, last_lines)


def _heard(line: str, last_lines: deque[str]) -> dict[str, str] | None:
    try:
        said = json.loads(line)
    except json.JSONDecodeError:
        last_lines.append(line.rstrip())
        return None
    if "step" in said:
        step = said["step"]
        report_progress("train", step["step"] + 1, said["of"], _in_short(step))
        return None
    return dict(said) if "error" in said else None


def _in_short(step: dict[str, Any]) -> str:
    """The newest figures in a few words; the whole history is kept with the model."""
    words = [] if step["psnr_db"] is None else [f"PSNR {step['psnr_db']:.1f} dB"]
    if step["perplexity"] is not None:
        words.append(f"perplexity {step['perplexity']:.0f}")
    losses = list(step["losses"].items())[:3]
    words += [f"{name.replace('_', ' ')} {value:.3g}" for name, value in losses]
    return ", ".join(words)


def _raise_for(returncode: int, complaint: dict[str, str], last_lines: deque[str]) -> None:
    if returncode == 0:
        return
    if returncode < 0:
        raise ProcessLostError(
            f"The training process was killed by signal {-returncode}; it resumes from its checkpoint."
        )
    if complaint and complaint["kind"] == "input":
        raise InputError(complaint["error"], complaint["remedy"])
    if complaint and complaint["kind"] == "full":
        raise StorageFullError(complaint["error"], complaint["remedy"])
    if complaint:
        raise TrainingFailedError(complaint["error"], complaint["remedy"])
    said = "\n".join(last_lines)
    raise TrainingFailedError(
        f"The training process ended with exit code {returncode}:\n{said}",
        "Read its last lines above; run again once the reason is gone.",
    )


def _facts(history: bytes, seconds: float) -> dict[str, Json]:
    """`seconds` are those of the run that finished the training, not of what it resumed."""
    content = json.loads(history)
    best = next((s for s in content["steps"] if s["step"] == content["best_step"]), None)
    return {
        "best_step": content["best_step"],
        "best": best,
        "mean_image_psnr_db": content["mean_image_psnr_db"],
        "threads": content["threads"],
        "seconds": seconds,
    }


def model_key(job: TrainingJob, code: str) -> str:
    """Fingerprint of a model: settings, backbone, the images in order, and the code of its rooms."""
    return fingerprint(
        {
            "reconstruction": job.reconstruction.model_dump(mode="json"),
            "perception": job.perception.model_dump(mode="json"),
            "perception_weights": weights_identity(job.perception),
            "images": job.images_fingerprint,
            "training": job.training_ids,
            "validation": job.validation_ids,
            "code": code,
        }
    )
