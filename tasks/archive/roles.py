"""Which image serves what: disjoint roles, the same for the same images, order of files irrelevant."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tasks.archive.groups import components
from tasks.archive.photograph import Facts, Label
from tasks.archive.settings import RoleSettings
from tasks.vocabulary.errors import InputError, NoSafeThresholdError


class Role(StrEnum):
    """What an image is used for; no image has two roles.

    Nothing uses `SET_ASIDE`: an abnormal board beside which the reconstruction was trained.
    """

    RECONSTRUCTION = "reconstruction"
    VALIDATION = "validation"
    MASK = "mask"
    DEVELOPMENT = "development"
    CERTIFICATION = "certification"
    UNDECIDED = "undecided"
    SET_ASIDE = "set aside"


@dataclass(frozen=True)
class Board:
    """What roles are dealt by.

    Boards that share a name in `groups` never serve two roles; `captured_at` is an ISO 8601 time,
    taken as UTC where it names no zone; `family` is that of the defect.
    """

    image_id: str
    label: Label
    groups: frozenset[str] = frozenset()
    captured_at: str | None = None
    family: str | None = None


@dataclass(frozen=True)
class _Part:
    """Boards that are dealt as one, ordered by id: a component without its undecided boards."""

    boards: tuple[Board, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """Defect families of the abnormal boards, "" for an unknown one."""
        return tuple(board.family or "" for board in self.boards if board.label == "abnormal")

    def count(self, label: Label) -> int:
        return sum(1 for board in self.boards if board.label == label)


_ROLES = tuple(Role)
_FOR_ABNORMAL = (Role.DEVELOPMENT, Role.CERTIFICATION)


def assign_roles(
    boards: Sequence[Board], settings: RoleSettings, known: Mapping[str, tuple[Label, Role]]
) -> dict[str, Role]:
    """A role for every image id; one that has a role in `known`, under the same label, keeps it.

    Connected boards are dealt as one. Where some have a role, the others take the first of theirs;
    an abnormal one whose neighbours serve the reconstruction or the mask is set aside. All others
    are dealt oldest first, by a hash of seed and id where they have no time, and fill the roles in
    the order of `Role`, each met or overshot by whole components; certification takes the rest.
    Abnormal boards and all that are connected with them serve development or certification.

    Raises `InputError` where a role stays empty or short or a time cannot be read, and
    `NoSafeThresholdError` where there is no abnormal image: without one no threshold is safe.
    """
    # A relabelled image starts anew: an abnormal one must not stay in the reconstruction role.
    roles = {
        board.image_id: known[board.image_id][1]
        for board in boards
        if board.image_id in known and known[board.image_id][0] == board.label
    }
    roles.update({b.image_id: Role.UNDECIDED for b in boards if b.label == "undecided"})
    parts, free = _parts(boards), []
    for part in parts:
        taken = {roles[board.image_id] for board in part.boards if board.image_id in roles}
        if taken:
            _join(part, min(taken, key=_ROLES.index), roles)
        else:
            free.append(part)
    _deal(_ordered(free, settings), boards, settings, roles)
    _refuse_short_roles(roles, boards, parts, settings)
    return roles


def groups_of(facts: Facts, group_by: Sequence[str]) -> frozenset[str]:
    """Names of what a board shares with others, such as `panel:P7`; facts that are missing name none."""
    shared = ((name, getattr(facts, name)) for name in group_by)
    return frozenset(f"{name}:{value}" for name, value in shared if value)


def torn_groups(boards: Sequence[Board], roles: Mapping[str, Role]) -> list[tuple[str, ...]]:
    """Image ids of each component that serves several roles, because it was tied together too late.

    Every board keeps the role that it has; one that comes later and belongs to two panels, or looks
    like two boards, shows that their roles never were disjoint.
    """
    served = [
        (part, {roles[board.image_id] for board in part.boards} - {Role.SET_ASIDE})
        for part in _parts(boards)
    ]
    return [tuple(b.image_id for b in part.boards) for part, own in served if len(own) > 1]


def _parts(boards: Sequence[Board]) -> list[_Part]:
    """Components in no particular order; an undecided board connects others but takes no role."""
    members: dict[int, list[Board]] = {}
    numbers = components([board.groups for board in boards]).tolist()
    for board, number in zip(boards, numbers, strict=True):
        if board.label != "undecided":
            members.setdefault(number, []).append(board)
    return [_Part(tuple(sorted(each, key=lambda b: b.image_id))) for each in members.values()]


def _join(part: _Part, role: Role, roles: dict[str, Role]) -> None:
    for board in part.boards:
        impossible = board.label == "abnormal" and role not in _FOR_ABNORMAL
        roles.setdefault(board.image_id, Role.SET_ASIDE if impossible else role)


def _ordered(parts: Sequence[_Part], settings: RoleSettings) -> list[_Part]:
    """Oldest first, by the newest board of each; those without a time are shuffled and come first."""

    def shuffled(part: _Part) -> bytes:
        return hashlib.sha256(f"{settings.seed}:{part.boards[0].image_id}".encode()).digest()

    def oldest(part: _Part) -> tuple[float, bytes]:
        return max(_captured_at(board) for board in part.boards), shuffled(part)

    return sorted(parts, key=oldest if settings.certification == "newest" else shuffled)


def _captured_at(board: Board) -> float:
    """Seconds since the epoch; a board without a time counts as older than all others."""
    if not board.captured_at:
        return float("-inf")
    try:
        found = datetime.fromisoformat(board.captured_at)
    except ValueError as error:
        raise InputError(
            f"The time {board.captured_at!r} of the image {board.image_id} cannot be read.",
            "Give captured_at as ISO 8601, for example 2026-11-20T08:30:00+01:00.",
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _deal(
    parts: Sequence[_Part],
    boards: Sequence[Board],
    settings: RoleSettings,
    roles: dict[str, Role],
) -> None:
    """Give every part a role; those with abnormal boards first, for they bring normals along."""
    abnormal = [part for part in parts if part.count("abnormal")]
    if settings.balance_families:
        abnormal = _by_turns(abnormal, _families_in_development(boards, roles))
    has = _counts(boards, roles)
    queues: dict[Label, list[_Part]] = {
        "abnormal": abnormal,
        "normal": [part for part in parts if not part.count("abnormal")],
    }
    for label, queue in queues.items():
        waiting = iter(queue)
        for role, count in _wanted(settings)[label].items():
            while has[role, label] < count and (part := next(waiting, None)):
                _give(part, role, roles, has)
        for part in waiting:
            _give(part, Role.CERTIFICATION, roles, has)


def _give(
    part: _Part, role: Role, roles: dict[str, Role], has: Counter[tuple[Role, Label]]
) -> None:
    for board in part.boards:
        roles[board.image_id] = role
        has[role, board.label] += 1


def _families_in_development(boards: Sequence[Board], roles: Mapping[str, Role]) -> Counter[str]:
    return Counter(
        board.family or ""
        for board in boards
        if board.label == "abnormal" and roles.get(board.image_id) is Role.DEVELOPMENT
    )


def _by_turns(parts: Sequence[_Part], dealt: Counter[str]) -> list[_Part]:
    """The same parts, next always the oldest of that family of which fewest were dealt so far."""
    waiting: dict[str, deque[_Part]] = {}
    for part in parts:
        waiting.setdefault(part.families[0], deque()).append(part)
    turns = [(dealt[family], family) for family in waiting]
    heapq.heapify(turns)
    ordered = []
    while turns:
        count, family = heapq.heappop(turns)
        # A part may bring boards of other families along, so a count can have grown meanwhile.
        if count == dealt[family]:
            part = waiting[family].popleft()
            dealt.update(part.families)
            ordered.append(part)
        if waiting[family]:
            heapq.heappush(turns, (dealt[family], family))
    return ordered


def _wanted(settings: RoleSettings) -> dict[Label, dict[Role, int]]:
    return {
        "normal": {
            Role.RECONSTRUCTION: settings.reconstruction - settings.validation,
            Role.VALIDATION: settings.validation,
            Role.MASK: settings.mask,
            Role.DEVELOPMENT: settings.development.normal,
        },
        "abnormal": {Role.DEVELOPMENT: settings.development.abnormal},
    }


def _counts(boards: Sequence[Board], roles: Mapping[str, Role]) -> Counter[tuple[Role, Label]]:
    return Counter(
        (roles[board.image_id], board.label) for board in boards if board.image_id in roles
    )


def _refuse_short_roles(
    roles: Mapping[str, Role],
    boards: Sequence[Board],
    parts: Sequence[_Part],
    settings: RoleSettings,
) -> None:
    if not any(board.label == "abnormal" for board in boards):
        raise NoSafeThresholdError(
            "There is no abnormal image: without a known defect no threshold is safe.",
            "Add images of defective products (59 defects allow a claim of 5 %, 149 of 2 %).",
        )
    has = _counts(boards, roles)
    for label, wanted in _wanted(settings).items():
        # Who certifies nothing finds out here and not after a night of training.
        for role, count in {**wanted, Role.CERTIFICATION: 1}.items():
            lacking = count - has[role, label]
            if lacking > 0:
                reason, further = _why(label, sum(wanted.values()) + 1, boards, parts)
                raise InputError(
                    f"The role {role} needs {count} {label} images and got {has[role, label]}"
                    f"{reason}.",
                    f"Add {lacking} {label} images{further}, or lower the sizes under roles.",
                )


def _why(
    label: Label, needed: int, boards: Sequence[Board], parts: Sequence[_Part]
) -> tuple[str, str]:
    """What to add to the fact and to the remedy where groups, and not numbers, leave a role short."""
    kinds = sorted({name.partition(":")[0] for board in boards for name in board.groups})
    there = sum(part.count(label) for part in parts)
    if there < needed or not kinds:
        return "", ""
    sizes = [part.count(label) for part in parts if part.count(label)]
    reason = (
        f", although there are {there}: boards with the same {' / '.join(kinds)} share their role, "
        f"and these are {len(sizes)} groups, the largest of {max(sizes)}"
    )
    if label == "normal":
        beside = sum(part.count(label) for part in parts if part.count("abnormal"))
        reason += f"; {beside} are grouped with abnormal ones and cannot train"
    return reason, " of other groups, take a name out of roles.group_by"
