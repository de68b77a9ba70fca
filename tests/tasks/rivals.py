"""Two bundles of one line on a real store, with the scores that a test gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from storage.receipts import Json, Receipt
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.bundles import BUNDLES
from tasks.challenge import challenge
from tasks.classification.examples import checked_examples
from tasks.classification.persistence import save_composite_score
from tasks.classification.pipelines import fitted
from tasks.classification.settings import ClassificationSettings, LogisticRegressionSettings
from tasks.gates import Contest, Gate, read_gate
from tasks.gating.settings import GateSettings
from tasks.jobs import Bundle
from tasks.score_sheet import Labelled, ScoreSheet
from tests.flows.test_plan import certified

LINE = "line"
NORMALS, DEFECTS = 300, 40
GOOD = tuple(f"good-{number}" for number in range(NORMALS))
BAD = tuple(f"bad-{number}" for number in range(DEFECTS))
Scores = Mapping[str, float]
MEMBER = LogisticRegressionSettings()


def scores(false_calls: Sequence[int] = (), missed: Sequence[int] = ()) -> dict[str, float]:
    """At threshold 0.5 these normals are flagged and these defects missed."""
    good = {name: 0.9 if at in false_calls else 0.1 for at, name in enumerate(GOOD)}
    return good | {name: 0.2 if at in missed else 0.8 for at, name in enumerate(BAD)}


@cache
def _parts() -> Bundle:
    """Its fingerprints read all code of the rooms: once is enough."""
    return certified()


@cache
def frozen_score() -> dict[str, bytes]:
    """A classifier of one metric: +4 is a defect, -4 is none."""
    side_N = np.repeat([-4.0, 4.0], 30)
    table = np.random.default_rng(0).normal(size=(60, 2)) + np.stack([side_N, 0 * side_N], axis=1)
    examples = checked_examples(table, (side_N > 0).astype(int), ("a", "b"))
    learning = ClassificationSettings(members=(MEMBER,), folds=3)
    with TemporaryDirectory() as folder:
        save_composite_score(fitted(MEMBER, learning, examples, {}, 0), Path(folder))
        return {f"score/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}


def rows(
    ids: Sequence[str], role: str = "development", groups: Mapping[str, str] | None = None
) -> list[SnapshotRow]:
    """Rows whose label is in their name."""
    named = groups or {}
    return [
        SnapshotRow(
            one,
            f"{one}.png",
            "normal" if one.startswith("good") else "abnormal",
            role,
            group=named.get(one, ""),
        )
        for one in ids
    ]


@dataclass
class Rivals:
    """A store with a snapshot; bundles are added with their out-of-fold scores."""

    stores: Stores
    snapshots: list[Snapshot] = field(default_factory=list)

    def see(self, snapshot_rows: Sequence[SnapshotRow]) -> Snapshot:
        made = self.stores.snapshots(LINE).commit(snapshot_rows, "i" * 8, "r" * 8)
        self.snapshots.append(made)
        return made

    def bundle(
        self, name: str, out_of_fold: Scores, snapshot: Snapshot | None = None, cut: float = 0.5
    ) -> str:
        """A bundle whose features are stored under its own name."""
        ids = tuple(out_of_fold)
        labels = tuple(int(one.startswith("bad")) for one in ids)
        sheet = ScoreSheet(Labelled(ids, labels), tuple(out_of_fold.values()))
        files = {f"out-of-fold/{MEMBER.kind}.json": sheet.to_json(), **frozen_score()}
        self.stores.registry.put("classifiers", name, files, facts={"chosen": MEMBER.kind})
        parts = replace(
            _parts(), line=LINE, classifier=name, threshold=cut, features_fingerprint=name
        )
        facts: dict[str, Json] = {"line": LINE}
        if snapshot is not None:
            facts["snapshot"] = snapshot.number
        content = {"bundle.json": BUNDLES.dump_json(parts)}
        return self.stores.registry.put("bundles", name, content, facts=facts).key

    def measure(self, bundle: str, metrics: Mapping[str, float]) -> None:
        """The frozen bundle can be asked about these images: +8 is flagged, -8 is not."""
        values = np.array([[value, 0.0] for value in metrics.values()])
        self.stores.features(LINE, bundle).write_batch(
            tuple(metrics), values, ["a", "b"], ["ok"] * len(values)
        )

    def certificate(self, bundle: str, held_out: Scores, escape_upper: float = 0.01) -> Receipt:
        ids = tuple(held_out)
        sheet = ScoreSheet(Labelled(ids, (1,) * len(ids)), tuple(held_out.values()))
        files = {
            "scores.json": sheet.to_json(),
            "certificate.json": json.dumps({"escape_upper": escape_upper}).encode(),
        }
        facts: dict[str, Json] = {"bundle": bundle, "at": "2026-01-01"}
        return self.stores.registry.put("certificates", f"of-{bundle}", files, facts=facts)

    def gate(
        self,
        champion: str | None,
        challenger: str,
        certificate: Receipt | None = None,
        **settings: Any,
    ) -> Gate:
        number = self.snapshots[-1].number
        receipt = challenge.fn(
            self.stores,
            Contest(LINE, champion, challenger, number),
            GateSettings(**settings),
            certificate,
        )
        return read_gate(self.stores, receipt.key)
