"""When a line learns from the images that wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tasks.archive.settings import RetrainingSettings


@dataclass(frozen=True)
class Occasion:
    """What a night knows before it looks at the archive.

    `asked`: a person wants the line to learn. `suspended`: since when the champion's certificate is
    suspended (ISO 8601 with a zone), "" where it stands.
    """

    asked: bool = False
    suspended: str = ""


ORDINARY = Occasion()


def why_learn(
    settings: RetrainingSettings,
    occasion: Occasion,
    normals_waiting: int,
    learnt_at: str,
    now: str,
) -> list[str]:
    """Reasons to learn tonight, in words; none where the line goes on with what it knows.

    `learnt_at` and `now` are ISO 8601 times with a zone: when waiting images were learnt from last (the
    first night at first), and this night. From one drift the line learns once. Without a waiting normal
    there is nothing to learn.
    """
    if normals_waiting == 0:
        return []
    why = ["it was asked for"] if occasion.asked else []
    if normals_waiting < settings.least:
        return why
    if settings.normals is not None and normals_waiting >= settings.normals:
        why.append(f"{normals_waiting:,} normal images wait, and {settings.normals:,} are enough")
    age = datetime.fromisoformat(now) - datetime.fromisoformat(learnt_at)
    if settings.days is not None and age.days >= settings.days:
        why.append(f"the line learnt {age.days} days ago, and every {settings.days} it shall")
    if settings.on_drift and occasion.suspended and _later(occasion.suspended, learnt_at):
        why.append("drift has suspended the certificate")
    return why


def _later(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) > datetime.fromisoformat(other)
