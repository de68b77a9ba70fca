from __future__ import annotations

import re
import subprocess
import sys

from tasks.metrics.catalogue import (
    HEADINGS,
    catalogue_markdown,
    catalogue_notes,
    catalogue_rows,
)
from tasks.metrics.rows import ImageMetric
from tasks.metrics.table import TABLE


def test_every_metric_has_a_row_with_every_cell_filled() -> None:
    rows = catalogue_rows()
    assert [row[0] for row in rows] == [f"{row.level}.{row.name}" for row in TABLE]
    assert all(len(row) == len(HEADINGS) and all(row) for row in rows)


def test_cells_tell_what_the_table_holds() -> None:
    told = {row[0]: dict(zip(HEADINGS, row, strict=True)) for row in catalogue_rows()}
    assert told["patch.ssim"]["bounds"] == "[-1, 1]"
    assert told["patch.ssim"]["worse"] == "lower"
    assert told["patch.ssim"]["columns"] == "7, masked 7"
    assert told["patch.euclidean"]["bounds"] == "[0, ∞)"
    assert told["patch.jensen_shannon"]["bounds"] == "[0, 0.8326]"
    assert told["image.quantization_mse"]["columns"] == "1 (needs latent)"
    singles = {name for name, cells in told.items() if cells["columns"].startswith("1")}
    assert singles == {f"{row.level}.{row.name}" for row in TABLE if isinstance(row, ImageMetric)}


def test_markdown_is_one_table_of_one_line_a_metric_and_the_notes() -> None:
    lines = catalogue_markdown().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == len(TABLE) + 2
    # Bars that are no cell borders are escaped.
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {len(HEADINGS) + 1}
    assert lines[len(table) :] == ["", *(f"- {note}" for note in catalogue_notes())]


def test_the_catalogue_needs_no_heavy_library() -> None:
    """A command that only prints it starts at once."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, tasks.metrics.catalogue; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "tasks.metrics.patch" in loaded
    assert not {"torch", "scipy", "skimage", "sklearn", "prefect", "dask"} & set(loaded)
