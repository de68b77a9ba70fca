"""What a Dask worker runs of a rival: learn from normals, describe boards, commit the rows.

Imports no Prefect. A description is committed once under a key that names all it was made of.

Legend: N images, K columns, H height, W width, C channels.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from storage.fingerprints import array_digest, code_digest, fingerprint
from storage.stores import Stores
from tasks.archive.truths import board_mask
from tasks.baselines.learning import learn, package_version
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import RivalSettings
from tasks.batches import instrument
from tasks.classification.persistence import load_composite_score
from tasks.classification.rivalry import Rows
from tasks.instrument import Instrument
from tasks.jobs import Measuring
from tasks.localisation.overlap import HeatCounts, au_pro, counted, overlap_curve
from tasks.locating import KnownBoard
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.errors import NoAnswerError
from tasks.vocabulary.tensors import Reconstruction, board_images

_IMAGES_AT_ONCE = 64
_RESIDENT = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs")


@dataclass(frozen=True, eq=False)
class DescriptionOrder:
    """Which normals are learnt from, and which images are described (each once).

    `boards` are those whose defects are known: there heat maps are held against the truth.
    """

    measuring: Measuring
    normals: tuple[str, ...]
    images: tuple[str, ...]
    boards: tuple[KnownBoard, ...]
    seed: int

    def truths(self) -> list[list[Any]]:
        """What is known of the defects, as plain data for a fingerprint."""
        return [
            [board.image_id, array_digest(board.pose_33), *map(_truth, board.truths)]
            for board in self.boards
        ]

    def key(self, settings: RivalSettings) -> str:
        """Names a rival's description: images, what sees and draws them, settings, truth and code."""
        made_by = self.measuring.instrument
        return fingerprint(
            {
                "images": self.measuring.images_fingerprint,
                "normals": self.normals,
                "described": self.images,
                "truths": self.truths(),
                "model": made_by.model_key,
                "perception": made_by.perception.model_dump(mode="json"),
                "rival": settings.model_dump(mode="json"),
                "package": package_version(settings),
                "seed": self.seed,
                "code": code_digest(
                    "tasks.baselines",
                    "tasks.memory",
                    "tasks.perception",
                    "tasks.reconstruction",
                    "tasks.describing",
                ),
            }
        )


def _truth(truth: Any) -> list[Any]:
    inside = None if truth.inside_hw is None else array_digest(truth.inside_hw)
    return [truth.kind, list(truth.box), inside]


@dataclass(frozen=True, eq=False)
class Description:
    """Rows of a rival, NaN where it has no answer, by image id; `facts` are its costs and its PRO."""

    rows: Mapping[str, int]
    table_NK: Float64Array
    columns: tuple[str, ...]
    facts: Mapping[str, Any]

    def of(self, image_ids: Sequence[str], labels: Sequence[int]) -> Rows:
        """Rows of these images, in their order."""
        at = [self.rows[image_id] for image_id in image_ids]
        return Rows(self.table_NK[at], np.asarray(labels, dtype=np.int64), self.columns)


def describe(
    stores: Stores, order: DescriptionOrder, batch: tuple[tuple[str, RivalSettings], ...]
) -> None:
    """Learn rivals and commit their rows, one after another; what is committed is left alone."""
    for key, settings in batch:
        if stores.registry.find("rivals", key) is None:
            _describe(stores, order, key, settings)


def _describe(stores: Stores, order: DescriptionOrder, key: str, settings: RivalSettings) -> None:
    loaded = instrument(stores.root, order.measuring.instrument)
    memory, begin = PeakResident(), time.perf_counter()
    rival = learn(settings, _normals(stores, order, loaded))
    learnt = time.perf_counter() - begin
    described = _Described(rival, {board.image_id: board for board in order.boards})
    images = stores.images(order.measuring.line, order.measuring.images_fingerprint)
    for first in range(0, len(order.images), _IMAGES_AT_ONCE):
        ids = order.images[first : first + _IMAGES_AT_ONCE]
        for image_id, image_HWC in zip(ids, images.read(ids), strict=True):
            described.add(image_id, image_HWC)
    facts = {
        "seconds_to_learn": learnt,
        "seconds_per_image": described.seconds / max(len(order.images), 1),
        "state_bytes": int(rival.state_bytes),
        "peak_bytes": memory.peak_bytes(),
        "pro": described.pro(),
    }
    _commit(stores, order, key, described, facts, settings.kind)


class _Described:
    """Rows and heat of one rival, image after image; heat is not what takes the time."""

    def __init__(self, rival: Rival, boards: Mapping[str, KnownBoard]) -> None:
        self.rival = rival
        self.rows: list[Float64Array] = []
        self.seconds = 0.0
        self._boards = boards
        self._counts: list[HeatCounts] = []

    def add(self, image_id: str, image_HWC: UInt8Array) -> None:
        """Describe one image."""
        begin = time.perf_counter()
        try:
            row_K = np.asarray(self.rival.describe(image_HWC), dtype=np.float64)
        except NoAnswerError:
            row_K = np.full(len(self.rival.columns), np.nan)
        self.seconds += time.perf_counter() - begin
        self.rows.append(row_K)
        if image_id in self._boards:
            heat_HW = self.rival.heat(image_HWC)
            if heat_HW is not None:
                mask_HW = _mask(self._boards[image_id], *image_HWC.shape[:2])
                # Told apart to 11 bits, as the composite's: it keeps the counts small.
                coarse_HW = heat_HW.astype(np.float16).astype(np.float32)
                self._counts.append(counted(coarse_HW, mask_HW))

    def pro(self) -> float | None:
        """AU-PRO over all known boards; None for a rival without heat and where no defect is known."""
        if not any(one.regions for one in self._counts):
            return None
        return au_pro(overlap_curve(self._counts))


