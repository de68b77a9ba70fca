"""What the path of a folder says: the label of its photographs, and when they were taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from tasks.archive.photograph import NO_FACTS, Facts, Label
from tasks.archive.settings import FolderSource, MvtecSource

# 2026-11-20, 20261120, 2026_11_20, 2026/11/20
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_./]?)(\d\d)\2(\d\d)(?!\d)")
_SPLITS = ("train", "validation", "test")


def class_folders(source: FolderSource) -> dict[tuple[str, ...], Label]:
    """Class folders by the parts of their path: `line-1/good` is two."""
    labels: dict[tuple[str, ...], Label] = {}
    for folder in source.normal:
        labels[tuple(folder.split("/"))] = "normal"
    for folder in source.abnormal:
        labels[tuple(folder.split("/"))] = "abnormal"
    for folder in source.undecided:
        labels[tuple(folder.split("/"))] = "undecided"
    return labels


def class_of(path: str, classes: dict[tuple[str, ...], Label]) -> tuple[Label | None, str | None]:
    """Label of a folder and the class folder that gave it; None where none does, or two disagree."""
    found = {each: classes[each] for each in _runs(tuple(path.split("/")), classes)}
    if len(set(found.values())) != 1:
        return None, None
    deepest = list(found)[-1]
    return found[deepest], "/".join(deepest)


def _runs(
    parts: tuple[str, ...], classes: dict[tuple[str, ...], Label]
) -> Iterator[tuple[str, ...]]:
    lengths = {len(folder) for folder in classes}
    for at in range(len(parts)):
        for length in lengths:
            if (run := parts[at : at + length]) in classes:
                yield run


def captured_on(path: str) -> str | None:
    """The last date in the path of a folder, as ISO 8601; numbers that are no date do not count."""
    for match in reversed(list(_DATE.finditer(path))):
        try:
            return date(int(match[1]), int(match[3]), int(match[4])).isoformat()
        except ValueError:
            continue
    return None


def mvtec_class(path: str, source: MvtecSource) -> tuple[Label | None, Facts] | None:
    """Label and facts of a folder in MVTec AD's layout; None where it holds no photographs."""
    parts = path.split("/")
    if "ground_truth" in parts:
        return None
    at = next((at for at, part in enumerate(parts[:-1]) if part in _SPLITS), None)
    root = source.category or source.path.rstrip("/").rpartition("/")[2]
    product = "/".join(parts[:at]) if at else root
    if at is None or len(parts) != at + 2:
        return None, NO_FACTS
    if parts[-1] == "good":
        return "normal", Facts(product=product)
    if parts[at] == "test":
        return "abnormal", Facts(product=product, family=parts[-1])
    return None, Facts(product=product)
