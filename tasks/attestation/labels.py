"""Which words say that a board is defective, and which that it is good."""

from __future__ import annotations

NORMAL_WORDS = frozenset({"0", "0.0", "normal", "good", "ok", "false"})
ABNORMAL_WORDS = frozenset(
    {
        "1",
        "1.0",
        "abnormal",
        "anomalous",
        "anomaly",
        "bad",
        "defect",
        "defective",
        "ng",
        "nok",
        "true",
    }
)
"""Case and surrounding blanks do not count. 'pass' and 'fail' are verdicts, no truths: refused."""


def defective(word: str) -> bool | None:
    """Whether the word says that a board is defective; None where it says neither."""
    plain = word.strip().lower()
    if plain in ABNORMAL_WORDS:
        return True
    return False if plain in NORMAL_WORDS else None
