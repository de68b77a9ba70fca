"""Which planned nightlies run: each by its time, and of those missed at most one.

A night's work is whatever the archive holds that no run has seen, so a run that starts after a planned time
has done that night's work, too. Hence missed nights are never run one after the other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

# A plant needs its machines by day: what cannot start by then waits for the next night.
LATEST = timedelta(hours=6)


def why_left_out(
    planned: datetime, now: datetime, begun_since: datetime | None, *, catch_up: bool
) -> str | None:
    """Why the nightly planned for `planned` does not run now; None if it does.

    `begun_since` is when another run of this line began after `planned`, None if none did.
    """
    if begun_since is not None:
        return (
            f"The run that began at {begun_since:%Y-%m-%d %H:%M %Z} did the work of the one "
            f"planned for {planned:%Y-%m-%d %H:%M %Z}, too."
        )
    if now - planned > LATEST and not catch_up:
        hours = (now - planned) / timedelta(hours=1)
        return (
            f"This night was planned {hours:.0f} h ago, and missed nights are not caught up: "
            "the next one takes in what is new. To start it now: `prefect deployment run`."
        )
    return None
