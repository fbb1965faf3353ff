"""Drives SIPp, the standard SIP load generator, with its built-in or our own scenarios.

Every run is bounded in time, and its figures come from SIPp's own statistics file.
"""

import csv
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.child import end
from tests.support.patience import wait_until
from tests.support.ports import LOOPBACK, free_port, free_range
from tests.support.tools import missing_program

GRACE_SECONDS = 5.0


def missing_reason() -> str | None:
    """Say why SIPp cannot be run here; None when it can."""
    return missing_program("sipp")


@dataclass(frozen=True, slots=True)
class Statistics:
    """What SIPp counted over a whole run.

    Attributes:
        created: Calls placed or taken.
        successful: Calls whose scenario ran to its end.
        failed: Calls whose scenario did not.
        retransmissions: Messages that SIPp sent again.
        unexpected: Calls that failed of a message the scenario did not expect.
        timed_out: Calls that failed of too many retransmissions without an answer.
        exit_code: 0 when every call succeeded.
        errors: What SIPp wrote about unexpected messages.
    """

    created: int
    successful: int
    failed: int
    retransmissions: int
    unexpected: int
    timed_out: int
    exit_code: int
    errors: str


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls, how fast, and how SIPp treats its messages.

    Attributes:
        calls: Ends after this many.
        rate: Calls begun per second.
        lost_percent: Share of messages it loses on purpose, each way.
        max_invite_retrans: How often it repeats an INVITE before it gives up; None is its own 5.
        hold_ms: How long a call lasts in scenarios with a pause without a length of its own.
        transport: "u1" is UDP from one socket, "t1" TCP over one connection.
        timeout_seconds: Ends after this long, come what may.
    """

    calls: int = 1
    rate: int = 10
    lost_percent: int = 0
    max_invite_retrans: int | None = None
    hold_ms: int = 0
    transport: str = "u1"
    timeout_seconds: int = 60


class Sipp:
    """One run of SIPp; use it as a context manager, then `wait` for its figures.

    Args:
        scenario: "uac" or "uas" for the built-in ones, or the path of an XML file.
        target: Whom a caller calls, "host:port"; empty for a server.
        load: Calls, rate and time limits.
        user: The user part of the Request-URI of a caller.
        extra: Further arguments, such as `-key NAME VALUE`.
    """

    def __init__(
        self,
        scenario: str | Path,
        target: str = "",
        load: Load | None = None,
        *,
        user: str = "service",
        extra: tuple[str, ...] = (),
    ) -> None:
        self.port = free_port()
        self.media_port = free_range(8)
        self._load = load or Load()
        self._open = ExitStack()
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        chosen = ["-sf", str(scenario)] if isinstance(scenario, Path) else ["-sn", scenario]
        remote = [target, "-s", user] if target else []
        self._arguments = ["sipp", *remote, *chosen, *self._limits(), *extra]

    @property
    def address(self) -> str:
        """Where it sends from and listens, as host:port."""
        return f"{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="sipp")))
        files = ["-trace_stat", "-stf", "statistics.csv", "-fd", "1"]
        files += ["-trace_err", "-error_file", "errors.log"]
        self._process = subprocess.Popen(
            [*self._arguments, *files],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process, 0.0)
        self._open.close()

    def wait(self) -> Statistics:
        """Wait until every call has been made, then give the figures."""
        assert self._process is not None
        limit_seconds = self._load.timeout_seconds + GRACE_SECONDS
        return self._statistics(self._process.wait(limit_seconds))

    def wait_until_listening(self) -> None:
        """Wait until it has bound its UDP port, as the kernel tells."""
        bound = f":{self.port:04X} "
        wait_until(lambda: bound in Path("/proc/net/udp").read_text())

    def finish(self) -> Statistics:
        """Ask it to end once its calls are over (a server has no end of its own), then wait."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        return self.wait()

    def _limits(self) -> list[str]:
        load = self._load
        limits = ["-i", LOOPBACK, "-p", str(self.port), "-mi", LOOPBACK, "-nostdin"]
        limits += ["-mp", str(self.media_port), "-t", load.transport]
        limits += ["-m", str(load.calls), "-r", str(load.rate), "-d", str(load.hold_ms)]
        limits += ["-l", str(load.calls), "-timeout", f"{load.timeout_seconds}s", "-timeout_error"]
        if load.lost_percent:
            limits += ["-lost", str(load.lost_percent)]
        if load.max_invite_retrans is not None:
            limits += ["-max_invite_retrans", str(load.max_invite_retrans)]
        return limits

    def _statistics(self, exit_code: int) -> Statistics:
        errors = self._folder / "errors.log"
        text = errors.read_text(errors="replace") if errors.exists() else ""
        return parse_statistics(self._folder / "statistics.csv", exit_code, text)


def parse_statistics(path: Path, exit_code: int, errors: str) -> Statistics:
    """Read the figures of a whole run from the last row of SIPp's statistics file."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    last = rows[-1]

    def total(name: str) -> int:
        return int(last[f"{name}(C)"])

    return Statistics(
        created=int(last["TotalCallCreated"]),
        successful=total("SuccessfulCall"),
        failed=total("FailedCall"),
        retransmissions=total("Retransmissions"),
        unexpected=total("FailedUnexpectedMessage"),
        timed_out=total("FailedMaxUDPRetrans"),
        exit_code=exit_code,
        errors=errors,
    )


def run(scenario: str | Path, target: str, load: Load | None = None) -> Statistics:
    """Place calls and give the figures."""
    with Sipp(scenario, target, load) as sipp:
        return sipp.wait()
