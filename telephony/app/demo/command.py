"""The command `telephony demo`: shows the call as it happens, then what was proved."""

import asyncio
import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from telephony.app.demo.observed import ObservedMove
from telephony.app.demo.report import DemoReport, Step, Truncation
from telephony.app.demo.run import play_demo
from telephony.engine.log import configure_log

__all__ = ["demo"]

DEFAULT_FOLDER = Path("telephony-demo")
LOG = "log.jsonl"
MOST_FOLDERS = 1000


def demo(out: Path | None, *, as_json: bool) -> int:
    """Play the demo and say how it went.

    Args:
        out: For the files; None makes a fresh folder here.
        as_json: Print one JSON object instead of tables.

    Returns:
        The exit status: 0, or 1 where a step or a truncation does not hold.

    Raises:
        TransportError: A part did not start.
    """
    folder = out or _fresh(DEFAULT_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    with _log_into(folder / LOG):
        configure_log()
        if as_json:
            report = asyncio.run(play_demo(folder, lambda _move: None))
        else:
            report = _play_visibly(folder)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
    else:
        _show(report, folder, Console())
    return 0 if report.ok else 1


def _fresh(folder: Path) -> Path:
    """Give a folder that is not there yet: NAME, NAME-2, NAME-3 and so on."""
    names = [folder, *(folder.with_name(f"{folder.name}-{n}") for n in range(2, MOST_FOLDERS))]
    return next((one for one in names if not one.exists()), folder)


@contextmanager
def _log_into(path: Path) -> Generator[None]:
    """Send standard error, ours and our children's, to a file: the screen shows the call."""
    sys.stderr.flush()
    kept = os.dup(sys.stderr.fileno())
    with path.open("wb") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, sys.stderr.fileno())
        os.close(kept)


def _play_visibly(folder: Path) -> DemoReport:
    moves: list[ObservedMove] = []
    console = Console()
    console.print(
        "A recorded caller phones the embedded agent over SIP on this machine: about 25 s."
    )
    with Live(console=console, auto_refresh=False) as live:

        def show(move: ObservedMove) -> None:
            moves.append(move)
            live.update(_moves_table(moves), refresh=True)

        return asyncio.run(play_demo(folder, show))


def _moves_table(moves: list[ObservedMove]) -> Table:
    table = Table(title="The call", title_justify="left", box=None, show_header=False)
    table.add_column(justify="right", style="cyan")
    table.add_column()
    started = min(move.wall for move in moves)
    for move in sorted(moves, key=lambda one: one.wall):
        who = "" if move.move.startswith("operator") else "caller "
        table.add_row(f"{move.wall - started:.2f} s", who + move.move)
    return table


def _show(report: DemoReport, folder: Path, console: Console) -> None:
    console.print()
    console.print(_steps_table(report.steps))
    console.print()
    console.print(_truncations_table(report.truncations))
    console.print()
    if report.failure is not None:
        console.print(Text(f"The call broke off: {report.failure}", style="red"))
    for name, path in (
        ("audio", report.files.audio),
        ("timeline", report.files.timeline),
        ("picture", report.files.picture),
        ("log", folder / LOG),
    ):
        console.print(Text(f"{name:>9}  {path}"), soft_wrap=True)
    verdict = ("All of it holds.", "green") if report.ok else ("Not all of it holds.", "red")
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
