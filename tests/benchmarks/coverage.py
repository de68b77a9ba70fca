"""Promised against simulated: how often a certified threshold misses more than it promised.

`python -m tests.benchmarks.coverage --json build/coverage.json` prints the table for n = 18, 59, 174 and
299 defects, escape rates of 5, 2 and 1 % and confidences of 90, 95 and 99 %. Every study draws n
defect scores from a known distribution, lets the certification room set the threshold, and takes the
true miss rate from the distribution itself. `uneven` has ties (tenths), where thresholds miss less.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import binom, norm

from tasks.certification.bounds import defects_needed, order_statistic
from tasks.certification.thresholds import zfn_threshold
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import NoSafeThresholdError

SIZES = (18, 59, 174, 299)
RATES = (0.05, 0.02, 0.01)
CONFIDENCES = (0.90, 0.95, 0.99)
STUDIES = 4000

Draw = Callable[[np.random.Generator, int], Float64Array]
MissRate = Callable[[float], float]


def _tenths(generator: np.random.Generator, n: int) -> Float64Array:
    return np.round(generator.normal(size=n), 1)


def _missed_tenths(threshold: float) -> float:
    """P(score < threshold) of normal scores rounded to tenths."""
    return float(norm.cdf(threshold - 0.05))


DISTRIBUTIONS: dict[str, tuple[Draw, MissRate]] = {
    "uniform": (lambda generator, n: generator.random(n), lambda threshold: threshold),
    "normal": (
        lambda generator, n: generator.normal(size=n),
        lambda threshold: float(norm.cdf(threshold)),
    ),
    "uneven": (_tenths, _missed_tenths),
}


@dataclass(frozen=True)
class Cell:
    """One n under one promise; `rank` is None where the room refuses, and says what it needs.

    `exact` is BinomCDF(k - 1; n, a): the share of studies that break the promise where nothing
    ties. `broken` and `mean_miss_rate` are simulated, by distribution.
    """

    n: int
    escape_rate: float
    confidence: float
    rank: int | None
    needed: int
    exact: float | None
    mean_promised: float | None
    broken: dict[str, float]
    mean_miss_rate: dict[str, float]


def cell(n: int, rate: float, confidence: float, studies: int, seed: int = 0) -> Cell:
    """Simulate one cell of the table."""
    needed = defects_needed(rate, confidence)
    try:
        rank = order_statistic(n, rate, confidence)
    except NoSafeThresholdError:
        return Cell(n, rate, confidence, None, needed, None, None, {}, {})
    broken, means = {}, {}
    for name, (draw, miss_rate) in DISTRIBUTIONS.items():
        generator = np.random.default_rng([seed, n, rank])
        thresholds = [zfn_threshold(draw(generator, n), rank - 1) for _ in range(studies)]
        missed = np.array([miss_rate(threshold) for threshold in thresholds])
        broken[name] = float(np.mean(missed > rate))
        means[name] = float(missed.mean())
    exact = float(binom.cdf(rank - 1, n, rate))
    return Cell(n, rate, confidence, rank, needed, exact, rank / (n + 1), broken, means)


def table(cells: list[Cell]) -> Table:
    """Lay the cells out for a terminal."""
    shown = Table(
        "n",
        "at most",
        "confidence",
        "k",
        "may break",
        "exact",
        *DISTRIBUTIONS,
        "mean missed: k/(n+1)",
        "uniform",
        title="Share of studies whose threshold misses more than promised, %",
    )
    for one in cells:
        promise = (str(one.n), f"{100 * one.escape_rate:g} %", f"{100 * one.confidence:g} %")
        if one.rank is None:
            shown.add_row(*promise, "-", f"refused: needs {one.needed}")
            continue
        shown.add_row(
            *promise,
            str(one.rank),
            f"{100 * (1 - one.confidence):.1f}",
            f"{100 * (one.exact or 0.0):.2f}",
            *(f"{100 * share:.2f}" for share in one.broken.values()),
            f"{100 * (one.mean_promised or 0.0):.2f}",
            f"{100 * one.mean_miss_rate['uniform']:.2f}",
        )
    return shown


def main() -> None:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("build/coverage.json"))
    parser.add_argument("--studies", type=int, default=STUDIES)
    asked = parser.parse_args()
    cells = [cell(n, a, c, asked.studies) for n in SIZES for a in RATES for c in CONFIDENCES]
    Console(width=130).print(table(cells))
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    found = {"studies": asked.studies, "cells": [asdict(one) for one in cells]}
    asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
