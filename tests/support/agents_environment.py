"""The checkout's other environment: the one that has openai-agents, and websockets 16 with it."""

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tests.tables.row import Row

__all__ = ["HOW_TO_RUN", "has_agents", "rows_from_there"]

ROOT = Path(__file__).parents[2]
HOW_TO_RUN = "openai-agents is not here; run: sh tests/run.sh {table}"
SECONDS = 300


def has_agents() -> bool:
    """Tell whether openai-agents can be imported in this process."""
    return find_spec("agents") is not None


def rows_from_there(table: str, *options: str) -> list[Row]:
    """Run a table in the other environment; none where `tests/run.sh` has not made it yet."""
    pythons = sorted(ROOT.glob(".venv-agents-*/bin/python"))
    if not pythons:
        return []
    done = subprocess.run(
        [pythons[-1], "-m", "tests.tables", table, "--json", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "codecs")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if not done.stdout:
        raise RuntimeError(f"{table} in {pythons[-1]}: {done.stderr[-2000:]}")
    return [Row(**row) for row in json.loads(done.stdout)["rows"]]
