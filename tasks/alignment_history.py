"""What the stored board images tell of their registration: residuals and places over time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.reporting.alignment_history import RegisteredBoard


def registered_boards(stores: Stores, snapshot: Snapshot, side_px: int) -> list[RegisteredBoard]:
    """Every board image of a snapshot that was registered; place and turn against their medians."""
    rows = stores.images(snapshot.line, snapshot.images_fingerprint).rows()
    facts = [rows[row.image_id].facts for row in snapshot.rows]
    registered: list[Any] = [one for one in facts if "pose" in one]
    if not registered:
        return []
    poses_N33 = np.asarray([one["pose"] for one in registered], dtype=np.float64).reshape(-1, 3, 3)
    # Where the photograph's own pixel lies that is, on the middle board, the board's centre.
    centre_3 = np.array([(side_px - 1) / 2, (side_px - 1) / 2, 1.0])
    middle_33 = np.median(poses_N33, axis=0)
    seen_N3 = np.linalg.inv(poses_N33) @ centre_3
    placed_N3 = (middle_33 @ seen_N3[..., None])[..., 0]
    offsets_N2 = placed_N3[:, :2] / placed_N3[:, 2:] - centre_3[:2]
    turns_N = np.degrees(np.arctan2(poses_N33[:, 1, 0], poses_N33[:, 0, 0]))
    turns_N = -(turns_N - np.median(turns_N))
    return [
        RegisteredBoard(
            captured_at=one["captured_at"] or "",
            camera=one["camera"] or "",
            residual_px=float(one["residual_px"]),
            x_px=float(offset[0]),
            y_px=float(offset[1]),
            turn_deg=float(turn),
        )
        for one, offset, turn in zip(registered, offsets_N2, turns_N, strict=True)
        if math.isfinite(float(one["residual_px"]))
    ]
