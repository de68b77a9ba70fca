"""What of a store is still needed, and what may go.

Kept for ever: promotions and what decided them, snapshots, ingests, looks, label changes, role books,
quarantine decisions, inspections, suspensions and references. Of everything else it is needed

- what the newest champions of each line name: model, mask, scales, classifier, threshold, features and
  their images, with their certificates and their newest report and audit,
- the images of every line's newest snapshot,
- what is younger than the limit, and all that it names: a run may be about to use it.

Names are followed conservatively, as a collector follows addresses on a stack: whatever string in a
receipt or bundle is the key or fingerprint of something, keeps it. A bundle of another version hence
keeps its parts, too. What a receipt does not name it cannot keep, so a young entry that names nothing,
made by a version that did not record it, holds back all that it may have been made from.

Nothing derived ever outlives what it was made from: what is made anew under the same key need not be the
same bits (trainings on GPUs are not), and its threshold, trials and certificate must not serve it.
Hence what is derived goes first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.errors import CorruptEntryError
from storage.inventory import Entry, inventory
from storage.layout import CHAMPIONS, INGESTS, SNAPSHOTS
from storage.numbered import NumberedFiles
from storage.objects import Objects
from storage.receipts import Receipt, find_receipt
from storage.registry import Registry

KEPT_FOR_EVER = ("references", "gates", "inspections")
_ABOUT_A_BUNDLE = ("certificates", "reports", "audits", "periods")
_DERIVED = frozenset(
    {"thresholds", "classifiers", "trials", "scales", "masks", "memories", "models"}
)
_SOURCES = frozenset(
    {"classifiers", "features", "scales", "masks", "memories", "models", "images", "trials"}
)

CHAMPION, SNAPSHOT, YOUNG, HELD = "champion", "newest snapshot", "young", "held"
FOR_EVER = "kept for ever"


@dataclass(frozen=True)
class RetentionPolicy:
    """How many champions of a line stay usable, and how old is what nobody needs before it goes.

    A removal is announced first: what was marked for less than the grace stays.
    """

    keep_champions: int = 5
    older_than_seconds: float = 30 * 86_400.0
    grace_seconds: float = 86_400.0


@dataclass(frozen=True)
class Needs:
    """Every entry of a store, by what keeps it; `removable` in the order in which they must go."""

    kept: Mapping[str, tuple[Entry, ...]]
    removable: tuple[Entry, ...]


@dataclass
class _Graph:
    objects: Objects
    entries: Mapping[str, list[Entry]]
    named: Mapping[str, list[str]]
    _names: dict[str, frozenset[str]] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)

    def names(self, group: str) -> frozenset[str]:
        """All strings that a group's receipts, and a bundle's content, hold."""
        if group not in self._names:
            self._names[group] = frozenset(self._read(group))
        return self._names[group]

    def is_silent(self, group: str) -> bool:
        """Whether nothing tells what the group was made from."""
        self.names(group)
        return group in self._silent

    def is_anonymous(self, group: str) -> bool:
        """Whether a certificate does not say whose it is, as those of early versions: it is kept."""
        receipt = find_receipt(self.objects, group)
        return receipt is not None and "bundle" not in receipt.facts

    def parents(self, group: str) -> Iterator[str]:
        """Groups that this one names."""
        for name in self.names(group) & self.named.keys():
            yield from (other for other in self.named[name] if other != group)

    def reached(self, roots: Iterable[str]) -> set[str]:
        """The roots that exist and all that they name, directly or not."""
        found: set[str] = set()
        waiting = [root for root in roots if root in self.entries]
        while waiting:
            group = waiting.pop()
            if group not in found:
                found.add(group)
                waiting += self.parents(group)
        return found

    def groups_of(self, names: Iterable[str]) -> list[str]:
        """Groups of these names."""
        return [group for name in names for group in self.named.get(name, ())]

    def _read(self, group: str) -> Iterator[str]:
        self._silent.add(group)
        for entry in self.entries[group]:
            receipt = find_receipt(self.objects, entry.path)
            if receipt is None:
                continue  # removed meanwhile
            if receipt.inputs:
                self._silent.discard(group)
            yield from _strings(receipt.inputs)
            if entry.group != entry.path:
                # Rows' facts are about images. All batches name the same but a poisoned one, which
                # names nothing.
                if receipt.inputs:
                    return
                continue
            yield from _strings(receipt.facts)
            if entry.kind == "bundles":
                yield from _content(self.objects, receipt)


def needs(objects: Objects, policy: RetentionPolicy, now: float) -> Needs:
    """Find what is needed and what is not; `now` in seconds since the epoch, by the store's clock.

    CorruptEntryError where something needed cannot be read: what it names is not known then.
    """
    graph = _graph(objects)
    before = now - policy.older_than_seconds
    newest = {g: max(each.committed_at for each in own) for g, own in graph.entries.items()}
    champions = _champions(objects, graph, policy.keep_champions, newest)
    kept = {CHAMPION: graph.reached(champions)}
    kept[SNAPSHOT] = graph.reached(graph.groups_of(_newest_records(objects)))
    young = [group for group, at in newest.items() if at >= before]
    kept[YOUNG] = graph.reached(young)
    known = set().union(*kept.values())
    kept[HELD] = _held(graph, young, known) - known
    known |= kept[HELD]
    kept[FOR_EVER] = {group for group in graph.entries if _kind(group) in KEPT_FOR_EVER}
    removable = [
        entry
        for group, own in graph.entries.items()
        if group not in known and own[0].kind not in KEPT_FOR_EVER
        for entry in own
    ]
    return Needs(_by_reason(graph, kept), tuple(removable))


def needed_by_champions(objects: Objects) -> dict[str, tuple[Entry, ...]]:
    """Everything that the present champion of each line names, itself included; nothing if it is gone."""
    graph, needed = _graph(objects), {}
    for folder in objects.folders(CHAMPIONS):
        line = folder.rpartition("/")[2]
        reached = graph.reached([f"bundles/{Registry(objects).champion(line)}"])
        needed[line] = tuple(entry for group in sorted(reached) for entry in graph.entries[group])
    return needed


def _graph(objects: Objects) -> _Graph:
    entries, named = defaultdict(list), defaultdict(list)
    for entry in inventory(objects):
        if entry.group not in entries:
            named[entry.name].append(entry.group)
        entries[entry.group].append(entry)
    return _Graph(objects, dict(entries), dict(named))


def _champions(
    objects: Objects, graph: _Graph, count: int, newest: Mapping[str, float]
) -> set[str]:
    """Bundles of the last promotions, what those promotions name, and what is about these bundles."""
    roots: set[str] = set()
    keys: set[str] = set()
    for folder in objects.folders(CHAMPIONS):
        history = Registry(objects).history(folder.rpartition("/")[2])
        last = list(dict.fromkeys(one.bundle for one in reversed(history)))[:count]
        keys |= set(last)
        named = [_strings(one.facts) for one in history if one.bundle in last]
        roots |= set(graph.groups_of(name for names in named for name in names))
    roots |= {group for key in keys if (group := f"bundles/{key}") in graph.entries}
    about: dict[tuple[str, str], list[str]] = defaultdict(list)
    for group, own in graph.entries.items():
        if own[0].kind in _ABOUT_A_BUNDLE:
            for key in graph.names(group) & keys:
                about[own[0].kind, key].append(group)
            if own[0].kind == "certificates" and graph.is_anonymous(group):
                roots.add(group)
    for (kind, _), groups in about.items():
        roots |= set(groups if kind == "certificates" else [max(groups, key=newest.__getitem__)])
    return roots


def _newest_records(objects: Objects) -> set[str]:
    """All that the newest snapshot and ingest of each line name."""
    names: set[str] = set()
    for top in (SNAPSHOTS, INGESTS):
        for folder in objects.folders(top):
            last = NumberedFiles(objects, folder).last()
            names |= set(_strings(last.content)) if last else set()
    return names


def _held(graph: _Graph, young: Iterable[str], known: set[str]) -> set[str]:
    """Whatever a young entry may have been made from that names nothing, nor is named with it."""
    named = {parent for group in known for parent in graph.parents(group)}
    silent = any(
        group not in named and _kind(group) in _DERIVED and graph.is_silent(group)
        for group in young
    )
    return {group for group in graph.entries if silent and _kind(group) in _SOURCES}


def _kind(group: str) -> str:
    return group.partition("/")[0]


def _by_reason(graph: _Graph, kept: Mapping[str, set[str]]) -> dict[str, tuple[Entry, ...]]:
    """Each entry under the first reason that keeps it."""
    told: dict[str, tuple[Entry, ...]] = {}
    seen: set[str] = set()
    for reason, groups in kept.items():
        told[reason] = tuple(e for group in sorted(groups - seen) for e in graph.entries[group])
        seen |= groups
    return told


def _content(objects: Objects, receipt: Receipt) -> Iterator[str]:
    files: Any = receipt.facts["files"]
    for name in files:
        try:
            yield from _strings(json.loads(objects.get(f"{receipt.location}/{name}")))
        except (ValueError, LookupError) as error:
            raise CorruptEntryError(
                f"{receipt.location}/{name} cannot be read: {error}.",
                "Nothing is removed while it is unknown what it names: restore it from a backup.",
            ) from error


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _strings(each)
        case list() | tuple():
            for each in value:
                yield from _strings(each)
