"""What another process has used: its processor time and its memory, as Linux tells them.

Source: proc_pid_stat(5), proc_pid_status(5), and the kernel's sched-stats page for schedstat.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from telephony.errors import LocalError

__all__ = [
    "ProcessUse",
    "Usage",
    "read_cpu_seconds",
    "read_resident_octets",
    "read_waited_seconds",
    "sample_usage",
    "used_between",
]

USER_TICKS, SYSTEM_TICKS = 11, 12
"""utime and stime, counted from the field that follows the command's closing parenthesis."""
OCTETS_PER_KIB = 1024
OCTETS_PER_MB = 1_000_000
PERCENT = 100
NS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one moment."""

    at_ns: int
    """Monotonic time."""
    user_s: float
    system_s: float
    resident_octets: int
    waited_s: float | None
    """Time its main thread could have run and had no core; None where the kernel keeps no count."""


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What a process used over the steady window."""

    elapsed_s: float
    user_s: float
    system_s: float
    waited_s: float | None
    """Ready to run, without a core; None where the kernel keeps no count."""
    base_octets: int
    """Resident before its work began."""
    resident_octets: int
    """Resident at the end of the window."""

    @property
    def cpu_s(self) -> float:
        """Processor time, ours and the kernel's for us."""
        return self.user_s + self.system_s

    @property
    def core_percent(self) -> float:
        """That, of one core."""
        return self.cpu_s / self.elapsed_s * PERCENT

    @property
    def grown_mb(self) -> float:
        """Memory that the work took."""
        return (self.resident_octets - self.base_octets) / OCTETS_PER_MB


def read_cpu_seconds(stat: str, ticks_per_second: int) -> tuple[float, float]:
    """Read user and system time from `/proc/PID/stat`.

    Args:
        stat: The file's text. The command's name may hold spaces and parentheses.
        ticks_per_second: The kernel's unit, `sysconf(SC_CLK_TCK)`.
    """
    fields = stat.rpartition(")")[2].split()
    return (
        int(fields[USER_TICKS]) / ticks_per_second,
        int(fields[SYSTEM_TICKS]) / ticks_per_second,
    )


def read_resident_octets(status: str) -> int:
    """Read the resident set (VmRSS) from `/proc/PID/status`; 0 for a process that has ended."""
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * OCTETS_PER_KIB
    return 0


def read_waited_seconds(schedstat: str) -> float:
    """Read the time spent waiting for a core from `/proc/PID/schedstat`."""
    return int(schedstat.split()[1]) / NS_PER_SECOND


def sample_usage(pid: int) -> Usage:
    """Look at a process now.

    Raises:
        LocalError: It has ended, or this system has no `/proc`.
    """
    folder = Path("/proc") / str(pid)
    try:
        stat = (folder / "stat").read_text()
        at_ns = time.monotonic_ns()
        status = (folder / "status").read_text()
    except OSError as failed:
        raise LocalError(f"cannot measure process {pid}: {failed.strerror}") from failed
    try:
        waited_s = read_waited_seconds((folder / "schedstat").read_text())
    except (OSError, IndexError):
        waited_s = None
    user_s, system_s = read_cpu_seconds(stat, os.sysconf("SC_CLK_TCK"))
    return Usage(at_ns, user_s, system_s, read_resident_octets(status), waited_s)


def used_between(base: Usage, before: Usage, after: Usage) -> ProcessUse:
    """Give what a process used from one look at it to another; `base` is before its work."""
    waited_s = None
    if before.waited_s is not None and after.waited_s is not None:
        waited_s = after.waited_s - before.waited_s
    return ProcessUse(
        elapsed_s=(after.at_ns - before.at_ns) / NS_PER_SECOND,
        user_s=after.user_s - before.user_s,
        system_s=after.system_s - before.system_s,
        waited_s=waited_s,
        base_octets=base.resident_octets,
        resident_octets=after.resident_octets,
    )
