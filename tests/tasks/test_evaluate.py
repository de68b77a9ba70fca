"""Both protocols on real workers: the figures of one process, each trial once, whatever is killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from storage.receipts import Receipt
from storage.stores import Stores
from tasks.classification.honest_protocol import honest_protocol
from tasks.classification.paper_protocol import paper_protocol
from tasks.classification.settings import (
    ClassificationSettings,
    ConstantScoreSettings,
    DecisionTreeSettings,
    LogisticRegressionSettings,
    NearestNeighboursSettings,
    ProtocolSettings,
)
from tasks.evaluate import evaluate_as_published, evaluate_honestly, evaluate_leak, read_evaluation
from tasks.fit import fit
from tasks.jobs import Measuring
from tasks.score_sheet import Labelled
from tasks.trials import Draws, OutOfFold, Sample, ask, searched
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers

pytestmark = pytest.mark.slow

LINE, FEATURES = "tumours", "f" * 8
MEMBERS = (
    DecisionTreeSettings(),
    LogisticRegressionSettings(),
    ConstantScoreSettings(),
)
SETTINGS = ClassificationSettings(members=MEMBERS, folds=3, draws=3, criterion="zfn_accuracy")
PROTOCOL = ProtocolSettings(folds=3, repeats=2)
ANSWERED, UNANSWERED = 80, 2
NOBODY = Workers("tcp://127.0.0.1:1", 1)
"""Whoever needs these finds out that nobody answers there."""


def measuring() -> Measuring:
    return Measuring(None, LINE, "images", FEATURES)  # type: ignore[arg-type]  # nothing is measured


def sample_of(groups: tuple[str, ...] | None = None) -> Sample:
    _, benign = load_breast_cancer(return_X_y=True)
    labels = [int(1 - one) for one in benign[:ANSWERED]] + [0, 1]
    ids = tuple(f"image-{number}" for number in range(len(labels)))
    return Sample(LINE, FEATURES, Labelled(ids, tuple(labels), groups))


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """A feature store with real rows, and two images that had no answer."""
    table, _ = load_breast_cancer(return_X_y=True)
    made = Stores(tmp_path / "store")
    rows = np.concatenate([table[:ANSWERED, :8], np.zeros((UNANSWERED, 8))])
    sample = sample_of()
    made.features(LINE, FEATURES).write_batch(
        sample.images.image_ids,
        rows,
        [f"metric-{number}" for number in range(8)],
        ["ok"] * ANSWERED + ["blurred"] * UNANSWERED,
    )
    return made


def trials(stores: Stores) -> set[str]:
    return {path.parent.name for path in Path(stores.root, "trials").glob("*/receipt.json")}


def test_the_figures_of_one_process_whatever_the_workers_do(stores: Stores) -> None:
    sample = sample_of()
    examples = sample.examples(stores)
    with Workers(None, 2) as workers:
        made = [
            evaluate_as_published.fn(stores, measuring(), SETTINGS, sample.images, workers),
            evaluate_honestly.fn(stores, measuring(), SETTINGS, PROTOCOL, sample.images, workers),
        ]
    published, honest = (read_evaluation(stores, one) for one in made)
    for row, expected in zip(
        published["rows"], paper_protocol(SETTINGS, examples.table, examples.labels), strict=True
    ):
        assert row["kind"] == expected.kind
        assert row["parameters"] == dict(expected.parameters)
        # The normal image without an answer is one false call more.
        assert row["zfn"]["false_calls"] == expected.zfn.false_calls + 1
        assert row["standard"]["escapes"] == expected.standard.escapes
    expected_rows = honest_protocol(PROTOCOL, SETTINGS, examples).rows
    for row, wanted in zip(honest["rows"], expected_rows, strict=True):
        assert (row["kind"], row["repeat"], row["auroc"]) == (
            wanted.kind,
            wanted.repeat,
            wanted.auroc,
        )
        for step, fresh in zip(row["ladder"], wanted.ladder, strict=True):
            assert step["escapes"] == fresh.escapes
            assert step["false_calls"] == fresh.false_calls + 1
            assert step["n_abnormal"] == fresh.n_abnormal + 1
    assert honest["unanswered"] == {"normal": 1, "abnormal": 1}
    again = evaluate_honestly.fn(stores, measuring(), SETTINGS, PROTOCOL, sample.images, NOBODY)
    assert again == made[1]


def test_a_longer_search_begins_with_the_shorter_one(stores: Stores) -> None:
    sample = sample_of()
    short = SETTINGS.model_copy(update={"draws": 10})
    with Workers(None, 1) as workers:
        found = searched(stores, sample, short, Draws, workers, "search")
        done = trials(stores)
        assert len(done) == 2  # one of each member that has something to search
        longer = SETTINGS.model_copy(update={"draws": 15})
        searched(stores, sample, longer, Draws, workers, "search")
    assert len(trials(stores)) == 4
    assert done < trials(stores)
    assert searched(stores, sample, short, Draws, NOBODY, "search") == found
    assert found[2] == {}


def test_groups_and_other_images_are_other_trials(stores: Stores) -> None:
    questions = [OutOfFold(MEMBERS[1], ())]
    groups = tuple(str(number // 2) for number in range(ANSWERED + UNANSWERED))
    with Workers(None, 1) as workers:
        (alone,) = ask(stores, sample_of(), SETTINGS, questions, workers, "fit")
        (grouped,) = ask(stores, sample_of(groups), SETTINGS, questions, workers, "fit")
    assert alone != grouped
    assert len(alone) == ANSWERED


def test_a_fit_takes_up_its_trials_and_flags_what_has_no_answer(stores: Stores) -> None:
    sample = sample_of()
    with Workers(None, 1) as workers:
        first = fit.fn(stores, measuring(), SETTINGS, sample.images, workers)
    folder = stores.registry.open("classifiers", first.key) / "out-of-fold"
    scores = json.loads((folder / "decision_tree.json").read_bytes())["scores"]
    assert scores[ANSWERED:] == [None, None]
    assert all(one is not None for one in scores[:ANSWERED])
    assert fit.fn(stores, measuring(), SETTINGS, sample.images, NOBODY) == first
    fewer = SETTINGS.model_copy(update={"members": MEMBERS[:2]})
    assert isinstance(fit.fn(stores, measuring(), fewer, sample.images, NOBODY), Receipt)


def test_twins_look_better_where_folds_tear_them(stores: Stores) -> None:
    """Every image twice: nearest neighbours recognise the twin, not the defect."""
    generator = np.random.default_rng(0)
    rows = np.repeat(generator.normal(size=(40, 4)), 2, axis=0)
    ids = tuple(f"twin-{number}" for number in range(80))
    labels = tuple(int(one) for one in np.repeat(generator.integers(0, 2, 40), 2))
    features = stores.features(LINE, FEATURES)
    columns = [f"metric-{number}" for number in range(8)]
    features.write_batch(ids, np.concatenate([rows, rows**2], axis=1), columns, ["ok"] * 80)
    twins = Labelled(ids, labels, tuple(str(number // 2) for number in range(80)))
    nearest = SETTINGS.model_copy(update={"members": (NearestNeighboursSettings(neighbours=1),)})
    with Workers(None, 1) as workers:
        made = evaluate_leak.fn(stores, measuring(), nearest, PROTOCOL, twins, workers)
    (row,) = read_evaluation(stores, made)["rows"]
    assert row["torn"] > row["whole"] + 0.2


def test_a_class_that_cannot_fill_the_folds_is_named(stores: Stores) -> None:
    images = sample_of().images
    lonely = Labelled(images.image_ids[:ANSWERED], (1,) + (0,) * (ANSWERED - 1))
    with pytest.raises(InputError, match="1 abnormal images for 3 folds"):
        evaluate_honestly.fn(stores, measuring(), SETTINGS, PROTOCOL, lonely, NOBODY)


KILLED = """
import sys
from storage.stores import Stores
from tasks.evaluate import evaluate_honestly
from tasks.workers import Workers
from tests.tasks.test_evaluate import PROTOCOL, SETTINGS, measuring, sample_of

