"""The audit as it is stored, and as a CSV that a person fills in and hands to the next run."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from tasks.auditing.choosing import Reason
from tasks.auditing.speaking import Family

RELABEL_COLUMNS = ("image_id", "label", "who", "why")
COLUMNS = (*RELABEL_COLUMNS, "given_label", "score", "role", "file", "reason")


@dataclass(frozen=True)
class AuditedImage:
    """One image whose label is in doubt.

    `score` is None where there is no answer. `families` and `metrics` say what spoke for (above 0)
    and against abnormal; both are empty where nothing explains the score.
    """

    image_id: str
    file: str
    role: str
    label: Literal["normal", "abnormal"]
    score: float | None
    reason: Reason
    defect: str = ""
    families: tuple[tuple[Family, float], ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class LabelAudit:
    """All of them, with the classifier that scored and the threshold in use."""

    classifier: str
    threshold: float
    images: tuple[AuditedImage, ...]

    def to_json(self) -> bytes:
        """JSON that `from_json` reads back equal."""
        return _AUDITS.dump_json(self, indent=1)

    @classmethod
    def from_json(cls, content: bytes) -> LabelAudit:
        """Read what `to_json` wrote."""
        return _AUDITS.validate_json(content)

    def to_csv(self) -> bytes:
        """A relabel file in which nobody has said anything yet: `who` and `why` are empty.

        `label` is the given one, to be changed where it is wrong.
        """
        text = io.StringIO(newline="")
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(COLUMNS)
        for image in self.images:
            score = "" if image.score is None else repr(image.score)
            given = (image.image_id, image.label, "", "", image.label, score, image.role)
            lines.writerow([*given, _plain(image.file), image.reason])
        return text.getvalue().encode("utf-8")


def relabel_line(image: AuditedImage) -> str:
    """The line of a relabel file by which a person says the opposite, `who` and `why` to be added."""
    other = "normal" if image.label == "abnormal" else "abnormal"
    return f"{image.image_id},{other},,"


def _plain(name: str) -> str:
    # A spreadsheet works out what begins like a formula; a file may be called anything.
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name


_AUDITS: TypeAdapter[LabelAudit] = TypeAdapter(LabelAudit)
