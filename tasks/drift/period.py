"""The certified period: the watched quantities of the boards that the champion was certified on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CertifiedPeriod:
    """Values by quantity, in a fixed order; good boards of the certification role and how many it flags.

    Good boards of the development role count for quantities that no fitting touches (light,
    registration, reconstruction); scores and flags are of the certification role alone.
    """

    values: Mapping[str, tuple[float, ...]]
    good: int
    flagged: int

    def to_json(self) -> bytes:
        """JSON; a quantity's value that is not finite was left out before."""
        return json.dumps(asdict(self), allow_nan=False).encode()

    @classmethod
    def from_json(cls, content: bytes) -> CertifiedPeriod:
        """The period that was written."""
        fields: dict[str, Any] = json.loads(content)
        values = {name: tuple(map(float, own)) for name, own in fields["values"].items()}
        return cls(values, int(fields["good"]), int(fields["flagged"]))


def finite(values: Mapping[str, list[float]]) -> dict[str, tuple[float, ...]]:
    """All finite values by quantity; quantities without any are left out: nobody measures them here."""
    kept = {name: tuple(v for v in own if math.isfinite(v)) for name, own in values.items()}
    return {name: own for name, own in kept.items() if own}