def _mask(board: KnownBoard, height: int, width: int) -> BoolArray:
    mask_HW = np.zeros((height, width), dtype=np.bool_)
    for truth in board.truths:
        mask_HW |= board_mask(truth, board.pose_33, height, width)
    return mask_HW


def _normals(stores: Stores, order: DescriptionOrder, loaded: Instrument) -> Normals:
    measuring = order.measuring
    images = stores.images(measuring.line, measuring.images_fingerprint)
    redrawing = Redrawing(loaded.reconstructor)
    return Normals(
        images_NHWC=images.read(order.normals),
        features=Seeing(loaded),
        strides=tuple(loaded.perception.strides),
        reconstruct=redrawing.image,
        own_scores=redrawing.own_scores,
        seed=order.seed,
    )


@dataclass(frozen=True, eq=False)
class Seeing:
    """Feature maps of one image, as the champion's instrument sees it."""

    loaded: Instrument

    def __call__(self, image_HWC: UInt8Array) -> tuple[Float32Array, ...]:
        """`[C_l, h_l, w_l]`, shallow to deep."""
        with torch.inference_mode():
            maps = self.loaded.perception(board_images(image_HWC[None]))
        return tuple(np.ascontiguousarray(one[0].numpy(), dtype=np.float32) for one in maps)


class Redrawing:
    """One image as the champion's reconstructor draws and scores it.

    What both want of the same image is made once: a search takes seconds.
    """

    def __init__(self, reconstructor: Reconstructor) -> None:
        self._reconstructor = reconstructor
        self._last: tuple[UInt8Array, Reconstruction] | None = None

    def image(self, image_HWC: UInt8Array) -> Float32Array:
        """`[H, W, C]` in [0, 1]."""
        drawn_HWC = self._made(image_HWC).images_NCHW[0].permute(1, 2, 0).cpu().numpy()
        return np.ascontiguousarray(drawn_HWC, dtype=np.float32)

    def own_scores(self, image_HWC: UInt8Array) -> dict[str, float]:
        """What the reconstructor says of the image by itself, by name; empty where it says nothing."""
        names = self._reconstructor.own_scores
        if not names:
            return {}
        scores_NS = self._made(image_HWC).scores_NS
        assert scores_NS is not None  # noqa: S101 - promised by `own_scores`
        return dict(zip(names, scores_NS[0].tolist(), strict=True))

    def _made(self, image_HWC: UInt8Array) -> Reconstruction:
        if self._last is None or not np.array_equal(self._last[0], image_HWC):
            made = self._reconstructor.reconstruct(board_images(image_HWC[None]))
            self._last = image_HWC, made
        return self._last[1]


def _commit(
    stores: Stores,
    order: DescriptionOrder,
    key: str,
    described: _Described,
    facts: dict[str, Any],
    kind: str,
) -> None:
    table = io.BytesIO()
    np.save(table, np.stack(described.rows), allow_pickle=False)
    content = {"images": order.images, "columns": described.rival.columns, "facts": facts}
    stores.registry.put(
        "rivals",
        key,
        {"rows.npy": table.getvalue(), "rival.json": json.dumps(content, allow_nan=False).encode()},
        inputs={
            "images": order.measuring.images_fingerprint,
            "model": order.measuring.instrument.model_key,
        },
        facts={"kind": kind},
    )


@lru_cache(maxsize=4)
def description(root: Path | str, key: str) -> Description:
    """What `describe` committed; NotFoundError where it did not."""
    folder = Stores(root).registry.open("rivals", key)
    content = json.loads((folder / "rival.json").read_bytes())
    rows = {image_id: at for at, image_id in enumerate(content["images"])}
    table_NK = np.load(folder / "rows.npy", allow_pickle=False)
    return Description(rows, table_NK, tuple(content["columns"]), content["facts"])


def composite_cost(
    stores: Stores, measuring: Measuring, classifier: str, image_ids: tuple[str, ...]
) -> dict[str, float | int]:
    """Seconds that one image takes to be measured and scored, and the peak memory of that process."""
    loaded = instrument(stores.root, measuring.instrument)
    score = load_composite_score(stores.registry.open("classifiers", classifier) / "score")
    images_NHWC = stores.images(measuring.line, measuring.images_fingerprint).read(image_ids)
    loaded.measure(images_NHWC[0])  # the first one warms up
    memory, begin = PeakResident(), time.perf_counter()
    for image_HWC in images_NHWC:
        score.score(loaded.measure(image_HWC).values_M[None])
    seconds = (time.perf_counter() - begin) / len(images_NHWC)
    return {"seconds_per_image": seconds, "peak_bytes": memory.peak_bytes()}


class PeakResident:
    """Largest resident memory of this process since the object was made.

    The present one where that cannot be told (not Linux).
    """

    def __init__(self) -> None:
        try:
            _FORGET_PEAK.write_text("5")
            self._kept = True
        except OSError:
            self._kept = False

    def peak_bytes(self) -> int:
        """Bytes, with all that the process had loaded before."""
        if self._kept:
            for line in _RESIDENT.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return int(psutil.Process().memory_info().rss)
