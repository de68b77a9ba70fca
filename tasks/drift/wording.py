"""The findings of the drift tests in words, each with its n."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tasks.drift.boards import Board
from tasks.drift.evidence import CertifiedRange
from tasks.drift.quantities import Quantity

_LOTS_NAMED = 3


def shifted(
    quantity: Quantity,
    allowed: CertifiedRange,
    tolerance: float,
    certified: int,
    boards: Sequence[Board],
    where: Sequence[str],
) -> str:
    """Boards lie outside the certified range too often; `where` is '', 'below' or 'above'."""
    out = [board for board, side in zip(boards, where, strict=True) if side]
    sides = Counter(side for side in where if side)
    most = allowed.most_outside + tolerance
    return (
        f"The {quantity.words} is out of the certified range: {len(out)} of {len(boards)} boards "
        f"({_sides(sides)}) lie outside {_span(quantity, allowed)}, which {certified} certified good "
        f"boards put at {_percent(most)} at most, {100 * tolerance:g} points of tolerance included; "
        f"sure at {_board(boards[-1])}.{_sources(out, boards)}"
    )


def changed(quantity: Quantity, board: Board, certified: int, most: float) -> str:
    """Different, and not provably more than is tolerated."""
    return (
        f"The {quantity.words} is not quite what it was on the {certified} certified good boards (sure "
        f"at {_board(board)}), but boards are not provably outside the certified range more often than "
        f"is tolerated ({_percent(most)}). Have a look."
    )


def ordinary(quantity: Quantity, boards: int, outside: int, certified: int) -> str:
    """No sign of a drift."""
    if not boards:
        return f"The {quantity.words} was not measured on any board yet."
    return (
        f"The {quantity.words} is as certified: {outside} of {_boards(boards)} outside the middle range "
        f"of {certified} certified good boards."
    )


def too_few(quantity: Quantity, certified: int) -> str:
    """Nothing could ever turn red."""
    return (
        f"The {quantity.words} cannot be watched: {certified} certified good boards are too few to say "
        "what is ordinary. Certify on more good boards."
    )


def too_early(boards: int, fewest: int) -> str:
    """Hardly anything is inspected yet."""
    if not boards:
        return "The champion has inspected nothing yet, so nothing is known of today's boards."
    return (
        f"The champion has inspected {_boards(boards)} yet; fewer than {fewest} show nothing but the "
        "grossest change."
    )


def too_many_flags(boards: Sequence[Board], flagged: int, good: int, most: float) -> str:
    """More boards are flagged than certified false calls and ordinary defects explain."""
    out = [board for board in boards if board.flagged]
    return (
        f"Too many boards are flagged: {len(out)} of {len(boards)}, where {flagged} of {good} certified "
        f"good boards and the ordinary share of defective ones make {_percent(most)} at most; sure at "
        f"{_board(boards[-1])}.{_sources(out, boards)}"
    )


def flags_alike(flagged: int, boards: int, flagged_good: int, good: int, most: float) -> str:
    """Not provably more flags than is ordinary."""
    return (
        f"{flagged} of {_boards(boards)} flagged, not provably more than {flagged_good} of {good} "
        "certified good boards and the ordinary share of defective ones make at most "
        f"({_percent(most)})."
    )


def _sources(out: Sequence[Board], boards: Sequence[Board]) -> str:
    """Which cameras and lots the boards outside come from, as far as anybody told."""
    said = ""
    cameras = Counter(board.camera for board in boards if board.camera)
    if len(cameras) > 1:
        hit = Counter(board.camera for board in out)
        named = sorted(cameras, key=lambda camera: -hit[camera] / cameras[camera])
        counts = ", ".join(f"{camera} {hit[camera]} of {cameras[camera]}" for camera in named)
        said += f" By camera: {counts}."
    elif cameras:
        said += f" All from camera {next(iter(cameras))}."
    lots = Counter(lot for board in out for lot in board.lots)
    if lots:
        most = lots.most_common(_LOTS_NAMED)
        said += f" Most in {', '.join(f'{lot} ({count})' for lot, count in most)}."
    return said


def _sides(sides: Counter[str]) -> str:
    return " and ".join(f"{count} {side}" for side, count in sides.most_common())


def _span(quantity: Quantity, allowed: CertifiedRange) -> str:
    unit = f" {quantity.unit}" if quantity.unit else ""
    if allowed.low == -float("inf"):
        return f"up to {allowed.high:.4g}{unit}"
    return f"{allowed.low:.4g} to {allowed.high:.4g}{unit}"


def _board(board: Board) -> str:
    return f"board {board.number:,}, {board.at[:16].replace('T', ' ')}"


def _boards(count: int) -> str:
    return "1 board" if count == 1 else f"{count:,} boards"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
