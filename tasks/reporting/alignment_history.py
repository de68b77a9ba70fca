"""How well boards were registered over time, and whether a camera drifts.

Legend: N boards, in the order in which they were photographed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tasks.vocabulary.arrays import Float64Array

_COLOURS = ("#2a6fb0", "#c2500c", "#4b8b3b", "#7a4fa3", "#8a6d00", "#555f69")
# A median of n normally spread values has this many standard errors of a mean.
_MEDIAN_SPREAD = 1.2533
_FEWEST_FOR_DRIFT = 12
_SURE_AT_SIGMAS = 5.0


@dataclass(frozen=True)
class RegisteredBoard:
    """Where one photograph lay: residual in board px, place of its centre and turn against the rest."""

    captured_at: str
    camera: str
    residual_px: float
    x_px: float
    y_px: float
    turn_deg: float


@dataclass(frozen=True)
class Drift:
    """Median of one quantity over the oldest and the newest third of a camera's boards."""

    camera: str
    quantity: str
    unit: str
    before: float
    after: float
    n: int

    def sentence(self) -> str:
        """The drift in words, with its n."""
        whose = f"Camera {self.camera}" if self.camera else "The camera"
        return (
            f"{whose} drifts: median {self.quantity} went from {self.before:.2f} to "
            f"{self.after:.2f} {self.unit} (oldest and newest {self.n} boards). "
            "Alignment corrects it up to the limits; have the camera looked at."
        )


_QUANTITIES = (
    ("residual_px", "residual", "px"),
    ("x_px", "place across", "px"),
    ("y_px", "place along", "px"),
    ("turn_deg", "turn", "degrees"),
)


def by_camera(boards: Sequence[RegisteredBoard]) -> dict[str, list[RegisteredBoard]]:
    """Boards of each camera, oldest first; without times in the order given."""
    ordered = sorted(boards, key=lambda board: board.captured_at)
    cameras = sorted({board.camera for board in ordered})
    return {camera: [b for b in ordered if b.camera == camera] for camera in cameras}


def drifts(boards: Sequence[RegisteredBoard]) -> list[Drift]:
    """Quantities whose medians over the oldest and the newest third differ by five standard errors.

    Boards without a time have no order, so nothing is said of them; nor of fewer than 12 of a camera.
    """
    found = []
    timed = [board for board in boards if board.captured_at]
    for camera, own in by_camera(timed).items():
        if len(own) < _FEWEST_FOR_DRIFT:
            continue
        third = len(own) // 3
        for name, words, unit in _QUANTITIES:
            values_N = np.asarray([getattr(board, name) for board in own], dtype=np.float64)
            before, after = values_N[:third], values_N[-third:]
            moved = float(np.median(after) - np.median(before))
            if abs(moved) > _SURE_AT_SIGMAS * math.hypot(_error(before), _error(after)):
                medians = float(np.median(before)), float(np.median(after))
                found.append(Drift(camera, words, unit, *medians, third))
    return found


def alignment_sentences(
    boards: Sequence[RegisteredBoard], limit_px: float, misaligned: int
) -> list[str]:
    """How well boards were registered, how many were refused, which cameras drift."""
    residuals_N = np.asarray([board.residual_px for board in boards], dtype=np.float64)
    said = []
    if len(boards):
        said.append(
            f"{len(boards)} boards registered: median residual {np.median(residuals_N):.2f} px, "
            f"worst {residuals_N.max():.2f} px (limit {limit_px:g} px)."
        )
    if misaligned:
        said.append(f"{misaligned} boards are misaligned: in quarantine, flagged for a person.")
    return [*said, *(drift.sentence() for drift in drifts(boards))]


def _error(values_N: Float64Array) -> float:
    """Standard error of the median, from the median absolute deviation."""
    spread = 1.4826 * float(np.median(np.abs(values_N - np.median(values_N))))
    return _MEDIAN_SPREAD * spread / math.sqrt(len(values_N))


def alignment_history_png(boards: Sequence[RegisteredBoard], limit_px: float) -> bytes:
    """PNG: residual with the line's limit, and the place of every board, over time and by camera."""
    canvas = Figure(figsize=(7.2, 4.6), dpi=90, layout="constrained")
    FigureCanvasAgg(canvas)
    residuals, places = canvas.subplots(2, 1, sharex=True)
    timed = all(board.captured_at for board in boards)
    for index, (camera, own) in enumerate(by_camera(boards).items()):
        colour = _COLOURS[index % len(_COLOURS)]
        _draw_camera(residuals, places, own, camera, colour, timed)
    residuals.axhline(limit_px, color="#1c242c", linewidth=1.0, linestyle="--")
    residuals.annotate(
        f"limit {limit_px:g} px", (0.0, limit_px), xycoords=("axes fraction", "data"),
        xytext=(2, 3), textcoords="offset points", fontsize=8,
    )  # fmt: skip
    residuals.set_ylim(bottom=0.0)
    residuals.set_ylabel("residual, board px", fontsize=8)
    places.set_ylabel("place of the board, px", fontsize=8)
    places.set_xlabel("" if timed else "board, by name (no capture times)", fontsize=8)
    for axes in (residuals, places):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        if boards:
            axes.legend(
                frameon=False, fontsize=8, ncols=4, loc="lower right", bbox_to_anchor=(1.0, 1.0)
            )
    return _small_png(canvas)


def _draw_camera(
    residuals: Axes,
    places: Axes,
    own: Sequence[RegisteredBoard],
    camera: str,
    colour: str,
    timed: bool,
) -> None:
    when = [datetime.fromisoformat(b.captured_at) for b in own] if timed else range(len(own))
    name = camera or "camera"
    style = {"color": colour, "markersize": 3.0, "linestyle": "none"}
    residuals.plot(when, [b.residual_px for b in own], marker="o", label=name, **style)  # type: ignore[arg-type]  # matplotlib takes times
    places.plot(when, [b.x_px for b in own], marker="o", label=f"{name}, across", **style)  # type: ignore[arg-type]  # as above
    hollow = {**style, "markerfacecolor": "none"}
    places.plot(when, [b.y_px for b in own], marker="^", label=f"{name}, along", **hollow)  # type: ignore[arg-type]  # as above


def _small_png(canvas: Figure) -> bytes:
    buffer, small = io.BytesIO(), io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    with Image.open(buffer) as bitmap:
        bitmap.convert("RGB").quantize(64).save(small, format="PNG", optimize=True)
    return small.getvalue()
