"""Python, libraries, device, processors and memory of this machine against what a line needs."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from flows.checkup.finding import Finding
from flows.settings import LineSettings

# What goes wrong in silence, hence told apart from 'another version than asked for'.
_TRAPS = {
    "fastapi": "Prefect's server does not start with this version.",
    "sqlalchemy": "With this version Prefect's schedules silently make no runs.",
}
# Measured: a worker with its networks loaded at images of 128 and 1,024 px, the process that conducts.
_WORKER_MB, _WORKER_MB_AT_1024_PX, _CONDUCTOR_MB = 800, 300, 900
_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def python_version() -> Iterator[Finding]:
    """The interpreter against `requires-python`."""
    wanted, own = metadata("zeroescape")["Requires-Python"], platform.python_version()
    if own in SpecifierSet(wanted):
        yield Finding("Python", "ok", f"{own}, wanted {wanted}")
    else:
        remedy = "Make an environment with a newer Python and install again."
        yield Finding("Python", "problem", f"{own}, wanted {wanted}", remedy)


def libraries() -> Iterator[Finding]:
    """Every installed library against the pins of the package."""
    wanted = [Requirement(line) for line in requires("zeroescape") or ()]
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [finding for one in needed if (finding := unmet(one)) is not None]
    yield from wrong
    if not wrong:
        yield Finding("libraries", "ok", f"all {len(needed)} have a version that was asked for")


def unmet(wanted: Requirement) -> Finding | None:
    """The problem with one library, None where its version is one that was asked for."""
    name, remedy = f"library {wanted.name}", f"Run: python -m pip install '{wanted}'"
    try:
        own = version(wanted.name)
    except PackageNotFoundError:
        return Finding(name, "problem", f"is not installed, wanted {wanted}", remedy)
    if wanted.specifier.contains(own, prereleases=True):
        return None
    trap = _TRAPS.get(wanted.name.lower(), "")
    return Finding(name, "problem", f"{own}, wanted {wanted.specifier}. {trap}".strip(), remedy)


def device(settings: LineSettings | None) -> Iterator[Finding]:
    """Where the line would train; raises `InputError` for a device that does not exist here."""
    import torch

    from tasks.reconstruction.devices import training_device

    asked = getattr(settings.reconstruction, "device", "cpu") if settings else "auto"
    chosen = training_device(asked)
    if chosen.type == "cuda":
        free, total = torch.cuda.mem_get_info(chosen)
        said = (
            f"{torch.cuda.get_device_name(chosen)}, {free / 1e9:.0f} of {total / 1e9:.0f} GB free"
        )
        yield Finding("device", "ok", f"{chosen}: {said}")
    elif shutil.which("nvidia-smi") and asked == "auto":
        remedy = "Install a torch with CUDA and a driver that fits, or set `device: cpu`."
        fact = "There is an NVIDIA driver, and torch sees no GPU: training takes the CPU."
        yield Finding("device", "warning", fact, remedy)
    else:
        yield Finding("device", "ok", f"{chosen}, {torch.get_num_threads()} threads to train")


def processors(settings: LineSettings | None) -> Iterator[Finding]:
    """Processors that this process may use against the local workers of the line."""
    own = usable_processors()
    if settings is None or settings.dask.address is not None:
        yield Finding("processors", "ok", f"{own} usable")
        return
    workers = settings.dask.workers
    fact = f"{own} usable for {workers} local workers of one thread each"
    if workers > own:
        remedy = f"Set dask.workers to {own}: more take turns and need more memory."
        yield Finding("processors", "warning", fact, remedy)
    else:
        yield Finding("processors", "ok", fact)


def usable_processors() -> int:
    """Processors that the system gives this process: affinity and the limit of its container."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CGROUP_LIMIT.read_text().split()
        return min(own, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        return own


def memory(settings: LineSettings) -> Iterator[Finding]:
    """Memory of this machine against what the line's local workers take together."""
    if settings.dask.address is not None:
        return
    workers, found = settings.dask.workers, psutil.virtual_memory()
    share = (settings.alignment.side_px / 1024) ** 2
    needed_mb = workers * (_WORKER_MB + share * _WORKER_MB_AT_1024_PX) + _CONDUCTOR_MB
    total_mb, free_mb = found.total / 2**20, found.available / 2**20
    fact = (
        f"{free_mb / 1024:.1f} of {total_mb / 1024:.1f} GB free, "
        f"about {needed_mb / 1024:.1f} GB needed by {workers} workers and the run"
    )
    if total_mb < needed_mb:
        yield Finding("memory", "problem", fact, "Set dask.workers lower, or add memory.")
    elif free_mb < needed_mb:
        yield Finding("memory", "warning", fact, "End what else runs here before the nightly.")
    else:
        yield Finding("memory", "ok", fact)
