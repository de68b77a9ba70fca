"""The commands `zeroescape serve` and `zeroescape deploy`: their options, with the help of the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.exit_codes import exit_codes

Configs = Annotated[
    list[Path], typer.Argument(help="YAML files, one product line each.", show_default=False)
]
CronText = Annotated[str, typer.Option("--cron", help="When nightlies start.")]
Timezone = Annotated[str, typer.Option(help="Whose clock that is, like Europe/Berlin.")]
DriftCron = Annotated[str, typer.Option(help='When lights are looked at; "" for on demand alone.')]
CatchUp = Annotated[
    bool,
    typer.Option(
        "--catch-up",
        help="Run one missed night when it can; otherwise one that is 6 h late is left out.",
    ),
]
Notify = Annotated[
    str | None, typer.Option(help="Notification block to tell: custom-webhook/plant-7.")
]
AtOnce = Annotated[int, typer.Option(min=1, help="Runs at a time, over all lines.")]
Port = Annotated[int, typer.Option(help="Of the Prefect server, where one must be started.")]
Pool = Annotated[str, typer.Option(help="Work pool of type process; made if it is missing.")]


def serve(
    configs: Configs,
    cron: CronText = "0 2 * * *",
    timezone: Timezone = "UTC",
    drift_cron: DriftCron = "0 * * * *",
    catch_up: CatchUp = False,
    notify: Notify = None,
    at_once: AtOnce = 2,
    port: Port = 4200,
) -> None:
    """Serve the lines from this machine until Ctrl-C: retrain every night, watch, inspect, backfill.

    Starts a Prefect server on loopback unless PREFECT_API_URL names one. A line never runs twice at a
    time, and of several missed nights at most one is run: it does the work of all.
    """
    with exit_codes():
        from flows.deployments import Plan
        from flows.serve import ServeRequest, serve_lines

        request = ServeRequest(
            configs, Plan(cron, timezone, catch_up, drift_cron or None), notify, at_once
        )
        serve_lines(request, port, typer.echo)


def deploy(
    configs: Configs,
    pool: Pool = "zeroescape",
    cron: CronText = "0 2 * * *",
    timezone: Timezone = "UTC",
    drift_cron: DriftCron = "0 * * * *",
    catch_up: CatchUp = False,
    notify: Notify = None,
) -> None:
    """Hand the lines to a work pool of a Prefect server; its workers run them.

    The same deployments, limits and automations as those of `serve`, for a plant: see infra/.
    """
    with exit_codes():
        from flows.deployments import Plan
        from flows.serve import ServeRequest, deploy_lines

        request = ServeRequest(
            configs, Plan(cron, timezone, catch_up, drift_cron or None), notify, 1
        )
        deploy_lines(request, pool, typer.echo)
