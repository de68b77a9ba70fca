"""What an ingest is measured against: the bare decode of its files, and a loop as one writes it first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from tasks.progress import Listener, Progress
from tasks.vocabulary.arrays import UInt8Array

ORB_FEATURES, FEWEST_MATCHES = 2_000, 10


def decode_seconds(paths: Sequence[Path], workers: int) -> float:
    """Wall-clock seconds to read and decode all files and do nothing with them, on warm processes."""
    with ProcessPoolExecutor(workers, get_context("spawn"), cv2.setNumThreads, (1,)) as processes:
        list(processes.map(decoded_bytes, paths[: 2 * workers]))
        begin = time.perf_counter()
        for _ in processes.map(decoded_bytes, paths):
            pass
        return time.perf_counter() - begin


def decoded_bytes(path: Path) -> int:
    """Decode one file; returns how large it is in memory."""
    pixels_HWC = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert pixels_HWC is not None
    return int(pixels_HWC.nbytes)


def naive_loop(paths: Sequence[Path], side_px: int, out: Path, heard: Listener) -> int:
    """Read, register by ORB to the first board at full size, warp, reduce, write; one after the other.

    Returns how many boards were not found. Checks nothing and resumes nothing.
    """
    out.mkdir(parents=True)
    orb = cv2.ORB.create(ORB_FEATURES)
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    golden_HWC = _read(paths[0])
    wanted, golden = orb.detectAndCompute(cv2.cvtColor(golden_HWC, cv2.COLOR_BGR2GRAY), None)
    lost = 0
    for done, path in enumerate(paths, start=1):
        board_HWC = _read(path)
        found, seen = orb.detectAndCompute(cv2.cvtColor(board_HWC, cv2.COLOR_BGR2GRAY), None)
        matches = matcher.match(seen, golden)
        heard(Progress("naive loop", done, len(paths)))
        if len(matches) < FEWEST_MATCHES:
            lost += 1
            continue
        here = np.asarray([found[match.queryIdx].pt for match in matches])
        there = np.asarray([wanted[match.trainIdx].pt for match in matches])
        pose_23, _ = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC)
        height, width = golden_HWC.shape[:2]
        warped_HWC = cv2.warpAffine(board_HWC, pose_23, (width, height))
        reduced_HWC = cv2.resize(warped_HWC, (side_px, side_px), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(out / f"{path.stem}.png"), reduced_HWC)
    return lost


def _read(path: Path) -> UInt8Array:
    return np.asarray(cv2.imread(str(path)), dtype=np.uint8)
