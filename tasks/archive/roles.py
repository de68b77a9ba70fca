"""Which image serves what: disjoint roles, the same for the same images, order of files irrelevant.

A label may change later: a person corrects it, or the archive. What an image has seen, or has shown, does
not change with its label, so the role that it was dealt first decides:

| dealt | now normal | now abnormal | now undecided |
| --- | --- | --- | --- |
| reconstruction, validation, mask | as dealt | set aside | undecided |
| development | as dealt | as dealt | as dealt, and serves nothing |
| certification | as dealt | as dealt | as dealt, and serves nothing |
| waiting | as dealt | as dealt | as dealt |
| undecided | its group's (beside certification: set aside), else development | likewise | as dealt |
| set aside | as dealt | as dealt | undecided |

- No image ever enters certification from another role: undecided ones were scored, and whoever decides
  them may have seen how.
- None leaves it either: a certificate can so say how many of its labels were changed, and an escape that
  is called undecided afterwards stays among them.
- An abnormal image never stays where normality is learned; and what was learned with it, it cannot judge.
- Waiting images have served nothing and were never scored; when `opened` they are dealt to what learns.
- With its first label an image has its first role again. The place that it left meanwhile is open for new
  images, and no role counts as short for want of it.

Only other settings of the roles deal all of them anew.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tasks.archive.groups import components
from tasks.archive.photograph import Facts, Label
from tasks.archive.settings import RoleSettings
from tasks.vocabulary.errors import InputError, NoSafeThresholdError


class Role(StrEnum):
    """What an image is used for; no image has two roles.

    Nothing uses `SET_ASIDE`: an abnormal board beside which, or with which, the reconstruction was trained,
    or one that was decided after it was scored and belongs to boards that certify. `WAITING` is for later.
    """

    RECONSTRUCTION = "reconstruction"
    VALIDATION = "validation"
    MASK = "mask"
    DEVELOPMENT = "development"
    CERTIFICATION = "certification"
    WAITING = "waiting"
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
    undecided: tuple[Board, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """Defect families of the abnormal boards, "" for an unknown one."""
        return tuple(board.family or "" for board in self.boards if board.label == "abnormal")

    def count(self, label: Label) -> int:
        return sum(1 for board in self.boards if board.label == label)


_ROLES = tuple(Role)
_DEALT_AGAIN = (Role.UNDECIDED, Role.WAITING)
_FOR_ABNORMAL = (Role.DEVELOPMENT, Role.CERTIFICATION, Role.WAITING)


def assign_roles(
    boards: Sequence[Board],
    settings: RoleSettings,
    known: Mapping[str, tuple[Label, Role]],
    share_waiting: float = 0.0,
    opened: Collection[str] = (),
) -> dict[str, Role]:
    """A role for every image id; `known` are the label and the role that an image was dealt first.

    What becomes of those is said above. Connected boards are dealt as one. Where some were dealt a role,
    the others take the first of theirs; an abnormal one whose neighbours serve the reconstruction or the
    mask is set aside. All others are dealt oldest first, by a hash of seed and id where they have no
    time, and fill the roles in the order of `Role`, each met or overshot by whole components;
    certification takes the rest, or of it `share_waiting` waits for the next training. Abnormal boards and
    all that are connected with them serve development or certification.

    Boards that are `opened` have waited: the roles that learn take them in proportion to their sizes.

    Raises `InputError` where a role stays empty or short or a time cannot be read, and
    `NoSafeThresholdError` where there is no abnormal image: without one no threshold is safe.
    """
    known = {image_id: dealt for image_id, dealt in known.items() if image_id not in opened}
    roles = {board.image_id: role for board in boards if (role := _kept(board, known)) is not None}
    parts, free = _parts(boards), []
    for part in parts:
        given = _given(part, known)
        if given is None:
            free.append(part)
        else:
            _join(part, given, roles, known)
    rest = _Rest(settings, share_waiting, frozenset(opened))
    _deal(_ordered(free, settings), boards, rest, roles)
    _refuse_short_roles(roles, boards, parts, settings, known)
    return roles


def first_dealt(
    boards: Sequence[Board],
    roles: Mapping[str, Role],
    known: Mapping[str, tuple[Label, Role]],
) -> dict[str, tuple[Label, Role]]:
    """What `known` has to be next time: the first label and role; who waits or is undecided has none."""
    return {
        board.image_id: known[board.image_id]
        if board.image_id in known and known[board.image_id][1] not in _DEALT_AGAIN
        else (board.label, roles[board.image_id])
        for board in boards
    }


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
        members.setdefault(number, []).append(board)
    parts = []
    for each in members.values():
        ordered = sorted(each, key=lambda b: b.image_id)
        decided = tuple(board for board in ordered if board.label != "undecided")
        if decided:
            parts.append(_Part(decided, tuple(b for b in ordered if b.label == "undecided")))
    return parts


def _kept(board: Board, known: Mapping[str, tuple[Label, Role]]) -> Role | None:
    """Role of a board that was dealt one, under the label that it has now; None where it was not."""
    dealt = known[board.image_id][1] if board.image_id in known else Role.UNDECIDED
    if dealt in _FOR_ABNORMAL:
        return dealt
    if board.label == "undecided":
        return Role.UNDECIDED
    if dealt is Role.UNDECIDED:
        return None
    return Role.SET_ASIDE if board.label == "abnormal" else dealt


def _given(part: _Part, known: Mapping[str, tuple[Label, Role]]) -> Role | None:
    """First of the roles that the boards of a component were dealt; None where they are free."""
    dealt = {
        known[board.image_id][1]
        for board in (*part.boards, *part.undecided)
        if board.image_id in known
    }
    if given := dealt - {Role.UNDECIDED}:
        return min(given, key=_ROLES.index)
    # What was undecided has been scored: it may develop, and never certify.
    seen = any(board.image_id in known for board in part.boards)
    return Role.DEVELOPMENT if seen else None


def _join(
    part: _Part,
    role: Role,
    roles: dict[str, Role],
    known: Mapping[str, tuple[Label, Role]],
) -> None:
    for board in part.boards:
        impossible = board.label == "abnormal" and role not in _FOR_ABNORMAL
        seen = board.image_id in known and role is Role.CERTIFICATION
        roles.setdefault(board.image_id, Role.SET_ASIDE if impossible or seen else role)


def _ordered(parts: Sequence[_Part], settings: RoleSettings) -> list[_Part]:
    """Oldest first, by the newest board of each; those without a time are shuffled and come first."""

    def shuffled(part: _Part) -> bytes:
        return _shuffled(part, str(settings.seed))

    def oldest(part: _Part) -> tuple[float, bytes]:
        return max(_captured_at(board) for board in part.boards), shuffled(part)

    return sorted(parts, key=oldest if settings.certification == "newest" else shuffled)


def _shuffled(part: _Part, seed: str) -> bytes:
    return hashlib.sha256(f"{seed}:{part.boards[0].image_id}".encode()).digest()


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


@dataclass(frozen=True)
class _Rest:
    """Who takes what no role lacks."""

    settings: RoleSettings
    share_waiting: float
    opened: frozenset[str]

    def role(self, part: _Part, label: Label, has: Counter[tuple[Role, Label]]) -> Role:
        if any(board.image_id in self.opened for board in part.boards):
            sizes = _wanted(self.settings)[label]
            return min(
                (role for role in sizes if sizes[role]), key=lambda r: has[r, label] / sizes[r]
            )
        drawn = int.from_bytes(_shuffled(part, f"{self.settings.seed}:waiting")[:8]) / 2**64
        return Role.WAITING if drawn < self.share_waiting else Role.CERTIFICATION


def _deal(
    parts: Sequence[_Part], boards: Sequence[Board], rest: _Rest, roles: dict[str, Role]
) -> None:
    """Give every part a role; those with abnormal boards first, for they bring normals along."""
    settings = rest.settings
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
            _give(part, rest.role(part, label, has), roles, has)


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


def _left(
    boards: Sequence[Board],
    roles: Mapping[str, Role],
    known: Mapping[str, tuple[Label, Role]],
) -> Counter[tuple[Role, Label]]:
    """Places that boards left because they have another label now than when they were dealt."""
    return Counter(
        (role, label)
        for board in boards
        if board.image_id in known
        for label, role in [known[board.image_id]]
        if (role, label) != (roles[board.image_id], board.label)
    )


def _refuse_short_roles(
    roles: Mapping[str, Role],
    boards: Sequence[Board],
    parts: Sequence[_Part],
    settings: RoleSettings,
    known: Mapping[str, tuple[Label, Role]],
) -> None:
    if not any(board.label == "abnormal" for board in boards):
        raise NoSafeThresholdError(
            "There is no abnormal image: without a known defect no threshold is safe.",
            "Add images of defective products (59 defects allow a claim of 5 %, 149 of 2 %).",
        )
    has, left = _counts(boards, roles), _left(boards, roles, known)
    for label, wanted in _wanted(settings).items():
        # Who certifies nothing finds out here and not after a night of training.
        for role, count in {**wanted, Role.CERTIFICATION: 1}.items():
            lacking = count - has[role, label]
            # A corrected label must not stop the line, unless it empties a role.
            if lacking > left[role, label] or has[role, label] < min(count, 1):
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
