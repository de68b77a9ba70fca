"""What the Fréchet distance of a box of each size comes to on normal products.

Over feature maps that are shared by all boxes the distance shrinks as boxes grow, whatever lies in
them: an average over more positions differs less. Ranked raw, the smallest boxes win. Standardised
by what normals show at the same size, a box counts by how unusual it is.

Legend: S box sizes, K boxes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class BoxScales:
    """Centre and spread of the logarithm of the squared distance, one entry a box side in px."""

    sides_px: tuple[int, ...]
    centres: tuple[float, ...]
    spreads: tuple[float, ...]

    def standardise(self, distances_K: Float64Array, boxes_K4: Int64Array) -> Float64Array:
        """How unusual the distances are: `exp(z)`, `float64 [K]`, z in spreads above the centre.

        1 is what a normal shows on average at that size, 0 an identical pair of patches. A box of a side
        that no normal was asked about is an `InputError`.
        """
        sides_K = boxes_K4[:, 2] - boxes_K4[:, 0]
        place_K = np.searchsorted(self.sides_px, sides_K)
        known_K = np.asarray(self.sides_px)[np.minimum(place_K, len(self.sides_px) - 1)]
        if not np.array_equal(known_K, sides_K):
            raise InputError(
                "A box has a side whose distances were never standardised.",
                "Learn the scales with the same candidates.sizes and candidates.growth_px.",
            )
        with np.errstate(divide="ignore"):  # identical patches: nothing is less suspect
            logarithms_K = np.log(distances_K)
        centres_S, spreads_S = np.asarray(self.centres), np.asarray(self.spreads)
        scores_K: Float64Array = np.exp((logarithms_K - centres_S[place_K]) / spreads_S[place_K])
        return scores_K


def box_scales(distances: Sequence[Float64Array], boxes: Sequence[Int64Array]) -> BoxScales:
    """Learn the scales from the boxes of normals that the reconstruction never saw.

    `distances[i]`, `[K_i]`, are the squared distances of the boxes `[K_i, 4]` laid on normal i.
    Identical patches (distance 0) have no logarithm and are left out; a side with fewer than two
    distinct distances left has no spread: an `InputError`.
    """
    values = np.concatenate(distances)
    sides = np.concatenate([boxes_K4[:, 2] - boxes_K4[:, 0] for boxes_K4 in boxes])
    known = np.unique(sides)
    logarithms = [np.log(values[(sides == side) & (values > 0)]) for side in known]
    if any(np.unique(of_side).size < 2 for of_side in logarithms):
        raise InputError(
            "The normals' boxes do not differ from their reconstructions: there is no scale to learn.",
            "Use more normals for the mask, or candidates.road.standardised: false.",
        )
    return BoxScales(
        tuple(int(side) for side in known),
        tuple(float(of_side.mean()) for of_side in logarithms),
        tuple(float(of_side.std()) for of_side in logarithms),
    )


def written_scales(scales: BoxScales) -> bytes:
    """Scales as JSON, read back to the same bits by `read_scales`."""
    return json.dumps(asdict(scales)).encode()


def read_scales(path: Path) -> BoxScales:
    """Read what `written_scales` wrote."""
    content = json.loads(path.read_bytes())
    return BoxScales(
        tuple(content["sides_px"]), tuple(content["centres"]), tuple(content["spreads"])
    )
