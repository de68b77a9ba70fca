"""A collector in a process of its own: `python -m tests.storage.collector ROOT`; says when it begins."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from storage.collecting import collect
from storage.retention import RetentionPolicy
from storage.stores import Stores

POLICY = RetentionPolicy(keep_champions=1, older_than_seconds=86_400.0, grace_seconds=0.0)


def main() -> None:
    stores = Stores(Path(sys.argv[1]))
    print("begin", flush=True)
    collect(stores, POLICY, time.time())
    print("end", flush=True)


if __name__ == "__main__":
    main()
