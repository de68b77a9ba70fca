"""Where a photograph lies in the board frame, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import NoAnswerError

LOOK = "Look at the board; if it lies well, check the camera, the light and the line's reference."


@dataclass(frozen=True, eq=False)
class Registration:
    """Where one photograph lies.

    `pose_33` takes photograph px to board px; `residual_px` (board px) is how far content may still lie
    from its place; `overlap` is the share of the board image that was photographed; `confidence` in
    [0, 1] is the agreement with the reference. The last three are measured after the fact (`residuals`),
    whichever aligner found the pose.
    """

    pose_33: Float64Array
    residual_px: float
    overlap: float
    confidence: float


class MisalignedError(NoAnswerError):
    """A photograph that has no pose that can be trusted: a person looks at the board.

    `registration` tells what was measured; None where no pose was found at all.
    """

    def __init__(self, what: str, remedy: str, registration: Registration | None = None) -> None:
        # Two arguments, as every error of the domain; pickling carries the third as an attribute.
        super().__init__(what, remedy)
        self.registration = registration
