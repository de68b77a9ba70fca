"""What a comparison says in words, tables, CSV and on its page, from figures as the verbs leave them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from flows.compare import chosen_rivals
from flows.compare_table import show_comparison
from flows.comparisons import Comparison, standing
from flows.settings import CompareSettings
from tasks.baselines.settings import EVERY_RIVAL, MeanImageSettings, MemoryBankSettings
from tasks.reporting.comparison_page import Axis, axis_of, paired_axis, render_comparison
from tasks.vocabulary.errors import InputError


def step(rate: float, escapes: float) -> dict[str, Any]:
    return {
        "rate": rate,
        "low": rate - 0.05,
        "high": rate + 0.05,
        "escapes_fresh": escapes,
        "n_abnormal": 50,
        "hindsight": rate,
    }


def method(name: str, auroc: float, difference: float | None = None) -> dict[str, Any]:
    paired = None
    if difference is not None:
        paired = {"difference": difference, "low": difference - 0.02, "high": difference + 0.02}
    return {
        "name": name,
        "kind": "composite" if paired is None else "memory_bank",
        "auroc": auroc,
        "auroc_low": auroc - 0.03,
        "auroc_high": auroc + 0.03,
        "pro": None,
        "std_accuracy": 0.9,
        "zfn_accuracy": 0.6,
        "fpr_at_fn": {"0": step(0.8, 1.5), "0.02": step(0.3, 2.0)},
        "families": {
            "scratch": {"n": 30, "recall": 0.9, "precision": 0.8, "f1": 0.847},
            "<hole>": {"n": 20, "recall": 0.5, "precision": 0.8, "f1": 0.6154},
        },
        "certification": None,
        "seconds_per_image": 0.031,
        "state_bytes": 3 * 2**20,
        "peak_bytes": 700 * 2**20,
        "paired": paired,
        "paired_false_calls": None if paired is None else {"0.02": paired},
    }


def comparison(*rivals: dict[str, Any], held: bool = True) -> Comparison:
    methods = [method("composite", 0.94), *rivals]
    certified = {
        "escapes": 1,
        "n_abnormal": 40,
        "escape_rate_high": 0.1234,
        "false_calls": 9,
        "n_normal": 24,
    }
    found = {
        "methods": methods,
        "folds": 5,
        "repeats": 2,
        "n_normal": 60,
        "n_abnormal": 50,
        "n_groups": None,
        "unanswered": [0, 0],
    }
    looks = {"looks": 7, "methods": {one["name"]: certified for one in methods}} if held else None
    return Comparison("cells", "Solar <cells>", "cells", found, looks, None, 12.0, 2)


AHEAD, LEVEL, BEHIND = (
    method("bank", 0.97, 0.03),
    method("near", 0.95, 0.01),
    method("mean <image>", 0.7, -0.24),
)


def test_a_rival_is_ahead_or_behind_only_where_the_limits_leave_zero_out() -> None:
    assert [standing(one) for one in (AHEAD, LEVEL, BEHIND)] == ["ahead", "level", "behind"]
    assert standing(method("composite", 0.9)) == ""


def test_sentences_name_the_best_rival_and_count_all() -> None:
    said = "\n".join(comparison(AHEAD, LEVEL, BEHIND).sentences())
    assert "bank (0.970), is better than the composite" in said
    assert "+0.030 (+0.010 to +0.050)" in said
    assert "Of 3 rivals 1 are behind, 1 level, 1 ahead" in said
    assert "looked at 7 times" in said
    assert "looked at" not in "\n".join(comparison(AHEAD, held=False).sentences())


def test_the_json_has_the_keys_that_machines_read() -> None:
    found = comparison(AHEAD).machine_readable
    assert found["configuration"] == "cells"
    ours, rival = found["methods"]
    assert ours["paired"] is None
    assert rival["paired"] == {
        "difference": 0.03,
        "low": pytest.approx(0.01),
        "high": pytest.approx(0.05),
    }
    assert rival["certification"]["escape_rate_high"] == 0.1234
    assert {"rate", "low", "high", "escapes_fresh", "hindsight"} <= rival["fpr_at_fn"][
        "0.02"
    ].keys()


def test_the_csv_has_a_row_for_each_method_and_no_cell_for_what_is_not_known() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison(AHEAD, BEHIND).csv())))
    assert [row["name"] for row in rows] == ["composite", "bank", "mean <image>"]
    assert rows[0]["paired_difference"] == ""
    assert float(rows[1]["fpr_at_fn_0.02_rate"]) == 0.3
    assert rows[2]["certification_escapes"] == "1"


def test_the_terminal_shows_whole_figures_on_eighty_columns() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    show_comparison(comparison(AHEAD, BEHIND), {}, console)
    shown = console.export_text()
    assert "0.940 to 1.000" in shown
    assert "\u22120.260 to \u22120.220" in shown
    assert "1 of 40" in shown
    assert "\u2026" not in shown


def test_the_page_says_who_wins_and_escapes_every_name() -> None:
    page = render_comparison(comparison(AHEAD, BEHIND).page())
    assert "beaten by bank" in page
    assert "Solar &lt;cells&gt;" in page
    assert "<image>" not in page
    assert len(re.findall(r'<span class="whisker', page)) == 5
    assert "12.34" in page
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert "ahead of every rival" in render_comparison(comparison(BEHIND).page())
    assert "not told apart: near" in render_comparison(comparison(LEVEL, held=False).page())


@pytest.mark.parametrize(
    ("other", "verdict"),
    [(LEVEL, "not told apart: near"), (BEHIND, "VQGanoDIP, composite on top is ahead of every")],
)
def test_among_systems_the_page_names_whose_composite_is_meant(
    other: dict[str, Any], verdict: str
) -> None:
    found = comparison(other, held=False)
    ours = {"name": "VQGanoDIP, composite on top", "system": "VQGanoDIP"}
    methods = [{**found.found["methods"][0], **ours}, other]
    page = render_comparison(replace(found, found={**found.found, "methods": methods}).page())
    assert verdict in page
    assert "Systems on cells" in page
    assert "<dt>VQGanoDIP, composite on top, AUROC</dt>" in page


def test_families_of_defects_have_a_table_where_they_are_known() -> None:
    known = comparison(AHEAD)
    table = known.tables(" ")[-1]
    assert table.headings == ("method", "scratch 30", "<hole> 20", "precision")
    assert table.rows[1] == ("bank", "0.85 90.0", "0.62 50.0", "80.0")
    page = render_comparison(known.page())
    assert "&lt;hole&gt;<small>20 images</small>" in page
    assert "0.615<small>50.0" in page
    assert known.machine_readable["methods"][1]["families"]["scratch"]["recall"] == 0.9
    assert "families_scratch_f1" in known.csv()

    unknown = comparison(*({**AHEAD, "families": None},))
    unknown.found["methods"][0]["families"] = None
    assert len(unknown.tables()) == len(known.tables()) - 1
    assert "Which defects are caught" not in render_comparison(unknown.page())


def test_of_systems_the_training_is_told_and_nothing_is_held_out() -> None:
    untold = {"training_seconds": None, "psnr_db": None, "mean_image_psnr_db": None}
    of_systems = comparison({**BEHIND, **untold}, held=False)
    told = {"training_seconds": 142.6, "psnr_db": 29.63, "mean_image_psnr_db": 22.2}
    of_systems.found["methods"][0].update(told)
    table = next(one for one in of_systems.tables() if one.title == "Costs")
    assert table.headings[:3] == ("method", "training s", "PSNR")
    assert [row[1:3] for row in table.rows] == [("143", "29.6 of 22.2"), ("-", "-")]
    page = render_comparison(of_systems.page())
    assert "Training s" in page
    assert '<td class="n">143</td><td class="n">29.6 of 22.2</td>' in page
    assert "Escape rate below" not in page
    assert "Training s" not in render_comparison(comparison(BEHIND).page())


def test_an_axis_keeps_limits_in_their_places() -> None:
    drawn = Axis(-0.1, 0.3).whisker(0.1, -0.5, 0.2)
    assert (drawn.at, drawn.low, drawn.high) == (50.0, 0.0, 75.0)


def test_methods_that_all_separate_perfectly_have_an_axis() -> None:
    perfect = {"auroc": 1.0, "auroc_low": 1.0, "auroc_high": 1.0}
    assert axis_of([perfect, perfect], "auroc").whisker(1.0, 1.0, 1.0).at == 100.0
    alike = {"paired": {"difference": 0.0, "low": 0.0, "high": 0.0}}
    assert paired_axis([alike]).place(0.0) == 50.0


def test_rivals_are_chosen_by_kind_as_the_line_sets_them() -> None:
    small = MemoryBankSettings(entries=7)
    settings = CompareSettings(rivals=(MeanImageSettings(), small))
    assert chosen_rivals(settings, ()) == settings.rivals
    assert chosen_rivals(settings, ("memory_bank",)) == (small,)
    every = tuple(one for one in EVERY_RIVAL if one.kind == "anomalib")
    assert chosen_rivals(settings, ("anomalib",)) == every
    with pytest.raises(InputError, match="no rival oracle"):
        chosen_rivals(settings, ("oracle",))


def test_a_rival_is_not_listed_twice() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        CompareSettings(rivals=(MeanImageSettings(), MeanImageSettings()))
