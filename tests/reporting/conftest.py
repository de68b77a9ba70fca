"""Realistic synthetic report content, small enough to render in a fraction of a second."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tasks.reporting import content as c

THRESHOLD = 0.25


def board(
    number: int, label: c.Label, score: float, side: int = 32, **more: object
) -> c.BoardExample:
    random = np.random.default_rng(number)
    reconstruction = np.full((side, side, 1), 90, dtype=np.uint8)
    image = reconstruction + random.integers(0, 12, reconstruction.shape, dtype=np.uint8)
    row, column = random.integers(4, side - 8, 2)
    image[row : row + 4, column : column + 4] = 220
    difference = np.abs(image.astype(np.float32) - reconstruction).mean(axis=2) / 255.0
    boxes = np.array([[row, column, row + 4, column + 4], [row, column, row + 8, column + 8]])
    fields: dict[str, object] = {
        "image_id": f"{label}-{number:03d}",
        "source_name": f"panel_{number}.png",
        "label": label,
        "role": "development",
        "score": score,
        "verdict": "flagged" if c.is_flagged(score, THRESHOLD) else "passed",
        "input_HWC": image,
        "reconstruction_HWC": reconstruction,
        "difference_HW": difference,
        "boxes_Q4": boxes,
        "masked_boxes_Q4": boxes[:1],
        "box_scores_Q": np.array([3.0, 1.0]),
        "caption": "synthetic",
    }
    return c.BoardExample(**{**fields, **more})  # type: ignore[arg-type]  # fields of any type


def synthetic_content() -> c.ReportContent:
    random = np.random.default_rng(5)
    abnormal, normal = random.beta(6, 2, 60), random.beta(2, 4, 90)
    abnormal[0] = THRESHOLD
    abnormal = np.maximum(abnormal, THRESHOLD)
    development = c.ScoredImages(
        np.concatenate([normal, abnormal]), np.repeat([0, 1], [len(normal), len(abnormal)])
    )
    held = c.ScoredImages(
        np.r_[random.beta(2, 4, 24), random.beta(9, 2, 40)], np.repeat([0, 1], [24, 40])
    )
    calls = int((normal >= THRESHOLD).sum())
    false_calls = int((held.normal >= THRESHOLD).sum())
    figures = c.OperatingFigures(0.9, 0.8, 0.2, 0.1)
    constant = c.OperatingFigures(0.4, math.nan, 1.0, 0.0)
    return c.ReportContent(
        product_line="synthetic-line",
        title="Certification report",
        created_at="2026-03-14T08:30:00Z",
        threshold=THRESHOLD,
        development=development,
        certification=held,
        certificate=c.CertificateFigures(
            24, 40, 0, false_calls, 0.0721, "0 of 40 held-out defects were missed.", 0.3, 0.7
        ),
        ladder=(
            c.LadderRow(0.0, 0, THRESHOLD, calls, 90, calls / 90, 0.45, 0.7),
            c.LadderRow(0.05, 3, 0.4, 20, 90, 20 / 90, 0.14, 0.32),
        ),
        undecided_N=random.random(12),
        examples=(
            board(0, "abnormal", THRESHOLD, sets_threshold=True),
            *(board(n, "abnormal", 0.3 + n / 50.0) for n in range(1, 7)),
            *(board(n, "normal", 0.9 - n / 50.0) for n in range(10, 16)),
            board(20, "undecided", 0.5),
        ),
        mask_HW=random.random((32, 32)),
        classifiers=(
            c.ClassifierRow("extra_trees", figures, figures, chosen=True),
            c.ClassifierRow("constant_score", constant, constant),
        ),
        influences=(
            c.MetricInfluence("masked.patch.ssim.sum", 0.2),
            c.MetricInfluence("image.mse", -0.1),
        ),
        history=tuple(
            {
                "step": step,
                "loss": 1.0 / (1 + step),
                "validation_psnr_db": 20.0 + step,
                "phase": "gan",
            }
            for step in range(0, 50, 10)
        ),
        best_step=30,
        redrawing=c.Redrawing(29.63, 22.2),
        roles=(c.RoleRow("development", 90, 60, 12),),
        quarantine=(c.QuarantineRow("unreadable", 2),),
        stage_times=(c.StageTime("train", 75.0), c.StageTime("fit", 0.4)),
        reconstructor="vqgan",
        device="CPU",
        versions={"numpy": "2.4"},
        seeds={"training": 7},
        fingerprints={"settings": "ab" * 32},
    )


@pytest.fixture(scope="session")
def content() -> c.ReportContent:
    return synthetic_content()


@pytest.fixture(scope="session")
def make_board() -> Callable[..., c.BoardExample]:
    return board
