"""What a certified run leaves in Prefect: certificate, price ladder, the boards that decide, links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from flows.artifacts import artifact_key, markdown_table
from tasks.certification.attestation import in_hundred
from tasks.reporting.certificate_content import certificate_file
from tasks.reporting.lamp import lamp
from tasks.reporting.wording import interval, number, of_all, percent


@dataclass(frozen=True)
class Standing:
    """The light of a certificate, None where its bundle does not inspect, and why."""

    colour: Literal["green", "yellow", "red"] | None
    reason: str


def publish_certificate(line: str, figures: Mapping[str, Any], standing: Standing) -> None:
    """Markdown: the claim that may be quoted, its light, its figures, what it rests on, what weakens it."""
    said = [f"# {line}: escape certificate", "", f"> **{figures['sentence']}**", ""]
    if standing.colour is None:
        said.append(standing.reason)
    else:
        shown = f"![{standing.colour}]({lamp(standing.colour)})"
        said.append(f"{shown} Light: **{standing.colour}**. {standing.reason}")
    rows = [["what", "figure", "on which boards"], *_certified_rows(figures)]
    said += ["", *markdown_table(rows)]
    for heading, sentences in (
        ("What weakens it", figures["warnings"]),
        ("What it rests on", figures["conditions"]),
    ):
        if sentences:
            said += ["", f"## {heading}", "", *(f"- {sentence}" for sentence in sentences)]
    said += ["", f"Certificate `{figures['certificate']}`, {_minute(figures['made_at'])} UTC."]
    create_markdown_artifact(
        "\n".join(said) + "\n",
        key=artifact_key(line, "certificate"),
        description="What is certified, how surely, under which conditions, and the line's light",
    )


def _certified_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row a figure, each with its n."""
    confidence = f"{100 * figures['confidence']:g} %"
    low, high = figures["false_call_interval"]
    defects, goods = figures["n_abnormal"], figures["n_normal"]
    held_out = "that nothing was fitted or chosen on"
    rate = figures["false_call_rate"]
    within = _plain(interval(low, high, figures["confidence"]))
    calls = f"{_plain(percent(rate))}" + (f" ({within})" if within else "")
    return [
        ["escapes seen", f"{figures['escapes']:,}", f"of {defects:,} defects {held_out}"],
        ["bound on escapes", f"at most {in_hundred(figures['escape_upper'])} %", "new defects"],
        ["confidence", confidence, f"over all looks at these boards, {figures['looks']:,} so far"],
        ["false calls", f"{figures['false_calls']:,}", f"of {goods:,} good boards {held_out}"],
        ["rate of false calls", calls, "the same"],
        ["threshold", number(figures["threshold"]), "boards at or above it are flagged"],
    ]


def publish_ladder(line: str, threshold_facts: Mapping[str, Any]) -> None:
    """A table: for each number of defects that may escape, the threshold and its false calls."""
    rows: list[dict[str, str]] = []
    allowed = set()
    for step in threshold_facts["ladder"]:
        if step["misses"] in allowed:
            continue
        allowed.add(step["misses"])
        in_use = step["threshold"] == threshold_facts["threshold"]
        rows.append(
            {
                "escapes allowed": _plain(of_all(step["misses"], step["n_abnormal"])),
                "threshold": number(step["threshold"]),
                "false calls": _plain(of_all(step["false_calls"], step["n_normal"])),
                "rate": _plain(percent(step["false_call_rate"])),
                "95 % interval": _plain(f"{percent(step['low'])} to {percent(step['high'])}"),
                "note": "in use" if in_use else "",
            }
        )
    create_table_artifact(
        table=rows,
        key=artifact_key(line, "price-ladder"),
        description=(
            "What each further escape would spare in false calls, on the development images "
            "(out-of-fold). A price list, not advice."
        ),
    )


def publish_hardest(line: str, markdown: str) -> None:
    """Markdown: the defects nearest to the threshold and the nearest false calls, with pictures."""
    create_markdown_artifact(
        f"# {line}: the boards that decide\n\n{markdown}",
        key=artifact_key(line, "hardest-boards"),
        description="The defects and the good boards nearest to the threshold, with pictures",
    )


def publish_report(line: str, report: Path) -> None:
    """Markdown: where the pages of this run lie, and how to open them."""
    place = report.absolute()
    pages = {
        "Report": place,
        "Certificate to print": place.with_name(certificate_file(report.stem)),
        "Labels to look at": place.with_name(f"{report.stem}-label-audit.csv"),
    }
    rows = [["page", "file"], *([name, f"`{file}`"] for name, file in pages.items())]
    said = [
        f"# {line}: report",
        "",
        f"[{place.name}]({place.as_uri()})",
        "",
        *markdown_table(rows),
        "",
        "Each is one file on the machine of the run that needs no network. Browsers open no files from a "
        "page of a server: copy the link, or fetch the file.",
    ]
    create_markdown_artifact(
        "\n".join(said) + "\n",
        key=artifact_key(line, "report"),
        description=f"Self-contained HTML report of this run: {place}",
    )


def publish_dashboard(line: str, address: str) -> None:
    """A link to the Dask dashboard, which is there as long as the run, or its scheduler, is."""
    create_link_artifact(
        address,
        link_text=address,
        key=artifact_key(line, "dask-dashboard"),
        description=(
            "Dask dashboard, as long as the run is at work. From another machine: "
            f"`ssh -L {_port(address)}:127.0.0.1:{_port(address)} MACHINE`, then the same link."
        ),
    )


def _port(address: str) -> str:
    return address.split("://")[-1].partition("/")[0].rpartition(":")[2]


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _plain(text: str) -> str:
    """Without the no-break spaces, which tables of the UI would not wrap at."""
    return text.replace("\u00a0", " ")
