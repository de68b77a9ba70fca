"""What a run leaves in Prefect: progress, roles, scores with threshold, links."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.evaluations import Table
from storage.ingests import IngestRecord
from storage.quarantine import QuarantineEntry
from storage.snapshots import Snapshot
from tasks.drift.light import Colour
from tasks.progress import Progress
from tasks.reporting.backfill_words import (
    STRATUM_WORDS,
    is_alone,
    saved_words,
    sentences,
    signed,
    verdict_of,
)
from tasks.reporting.lamp import lamp
from tasks.score_sheet import roles_table

_SECONDS_BETWEEN_UPDATES = 5.0
# A page of the Prefect UI holds no more, and its database keeps every version.
_ROWS_SHOWN = 200


def artifact_key(line: str, name: str) -> str:
    """Prefect's keys know lower-case letters, digits and dashes."""
    return f"{line}-{name}".lower().replace("_", "-").replace(" ", "-")


class ArtifactProgress:
    """A listener that keeps one Prefect progress artifact per stage, updated every few seconds."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._artifacts: dict[str, UUID] = {}
        self._updated: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Create or update the artifact of the stage; the last update is never left out."""
        percent = 100.0 * progress.done / max(progress.total, 1)
        now = time.monotonic()
        ended = progress.done >= progress.total
        if progress.stage not in self._artifacts:
            artifact = create_progress_artifact(
                percent,
                key=artifact_key(self._line, f"progress-{progress.stage}"),
                description=f"{self._line}: {progress.stage}",
            )
            assert isinstance(artifact, UUID)  # noqa: S101  # a coroutine only in async flows
            self._artifacts[progress.stage] = artifact
        elif ended or now - self._updated[progress.stage] >= _SECONDS_BETWEEN_UPDATES:
            said = f"{progress.stage}: {progress.done} of {progress.total} {progress.detail}"
            update_progress_artifact(self._artifacts[progress.stage], percent, description=said)
        else:
            return
        self._updated[progress.stage] = now


def publish_roles(snapshot: Snapshot) -> None:
    """A table: how many images of each label serve each role."""
    create_table_artifact(
        table=roles_table(snapshot),
        key=artifact_key(snapshot.line, "roles"),
        description=f"Roles of the {len(snapshot.rows)} images of snapshot {snapshot.number}",
    )


def publish_intake(line: str, record: IngestRecord) -> None:
    """A table that adds up: every file seen is ingested, a duplicate, or in quarantine."""
    counts = {
        "seen": record.seen,
        "ingested": record.ingested,
        "duplicate": record.duplicates,
        **{f"in quarantine: {kind}": count for kind, count in record.quarantined.items()},
    }
    create_table_artifact(
        table=[{"files": what, "count": count} for what, count in counts.items()],
        key=artifact_key(line, "intake"),
        description=f"What became of the {record.seen} files of the archive",
    )


def publish_quarantine(line: str, entries: Sequence[QuarantineEntry]) -> None:
    """The quarantine as a table: what, why, since when, what to do."""
    waiting = [entry for entry in entries if entry.kind != "duplicate"]
    shown = waiting[:_ROWS_SHOWN]
    create_table_artifact(
        table=[
            {
                "file": entry.source,
                "why": entry.reason,
                "since": entry.first_seen_at,
                "remedy": entry.remedy,
            }
            for entry in shown
        ],
        key=artifact_key(line, "quarantine"),
        description=(
            f"{len(shown)} of {len(waiting)} files in quarantine; "
            "all of them with `zeroescape quarantine list`"
        ),
    )


def publish_alignment(line: str, sentences: Sequence[str], picture_png: bytes) -> None:
    """Markdown: how well boards were registered over time, and cameras that drift."""
    picture = base64.b64encode(picture_png).decode()
    said = "\n".join(f"- {sentence}" for sentence in sentences)
    create_markdown_artifact(
        f"# {line}: alignment\n\n{said}\n\n![residuals](data:image/png;base64,{picture})\n",
        key=artifact_key(line, "alignment"),
        description="Residual and place of every board over time, by camera",
    )


def publish_scores(line: str, sentences: Sequence[str], picture_png: bytes) -> None:
    """Markdown: what was found in words, and the score distribution with the threshold."""
    picture = base64.b64encode(picture_png).decode()
    said = "\n".join(f"- {sentence}" for sentence in sentences)
    create_markdown_artifact(
        f"# {line}\n\n{said}\n\n![score distribution](data:image/png;base64,{picture})\n",
        key=artifact_key(line, "scores"),
        description="Composite scores of both classes with the ZFN threshold",
    )


