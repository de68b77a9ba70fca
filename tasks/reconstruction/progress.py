"""Where a training stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from tasks.reconstruction.history import TrainingStep


@dataclass
class Progress:
    """The next step, all figures so far, and the best weights so far."""

    next_step: int = 0
    best_step: int = -1
    best_psnr_db: float = float("-inf")
    best_state: dict[str, Tensor] = field(default_factory=dict)
    history: list[TrainingStep] = field(default_factory=list)

    def as_state(self) -> dict[str, Any]:
        """Plain data and tensors, for a checkpoint."""
        return {
            "next_step": self.next_step,
            "best_step": self.best_step,
            "best_psnr_db": self.best_psnr_db,
            "best_state": self.best_state,
            "history": [asdict(step) for step in self.history],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Progress:
        """What `as_state` gave, among whatever else the checkpoint keeps."""
        return cls(
            next_step=state["next_step"],
            best_step=state["best_step"],
            best_psnr_db=state["best_psnr_db"],
            best_state=state["best_state"],
            history=[TrainingStep(**step) for step in state["history"]],
        )