if __name__ == "__main__":
    with Workers(None, 2) as workers:
        evaluate_honestly.fn(
            Stores(sys.argv[1]), measuring(), SETTINGS, PROTOCOL, sample_of().images, workers
        )
"""


@pytest.mark.faults
def test_a_killed_evaluation_goes_on_from_its_trials(stores: Stores, tmp_path: Path) -> None:
    program = tmp_path / "killed.py"
    program.write_text(KILLED)
    process = subprocess.Popen(
        [sys.executable, str(program), str(stores.root)],
        env={"PYTHONPATH": str(Path.cwd()), "PATH": "/usr/bin:/bin"},
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(trials(stores)) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    done = trials(stores)
    assert 3 <= len(done) < 18, "the run ended before it was killed"
    stamps = {key: _written_at(stores, key) for key in done}
    with Workers(None, 2) as workers:
        found = evaluate_honestly.fn(
            stores, measuring(), SETTINGS, PROTOCOL, sample_of().images, workers
        )
    assert {key: _written_at(stores, key) for key in done} == stamps
    content = read_evaluation(stores, found)
    expected = honest_protocol(PROTOCOL, SETTINGS, sample_of().examples(stores))
    assert [row["auroc"] for row in content["rows"]] == [row.auroc for row in expected.rows]


def _written_at(stores: Stores, key: str) -> int:
    return (Path(stores.root) / "trials" / key / "receipt.json").stat().st_mtime_ns
