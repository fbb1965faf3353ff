"""`telephony demo --hosted --json` as users run it: each step judged by the provider's notes."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.child import child_environment

STEPS = ["webhook", "accept", "attach", "tool", "refer", "hangup"]
PATIENCE_SECONDS = 300


def test_the_demo_shows_hosted_calls(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "telephony", "demo", "--hosted", "--json", "--out", "out"],
        env=child_environment(),
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    said = json.loads(run.stdout)
    assert said["ok"] is True
    assert said["error"] is None
    assert [step["name"] for step in said["steps"]] == STEPS
    assert all(step["ok"] for step in said["steps"])
    times = [step["at_ms"] for step in said["steps"]]
    assert times == sorted(times)
    assert said["truncations"] == []

    notes = (tmp_path / said["files"]["notes"]).read_text()
    recorded = [json.loads(line) for line in notes.splitlines()]
    refers = [note["details"] for note in recorded if note["what"] == "refer"]
    assert refers == [{"status": 200, "target_uri": "tel:+15550199"}]
    asked = [note["what"] for note in recorded if "status" in note["details"]]
    # The first call may be accepted before its webhook has come for the second time.
    assert [what for what in asked if what != "webhook"] == ["accept", "refer", "accept", "hangup"]
    assert asked.count("webhook") == 3
    log = (tmp_path / "out" / "log.jsonl").read_text()
    assert all(json.loads(line)["level"] == "info" for line in log.splitlines()), log
    assert "whsec_" not in log + notes
