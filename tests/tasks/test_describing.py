"""Heat of rivals is held against the truth; what has no answer is a row without a value."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasks.archive.truths import Truth
from tasks.baselines.rival import Rival
from tasks.describing import PeakResident, Redrawing, _Described
from tasks.locating import KnownBoard
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.tensors import Reconstruction


class Brightness(Rival):
    """Suspects what is bright; black images have no answer, other signs turn the heat round."""

    columns = ("brightest",)
    state_bytes = 0

    def __init__(self, sign: float | None) -> None:
        self.sign = sign

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        top = float(image_HWC.max())
        return np.array([top if top > 0 else np.nan])

    def heat(self, image_HWC: UInt8Array) -> Float32Array | None:
        if self.sign is None:
            return None
        return np.asarray(self.sign * image_HWC[..., 0].astype(np.float32), np.float32)


def described(sign: float | None) -> _Described:
    struck = np.full((16, 16, 1), 10, np.uint8)
    struck[4:8, 2:6] = 200
    boards = {
        "struck": KnownBoard("struck", np.eye(3), (Truth("spot", (4.0, 2.0, 8.0, 6.0)),)),
        "good": KnownBoard("good", np.eye(3), ()),
    }
    made = _Described(Brightness(sign), boards)
    made.add("struck", struck)
    made.add("good", np.full((16, 16, 1), 10, np.uint8))
    made.add("unknown", np.zeros((16, 16, 1), np.uint8))
    return made


def test_heat_on_the_defect_is_a_perfect_pro_and_heat_beside_it_none() -> None:
    assert described(1.0).pro() == pytest.approx(1.0)
    assert described(-1.0).pro() == pytest.approx(0.0, abs=0.2)
    assert described(None).pro() is None


def test_an_image_without_an_answer_has_a_row_without_a_value() -> None:
    rows = described(None).rows
    assert [row.tolist() for row in rows[:2]] == [[200.0], [10.0]]
    assert np.isnan(rows[2]).all()


def test_the_peak_is_that_since_the_watch_began() -> None:
    watch = PeakResident()
    before = watch.peak_bytes()
    # Straight from the system: an allocator may hand out again what a former test has freed.
    with mmap.mmap(-1, 64_000_000) as held:
        np.frombuffer(held, np.uint8)[:] = 1
        after = watch.peak_bytes()
    assert after - before > 32_000_000


class Darkening(Reconstructor):
    """Draws every image at half its grey levels, says how bright it was, and counts its drawings."""

    capabilities = frozenset[str]()
    own_scores = ("brightness",)

    def __init__(self) -> None:
        super().__init__((1, 4, 4))
        self.factor = nn.Parameter(torch.tensor(0.5))
        self.drawn = 0

    def require_size(self, height: int, width: int) -> None:
        """All sizes are welcome."""

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        self.drawn += 1
        scores_NS = image_1CHW.mean(dim=(1, 2, 3))[:, None]
        return Reconstruction(images_NCHW=self.factor * image_1CHW, scores_NS=scores_NS)


def test_an_image_is_redrawn_once_for_all_that_is_asked_of_it() -> None:
    reconstructor = Darkening()
    redrawing = Redrawing(reconstructor)
    white, grey = np.full((4, 4, 1), 255, np.uint8), np.full((4, 4, 1), 51, np.uint8)
    for image, level in ((white, 1.0), (grey, 0.2), (white, 1.0)):
        assert redrawing.own_scores(image.copy()) == pytest.approx({"brightness": level})
        np.testing.assert_allclose(redrawing.image(image.copy()), level / 2, rtol=1e-6)
    assert reconstructor.drawn == 3
