"""The whole installation examined: every check says what it found and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flows.check import check_line
from flows.checkup import conducting, installation, storing, working
from flows.checkup.finding import OUTCOMES, Check, Finding, Outcome, examined
from flows.settings import LineSettings, load_settings
from storage.errors import NotFoundError
from storage.stores import Stores

# As monitoring plug-ins have it: 0 all well, 1 warnings, 2 problems.
EXIT_CODES: dict[Outcome, int] = {"ok": 0, "warning": 1, "problem": 2}


@dataclass(frozen=True)
class Examination:
    """All findings in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of all findings."""
        found = [OUTCOMES.index(one.outcome) for one in self.findings]
        return OUTCOMES[max(found, default=0)]

    def for_machines(self) -> dict[str, Any]:
        """The outcome, how often each occurred, and every finding."""
        counts = {name: sum(one.outcome == name for one in self.findings) for name in OUTCOMES}
        findings = [asdict(one) for one in self.findings]
        return {"outcome": self.outcome, "counts": counts, "findings": findings}


def examine(config: Path | None, store: str | None, *, deep: bool) -> Examination:
    """Examine this machine and, where given, a line and a store.

    Raises `InputError` for a configuration that cannot be read, NotFoundError for a store that is named
    and not there. Writes nothing but a probe, which it removes, and that runs without a process crashed.
    """
    settings = load_settings(config) if config else None
    # A store that is not there is told before anything takes its time.
    checks = list(_checks(config, settings, store, deep))
    found = [one for name, check in checks for one in examined(name, check)]
    return Examination(tuple(found))


def _checks(
    config: Path | None, settings: LineSettings | None, store: str | None, deep: bool
) -> Iterator[tuple[str, Check]]:
    yield "Python", installation.python_version
    yield "libraries", installation.libraries
    yield "device", partial(installation.device, settings)
    yield "processors", partial(installation.processors, settings)
    if config and settings:
        yield "memory", partial(installation.memory, settings)
        yield "configuration", partial(_configuration, config)
        yield "Dask", partial(working.dask_side, settings)
    yield from _store_checks(settings, store, deep)
    yield "Prefect", conducting.prefect_side


def _configuration(config: Path) -> Iterator[Finding]:
    """What `zeroescape check` says."""
    found = check_line(config)
    yield from (Finding("configuration", "ok", fact) for fact in found.facts)
    for problem in found.problems:
        yield Finding("configuration", "problem", problem, "As it says.")


def _store_checks(
    settings: LineSettings | None, store: str | None, deep: bool
) -> Iterator[tuple[str, Check]]:
    place = store or str(settings.store if settings else Path("build/store").absolute())
    is_local = "://" not in place
    if is_local:
        yield "disk", partial(storing.room, Path(place), settings)
    if is_local and not Path(place).is_dir():
        if store:
            raise NotFoundError(f"There is no store at {store}.", "Name it with --store.")
        yield "store", partial(_no_store, place)
        return
    stores = Stores(Path(place).absolute() if is_local else place)
    yield "store", partial(storing.writing, stores.objects)
    if is_local:
        yield "locks", partial(storing.locks, stores)
    yield "clock", partial(storing.clock, stores.objects)
    yield "champions", partial(storing.champions, stores.objects)
    yield "leftovers", partial(storing.leftovers, stores)
    yield "integrity", partial(storing.integrity, stores.objects, deep=deep)


def _no_store(place: str) -> Iterator[Finding]:
    yield Finding("store", "ok", f"{place} is made by the first run")
