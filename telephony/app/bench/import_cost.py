"""What importing a module costs a fresh interpreter."""

import json
import subprocess
import sys
from dataclasses import dataclass

from telephony.errors import LocalError

__all__ = ["ImportCost", "import_cost"]

PATIENCE_SECONDS = 60.0
OCTETS_PER_MB = 1_000_000
MEASURE = """
import json, sys, time
started = time.process_time()
__import__(sys.argv[1])
seconds = time.process_time() - started
with open("/proc/self/status") as status:
    kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
print(json.dumps([seconds, kib * 1024]))
"""


@dataclass(frozen=True, slots=True)
class ImportCost:
    """Of one module, with all that it imports."""

    seconds: float
    """Of processor time: the disk's share depends on what it was asked before."""
    mb: float
    """Resident, of the whole interpreter with the module."""


def import_cost(module: str, runs: int = 1) -> ImportCost:
    """Import a module in fresh interpreters, and give the least that it took.

    Args:
        module: Importable in a child of this process.
        runs: How many interpreters, one after the other.

    Raises:
        LocalError: It cannot be imported, or this system has no `/proc`.
    """
    costs: list[tuple[float, int]] = []
    for _ in range(runs):
        done = subprocess.run(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", MEASURE, module],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode:
            why = done.stderr.strip().rpartition("\n")[2]
            raise LocalError(f"cannot measure the import of {module}: {why}")
        seconds, octets = json.loads(done.stdout.splitlines()[-1])
        costs.append((seconds, octets))
    return ImportCost(
        min(seconds for seconds, _ in costs), min(octets for _, octets in costs) / OCTETS_PER_MB
    )
