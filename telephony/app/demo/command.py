"""The command `telephony demo`: shows the call as it happens, then what was proved."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from rich.console import Console
from rich.live import Live

from telephony.app.demo.hosted_judge import HOSTED_STEPS
from telephony.app.demo.hosted_run import HOSTED_FILES, HostedReport, play_hosted
from telephony.app.demo.observed import ObservedMove
from telephony.app.demo.report import DemoReport, not_played
from telephony.app.demo.run import play_demo
from telephony.app.demo.show import moves_table, show_hosted_report, show_report
from telephony.engine.log import configure_log
from telephony.errors import ConfigurationError, TelephonyError, TransportError

__all__ = ["demo"]

DEFAULT_FOLDER = Path("telephony-demo")
LOG = "log.jsonl"
MOST_FOLDERS = 1000


class _Report(Protocol):
    @property
    def ok(self) -> bool: ...
    def as_json(self) -> dict[str, object]: ...


R = TypeVar("R", bound=_Report)


@dataclass(frozen=True, slots=True)
class _Scene(Generic[R]):
    """One of the demos: how it is played with nobody watching and before an audience."""

    play: Callable[[Path], R]
    play_visibly: Callable[[Path], R]
    show: Callable[[R, Path, Console], None]
    not_played: Callable[[str], dict[str, object]]


def demo(out: Path | None, *, as_json: bool, hosted: bool = False) -> int:
    """Play the demo and say how it went.

    Args:
        out: For the files; None makes a fresh folder here.
        as_json: Print one JSON object instead of tables.
        hosted: Play the one of calls that a provider holds.

    Returns:
        The exit status: 0, or 1 where a step or a truncation does not hold, or with `as_json`
        where a part did not start.

    Raises:
        TransportError: A part did not start; not with `as_json`.
    """
    if hosted:
        return _demo(_HOSTED, out, as_json=as_json)
    return _demo(_SIP, out, as_json=as_json)


def _demo(scene: _Scene[R], out: Path | None, *, as_json: bool) -> int:
    if as_json:
        said = _played_silently(scene, out)
        sys.stdout.write(json.dumps(said) + "\n")
        return 0 if said["ok"] else 1
    folder = _made(out)
    report = _play(folder, scene.play_visibly)
    scene.show(report, folder / LOG, Console())
    return 0 if report.ok else 1


def _played_silently(scene: _Scene[R], out: Path | None) -> dict[str, object]:
    """Play it, and give what to say of it, whatever happens."""
    try:
        return _play(_made(out), scene.play).as_json()
    except TelephonyError as failed:
        return scene.not_played(str(failed))


def _play(folder: Path, play: Callable[[Path], R]) -> R:
    """Play it with the log in its file.

    Raises:
        TransportError: A part did not start; says where the log is.
    """
    try:
        with _log_into(folder / LOG):
            configure_log()
            return play(folder)
    except TransportError as failed:
        raise TransportError(f"{failed} (log: {folder / LOG})") from failed


def _made(out: Path | None) -> Path:
    """Give the folder for the files, made where it is not there.

    Raises:
        ConfigurationError: It cannot be made.
    """
    folder = out or _fresh(DEFAULT_FOLDER)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG).touch()
    except OSError as refused:
        raise ConfigurationError(
            f"--out is {str(folder)!r}, wanted a folder that we can write to: {refused.strerror}"
        ) from refused
    return folder


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


def _play_sip_visibly(folder: Path) -> DemoReport:
    moves: list[ObservedMove] = []
    console = Console()
    console.print("A recorded caller phones the embedded agent over SIP on this machine; 25 s.")
    with Live(console=console, auto_refresh=False) as live:

        def show(move: ObservedMove) -> None:
            moves.append(move)
            live.update(moves_table(moves), refresh=True)

        return asyncio.run(play_demo(folder, show))


def _play_hosted_visibly(folder: Path) -> HostedReport:
    Console().print("A stand-in provider on this machine holds two calls for the agent; 15 s.")
    return asyncio.run(play_hosted(folder))


_SIP = _Scene(
    lambda folder: asyncio.run(play_demo(folder, lambda _move: None)),
    _play_sip_visibly,
    show_report,
    not_played,
)
_HOSTED = _Scene(
    lambda folder: asyncio.run(play_hosted(folder)),
    _play_hosted_visibly,
    show_hosted_report,
    lambda error: not_played(error, HOSTED_STEPS, tuple(HOSTED_FILES)),
)
