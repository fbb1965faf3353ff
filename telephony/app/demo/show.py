"""What a person sees of the demo: the call as it happens, then what was proved."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from telephony.app.demo.hosted_run import HostedReport
from telephony.app.demo.observed import ObservedMove
from telephony.app.demo.report import DemoReport, Step, Truncation

__all__ = ["moves_table", "show_hosted_report", "show_report"]


def moves_table(moves: Sequence[ObservedMove]) -> Table:
    """Give what has happened so far, in order of time."""
    table = Table(title="The call", title_justify="left", box=None, show_header=False)
    table.add_column(justify="right", style="cyan")
    table.add_column()
    started = min(move.wall for move in moves)
    for move in sorted(moves, key=lambda one: one.wall):
        who = "" if move.move.startswith("operator") else "caller "
        table.add_row(f"{move.wall - started:.2f} s", who + move.move)
    return table


def show_report(report: DemoReport, log: Path, console: Console) -> None:
    """Print the steps, the truncations, and where the files are."""
    console.print()
    console.print(_steps_table(report.steps))
    console.print()
    console.print(_truncations_table(report.truncations))
    files = report.files
    named = {"audio": files.audio, "timeline": files.timeline, "picture": files.picture, "log": log}
    _show_end(report.failure, named, console, is_good=report.ok)


def show_hosted_report(report: HostedReport, log: Path, console: Console) -> None:
    """Print the steps, and where the files are."""
    console.print(_steps_table(report.steps))
    _show_end(report.failure, {**report.files, "log": log}, console, is_good=report.ok)


def _show_end(
    failure: str | None, files: Mapping[str, Path], console: Console, *, is_good: bool
) -> None:
    console.print()
    if failure is not None:
        console.print(Text(f"The call broke off: {failure}", style="red"))
    for name, path in files.items():
        console.print(Text(f"{name:>9}  {path}"), soft_wrap=True)
    verdict = ("All of it holds.", "green") if is_good else ("Not all of it holds.", "red")
    console.print(Text(verdict[0], style=f"bold {verdict[1]}"))


def _steps_table(steps: tuple[Step, ...]) -> Table:
    table = Table(title="Steps", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "step", "at", "evidence"):
        table.add_column(heading, justify="right" if heading == "at" else "left")
    for step in steps:
        at = "" if step.at_ms is None else f"{step.at_ms / 1000:.2f} s"
        table.add_row(_tick(is_good=step.ok), step.name, at, Text(step.evidence))
    return table


def _truncations_table(truncations: tuple[Truncation, ...]) -> Table:
    table = Table(
        title="What the model remembers, and what was heard",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for heading in ("", "cut by", "remembered", "sent", "heard", "error", "after the flush"):
        table.add_column(heading, justify="left" if heading in {"", "cut by"} else "right")
    for one in truncations:
        heard, error = one.far_end_samples, one.error_ms
        table.add_row(
            _tick(is_good=one.ok),
            one.case,
            f"{one.truncated_ms} ms",
            f"{one.sent_samples / 8:.3f} ms",
            "nothing" if heard is None else f"{heard / 8:.3f} ms",
            "" if error is None else f"{error:.3f} ms",
            f"{one.samples_after / 8:g} ms",
        )
    return table


def _tick(*, is_good: bool) -> Text:
    return Text("✓", style="green") if is_good else Text("✗", style="bold red")
