"""The nightly flow on a tiny product line, with everything real: server, cluster, training."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tasks.certification.bounds import escape_upper_bound
from tests.conftest import Retrained
from tests.flows.prefect_api import asked, events
from tests.product_line import COUNTS, LINE, ProductLine, ended, receipts, write_archive
from tests.spoilt import SPOILT

pytestmark = pytest.mark.slow


def test_every_spoilt_file_is_in_quarantine_with_reason_and_remedy(retrained: Retrained) -> None:
    entries = {entry.source: entry for entry in retrained.line.stores.quarantine(LINE).entries()}
    assert entries.keys() == SPOILT.keys()
    for name, (kind, words) in SPOILT.items():
        assert entries[name].kind == kind, name
        assert words in entries[name].reason, name
        assert entries[name].remedy, name


def test_files_seen_are_ingested_duplicates_or_quarantined(retrained: Retrained) -> None:
    stores = retrained.line.stores
    record, snapshot = stores.ingests(LINE).last(), stores.snapshots(LINE).latest()
    assert record is not None
    assert snapshot is not None
    assert Counter(row.label for row in snapshot.rows) == COUNTS
    assert record.seen == sum(1 for path in retrained.line.archive.rglob("*") if path.is_file())
    assert record.seen == record.ingested + record.duplicates + record.in_quarantine
    assert record.ingested == len(snapshot.rows)
    kinds = Counter(entry.kind for entry in stores.quarantine(LINE).entries())
    assert kinds == {**record.quarantined, "duplicate": record.duplicates}
    images = stores.images(LINE, snapshot.images_fingerprint)
    assert images.rows().keys() >= {row.image_id for row in snapshot.rows}


def test_roles_are_as_large_as_asked_and_measured_once(retrained: Retrained) -> None:
    stores = retrained.line.stores
    snapshot = stores.snapshots(LINE).latest()
    assert snapshot is not None
    counts = Counter((row.role, row.label) for row in snapshot.rows)
    assert counts == {
        ("reconstruction", "normal"): 8,
        ("validation", "normal"): 4,
        ("mask", "normal"): 4,
        ("development", "normal"): 12,
        ("development", "abnormal"): 12,
        ("certification", "normal"): 8,
        ("certification", "abnormal"): 6,
        ("undecided", "undecided"): 4,
    }
    features = stores.features(LINE, retrained.figures["fingerprints"]["features"])
    measured = {"development", "certification", "undecided"}
    assert features.rows().keys() == {r.image_id for r in snapshot.rows if r.role in measured}
    assert {row.status for row in features.rows().values()} == {"ok"}


def test_figures_for_machines(retrained: Retrained) -> None:
    figures = retrained.figures
    assert figures["line"] == LINE
    assert 0.0 <= figures["zfn_accuracy"] <= 1.0
    assert 0.0 <= figures["std_accuracy"] <= 1.0
    assert (figures["n_normal"], figures["n_abnormal"]) == (12, 12)
    assert figures["fpr_at_fn"]["0"]["misses"] == 0
    certified = figures["certification"]
    assert (certified["n_normal"], certified["n_abnormal"]) == (8, 6)
    # Six defects cannot show more: the bound at zero escapes is 1 - 0.05^(1/6).
    assert certified["escape_upper_95"] >= 1 - 0.05 ** (1 / 6) - 1e-9
    stages = {"ingest", "train", "mask", "extract", "fit", "screen", "certify", "gate", "audit"}
    stages |= {"memorise", "remember", "report"}
    assert figures["seconds"].keys() == stages | {"total"}
    assert figures["peak_memory_mb"] > 0
    assert "Synthetic tiles" in Path(figures["report"]).read_text()


def test_labels_to_look_at_lie_beside_the_report(retrained: Retrained) -> None:
    page = Path(retrained.figures["report"])
    assert "Labels to look at" in page.read_text()
    sheet = page.with_name(f"{LINE}-label-audit.csv").read_text().splitlines()
    assert sheet[0].startswith("image_id,label,who,why,")
    # Every line carries the label that the archive gave, and nobody has signed it.
    cells = [line.split(",") for line in sheet[1:]]
    assert all((label, "", "") == (given, who, why) for _, label, who, why, given, *_ in cells)
    assert any("sets the threshold" in line for line in sheet)


def test_the_champion_is_the_bundle_of_the_run(retrained: Retrained) -> None:
    champion = retrained.line.stores.registry.champion(LINE)
    assert champion == retrained.figures["fingerprints"]["bundle"]


def test_no_scratch_and_nothing_half_written_stays(retrained: Retrained) -> None:
    store = retrained.line.store
    assert not list((store / "workplaces").glob("*"))
    assert len(list(store.rglob("data-*"))) == len(receipts(store))


def artifacts(environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    found = asked(environment, "artifacts/latest/filter")
    return {artifact["key"]: artifact for artifact in found if artifact["key"].startswith(LINE)}


def test_a_run_without_a_server_is_shown_by_the_server(
    retrained: Retrained, environment: dict[str, str]
) -> None:
    first = asked(environment, "flow_runs/filter", {"sort": "START_TIME_ASC", "limit": 1})[0]
    assert re.fullmatch(r"retrain tiles \d{4}-\d\d-\d\d", first["name"])
    assert set(first["tags"]) == {"zeroescape", LINE, "retrain", "by-hand"}
    assert first["state_type"] == "COMPLETED"


def test_the_run_leaves_its_artifacts_in_prefect(
    retrained: Retrained, environment: dict[str, str]
) -> None:
    found = artifacts(environment)
    roles = json.loads(found[f"{LINE}-roles"]["data"])
    assert {"role": "mask", "normal": 4, "abnormal": 0, "undecided": 0} in roles
    assert sum(row["normal"] + row["abnormal"] + row["undecided"] for row in roles) == 58
    intake = {row["files"]: row["count"] for row in json.loads(found[f"{LINE}-intake"]["data"])}
    assert intake["seen"] == 71
    assert intake["ingested"] == 58
    waiting = json.loads(found[f"{LINE}-quarantine"]["data"])
    assert len(waiting) == len(SPOILT) - 1
    assert all(row["why"] and row["since"] and row["remedy"] for row in waiting)
    scores = found[f"{LINE}-scores"]["data"]
    assert "held-out defects" in scores
    assert "data:image/png;base64," in scores
    assert f"{LINE}.html" in found[f"{LINE}-report"]["data"]
    stages = {key for key in found if key.startswith(f"{LINE}-progress-")}
    assert {f"{LINE}-progress-{stage}" for stage in ("train", "extract", "fit")} <= stages
    assert all(found[key]["type"] == "progress" for key in stages)
    assert all(float(found[key]["data"]) == 100.0 for key in stages)


def test_the_run_shows_what_was_certified_and_what_it_costs(
    retrained: Retrained, environment: dict[str, str]
) -> None:
    found = artifacts(environment)
    certified = retrained.line.run("certificate", "--json", retrained.line.folder / "c.json")
    figures = json.loads((retrained.line.folder / "c.json").read_text())
    assert "held-out defects" in " ".join(certified.split())
    said = found[f"{LINE}-certificate"]["data"]
    assert figures["sentence"] in said
    assert all(sentence in said for sentence in figures["conditions"] + figures["warnings"])
    assert "Light: **yellow**. The champion has inspected nothing yet" in said
    assert f"of {figures['n_abnormal']} defects" in said
    ladder = json.loads(found[f"{LINE}-price-ladder"]["data"])
    assert ladder[0]["escapes allowed"] == "0 of 12"
    assert [step["note"] for step in ladder] == ["in use"] + [""] * (len(ladder) - 1)
    assert len({step["escapes allowed"] for step in ladder}) == len(ladder)
    decided = found[f"{LINE}-promotion"]["data"]
    assert "Promoted: the new champion is promotion 1." in decided
    assert found[f"{LINE}-dask-dashboard"]["data"].count("http://127.0.0.1:")


def test_the_run_shows_the_boards_that_decide(
    retrained: Retrained, environment: dict[str, str]
) -> None:
    page = artifacts(environment)[f"{LINE}-hardest-boards"]["data"]
    assert retrained.line.stores.snapshots(LINE).latest() is not None
    # Two abnormals, as the line's report shows, and the nearest good boards, each with two pictures.
    assert page.count("| `a") == 2
    assert "sets the threshold" in page
    assert page.count("data:image/jpeg;base64,") == 2 * page.count("| `")
    assert len(page) < 1_000_000


def test_the_report_says_what_the_gate_decided(retrained: Retrained) -> None:
    page = Path(retrained.figures["report"]).read_text()
    assert "The gate opens: the line has no champion yet, and this bundle may be the first." in page


@pytest.fixture(scope="module")
def settled(
    retrained: Retrained, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> ProductLine:
    """The same line in a copy of its store, which a test may change."""
    folder = tmp_path_factory.mktemp("settled")
    shutil.copytree(retrained.line.store, folder / "store")
    return ProductLine(folder, retrained.line.archive, environment)


def test_a_second_run_finds_everything(retrained: Retrained, settled: ProductLine) -> None:
    before = receipts(settled.store)
    figures = settled.retrain()
    made = receipts(settled.store) - before
    # A report tells of its own run; everything else is found again.
    assert {name.partition("/")[0] for name in made} <= {"reports"}
    assert figures["fingerprints"] == retrained.figures["fingerprints"]
    assert len(settled.stores.registry.history(LINE)) == 1
    assert settled.verdicts() == retrained.line.verdicts()
    assert not list((settled.store / "workplaces").glob("*"))


def test_a_changed_setting_recomputes_what_depends_on_it(
    retrained: Retrained, settled: ProductLine, environment: dict[str, str]
) -> None:
    first = retrained.figures["fingerprints"]
    settled.changes["classification"] = {"seed": 1}
    reseeded = settled.retrain()["fingerprints"]
    assert changed(first, reseeded) == {"classifier", "threshold", "bundle", "certificate"}

    before = receipts(settled.store)
    settled.changes["candidates"] = {"kept": 10}
    fewer = settled.retrain()["fingerprints"]
    made = {name.partition("/")[0] for name in receipts(settled.store) - before}
    downstream = {"features", "classifier", "threshold", "bundle", "certificate"}
    assert changed(reseeded, fewer) == downstream
    assert not made & {"images", "models", "masks"}
    assert "features" in made
    assert [one.bundle for one in settled.stores.registry.history(LINE)] == [
        first["bundle"],
        reseeded["bundle"],
        fewer["bundle"],
    ]

    promoted = events(environment, "zeroescape.champion.promoted", 2)
    assert [one["payload"]["bundle"] for one in promoted[:2]] == [
        fewer["bundle"],
        reseeded["bundle"],
    ]
    assert promoted[0]["resource"]["prefect.resource.id"] == f"zeroescape.line.{LINE}"
    related = {one["prefect.resource.id"] for one in promoted[0]["related"]}
    assert {"prefect.tag.zeroescape", f"prefect.tag.{LINE}", "prefect.tag.retrain"} <= related


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.faults
def test_two_bundles_on_the_same_images_are_two_looks(
    retrained: Retrained, environment: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(retrained.line.store, tmp_path / "store")
    line = ProductLine(tmp_path, retrained.line.archive, environment)
    line.changes["classification"] = {"seed": 7}
    first, second, again = retrained.figures, line.retrain(), line.retrain()
    assert second["fingerprints"]["bundle"] != first["fingerprints"]["bundle"]
    assert [run["certification"]["looks"] for run in (first, second, again)] == [1, 2, 2]
    escapes = second["certification"]["escapes"]
    bound = second["certification"]["escape_upper_95"]
    assert bound == pytest.approx(escape_upper_bound(escapes, 6, 0.975))
    assert bound > escape_upper_bound(escapes, 6, 0.95)
    assert again["fingerprints"] == second["fingerprints"]
    assert again["certification"] == second["certification"]
    assert "answered 2 times" in Path(second["report"]).read_text()
    printed = line.run("certificate", "--json", tmp_path / "c.json", "--html", tmp_path / "c.html")
    assert "Look 2 at this set" in " ".join(printed.split())
    figures = json.loads((tmp_path / "c.json").read_text())
    assert figures["bundle"] == second["fingerprints"]["bundle"]
    assert (figures["looks"], figures["escape_upper_95"]) == (2, bound)
    assert len(list((tmp_path / "store" / "looks").glob("*.json"))) == 2
    beside = Path(second["report"]).with_name(f"{LINE}-certificate.html")
    assert beside.read_text() == (tmp_path / "c.html").read_text()
    assert f'href="{beside.name}"' in Path(second["report"]).read_text()


@pytest.fixture(scope="module")
def refused(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[ProductLine, subprocess.Popen[str]]]:
    """Runs on archives that nothing can be made of, started side by side."""
    archives = {
        "no image": {"normal": 0, "abnormal": 0},
        "short role": {"normal": 20, "abnormal": 18},
        "no abnormal": {"normal": 36, "abnormal": 0},
    }
    started = {}
    for name, counts in archives.items():
        folder = tmp_path_factory.mktemp("refused")
        line = ProductLine(folder / "line", write_archive(folder / "archive", counts), environment)
        started[name] = (line, line.start("retrain"))
    return started


@pytest.mark.parametrize(
    ("archive", "code", "words"),
    [
        ("no image", 2, "holds no image"),
        ("short role", 2, "The role development needs 12 normal images and got 4."),
        ("no abnormal", 1, "NoSafeThresholdError: There is no abnormal image"),
    ],
)
def test_a_useless_archive_ends_with_its_remedy_and_no_champion(
    refused: dict[str, tuple[ProductLine, subprocess.Popen[str]]],
    archive: str,
    code: int,
    words: str,
) -> None:
    line, process = refused[archive]
    printed = " ".join(ended(process, code).split())
    assert words in printed
    assert "Traceback" not in printed
    assert line.stores.registry.champion(LINE) is None
    assert receipts(line.store, "thresholds") == receipts(line.store, "bundles") == set()
