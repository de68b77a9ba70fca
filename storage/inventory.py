"""Everything that is committed in a store, with its age and size, without opening any of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from storage.layout import DATA_PREFIX, RECEIPT
from storage.objects import Objects

GROUPED = ("images", "features", "inspections")
# What is made from something stands before it: whoever lists or removes in this order never has the one
# without the other, and whoever writes in the reverse order neither.
DERIVED_FIRST = (
    "inspections",
    "periods",
    "backfills",
    "gates",
    "reports",
    "audits",
    "certificates",
    "bundles",
    "thresholds",
    "classifiers",
    "evaluations",
    "trials",
    "rivals",
    "features",
    "scales",
    "masks",
    "memories",
    "models",
    "screenings",
    "images",
    "references",
)


@dataclass(frozen=True)
class Entry:
    """A committed entry: its folder, when its receipt was written, and what it takes.

    `kind` is its top folder. `group` is what lives and goes together: all segments or batches of one line
    under one fingerprint, any other entry by itself; `name` is how receipts speak of it.
    """

    path: str
    committed_at: float
    size_bytes: int

    @property
    def kind(self) -> str:
        """Top folder: images, features, models and so on."""
        return self.path.partition("/")[0]

    @property
    def group(self) -> str:
        """Folder of what lives and goes together."""
        return self.path.rpartition("/")[0] if self.kind in GROUPED else self.path

    @property
    def name(self) -> str:
        """Fingerprint of the images or features, key of any other entry."""
        return self.group.rpartition("/")[2]


def inventory(objects: Objects, within: Iterable[str] = DERIVED_FIRST) -> list[Entry]:
    """All entries that have a receipt, derived first; data without a receipt is nothing."""
    entries = []
    for top in within:
        sizes: dict[str, int] = {}
        receipts: dict[str, float] = {}
        for found in objects.listing(top):
            folder, separator, _ = found.path.partition(f"/{DATA_PREFIX}")
            if not separator:
                folder = found.path.removesuffix(f"/{RECEIPT}")
                if folder == found.path:
                    continue
                receipts[folder] = found.modified_at
            sizes[folder] = sizes.get(folder, 0) + found.size_bytes
        entries += [Entry(path, at, sizes[path]) for path, at in sorted(receipts.items())]
    return entries
