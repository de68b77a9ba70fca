"""Runs of the flows as the command line starts them: with progress bars, time and memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prefect import tags

from flows.backfill import Backfilled, backfill_line
from flows.clock import PeakMemory
from flows.compare import CompareRequest, compare_line
from flows.comparisons import Comparison
from flows.contamination import ContaminationRequest, contaminate_line
from flows.contaminations import ContaminationFound
from flows.display import Terminal
from flows.evaluate import EvaluateRequest, evaluate_line
from flows.evaluations import Evaluation
from flows.figures import Inspection, Intake, Run
from flows.ingest import take_in
from flows.inspect import inspect
from flows.localise import Localised, localise_line
from flows.retrain import retrain
from flows.run_tags import tagged, tags_of
from flows.studies import StudyFound
from flows.study import StudyRequest, study_line
from flows.suspended import suspended_words
from flows.synthesize import synthesize
from flows.systems import SystemsFound, compare_systems
from tasks.progress import Progress, listening
from tasks.synthesis.settings import ArchiveSettings, BoardDesignSettings, PerturbationSettings


def measured_retrain(config: Path, terminal: Terminal, *, learn: bool = False) -> Run:
    """Retrain with progress bars."""
    begin = time.perf_counter()
    with (
        PeakMemory() as memory,
        terminal.bars() as bars,
        listening(bars),
        tagged(config, "retrain"),
    ):
        figures = retrain(config, learn=learn)
    total = time.perf_counter() - begin
    return Run(figures, figures.for_machines(total, memory.peak_mb))


def measured_ingest(config: Path, terminal: Terminal) -> Intake:
    """Ingest with progress bars."""
    begin = time.perf_counter()
    with terminal.bars() as bars, listening(bars), tagged(config, "ingest"):
        intake = take_in(config)
    return replace(intake, total_seconds=time.perf_counter() - begin)


def rendered(
    folder: Path,
    product: BoardDesignSettings,
    archive: ArchiveSettings,
    perturbation: PerturbationSettings,
    terminal: Terminal,
) -> int:
    """Render a synthetic archive with a progress bar."""
    with terminal.bars() as bars:
        return synthesize(
            folder,
            product,
            archive,
            perturbation,
            lambda done, total: bars(Progress("render", done, total)),
        )


def measured_localise(config: Path, truth: str | None, terminal: Terminal) -> Localised:
    """Localise with a progress bar."""
    with terminal.bars() as bars, listening(bars), tagged(config, "localise"):
        return localise_line(config, truth)


def measured_evaluation(request: EvaluateRequest, terminal: Terminal) -> Evaluation:
    """Evaluate with progress bars."""
    with terminal.bars() as bars, listening(bars), tagged(request.config, "evaluate"):
        return evaluate_line(request)


def measured_study(request: StudyRequest, terminal: Terminal) -> StudyFound:
    """Study with progress bars."""
    with terminal.bars() as bars, listening(bars), tagged(request.config, "study"):
        return study_line(request)


def measured_contamination(request: ContaminationRequest, terminal: Terminal) -> ContaminationFound:
    """Train and judge with progress bars."""
    with terminal.bars() as bars, listening(bars), tagged(request.config, "contamination"):
        return contaminate_line(request)


def measured_comparison(request: CompareRequest, terminal: Terminal) -> Comparison:
    """Compare with progress bars."""
    with terminal.bars() as bars, listening(bars), tagged(request.config, "compare"):
        return compare_line(request)


def measured_systems(request: CompareRequest, terminal: Terminal) -> SystemsFound:
    """Compare systems with progress bars."""
    with (
        terminal.bars() as bars,
        listening(bars),
        tags(*tags_of("systems", "compare", "by-hand")),
    ):
        return compare_systems(request)


def measured_backfill(
    terminal: Terminal,
    config: Path,
    since: str | None,
    until: str | None,
    model: str | None,
    where: Sequence[str],
    images_per_second: float | None,
    at_most_workers: int,
) -> Backfilled:
    """Backfill with progress bars."""
    with terminal.bars() as bars, listening(bars), tagged(config, "backfill"):
        return backfill_line(
            config, since, until, model, list(where), images_per_second, at_most_workers
        )


def measured_inspect(
    config: Path, paths: Sequence[Path], folder: Path, terminal: Terminal
) -> Inspection:
    """Inspect with a progress bar."""
    begin = time.perf_counter()
    with terminal.bars() as bars, listening(bars), tagged(config, "inspect"):
        verdicts = inspect(config, paths, folder)
    seconds = time.perf_counter() - begin
    return Inspection(verdicts, folder, seconds, suspended_words(config))
