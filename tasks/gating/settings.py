"""Settings of the promotion gate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.vocabulary.settings import Settings


class GateSettings(Settings):
    """What a challenger has to show before it becomes the champion of its line.

    `escape_rate` is the contract: the certified bound on escapes may not lie above it; None makes no such
    demand. `false_call_worsening` is how much higher the share of good boards flagged may be than the
    champion's, shown with `confidence`. Without `automatic` nothing is promoted without a person.
    """

    escape_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    false_call_worsening: Annotated[float, Field(ge=0, le=1)] = 0.05
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    automatic: bool = True
