"""How much of the normals' features is kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from tasks.vocabulary.settings import Settings


class MemorySettings(Settings):
    """A memory bank of each feature map, and a normal density at each place of aligned boards.

    | setting | meaning |
    | --- | --- |
    | `entries` | features kept of each map: its coreset |
    | `pool` | features of all normals together from which those are chosen |
    | `place_axes` | random axes on which the features of one place are compared |
    | `shortest_stride_px` | maps of a finer stride are not kept: they see texture, not parts |
    | `seed` | of the pool and of both projections |

    Sources: PatchCore (Roth et al. 2022) and PaDiM (Defard et al. 2021).
    """

    entries: PositiveInt = 4_000
    pool: PositiveInt = 40_000
    place_axes: PositiveInt = 40
    shortest_stride_px: PositiveInt = 8
    seed: Annotated[int, Field(ge=0, lt=2**30)] = 0
