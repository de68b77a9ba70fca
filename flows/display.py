"""What the terminal shows: progress bars, the summary of a run, verdicts, findings of a check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table

if TYPE_CHECKING:  # these import Prefect, torch and the like; `check` and `--help` stay light
    from flows.check import Findings
    from flows.evaluations import Evaluation
    from flows.figures import Inspection, Intake, Run
    from flows.labels import LabelChanges
    from storage.quarantine import QuarantineEntry
    from tasks.progress import Progress as StageProgress


class Bars:
    """A progress listener: one bar per stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def __call__(self, said: StageProgress) -> None:
        """Move the bar of the stage."""
        if said.stage not in self._bars:
            self._bars[said.stage] = self._progress.add_task(
                said.stage, total=said.total, detail=""
            )
        self._progress.update(
            self._bars[said.stage], completed=said.done, total=said.total, detail=said.detail
        )


class Terminal:
    """Everything printed for a person; nothing here is parsed by a machine."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()

    @property
    def console(self) -> Console:
        """Where it is printed: for tables that have a module of their own."""
        return self._console

    @contextmanager
    def bars(self) -> Iterator[Bars]:
        """Progress bars while the block runs."""
        columns = (
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
        )
        with Progress(*columns, console=self._console) as progress:
            yield Bars(progress)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Both tables, each with what it means, and the optimism."""
        for table in evaluation.tables():
            shown = Table(title=table.title, title_justify="left", caption_justify="left")
            shown.caption = table.note
            for heading in table.headings:
                shown.add_column(heading, justify="left" if heading == "classifier" else "right")
            for row in table.rows:
                shown.add_row(*row)
            self._console.print(shown)
        for sentence in evaluation.sentences():
            self._console.print(sentence)
        said = f"{evaluation.seconds:.0f} s on {evaluation.workers} workers"
        self._console.print(f"[dim]{said}[/dim]")

    def show_run(self, run: Run, json_file: Path | None) -> None:
        """Escapes, false calls, threshold, the price ladder, where the time went, the report."""
        figures, numbers = run.figures, run.machine_readable
        said = "\n".join(figures.sentences())
        self._console.print(
            Panel(said, title=f"{figures.line}: {figures.classifier}", expand=False)
        )
        self._console.print(_ladder(figures.threshold_facts))
        self._console.print(
            f"AUROC {numbers['auroc']:.3f}, accuracy {_percent(numbers['std_accuracy'])} STD, "
            f"{_percent(numbers['zfn_accuracy'])} ZFN "
            f"(out-of-fold, {numbers['n_normal']} normal and {numbers['n_abnormal']} abnormal images)"
        )
        self._console.print(_times(numbers["seconds"]))
        self._console.print(f"Peak memory {numbers['peak_memory_mb']:.0f} MB")
        self._console.print(f"Report   {figures.report}", soft_wrap=True)
        if json_file is not None:
            self._console.print(f"Figures  {json_file}", soft_wrap=True)

    def show_inspection(self, inspection: Inspection) -> None:
        """One line per file, then the counts."""
        table = Table("file", "verdict", "score", "why")
        for verdict in inspection.verdicts:
            colour = "red" if verdict.verdict == "flagged" else "green"
            score = "none" if verdict.score is None else f"{verdict.score:.4f}"
            why = verdict.reason or f"threshold {verdict.threshold:.4f}"
            table.add_row(Path(verdict.file).name, f"[{colour}]{verdict.verdict}", score, why)
        self._console.print(table)
        counts = inspection.machine_readable
        self._console.print(
            f"{counts['flagged']} flagged, {counts['passed']} passed of {counts['n']} "
            f"in {inspection.seconds:.1f} s; verdicts and overlays in {inspection.folder}",
            soft_wrap=True,
        )
        if inspection.suspended is not None:
            said = escape(inspection.suspended)
            self._console.print(Panel(said, title="Certificate suspended", border_style="red"))

    def show_light(self, line: str, colour: str, boards: int, sentences: Sequence[str]) -> None:
        """The light of a line and every finding."""
        said = escape("\n".join(sentences))
        title = f"{line}: {colour}, {boards:,} boards"
        self._console.print(Panel(said, title=escape(title), border_style=colour, expand=False))

    def say(self, sentence: str) -> None:
        """One sentence."""
        self._console.print(sentence, markup=False, soft_wrap=True)

    def show_intake(self, intake: Intake) -> None:
        """What became of every file, the roles, how well boards were registered."""
        record, counts = intake.record, Table("files", "count", title="What became of every file")
        counts.add_row("seen", f"{record.seen:,}")
        counts.add_row("ingested", f"{record.ingested:,}")
        counts.add_row("duplicates", f"{record.duplicates:,}")
        for kind, count in record.quarantined.items():
            counts.add_row(f"in quarantine: {kind}", f"{count:,}")
        self._console.print(counts)
        self._console.print(_roles(intake.roles))
        for sentence in intake.warnings:
            self.say(sentence)
        for sentence in intake.alignment:
            self.say(sentence)
        if record.in_quarantine:
            self.say(
                "See `zeroescape quarantine list` for what to do about the files in quarantine."
            )

    def show_quarantine(self, entries: Sequence[QuarantineEntry]) -> None:
        """One line per file, then the counts."""
        table = Table("file", "kind", "why", "since", "what to do")
        for entry in entries:
            name = shown_name(entry.source)
            since = entry.first_seen_at[:16].replace("T", " ")
            table.add_row(*map(escape, (name, entry.kind, entry.reason, since, entry.remedy)))
        self._console.print(table)
        self.say(f"{len(entries)} files.")

    def show_labels(self, found: LabelChanges) -> None:
        """A row for each change, the last word on its image in bold; then what it comes to."""
        # Two lines each: a terminal of 80 columns cuts nothing that a person must compare.
        table = Table(
            Column("image", overflow="fold"),
            Column("label", no_wrap=True),
            Column("who, when", overflow="fold"),
            "why",
            Column("scores seen", width=6),
        )
        for change, last in found.rows:
            when = change.at[:16].replace("T", " ")
            cells = (
                f"{shown_name(change.source)}\n{change.image_id[:12]}",
                f"{change.before}\nto {change.after}",
                f"{change.who or 'nobody'}\n{when}",
                change.why,
                "yes" if change.scores_seen else "no",
            )
            table.add_row(*map(escape, cells), style="bold" if last else "dim")
        if found.rows:
            self._console.print(table)
        for sentence in found.sentences():
            self.say(sentence)

    def show_catalogue(
        self, headings: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]
    ) -> None:
        """A table for every level, as wide as a terminal, then what its columns are called."""
        level = headings.index("level")
        shown = [headings.index(name) for name in ("metric", "formula", "bounds", "worse")]
        for name in dict.fromkeys(row[level] for row in rows):
            # Names are typed elsewhere: they are never cut; a formula may take a second line.
            named, formula, *others = (headings[at] for at in shown)
            table = Table(
                Column(named, no_wrap=True),
                Column(formula, ratio=1),
                *others,
                title=f"{name}-wise",
                title_justify="left",
                expand=True,
            )
            for row in rows:
                if row[level] == name:
                    table.add_row(*(escape(row[at]) for at in shown))
            self._console.print(table)
        for note in notes:
            self.say(note)

    def show_check(self, findings: Findings) -> None:
        """Facts first, then what stands in the way."""
        for fact in findings.facts:
            self._console.print(f"[green]ok[/]  {fact}", soft_wrap=True)
        for problem in findings.problems:
            self._console.print(f"[red]no[/]  {problem}", soft_wrap=True)


