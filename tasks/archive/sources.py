"""What an archive holds: one `Photograph` per file, with its label where there is one."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import assert_never

from tasks.archive.folders import captured_on, class_folders, class_of, mvtec_class
from tasks.archive.listing import ListedFile, ListedFolder, list_place, stamp_of
from tasks.archive.manifest import manifest_photographs
from tasks.archive.photograph import Facts, Label, Photograph, printable
from tasks.archive.remote import is_remote, local_path
from tasks.archive.settings import (
    ElpvSource,
    FolderSource,
    ManifestSource,
    MvtecSource,
    SourceSettings,
)
from tasks.vocabulary.errors import InputError

__all__ = ["Facts", "Label", "Photograph", "photographs"]

_ELPV_LABELS: dict[float, Label] = {0.0: "normal", 1.0: "abnormal"}


def photographs(source: SourceSettings) -> list[Photograph]:
    """All photographs of an archive, sorted by name.

    Raises `InputError` where there is none or the archive cannot be listed, and
    `UnreachableArchiveError` (a `ConnectionError`) where an object store does not answer.
    """
    match source:
        case ElpvSource():
            found = _elpv_photographs(source)
        case FolderSource():
            found = list(_folder_photographs(source))
            _refuse_empty(found, source)
        case MvtecSource():
            found = list(_mvtec_photographs(source))
            _refuse_empty(found, source)
        case ManifestSource():
            found = manifest_photographs(source)
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
                location = str(folder / name)
                found.append(Photograph(location, name, label, stamp_of(location)))
    return found


def _folder_photographs(source: FolderSource) -> Iterator[Photograph]:
    classes = class_folders(source)
    listed = list_place(
        source.path, source.endpoint_url, source.suffixes, lambda path: class_of(path, classes)[0]
    )
    for folder in listed:
        label, class_folder = class_of(folder.path, classes)
        # Several abnormal class folders are the names of the defects.
        told = label == "abnormal" and len(source.abnormal) > 1
        facts = Facts(
            family=class_folder if told else None,
            captured_at=captured_on(folder.path) if source.captured_at == "path" else None,
        )
        for file in folder.files:
            own = facts if source.captured_at == "path" else _with_time(facts, file)
            yield _photograph(folder, file, label, own, source.endpoint_url)


def _with_time(facts: Facts, file: ListedFile) -> Facts:
    if file.written_ns is None:
        return facts
    written = datetime.fromtimestamp(file.written_ns // 1_000_000_000, UTC)
    return replace(facts, captured_at=written.isoformat())


def _mvtec_photographs(source: MvtecSource) -> Iterator[Photograph]:
    place = source.path
    if source.category is not None:
        place = f"{place.rstrip('/')}/{source.category}"

    def label_of(path: str) -> Label | None:
        return (mvtec_class(path, source) or (None,))[0]

    for folder in list_place(place, source.endpoint_url, source.suffixes, label_of):
        told = mvtec_class(folder.path, source)
        if told is not None:
            label, facts = told
            for file in folder.files:
                yield _photograph(folder, file, label, facts, source.endpoint_url)


def _photograph(
    folder: ListedFolder,
    file: ListedFile,
    label: Label | None,
    facts: Facts,
    endpoint_url: str | None,
) -> Photograph:
    name = printable(f"{folder.path}/{file.name}" if folder.path else file.name)
    return Photograph(file.location, name, label, file.stamp, facts, endpoint_url)


def _refuse_empty(found: Sequence[Photograph], source: FolderSource | MvtecSource) -> None:
    if found:
        return
    place = source.path if is_remote(source.path) else local_path(source.path)
    match source:
        case FolderSource():
            folders = ", ".join((*source.normal, *source.abnormal, *source.undecided))
            remedy = f"Put images into folders called {folders}, or correct source.path."
        case MvtecSource():
            remedy = "Set source.path to the folder with train and test, or to the one above."
    raise InputError(f"{place} holds no image ({', '.join(source.suffixes)}).", remedy)
