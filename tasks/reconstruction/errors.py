"""Errors that only this room raises."""

from __future__ import annotations

from tasks.vocabulary.errors import ZeroescapeError


class TrainingDivergedError(ZeroescapeError, ArithmeticError):
    """A loss became infinite or NaN; nothing of this training is shipped."""


class TrainingCollapsedError(TrainingDivergedError):
    """The losses are finite, and the model draws one image for all, or its rival has given up."""
