"""Settings of the alignment room."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from tasks.vocabulary.settings import Settings


class NoAlignment(Settings):
    """Trivial member: the camera delivers aligned images; only the size changes."""

    kind: Literal["none"] = "none"
    side_px: PositiveInt


# The union of aligners; a new one joins here and in `aligners.align`.
AlignmentSettings = NoAlignment
