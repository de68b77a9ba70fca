"""A bundle asked about the past: stored figures, partitions that are committed, and look-ups."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from storage.ledger import SeenFile
from storage.stores import Stores
from tasks.archive.photograph import Photograph
from tasks.classification.examples import checked_examples
from tasks.classification.persistence import save_composite_score
from tasks.classification.pipelines import fitted
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import ClassificationSettings, LogisticRegressionSettings
from tasks.judging import Judging, Opinion
from tasks.past import Judge, PastBoard
from tasks.workers import Workers
from tests.flows.test_plan import certified

LINE, FEATURES, COLUMNS = "line", "f" * 8, ("a", "b")
MEMBER = LogisticRegressionSettings()
COUNT = 300


@dataclass
class Archive:
    """A line whose metrics are stored under a bundle of other code; no worker is ever needed."""

    stores: Stores
    score: CompositeScore
    values_NM: np.ndarray

    def opinions(self, boards: Sequence[PastBoard]) -> list[Opinion]:
        bundle = replace(certified(), line=LINE, classifier="score", features_fingerprint=FEATURES)
        judge = Judge("bundle", bundle, None, frozenset(), True)
        return Judging(self.stores, judge, boards, Workers(None, 1)).opinions("champion")

    @property
    def receipts(self) -> int:
        return len(self.stores.registry.receipts("backfills"))


def image(number: int) -> str:
    return f"{number:064x}"


def board(number: int, **more: object) -> PastBoard:
    day = f"2026-{1 + number % 12:02}-01"
    plain = PastBoard(f"b{number:03}.png", image(number), "normal", "mask", day, frozenset())
    return replace(plain, **more)  # type: ignore[arg-type]  # fields of any type


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    stores = Stores(tmp_path_factory.mktemp("judging") / "store")
    generator = np.random.default_rng(1)
    values_NM = generator.normal(size=(COUNT, 2))
    labels_N = (values_NM.sum(axis=1) > 0).astype(np.int64)
    learning = ClassificationSettings(members=(MEMBER,), folds=3)
    score = fitted(MEMBER, learning, checked_examples(values_NM, labels_N, COLUMNS), {}, 0)
    with TemporaryDirectory() as folder:
        save_composite_score(score, Path(folder))
        files = {f"score/{one.name}": one.read_bytes() for one in Path(folder).iterdir()}
    stores.registry.put("classifiers", "score", files)
    ids = [image(number) for number in range(COUNT)]
    statuses = ["ok"] * (COUNT - 1) + ["no candidate has a pixel"]
    stores.features(LINE, FEATURES).write_batch(ids, values_NM, COLUMNS, statuses)
    return Archive(stores, score, values_NM)


@pytest.fixture
def archive(measured: Archive, tmp_path: Path) -> Archive:
    """Its own copy of the store."""
    shutil.copytree(str(measured.stores.root), tmp_path / "store")
    return replace(measured, stores=Stores(tmp_path / "store"))


def test_scores_are_those_of_the_frozen_classifier_in_the_order_of_the_boards(
    archive: Archive,
) -> None:
    order = [7, 3, 298, 120]
    found = archive.opinions([board(number) for number in order])
    expected = archive.score.score(archive.values_NM[order])
    assert [one.image_id for one in found] == [image(number) for number in order]
    assert [one.score for one in found] == expected.tolist()


def test_a_board_without_an_answer_says_why_and_one_never_measured_is_not_asked(
    archive: Archive,
) -> None:
    silent, unknown = archive.opinions([board(COUNT - 1), board(COUNT + 5)])
    assert silent == Opinion(image(COUNT - 1), "no answer", why="no candidate has a pixel")
    assert silent.is_askable
    assert unknown == Opinion(image(COUNT + 5), "not measured")
    assert not unknown.is_askable


def test_every_partition_is_committed_and_a_second_run_is_a_look_up(archive: Archive) -> None:
    boards = [board(number) for number in range(COUNT)]
    first = archive.opinions(boards)
    assert archive.receipts == 12
    shutil.rmtree(Path(str(archive.stores.root)) / "features")
    archive.stores = Stores(archive.stores.root)
    assert archive.opinions(boards) == first
    assert archive.receipts == 12


def test_a_new_board_costs_its_own_partition(archive: Archive) -> None:
    boards = [board(number) for number in range(24)]
    archive.opinions(boards)
    again = archive.opinions([*boards, board(24)])
    assert archive.receipts == 12 + 1
    assert [one.image_id for one in again] == [image(number) for number in range(25)]


def test_files_that_an_ingest_has_seen_are_known_by_their_content(archive: Archive) -> None:
    """A file under an unchanged stamp is the image that it was; another stamp may be another content."""
    archive.stores.files(LINE).renew({"b003.png": SeenFile("stamp", image(3))})
    same, other = (
        board(3, image_id="", photograph=Photograph("/x/b003.png", "b003.png", "normal", stamp))
        for stamp in ("stamp", "changed")
    )
    (known,) = archive.opinions([same])
    assert (known.image_id, known.answer) == (image(3), "score")
    (unknown,) = archive.opinions([other])
    assert (unknown.image_id, unknown.answer) == ("", "not measured")
