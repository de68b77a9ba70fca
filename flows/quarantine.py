"""What a person does about quarantined files; without Prefect, Dask or torch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from flows.display import shown_name
from flows.settings import LineSettings, load_settings
from storage.quarantine import QuarantineEntry
from storage.stores import Stores
from tasks.vocabulary.errors import InputError

# What a person can answer for: the pixels are there, only their place is in doubt.
_RELEASABLE = "misaligned"


def listed(config: Path, kind: str | None) -> list[QuarantineEntry]:
    """All entries, or those of one kind; raises `InputError` for a kind that does not occur."""
    _, entries = _opened(config)
    if kind is None:
        return entries
    kinds = sorted({entry.kind for entry in entries})
    if kind not in kinds:
        raise InputError(f"No file is in quarantine as {kind!r}.", f"Kinds: {', '.join(kinds)}.")
    return [entry for entry in entries if entry.kind == kind]


def retried(config: Path, files: Sequence[str], *, everything: bool) -> int:
    """Forget what is known of these files; the next ingest reads them. Returns how many."""
    settings, entries = _opened(config)
    chosen = entries if everything else _named(entries, files)
    stores = Stores(settings.store)
    stores.files(settings.line).forget(entry.source for entry in chosen)
    stores.quarantine(settings.line).forget(entry.key for entry in chosen)
    return len({entry.source for entry in chosen})


def released(config: Path, files: Sequence[str], by: str, note: str) -> int:
    """Record that a person takes these misaligned boards in; returns how many.

    Raises `InputError`, and releases none, where one of them is no misaligned board: what cannot be
    decoded, or has no label, is not for anybody to release.
    """
    settings, entries = _opened(config)
    chosen = _named(entries, files)
    for entry in chosen:
        if entry.kind != _RELEASABLE or entry.digest is None:
            raise InputError(
                f"{entry.source} is {entry.kind}, not {_RELEASABLE}: {entry.reason}", entry.remedy
            )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    quarantine = Stores(settings.store).quarantine(settings.line)
    for entry in chosen:
        assert entry.digest is not None  # noqa: S101  # looked at above
        quarantine.release(entry.digest, by, note, now)
    return len(chosen)


def _opened(config: Path) -> tuple[LineSettings, list[QuarantineEntry]]:
    settings = load_settings(config)
    if not settings.store.exists():
        raise InputError(
            f"The store {settings.store} does not exist yet.", "Run `zeroescape ingest` first."
        )
    return settings, Stores(settings.store).quarantine(settings.line).entries()


def _named(entries: Sequence[QuarantineEntry], files: Sequence[str]) -> list[QuarantineEntry]:
    if not files:
        raise InputError("No file is named.", "Name files as `zeroescape quarantine list` does.")
    asked = set(files)
    # A name that no terminal can show is asked for as the list shows it.
    chosen = [entry for entry in entries if asked & {entry.source, shown_name(entry.source)}]
    found = {name for entry in chosen for name in (entry.source, shown_name(entry.source))}
    for name in files:
        if name not in found:
            raise InputError(
                f"{name} is not in quarantine.", "Name files as `zeroescape quarantine list` does."
            )
    return chosen
