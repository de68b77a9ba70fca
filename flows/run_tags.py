"""Tags of runs: the product, the line and what is done, whoever starts the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect import tags

from flows.run_names import line_of

PRODUCT_TAG = "zeroescape"


def tags_of(line: str, kind: str, *more: str) -> list[str]:
    """The tags of a run or deployment, each once."""
    return list(dict.fromkeys([PRODUCT_TAG, line, kind, *more]))


@contextmanager
def tagged(config: Path, kind: str) -> Iterator[None]:
    """Runs that are started within the block from the command line carry the tags of their line."""
    with tags(*tags_of(line_of(config), kind, "by-hand")):
        yield
