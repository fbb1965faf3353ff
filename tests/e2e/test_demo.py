"""`telephony demo --json` as a user runs it: every step, and the truncation within the bar."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from telephony_codecs import parse_wav
from tests.support.child import child_environment
from tests.support.void import unless_void

STEPS = ["greeting", "interruption", "digit", "transfer", "hangup"]
PATIENCE_SECONDS = 300
STILL_MS = 40.0
"""More than that costs a call packets: it sends two at once, and goes on in time."""


@unless_void(STILL_MS)
def test_the_demo_proves_a_whole_call(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "telephony", "demo", "--json", "--out", str(tmp_path / "out")],
        env=child_environment(),
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    said = json.loads(run.stdout)
    assert said["ok"] is True
    assert [step["name"] for step in said["steps"]] == STEPS
    assert all(step["ok"] for step in said["steps"])
    times = [step["at_ms"] for step in said["steps"]]
    assert times == sorted(times)
    assert [one["case"] for one in said["truncations"]] == ["speech", "key"]
    for one in said["truncations"]:
        assert one["sent_ms"] == one["far_end_ms"]
        assert -1 < one["error_ms"] <= 0
        assert one["audio_after_ms"] <= 5

    files = {name: Path(path) for name, path in said["files"].items()}
    audio = parse_wav(files["audio"].read_bytes())
    assert (audio.channels, audio.rate_hz) == (2, 8000)
    assert len(audio.octets) / 4 / 8000 > times[-1] / 1000 - 1
    rows = json.loads(files["timeline"].read_text())
    assert {row["seen_by"] for row in rows} == {"product", "caller", "operator", "far_end"}
    picture = ElementTree.fromstring(files["picture"].read_text())  # noqa: S314 - our own file
    assert picture.tag.endswith("svg")
