"""The ledger of looks: how often a certification set was asked, over all tools and thresholds.

A certification set answers honestly once. One numbered, append-only sequence holds every look of
this store; a set is recognised by any key that two looks share (its name, a digest of what names its
boards, or single boards), so neither a new name nor a row more or less makes an old set fresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from storage.layout import LOOKS
from storage.numbered import NumberedFiles, Record
from storage.objects import Objects

ONE_BOARD = "board:"
"""Begins a key that stands for one board of a set, not for the set."""


class LookLedger:
    """Looks at certification sets; a repeated question with the same answer is the same look."""

    def __init__(self, objects: Objects) -> None:
        self._files = NumberedFiles(objects, LOOKS)

    def count_with(self, keys: Iterable[str], answer: str) -> int:
        """Count the looks at the set of these keys, this one included; writes nothing."""
        looks = self._looks(self._files.numbers(), keys)
        return len(looks) + (_same(looks, answer) is None)

    def record(self, keys: Iterable[str], answer: str, facts: Mapping[str, object]) -> int:
        """Count as `count_with` and keep this look, unless it is one that was kept before.

        `keys` name the set, `answer` is a digest of the scores and of what was asked of them;
        `facts` are kept for people. CorruptEntryError where an earlier look is not as it was
        written: a ledger with a hole would count too few.
        """
        names = sorted(set(keys))
        content = {"keys": names, "answer": answer, "facts": dict(facts)}
        self._files.append(content, lambda numbers: _same(self._looks(numbers, names), answer))
        return len(self._looks(self._files.numbers(), names))

    def _looks(self, numbers: list[int], keys: Iterable[str]) -> list[Record]:
        """Look up all looks that share a key with the set, also through other looks at it.

        A single board links a set with those that hold it and leads no further: of a set that is
        refreshed bit by bit, looks at boards that have left it do not count for ever.
        """
        known, rest, found = set(keys), [self._files.record(n) for n in numbers], []
        while linked := [look for look in rest if known & set(look.content["keys"])]:
            found += linked
            rest = [look for look in rest if look not in linked]
            keys_of_sets = (key for look in linked for key in look.content["keys"])
            known.update(key for key in keys_of_sets if not key.startswith(ONE_BOARD))
        return found


def _same(looks: Iterable[Record], answer: str) -> Record | None:
    return next((look for look in looks if look.content["answer"] == answer), None)
