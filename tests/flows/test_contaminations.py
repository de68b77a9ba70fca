"""What a contamination study says, from figures as its verb leaves them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.contamination_table import show_contamination
from flows.contaminations import ContaminationFound


def row(share: float, figure: float, change: float, high: float) -> dict[str, Any]:
    auroc = {"figure": figure, "low": figure - 0.1, "high": figure + 0.1}
    changed = {"difference": change, "low": change - 0.05, "high": high}
    scores = {name: {"auroc": auroc, "change": changed} for name in ("kl", "likelihood_loss")}
    return {
        "share": share,
        "training_images": 100,
        "abnormal": round(100 * share),
        "model": "m",
        "scores": scores,
    }


def found(*rows: dict[str, Any]) -> ContaminationFound:
    content = {
        "kind": "vae",
        "own_scores": ["kl", "likelihood_loss"],
        "n_normal": 30,
        "n_abnormal": 20,
        "mixed": [],
        "rows": list(rows),
    }
    return ContaminationFound("cells", content, 3.0)


CLEAN, WORSE = row(0.0, 0.9, 0.0, 0.0), row(0.09, 0.7, -0.2, -0.15)


def test_a_loss_is_a_loss_only_where_the_limits_say_so() -> None:
    (said,) = found(CLEAN, WORSE).sentences()
    assert "With 0 % abnormal images in training kl has AUROC 0.900" in said
    assert "with 9 % 0.700: -0.200 (-0.250 to -0.150), a loss." in said
    (said,) = found(CLEAN, row(0.09, 0.88, -0.02, 0.01)).sentences()
    assert "no loss is shown" in said
    assert found(CLEAN).sentences() == ["With 0 % abnormal images in training kl has AUROC 0.900."]


def test_the_terminal_shows_every_share_and_every_score() -> None:
    made = found(CLEAN, WORSE)
    table = made.table()
    assert all(len(one) == len(table.headings) for one in table.rows)
    assert table.rows[0][-1] == "-"
    shown = io.StringIO()
    show_contamination(made, Console(file=shown, width=150), Path("a.json"))
    for words in ("AUROC of likelihood loss", "9 of 100, 9 %", "30 normal", "a.json"):
        assert words in shown.getvalue()
    assert made.machine_readable["rows"][1]["abnormal"] == 9
