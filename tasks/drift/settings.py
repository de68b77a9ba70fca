"""How sure a drift must be, how much of it is tolerated, and what a red light does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from tasks.vocabulary.settings import Settings

Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class DriftSettings(Settings):
    """Settings of the drift tests of one line.

    | setting | meaning |
    | --- | --- |
    | `level` | chance that a line that stays as it was ever turns red, over all quantities and all time |
    | `warning_level` | the same for yellow |
    | `range_share` | share of the certified boards that the middle range of a quantity holds |
    | `tolerance` | how much larger the share outside that range may become before it counts |
    | `defective_share` | share of defective boards that is ordinary here: these are flagged rightly |
    | `restart_boards` | the tests start anew after so many boards, at a level that is accounted for |
    | `on_red` | `flag_all`: a suspended certificate passes no board; `warn`: verdicts stay, and say so |
    """

    level: Share = 0.01
    warning_level: Share = 0.05
    range_share: Share = 0.95
    tolerance: Share = 0.05
    defective_share: Share = 0.05
    restart_boards: PositiveInt = 1000
    on_red: Literal["flag_all", "warn"] = "flag_all"
