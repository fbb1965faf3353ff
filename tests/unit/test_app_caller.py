"""The parts of `telephony call` that need no call: the file that is played, and what is said."""

import asyncio
import json
import socket
from pathlib import Path

import numpy as np
import pytest

from telephony.app.caller import CallOptions, CallOutcome, call, place_call, read_audio
from telephony.call import CallEnded
from telephony.errors import ConfigurationError, TelephonyError
from telephony_codecs import WavAudio, WavEncoding, decode_pcmu, encode_pcma


def sine(rate_hz: int, channels: int = 1) -> bytes:
    at = np.arange(rate_hz) / rate_hz
    voice = (8000 * np.sin(2 * np.pi * 440 * at)).astype("<i2")
    return np.repeat(voice, channels).tobytes()


def frequency(pcmu: bytes) -> float:
    samples = np.frombuffer(decode_pcmu(pcmu), "<i2").astype(float)
    return float(np.abs(np.fft.rfft(samples, 8000)).argmax())


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_usual_file_becomes_mu_law_of_the_same_length(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WavAudio(WavEncoding.PCM16, rate_hz, channels, sine(rate_hz, channels)).pack())
    pcmu = read_audio(path)
    assert len(pcmu) == pytest.approx(8_000, abs=2)
    assert frequency(pcmu) == 440
    level = np.abs(np.frombuffer(decode_pcmu(pcmu), "<i2")).max()
    assert level == pytest.approx(8_000, rel=0.05)


def test_a_file_of_the_other_law_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WavAudio(WavEncoding.PCMA, 8_000, 1, encode_pcma(sine(8_000))).pack())
    assert frequency(read_audio(path)) == 440


def test_a_file_that_cannot_be_played_is_a_configuration_error(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with pytest.raises(ConfigurationError, match="No such file"):
        read_audio(path)
    path.write_bytes(b"not a wave")
    with pytest.raises(ConfigurationError, match="RIFF"):
        read_audio(path)
    path.write_bytes(WavAudio(WavEncoding.PCMU, 8_000, 1, bytes(8_000 * 601)).pack())
    with pytest.raises(ConfigurationError, match="longer than 600 s"):
        read_audio(path)


@pytest.mark.parametrize(
    ("is_answered", "ended", "ok", "line"),
    [
        (
            True,
            CallEnded(by="remote", cause="hung up", duration_ms=2_500),
            True,
            "ended after 2.5 s by remote: hung up",
        ),
        (
            True,
            CallEnded(by="failure", cause="no ACK", duration_ms=100),
            False,
            "ended after 0.1 s by failure: no ACK",
        ),
        (
            False,
            CallEnded(by="remote", cause="Busy Here", status=486),
            False,
            "not answered: 486 Busy Here",
        ),
        (
            False,
            CallEnded(by="remote", cause="Service Unavailable", status=503),
            False,
            "not answered: 503 Service Unavailable",
        ),
        (
            False,
            CallEnded(by="failure", cause="Service Unavailable", status=503),
            False,
            "not answered: nobody listens there",
        ),
        (False, CallEnded(by="local", cause="given up"), False, "not answered: given up"),
    ],
)
def test_the_outcome_says_the_status(
    *, is_answered: bool, ended: CallEnded, ok: bool, line: str
) -> None:
    outcome = CallOutcome(is_answered, ended, None)
    assert outcome.ok is ok
    assert outcome.line() == line
    said = outcome.as_json()
    assert (said["status"], said["error"]) == (ended.status, None if ok else line)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (CallOptions("sip:x@127.0.0.1", play=Path("a"), agent="reception"), "not both"),
        (CallOptions("bla"), "URI is 'bla', wanted one such as"),
        (CallOptions("tel:+1555"), "wanted a sip: URI"),
        (CallOptions("sips:x@127.0.0.1"), "wanted a sip: URI"),
        (CallOptions("sip:x@127.0.0.1", digits="1,2"), "--digits is '1,2', wanted 0-9"),
        (CallOptions("sip:x@127.0.0.1", record=Path("/absent/a.wav")), "--record is '/absent/a"),
        (CallOptions("sip:x@127.0.0.1", record=Path("/")), "--record is '/', wanted a file"),
        (CallOptions("sip:x@127.0.0.1", agent="nobody"), "MODULE:NAME or one of reception"),
    ],
)
def test_options_that_cannot_be_carried_out(options: CallOptions, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        asyncio.run(place_call(options, lambda _row: None, lambda _line: None))


@pytest.mark.parametrize(
    ("options", "status", "error"),
    [
        (CallOptions("bla"), 2, "URI is 'bla'"),
        (CallOptions("sip:x@no-such-host.invalid"), 1, "no way to no-such-host.invalid"),
    ],
)
def test_json_is_one_object_even_where_no_call_could_be_placed(
    options: CallOptions, status: int, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(options, as_json=True) == status
    said = json.loads(capsys.readouterr().out)
    ended = CallOutcome(True, CallEnded(by="local", cause="x"), None).as_json()
    assert said.keys() == ended.keys()
    assert said["error"].startswith(error)
    assert not said["ok"]
    with pytest.raises(TelephonyError, match=error):
        call(options, as_json=False)


def test_an_agent_of_the_file_may_talk_whatever_its_lines_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "telephony.toml").write_text(
        'version = 1\n[[line]]\nnumber = "*"\nagent = "coded"\n[agent.reception]\n'
        '[realtime.main]\nurl = "ws://127.0.0.1:1"\napi_key = { env = "NO_SUCH_KEY" }\n'
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        target = f"sip:x@127.0.0.1:{gone.getsockname()[1]}"
    call(CallOptions(target), as_json=True)
    assert json.loads(capsys.readouterr().out)["status"] == 503
    call(CallOptions(target, agent="reception"), as_json=True)
    assert "NO_SUCH_KEY" in json.loads(capsys.readouterr().out)["error"]
    call(CallOptions(target, agent="coded"), as_json=True)
    assert "or one of reception" in json.loads(capsys.readouterr().out)["error"]
