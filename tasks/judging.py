"""What one frozen bundle says of the past, partition by partition; what is committed is looked up.

Everything is done in waves of some seconds, each under the lock under which a nightly takes images in or
measures them: between two waves a nightly is let in, and has the lock until it has ended.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

from storage.fingerprints import code_digest, fingerprint
from storage.stores import Stores
from tasks.accounting import TakenIn, remembered
from tasks.archive.sorting import TRIED_EVERY_TIME
from tasks.backfilling.pacing import Pace
from tasks.backfilling.partitions import Partition, partitions
from tasks.backfilling.wanted import day_of
from tasks.batchwise import extraction, measured, taken_in, taking_in
from tasks.classification.persistence import load_composite_score
from tasks.classification.scoring import CompositeScore
from tasks.jobs import BoardMaking, Measuring
from tasks.past import Judge, PastBoard
from tasks.progress import report_progress
from tasks.workers import Workers

Answer = Literal["score", "no answer", "refused", "gone", "not measured"]


@dataclass(frozen=True)
class Opinion:
    """What a bundle says of one board.

    | `answer` | meaning | verdict |
    | --- | --- | --- |
    | score | `score` is a finite number | by the threshold |
    | no answer | measured, without a score; `why` tells | flagged |
    | refused | no board image can be made of the file; `why` tells | flagged |
    | gone | the archive no longer has the file, and the store no image of it | cannot be asked |
    | not measured | made with other code, which never measured this board | cannot be asked |
    """

    image_id: str
    answer: Answer
    score: float | None = None
    why: str = ""

    @property
    def is_askable(self) -> bool:
        """Whether there is a verdict at all."""
        return self.answer in ("score", "no answer", "refused")


@dataclass
class Judging:
    """One bundle at work on the past of its line; `images_per_second` of all its workers together."""

    stores: Stores
    judge: Judge
    boards: Sequence[PastBoard]
    workers: Workers
    images_per_second: float | None = None

    def opinions(self, stage: str) -> list[Opinion]:
        """One opinion a board, in their order; each partition is committed as it ends."""
        found: dict[int, Opinion] = {}
        report_progress(stage, 0, len(self.boards))
        for part in partitions([day_of(board.captured_at) for board in self.boards]):
            chosen = [self.boards[row] for row in part.rows]
            found.update(zip(part.rows, self._of_partition(part, chosen), strict=True))
            report_progress(stage, len(found), len(self.boards), part.name)
        return [found[row] for row in range(len(self.boards))]

    def _of_partition(self, part: Partition, boards: Sequence[PastBoard]) -> list[Opinion]:
        registry, key = self.stores.registry, self._key(boards)
        if registry.find("backfills", key) is not None:
            content = (registry.open("backfills", key) / "opinions.json").read_bytes()
            return [Opinion(**fields) for fields in json.loads(content)]
        opinions, is_final = self._asked(boards)
        if is_final:
            content = json.dumps([asdict(one) for one in opinions], allow_nan=False).encode()
            facts = {"line": self.judge.bundle.line, "bundle": self.judge.key, "part": part.name}
            made_of = {"bundle": self.judge.key}
            files = {"opinions.json": content}
            registry.put("backfills", key, files, inputs=made_of, facts=facts)
        return opinions

    def _key(self, boards: Sequence[PastBoard]) -> str:
        return fingerprint(
            {
                "bundle": self.judge.key,
                "images": self.judge.images_fingerprint,
                "boards": [list(board.identity) for board in boards],
                "released": sorted(self._making.released) if self._making else [],
                "code": code_digest(
                    "tasks.judging", "tasks.intake", "tasks.classification.scoring"
                ),
            }
        )

    def _asked(self, boards: Sequence[PastBoard]) -> tuple[list[Opinion], bool]:
        """The opinions, and whether they stay: a file that cannot be read now may be readable later."""
        taken = self._taken_in(boards)
        ids = [one.image_id or _digest(taken.get(one.name)) for one in boards]
        refused = {
            name: outcome.refusal for name, outcome in taken.items() if outcome.refusal is not None
        }
        askable = [
            image_id
            for image_id, board in zip(ids, boards, strict=True)
            if image_id and board.name not in refused
        ]
        scored = self._scored(list(dict.fromkeys(askable)))
        opinions = []
        for image_id, board in zip(ids, boards, strict=True):
            refusal = refused.get(board.name)
            if refusal is not None:
                opinions.append(Opinion(image_id, "refused", why=refusal.reason))
            else:
                opinions.append(scored.get(image_id) or Opinion(image_id, self._silence))
        return opinions, not any(one.kind in TRIED_EVERY_TIME for one in refused.values())

    @property
    def _silence(self) -> Answer:
        return "not measured" if self._making is None else "gone"

    @cached_property
    def _making(self) -> BoardMaking | None:
        """How the bundle makes board images; None where today's code makes others."""
        bundle = self.judge.bundle
        if self.judge.images_fingerprint is None:
            return None
        return BoardMaking(
            bundle.line,
            bundle.photograph,
            bundle.alignment,
            bundle.reference,
            self.judge.images_fingerprint,
            frozenset(self.stores.quarantine(bundle.line).released()),
        )

    @cached_property
    def _known(self) -> Mapping[str, TakenIn]:
        """What earlier ingests know of the files, by name: of all at once, for it reads whole tables.

        Where no board image is made, only which file is which image.
        """
        files = [board.photograph for board in self.boards if board.photograph is not None]
        if self._making is not None:
            known = remembered(self.stores, self._making, files)
            return {one.photograph.name: one for one in known}
        ledger = self.stores.files(self.judge.bundle.line).known()
        return {
            file.name: TakenIn(file, ledger[file.name].digest, None)
            for file in files
            if file.stamp and file.name in ledger and ledger[file.name].stamp == file.stamp
        }

    def _taken_in(self, boards: Sequence[PastBoard]) -> dict[str, TakenIn]:
        """What became of each file that has no board image yet, by its name."""
        making = self._making
        stored = self._stored()
        wanted = [one for one in boards if not one.image_id or one.image_id not in stored]
        found = {one.name: self._known[one.name] for one in wanted if one.name in self._known}
        if making is None:
            return found
        todo = [
            one.photograph for one in wanted if one.name not in found and one.photograph is not None
        ]
        while todo:
            wave, todo = todo[: self._reading.wave()], todo[self._reading.wave() :]
            with self.stores.exclusive(taking_in(making.line)):
                begin = time.perf_counter()
                size = self._reading.batch()
                for batch in taken_in(self.stores, making, wave, self.workers, size):
                    found.update((one.photograph.name, one) for one in batch)
            time.sleep(self._reading.pause(len(wave), time.perf_counter() - begin))
        return found

    def _stored(self) -> Container[str]:
        making = self._making
        if making is None:
            return ()
        return self.stores.images(making.line, making.images_fingerprint).rows()

    def _scored(self, ids: Sequence[str]) -> dict[str, Opinion]:
        """Opinions on images that are measured, now or before."""
        line, made_by = self.judge.bundle.line, self.judge.bundle.features_fingerprint
        features = self.stores.features(line, made_by)
        if self._making is not None:
            stored = self._stored()
            self._measure([image_id for image_id in ids if image_id in stored])
        missing = set(features.missing(ids))
        table = features.table([image_id for image_id in ids if image_id not in missing])
        if not table.image_ids:
            return {}
        scores_N = self._score.score(table.values_NM).tolist()
        rows = zip(table.image_ids, scores_N, table.statuses, strict=True)
        return {
            image_id: Opinion(image_id, "score", score)
            if math.isfinite(score)
            else Opinion(image_id, "no answer", why=status)
            for image_id, score, status in rows
        }

    def _measure(self, ids: Sequence[str]) -> None:
        bundle, images = self.judge.bundle, self.judge.images_fingerprint
        measuring = Measuring(
            bundle.instrument, bundle.line, str(images), bundle.features_fingerprint
        )
        features = self.stores.features(bundle.line, bundle.features_fingerprint)
        todo = features.missing(ids)
        while todo:
            with self.stores.exclusive(extraction(measuring)):
                begin = time.perf_counter()
                # Whoever had the lock before may have measured some of them.
                wave = features.missing(todo)[: self._extracting.wave()]
                size = self._extracting.batch()
                for _ in measured(self.stores, measuring, wave, self.workers, size):
                    pass
            pause = self._extracting.pause(len(wave), time.perf_counter() - begin) if wave else 0.0
            todo = features.missing(todo)
            time.sleep(pause)

    @cached_property
    def _score(self) -> CompositeScore:
        folder = self.stores.registry.open("classifiers", self.judge.bundle.classifier)
        return load_composite_score(folder / "score")

    @cached_property
    def _reading(self) -> Pace:
        return Pace(self.workers.count, self.images_per_second)

    @cached_property
    def _extracting(self) -> Pace:
        return Pace(self.workers.count, self.images_per_second)


def _digest(outcome: TakenIn | None) -> str:
    return "" if outcome is None or outcome.digest is None else outcome.digest
