"""Deployments of product lines: each has a nightly, a look at its light, and two on demand.

| deployment | when | one at a time |
| --- | --- | --- |
| nightly/<line> | by the clock | the others wait, so that no night is lost; see `flows.nights` |
| drift/<line> | by a clock of its own | the others are left out: the next look sees all boards |
| inspect/<line> | on demand | no: nobody waits for an inspection |
| backfill/<line> | on demand | the others wait: they would measure the same images |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows import PREFECT_DEFAULTS
from flows.deployed import backfill_on_demand, drift_as_planned, inspect_on_demand, nightly
from flows.run_tags import tags_of
from flows.settings import LineSettings, load_settings
from tasks.vocabulary.errors import InputError

_ONE_AT_A_TIME = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
)
_ONE_AND_NO_QUEUE = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
)


@dataclass(frozen=True)
class Plan:
    """When nightlies start, in whose time, and whether a missed night is caught up.

    `drift_cron` says when the light of a line is looked at; None for on demand alone.
    """

    cron: str
    timezone: str
    catch_up: bool
    drift_cron: str | None = None

    def checked(self) -> Plan:
        """Itself; raises `InputError` for a cron or a time zone that does not exist."""
        for cron in filter(None, (self.cron, self.drift_cron)):
            try:
                CronSchedule(cron=cron)
            except ValueError as error:
                raise InputError(
                    f"{cron!r} is no cron schedule.", 'Write it like "0 2 * * *".'
                ) from error
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(
                f"There is no time zone {self.timezone!r}.", "Write it like Europe/Berlin."
            ) from error
        return self


def deployments_of(
    configs: Sequence[Path], plan: Plan, pool: str | None = None
) -> list[RunnerDeployment]:
    """Four deployments a line, see the table above; `pool` for those of a work pool.

    Raises `InputError` for a configuration that cannot be read and for two of the same line.
    """
    lines = [(path.absolute(), load_settings(path)) for path in configs]
    names = [settings.line for _, settings in lines]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"Two configurations are of the line {name}.", "Give every line one configuration."
            )
    plan.checked()
    return [
        made
        for path, settings in lines
        for made in _deployments_of_line(_Line(path, settings, pool), plan)
    ]


@dataclass(frozen=True)
class _Line:
    """A line whose deployments are made, for a work pool or to be served."""

    config: Path
    settings: LineSettings
    pool: str | None

    def deployment(
        self, flow: Flow[..., Any], words: str, kind: str, **more: Any
    ) -> RunnerDeployment:
        """One deployment, named `<flow>/<line>`; `kind` is a tag beside the product and the line."""
        parameters = {"config": str(self.config), **more.pop("parameters", {})}
        deployment = flow.to_deployment(
            name=self.settings.line,
            description=f"{self.settings.title}: {words}",
            parameters=parameters,
            tags=tags_of(self.settings.line, *kind.split()),
            work_pool_name=self.pool,
            job_variables=_job_variables(self.pool),
            entrypoint_type=EntrypointType.MODULE_PATH,
            **more,
        )
        assert isinstance(deployment, RunnerDeployment)  # noqa: S101  # a coroutine only where async
        return deployment


def _deployments_of_line(line: _Line, plan: Plan) -> tuple[RunnerDeployment, ...]:
    clock = {"timezone": plan.timezone}
    looks = [Cron(plan.drift_cron, timezone=plan.timezone)] if plan.drift_cron else []
    return (
        line.deployment(
            nightly,
            "retrain on what is new, every night.",
            "nightly",
            parameters={**clock, "catch_up": plan.catch_up},
            schedules=[Cron(plan.cron, timezone=plan.timezone)],
            paused=False,
            concurrency_limit=_ONE_AT_A_TIME,
        ),
        line.deployment(
            drift_as_planned,
            "are today's boards still like the certified ones? Red suspends the certificate.",
            "drift" if looks else "drift on-demand",
            parameters=clock,
            schedules=looks,
            paused=False,
            concurrency_limit=_ONE_AND_NO_QUEUE,
        ),
        line.deployment(inspect_on_demand, "the champion judges new images.", "inspect on-demand"),
        line.deployment(
            backfill_on_demand,
            "champion and challenger on the boards of the past.",
            "backfill on-demand",
            concurrency_limit=_ONE_AT_A_TIME,
        ),
    )


def _job_variables(pool: str | None) -> dict[str, Any]:
    """Relative paths of a configuration are meant from where it was deployed, not a worker's scratch.

    Prefect reads its settings before it imports a flow, so those of `flows` are given along.
    """
    if pool is None:
        return {}
    return {"working_dir": str(Path.cwd()), "env": PREFECT_DEFAULTS}
