"""The drivers of the third-party programs do what the tests of the product rely on."""

import math
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import baresip, capture, sipp
from tests.support.baresip import PCMA, PCMU, Baresip, BaresipError, Phone
from tests.support.capture import Capture, CaptureError, fields, rtp_streams
from tests.support.netem import Impairments
from tests.support.ports import LOOPBACK
from tests.support.relay import Relay
from tests.support.sipp import Load, Sipp, run
from tests.support.void import unless_void

pytestmark = pytest.mark.peers
needs_baresip = pytest.mark.skipif(
    baresip.missing_reason() is not None, reason=str(baresip.missing_reason())
)
needs_sipp = pytest.mark.skipif(
    sipp.missing_reason() is not None, reason=str(sipp.missing_reason())
)
CAPTURE_MISSING = capture.missing_reason() or capture.missing_tshark_reason()
needs_capture = pytest.mark.skipif(CAPTURE_MISSING is not None, reason=str(CAPTURE_MISSING))
STILL_MS = 40.0
"""More than that costs a call packets."""


def write_tone(path: Path, hz: float, seconds: float) -> Path:
    """Write a sine at half scale: mono, 16 bit, 8,000 Hz."""
    wanted = range(int(8000 * seconds))
    samples = [round(16000 * math.sin(2 * math.pi * hz * n / 8000)) for n in wanted]
    with wave.open(str(path), "wb") as tone:
        tone.setparams((1, 2, 8000, 0, "NONE", ""))
        tone.writeframes(b"".join(value.to_bytes(2, "little", signed=True) for value in samples))
    return path


def frequency_of(path: Path) -> float:
    """Give the frequency in Hz of a recording: the rising zero crossings of one second."""
    with wave.open(str(path)) as recording:
        frames = recording.readframes(recording.getnframes())
    heard = memoryview(frames).cast("h").tolist()[9600:17600]
    return sum(1 for before, after in pairwise(heard) if before < 0 <= after)


@pytest.fixture
def phones() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@needs_baresip
@needs_capture
@unless_void(STILL_MS)
def test_two_phones_talk_and_both_are_recorded(phones: ExitStack, tmp_path: Path) -> None:
    tone = write_tone(tmp_path / "tone.wav", 440, 2.5)
    caller = phones.enter_context(Baresip(Phone("caller", source=tone, codecs=(PCMA,))))
    agent = phones.enter_context(Baresip(Phone("agent", echoes=True)))
    with Capture(tmp_path / "call.pcap", agent.all_packets()) as taken:
        caller.dial(agent.uri)
        caller.wait_for("CALL_ESTABLISHED")
        agent.wait_for("CALL_ESTABLISHED")
        caller.press("12#")
        digits = [agent.wait_for("CALL_DTMF_START")["param"] for _ in range(3)]
        caller.wait_for("CALL_CLOSED")
    assert digits == ["1", "2", "#"]
    assert frequency_of(caller.sent_audio()[0]) == pytest.approx(440, abs=5)
    assert frequency_of(caller.received_audio()[0]) == pytest.approx(440, abs=5)
    assert "CALL_CLOSED" in agent.event_types()
    as_sip = [f"udp.port=={agent.sip_port},sip"]
    streams = rtp_streams(taken.path, as_sip)
    assert len(streams) == 2
    assert all(stream.lost == 0 and stream.packets > 50 for stream in streams)
    assert any("telephone-event" in stream.payload for stream in streams)
    methods = fields(taken.path, ["sip.Method"], only="sip.Method", decode_as=as_sip)
    assert ["INVITE"] in methods
    assert ["BYE"] in methods


@needs_baresip
def test_a_phone_holds_resumes_and_transfers(phones: ExitStack) -> None:
    caller = phones.enter_context(Baresip(Phone("caller")))
    agent = phones.enter_context(Baresip(Phone("agent", codecs=(PCMU,))))
    desk = phones.enter_context(Baresip(Phone("desk", answers="manual")))
    caller.dial(agent.uri)
    caller.wait_for("CALL_ESTABLISHED")
    agent.wait_for("CALL_ESTABLISHED")
    caller.hold()
    agent.wait_for("CALL_REMOTE_SDP")
    caller.resume()
    agent.wait_for("CALL_REMOTE_SDP")
    caller.transfer(desk.uri)
    desk.wait_for("CALL_INCOMING")
    desk.accept()
    assert desk.wait_for("CALL_ESTABLISHED")["peeruri"].startswith(agent.uri)
    assert caller.wait_for("CALL_CLOSED")["peeruri"].startswith(agent.uri)


@needs_baresip
def test_an_event_that_does_not_come_is_an_error(phones: ExitStack) -> None:
    alone = phones.enter_context(Baresip(Phone("alone")))
    with pytest.raises(BaresipError, match="alone saw no CALL_ESTABLISHED"):
        alone.wait_for("CALL_ESTABLISHED", 0.1)


@needs_baresip
def test_a_call_survives_a_lossy_relay_and_its_media_passes_through(phones: ExitStack) -> None:
    agent = phones.enter_context(Baresip(Phone("agent", echoes=True)))
    bad = Impairments(loss=0.1, delay_ms=10, jitter_ms=10, reorder=0.05, duplicate=0.05)
    relay = phones.enter_context(Relay((LOOPBACK, agent.sip_port), bad, mode="sip"))
    caller = phones.enter_context(Baresip(Phone("caller")))
    caller.dial(f"sip:agent@{LOOPBACK}:{relay.address[1]}")
    caller.wait_for("CALL_ESTABLISHED")
    counts = relay.counts()
    while min(count.delivered for count in counts.values()) < 50:
        counts = relay.counts()
    caller.hangup()
    agent.wait_for("CALL_CLOSED")
    assert all(count.lost > 0 for count in counts.values())


@needs_sipp
def test_sipp_calls_sipp_and_both_count_the_same() -> None:
    load = Load(calls=20, rate=50)
    with Sipp("uas", load=load) as server:
        caller = run("uac", server.address, load)
        answered = server.finish()
    assert (caller.created, caller.successful, caller.failed) == (20, 20, 0)
    assert (answered.created, answered.failed) == (20, 0)
    assert caller.retransmissions == 0
    assert caller.exit_code == 0


@needs_sipp
def test_sipp_gives_up_in_time_where_nobody_answers() -> None:
    load = Load(max_invite_retrans=1, timeout_seconds=5)
    caller = run("uac", f"{LOOPBACK}:9", load)
    assert (caller.successful, caller.failed) == (0, 1)
    assert caller.exit_code != 0


@needs_capture
def test_a_capture_with_a_wrong_expression_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="did not start"), Capture(tmp_path / "x", "no such"):
        pass