def shown_name(name: str) -> str:
    """The name, or its escapes where it holds line breaks or what no terminal can show."""
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def _roles(roles: Sequence[dict[str, Any]]) -> Table:
    """Images of each label that serve each role."""
    table = Table(*(roles[0] if roles else ("role",)), title="Roles")
    for row in roles:
        table.add_row(*(str(cell) for cell in row.values()))
    return table


def _ladder(threshold_facts: dict[str, Any]) -> Table:
    table = Table(
        "escapes allowed",
        "known defects missed",
        "false calls",
        "rate",
        "95 % interval",
        title="The price of zero escapes (out-of-fold)",
    )
    for step in threshold_facts["ladder"]:
        table.add_row(
            _percent(step["escape_fraction"]),
            str(step["misses"]),
            f"{step['false_calls']} of {step['n_normal']}",
            _percent(step["false_call_rate"]),
            f"{_percent(step['low'])} to {_percent(step['high'])}",
        )
    images, counted = threshold_facts["zfn"]["n_normal"], threshold_facts["ladder"][0]["n_normal"]
    if counted < images:
        table.caption = (
            f"{images} normal images count as {counted}: what belongs together counts once."
        )
    return table


def _times(seconds: dict[str, float]) -> Table:
    table = Table("stage", "seconds", title="Where the time went")
    for stage, time in seconds.items():
        table.add_row(stage, f"{time:.1f}")
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
