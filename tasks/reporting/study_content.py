"""What the page of a study shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.vocabulary.arrays import UInt8Array


@dataclass(frozen=True)
class StudyContent:
    """Figures as the study wrote them for machines, sentences by part, pictures [H, W, C] by image id."""

    title: str
    figures: Mapping[str, Any]
    sentences: Mapping[str, Sequence[str]]
    pictures: Mapping[str, UInt8Array]