def publish_drift(line: str, colour: Colour, sentences: Sequence[str], picture_png: bytes) -> None:
    """Markdown: the light of the line, every finding, and the watched quantities over the boards."""
    picture = base64.b64encode(picture_png).decode()
    said = "\n".join(f"- {sentence}" for sentence in sentences)
    create_markdown_artifact(
        f"# {line}: the light is {colour}\n\n![{colour}]({lamp(colour)})\n\n{said}\n\n"
        f"![drift](data:image/png;base64,{picture})\n\n"
        "Green bands: where the certified good boards lie. Red dots: boards outside.\n",
        key=artifact_key(line, "drift"),
        description=f"Light: {colour}. Today's boards against the certified period",
    )


def publish_evaluation(line: str, sentences: Sequence[str], tables: Sequence[Table]) -> None:
    """Markdown: both protocols' tables and what they say."""
    _publish_tables(
        artifact_key(line, "evaluation"),
        f"{line}: classifiers",
        "Every classifier by the paper's protocol and by the honest one",
        sentences,
        tables,
    )


def publish_study(line: str, sentences: Sequence[str], tables: Sequence[Table]) -> None:
    """Markdown: what families of metrics, further defects and doubtful labels are worth."""
    _publish_tables(
        artifact_key(line, "study"),
        f"{line}: study",
        "Families of metrics, learning curve and doubtful labels, by the honest protocol",
        sentences,
        tables,
    )


def _publish_tables(
    key: str, title: str, description: str, sentences: Sequence[str], tables: Sequence[Table]
) -> None:
    said = [*(f"- {sentence}" for sentence in sentences), ""]
    for table in tables:
        said += [f"## {table.title}", "", *markdown_table([table.headings, *table.rows])]
        said += ["", table.note, ""]
    create_markdown_artifact(f"# {title}\n\n" + "\n".join(said), key=key, description=description)


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; the first row are the headings."""
    headings, *others = rows
    return [f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *others)]


def publish_promotion(line: str, sentences: Sequence[str], figures: Mapping[str, Any]) -> None:
    """Markdown: whether the bundle of this run became the champion, why, and the defects by name."""
    said = [f"# {line}: promotion", "", f"**{sentences[0]}**", ""]
    said += [f"- {sentence}" for sentence in sentences[1:]]
    for heading, what in _DEFECTS.items():
        if names := figures[what]:
            said += ["", f"## {heading}", "", *(f"- `{name}`" for name in names[:_ROWS_SHOWN])]
    create_markdown_artifact(
        "\n".join(said) + "\n",
        key=artifact_key(line, "promotion"),
        description="Challenger against champion on the same images, and the decision",
    )


_DEFECTS = {
    "Caught by the champion, missed by the challenger": "lost",
    "Not known whether a caught one would be missed": "unseen",
    "Missed by the champion, caught by the challenger": "won",
}


def publish_backfill(line: str, figures: Mapping[str, Any], page: Path) -> None:
    """Markdown: what a backfill found, both bundles side by side, and where its page lies."""
    _, verdict = verdict_of(figures)
    said = "\n".join(f"- {sentence}" for sentence in sentences(figures))
    tables = [] if is_alone(figures) else [*_false_calls(figures), "", *_defects(figures), ""]
    compared = "\n".join(tables)
    create_markdown_artifact(
        f"# {line}: backfill\n\n**{verdict}**\n\n{compared}\n{said}\n\n"
        f"Page with pictures: [{page.name}]({page.absolute().as_uri()}), `{page.absolute()}`\n",
        key=artifact_key(line, "backfill"),
        description="Champion and challenger on the boards of the past",
    )


def _false_calls(figures: Mapping[str, Any]) -> list[str]:
    rows = [
        ["boards", "good ones", "champion flags", "challenger flags", "saved per 1,000 (limits)"]
    ]
    for row in figures["strata"]:
        limits = f"{signed(row['saved_per_1000_low'])} to {signed(row['saved_per_1000_high'])}"
        counts = ("n_normal", "champion_false_calls", "challenger_false_calls")
        saved = f"{saved_words(row)} ({limits})" if row["n_normal"] else "none"
        rows.append([STRATUM_WORDS[row["boards"]], *(f"{row[name]:,}" for name in counts), saved])
    return markdown_table(rows)


def _defects(figures: Mapping[str, Any]) -> list[str]:
    rows = [["boards", "known defects", "champion misses", "challenger misses"]]
    for row in figures["strata"]:
        counts = ("n_abnormal", "champion_misses", "challenger_misses")
        rows.append([STRATUM_WORDS[row["boards"]], *(f"{row[name]:,}" for name in counts)])
    return markdown_table(rows)
