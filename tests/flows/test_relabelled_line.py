"""One label corrected after a run: the next run reads it, computes what follows from it, and says so."""

from __future__ import annotations

import json
import shutil

import pytest

from storage.snapshots import SnapshotRow
from tasks.archive.roles import Role
from tasks.score_sheet import relabelled_count
from tests.conftest import Retrained
from tests.product_line import LINE, ProductLine, receipts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def line(
    retrained: Retrained,
    busy_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> ProductLine:
    """The retrained line in a copy of its store, with an empty relabel file."""
    folder = tmp_path_factory.mktemp("relabelled")
    shutil.copytree(retrained.line.store, folder / "store")
    copied = ProductLine(folder, retrained.line.archive, busy_environment)
    copied.relabels = folder / "relabels.csv"
    say(copied)
    return copied


def say(line: ProductLine, *rows: str) -> None:
    assert line.relabels is not None
    line.relabels.write_text("\n".join(("image_id,label,who,why", *rows)), encoding="utf-8")


def rows_of(line: ProductLine) -> dict[str, SnapshotRow]:
    last = line.stores.ingests(LINE).last()
    assert last is not None
    return {row.source: row for row in line.stores.snapshots(LINE).read(last.snapshot).rows}


def listed(line: ProductLine) -> dict[str, object]:
    place = line.folder / "labels.json"
    line.run("labels", "--json", place)
    found: dict[str, object] = json.loads(place.read_text())
    return found


@pytest.mark.faults
def test_one_label_changed_and_changed_back(retrained: Retrained, line: ProductLine) -> None:
    before, made = rows_of(line), receipts(line.store)
    name = next(
        name
        for name, row in before.items()
        if (row.role, row.label) == (Role.DEVELOPMENT, "normal")
    )
    say(line, f"{name},abnormal,A. Ray,a blob in the corner")
    assert "relabels: 1 rows of" in line.run("check").replace("\n", " ")
    figures = line.retrain()

    after = rows_of(line)
    row = after[name]
    assert (row.label, row.label_before, row.label_scored) == ("abnormal", "normal", "normal")
    assert row.role == Role.DEVELOPMENT
    assert {n: r for n, r in after.items() if n != name} == {
        n: r for n, r in before.items() if n != name
    }
    new = {receipt.partition("/")[0] for receipt in receipts(line.store) - made}
    # Neither trained nor measured again; what is learned from labels is.
    assert {"classifiers", "bundles", "certificates"} <= new
    assert not new & {"images", "models", "masks", "features"}
    assert (figures["n_normal"], figures["n_abnormal"]) == (11, 13)
    assert figures["certification"]["labels_changed"] == 1
    found = listed(line)
    assert (found["changed"], found["changed_after_scores"]) == (1, 1)

    say(line)
    restored = line.retrain()
    assert rows_of(line) == before
    assert restored["certification"]["labels_changed"] == 0
    for part in ("features", "classifier", "threshold", "bundle"):
        assert restored["fingerprints"][part] == retrained.figures["fingerprints"][part]
    found = listed(line)
    assert (found["changed"], found["changed_after_scores"]) == (0, 0)
    assert isinstance(found["changes"], list)
    assert [change["after"] for change in found["changes"]] == ["abnormal", "normal"]


@pytest.mark.faults
def test_an_escape_called_undecided_is_counted_and_an_image_that_trained_is_set_aside(
    line: ProductLine,
) -> None:
    before = rows_of(line)
    certifying, training = (
        next(name for name, row in before.items() if (row.role, row.label) == wanted)
        for wanted in ((Role.CERTIFICATION, "abnormal"), (Role.RECONSTRUCTION, "normal"))
    )
    say(line, f"{before[certifying].image_id[:8]},undecided,A. Ray,cannot tell")
    figures = line.retrain()
    assert figures["certification"]["labels_changed"] == 1
    assert figures["certification"]["n_abnormal"] == 5

    say(line, f"{training},abnormal,A. Ray,a scratch")
    line.run("ingest")
    row = rows_of(line)[training]
    assert (row.role, row.label) == (Role.SET_ASIDE, "abnormal")
    last = line.stores.snapshots(LINE).latest()
    assert last is not None
    assert relabelled_count(last) == 1


def test_a_row_about_an_image_that_never_was_stops_the_run(line: ProductLine) -> None:
    before = rows_of(line)
    say(line, "normal/absent.png,abnormal,A. Ray,a scratch")
    said = line.run("ingest", code=2)
    assert "normal/absent.png (row 1)" in " ".join(said.split())
    assert rows_of(line) == before
