"""`telephony call` against `telephony serve`: a file, keys, an agent, and calls that fail."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from telephony.local.voices import Voice
from telephony_codecs import WavAudio, WavEncoding, decode_pcmu, parse_wav
from tests.support.child import Child, child_environment
from tests.support.ports import LOOPBACK

PATIENCE_SECONDS = 180
QUIET_SECONDS = 4


@pytest.fixture(scope="module")
def agent() -> Iterator[str]:
    """Give the URI of the default agent."""
    command = [sys.executable, "-m", "telephony", "serve", "--json"]
    command += ["--sip", f"{LOOPBACK}:0", "--http", f"{LOOPBACK}:0"]
    with Child(command, ends_at_eof=False, start_seconds=30.0, stop_seconds=10.0) as served:
        yield str(served.ready["sip"]).replace("sip:", "sip:reception@")


def call(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-m", "telephony", "call", *arguments, "--json"],
        env=child_environment(),
        cwd=folder,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.stdout, run.stderr
    said: dict[str, Any] = json.loads(run.stdout)
    return run.returncode, said


Samples = NDArray[np.int16]


def sides(path: Path) -> tuple[Samples, Samples]:
    wav = parse_wav(path.read_bytes())
    frames: Samples = np.frombuffer(wav.octets, "<i2").reshape(-1, 2)
    return frames[:, 0], frames[:, 1]


def test_a_file_is_played_and_the_answer_recorded(agent: str, tmp_path: Path) -> None:
    at = np.arange(24_000 * 2) / 24_000
    tone = (6000 * np.sin(2 * np.pi * 1000 * at)).astype("<i2")
    # The agent's words come first: it would fall silent for a tone from the beginning.
    quiet = bytes(2 * 24_000 * QUIET_SECONDS)
    played, recorded = tmp_path / "played.wav", tmp_path / "recorded.wav"
    played.write_bytes(WavAudio(WavEncoding.PCM16, 24_000, 1, quiet + tone.tobytes()).pack())
    status, said = call(tmp_path, agent, "--play", str(played), "--record", str(recorded))
    assert status == 0
    assert said["ok"]
    assert said["recorded"] == str(recorded)
    assert said["duration_ms"] > 1_900 + 1000 * QUIET_SECONDS
    ours, theirs = sides(recorded)
    heard: NDArray[np.complex128] = np.fft.rfft(ours[-8000:].astype(float), 8000)
    assert int(np.abs(heard).argmax()) == 1000
    assert np.abs(theirs).max() > 1_000


def test_keys_are_pressed_and_heard(agent: str, tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.wav"
    arguments = ("--digits", "1", "--duration", "5.5", "--record", str(recorded))
    status, said = call(tmp_path, agent, *arguments)
    assert status == 0
    assert said["duration_ms"] > 5_300
    ours, theirs = sides(recorded)
    assert np.abs(ours[:8000]).max() > 1_000
    # The key came before the greeting did; what it asks for comes 2 s later, and the greeting ends.
    answer = decode_pcmu(Voice.load().prompt("one_moment"))
    at_s = theirs.tobytes().find(answer) / 16_000
    assert at_s > 1.9


def test_an_agent_may_talk(agent: str, tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.wav"
    arguments = ("--agent", "reception", "--duration", "2.5", "--record", str(recorded))
    status, said = call(tmp_path, agent, *arguments)
    assert status == 0
    assert said["answered"]
    ours, theirs = sides(recorded)
    assert np.abs(ours).max() > 1_000
    assert np.abs(theirs).max() > 1_000


def test_a_call_that_is_refused_says_the_status(tmp_path: Path) -> None:
    config = tmp_path / "closed.toml"
    config.write_text(
        'version = 1\n[agent.a]\ninstructions = "x"\n[[line]]\nnumber = "1"\nagent = "a"\n'
    )
    command = [sys.executable, "-m", "telephony", "serve", "--json", "--config", str(config)]
    command += ["--sip", f"{LOOPBACK}:0", "--http", f"{LOOPBACK}:0"]
    with Child(command, ends_at_eof=False, start_seconds=30.0, stop_seconds=10.0) as served:
        target = str(served.ready["sip"]).replace("sip:", "sip:2@")
        status, said = call(tmp_path, target, "--record", str(tmp_path / "none.wav"))
    assert status == 1
    assert (said["answered"], said["status"], said["recorded"]) == (False, 404, None)
    assert not (tmp_path / "none.wav").exists()
