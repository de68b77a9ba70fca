"""What an archive holds: one `Photograph` per file, with its label where there is one."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, assert_never

from tasks.archive.settings import ElpvSource, FolderSource, SourceSettings
from tasks.vocabulary.errors import InputError

Label = Literal["normal", "abnormal", "undecided"]
_ELPV_LABELS: dict[float, Label] = {0.0: "normal", 1.0: "abnormal"}


@dataclass(frozen=True)
class Photograph:
    """One file of an archive; `label` is None where nobody said whether the product was good."""

    path: Path
    name: str
    label: Label | None


def photographs(source: SourceSettings) -> list[Photograph]:
    """All photographs of an archive, sorted by name; raises `InputError` where there is none."""
    match source:
        case ElpvSource():
            found = _elpv_photographs(source)
        case FolderSource():
            found = _folder_photographs(source)
        case _:
            assert_never(source)
    return sorted(found, key=lambda photograph: photograph.name)


def _elpv_photographs(source: ElpvSource) -> list[Photograph]:
    """Cells of one type; probability 0 is normal, 1 abnormal, 1/3 and 2/3 undecided (labels.csv)."""
    spec = find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        raise InputError(
            "The package elpv-dataset is not installed.",
            "Install it with: pip install 'zeroescape[demo]' (images are CC BY-NC-SA 4.0).",
        )
    folder = Path(spec.origin).parent / "data"
    found = []
    with (folder / "labels.csv").open(newline="") as lines:
        for row in csv.reader(lines, delimiter=" ", skipinitialspace=True):
            name, probability, cell_type = (cell for cell in row if cell)
            if cell_type == source.cell_type:
                label = _ELPV_LABELS.get(float(probability), "undecided")
                found.append(Photograph(folder / name, name, label))
    return found


def _folder_photographs(source: FolderSource) -> list[Photograph]:
    if not source.path.is_dir():
        raise InputError(
            f"{source.path} is not a directory.", "Set source.path to the directory of the images."
        )
    labels: dict[str, Label] = {}
    for folder in source.normal:
        labels[folder] = "normal"
    for folder in source.abnormal:
        labels[folder] = "abnormal"
    for folder in source.undecided:
        labels[folder] = "undecided"
    found = []
    for path in source.path.rglob("*"):
        if path.suffix.lower() in source.suffixes and path.is_file():
            relative = path.relative_to(source.path)
            found.append(
                Photograph(path, relative.as_posix(), labels.get(relative.parent.as_posix()))
            )
    if not found:
        raise InputError(
            f"{source.path} holds no image ({', '.join(source.suffixes)}).",
            f"Put images into its sub-folders {', '.join(labels)}, or correct source.path.",
        )
    return found
