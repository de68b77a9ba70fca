"""The base of every room's settings: frozen, and an unknown key is an error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Immutable settings of one room; unknown keys are refused, so a typo never becomes a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
