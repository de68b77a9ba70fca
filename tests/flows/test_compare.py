"""`zeroescape compare` on a retrained line: every kind of judgement, each thing done once, looks kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Retrained
from tests.product_line import LINE, ProductLine, receipts

pytestmark = pytest.mark.slow

RIVALS = ("mean_image", "golden_sample_published", "golden_sample", "memory_bank")
LEARNT = ("pooled_logistic_regression", "siamese")
ASKED = [word for kind in (*RIVALS, *LEARNT) for word in ("--rival", kind)]


def compared(line: ProductLine, *more: object) -> dict[str, Any]:
    place = line.folder / "compare.json"
    line.run("compare", *ASKED, "--hold-out", "--repeats", 1, "--json", place, *more)
    found: dict[str, Any] = json.loads(place.read_text())
    return found


@pytest.fixture(scope="module")
def line(
    retrained: Retrained,
    busy_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> ProductLine:
    """Its own store: looks at the certification role count for everybody."""
    folder = tmp_path_factory.mktemp("compared")
    shutil.copytree(retrained.line.store, folder / "store")
    small = {"kind": "memory_bank", "strides": [8], "coreset_share": 0.01}
    kinds = [{"kind": kind} for kind in RIVALS if kind != "memory_bank"]
    rivals = [*kinds, small, *({"kind": kind} for kind in LEARNT)]
    return ProductLine(
        folder,
        retrained.line.archive,
        busy_environment,
        {"dask": {"workers": 1}, "compare": {"rivals": rivals}},
    )


def test_rivals_meet_the_composite_and_a_second_run_is_a_look_up(
    line: ProductLine, tmp_path: Path
) -> None:
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    first = compared(line, "--html", page, "--csv", table)
    methods = {one["name"]: one for one in first["methods"]}
    assert [one["kind"] for one in first["methods"]] == ["composite", *RIVALS, *LEARNT]
    # Blobs of 90 grey levels are hard to miss for whoever compares with normal images.
    assert methods["mean image"]["auroc"] > 0.5
    assert methods["composite"]["paired"] is None
    for one in first["methods"]:
        assert one["auroc_low"] <= one["auroc"] <= one["auroc_high"]
        assert one["seconds_per_image"] > 0
        assert one["peak_bytes"] > one["state_bytes"] >= 0
        held = one["certification"]
        if one["kind"] == "golden_sample_published":
            assert held is None
            continue
        assert held["n_abnormal"] == first["methods"][0]["certification"]["n_abnormal"]
        assert held["escapes"] / held["n_abnormal"] <= held["escape_rate_high"] <= 1.0
    for one in first["methods"][1:]:
        gap = one["auroc"] - methods["composite"]["auroc"]
        assert one["paired"]["difference"] == pytest.approx(gap)
    assert "<table" in page.read_text()
    assert len(table.read_text().splitlines()) == 1 + len(first["methods"])

    done, looks = receipts(line.store), first["looks"]
    assert looks >= len(RIVALS + LEARNT) - 1
    again = compared(line)
    assert receipts(line.store) == done
    assert again["methods"] == first["methods"]
    assert again["looks"] == looks


def test_without_a_champion_the_command_says_what_to_run(line: ProductLine, tmp_path: Path) -> None:
    bare = ProductLine(tmp_path / "bare", line.archive, line.environment)
    said = bare.run("compare", "--rival", "mean_image", code=2)
    assert f"{LINE} has no champion" in said
    assert "retrain" in said
