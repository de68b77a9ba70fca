"""`python -m tests.benchmarks.nights --json build/nights.json`: what a night costs by what is new.

On a line without a network to train: seconds of each stage against the number of new images, how many rows
were measured, what was trained, and how much longer a night takes beside a backfill of the same store.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tests.history_line import (
    HistoryLine,
    freeze_challenger,
    put_tile,
    rows_twice,
    write_dated_archive,
)
from tests.product_line import LINE, ended, receipts

NEW = (0, 20, 40, 80)
HISTORY = 600


def main(json_file: Annotated[Path, typer.Option("--json", help="Where the figures go.")]) -> None:
    """Measure some nights and one beside a backfill; takes some minutes."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _measured(Path(folder))
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def _measured(folder: Path) -> dict[str, Any]:
    line = HistoryLine(folder / "line", write_dated_archive(folder / "archive"), _alone(folder))
    _add(line, 5000, HISTORY)
    champion = line.retrain()["fingerprints"]["bundle"]
    line.stores.registry.promote(LINE, champion)
    nights = []
    begun = 1000
    for count in NEW:
        _add(line, begun, count)
        begun += count
        nights.append(_night(line) | {"new_images": count})
        challenger = freeze_challenger(line.stores, champion, threshold=0.5, kept=15)
    return {"nights": nights, "beside_a_backfill": _beside(line, challenger, begun, folder)}


def _alone(folder: Path) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1",
        "PREFECT_API_URL": "",
    }


def _add(line: HistoryLine, begin: int, count: int) -> None:
    for number in range(begin, begin + count):
        put_tile(line.archive, number, "normal", "2026-10-20")


def _night(line: HistoryLine) -> dict[str, Any]:
    rows, models = _rows(line), receipts(line.store, "models")
    figures = line.retrain()
    return {
        "rows_measured": _rows(line) - rows,
        "models_trained": len(receipts(line.store, "models") - models),
        "seconds": {name: round(took, 2) for name, took in figures["seconds"].items()},
    }


def _rows(line: HistoryLine) -> int:
    places = (line.store / "features" / LINE).glob("*/*/receipt.json")
    return sum(len(json.loads(place.read_bytes())["rows"]) for place in places)


def _beside(line: HistoryLine, challenger: str, begun: int, folder: Path) -> dict[str, Any]:
    """The same night alone, and beside a backfill that measures all of the past with another bundle."""
    _add(line, begun, NEW[-1])
    alone, both = (_copy(line, folder / name) for name in ("alone", "both"))
    begin = time.perf_counter()
    alone.retrain()
    seconds_alone = time.perf_counter() - begin
    backfill = both.start("backfill", "--model", challenger)
    begin = time.perf_counter()
    both.retrain()
    seconds_beside = time.perf_counter() - begin
    ended(backfill)
    return {
        "seconds_alone": round(seconds_alone, 1),
        "seconds_beside": round(seconds_beside, 1),
        "ratio": round(seconds_beside / seconds_alone, 2),
        "rows_doubled": len(rows_twice(both.stores)),
    }


def _copy(line: HistoryLine, folder: Path) -> HistoryLine:
    shutil.copytree(line.store, folder / "store")
    return HistoryLine(folder, line.archive, line.environment)


if __name__ == "__main__":
    typer.run(main)
