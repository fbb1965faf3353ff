"""Recorded streams of other vendors, through the whole receiving side of RTP.

The corpus is described in its SOURCES.md; the digit vectors come with SIPp (Debian: sip-tester).
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from telephony.rtp import (
    ApplicationDefined,
    DigitEnded,
    DigitReceiver,
    DigitStarted,
    LostSpan,
    ReceiverStatistics,
    ReorderBuffer,
    Resync,
    RtpPacket,
    SenderReport,
    parse_rtcp,
    parse_rtp,
)
from telephony.rtp.serial import timestamp_distance
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from tests.support.pcap import Datagram, read_datagrams
from tests.support.recordings import index, recorded

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus" / "pcap"
SIPP = Path(shutil.which("sipp") or "bin/sipp").parent.parent / "share" / "sip-tester"
"""Where Debian puts the captures, seen from the program."""


def capture(folder: Path, name: str) -> list[Datagram]:
    """Read a capture, or skip."""
    path = folder / name
    if not path.exists():
        pytest.skip(f"{name} is not on this machine")
    return list(read_datagrams(path))


class Heard(NamedTuple):
    """What the receiving side made of one stream."""

    packets: list[RtpPacket]
    spans: list[LostSpan]
    resyncs: int
    digits: list[DigitStarted | DigitEnded]
    buffer: ReorderBuffer
    statistics: ReceiverStatistics


def is_rtcp(datagram: bytes) -> bool:
    """Tell RTCP from RTP where both are in one capture (RFC 5761 section 4)."""
    return 192 <= datagram[1] <= 223


def stream(datagrams: Iterable[Datagram], source: tuple[str, int]) -> list[Datagram]:
    """Pick what one address sent over RTP: version 2, no RTCP, no keep-alive."""
    return [
        datagram
        for datagram in datagrams
        if datagram.source == source
        and len(datagram.payload) >= 12
        and datagram.payload[0] >> 6 == 2
        and not is_rtcp(datagram.payload)
    ]


def listen(datagrams: list[Datagram], *, event_type: int | None = None) -> Heard:
    """Bring one stream through statistics, reordering and digits, timers fired on time."""
    arrivals = [(Nanoseconds(d.time_ns), parse_rtp(d.payload)) for d in datagrams]
    buffer = ReorderBuffer(lambda packet: len(packet.payload))
    statistics = ReceiverStatistics(arrivals[0][1].ssrc, 8000)
    receiver = DigitReceiver(period_ns=Nanoseconds(50 * NS_PER_MS))
    heard = Heard([], [], 0, [], buffer, statistics)
    resyncs = 0
    for now_ns, packet in arrivals:
        is_event = packet.payload_type == event_type
        statistics.handle_packet(packet.sequence, packet.timestamp, now_ns, is_paced=not is_event)
        heard.digits.extend(receiver.handle_timeout(now_ns))
        for item in (*buffer.handle_timeout(now_ns), *buffer.handle_packet(packet, now_ns)):
            resyncs += isinstance(item, Resync)
            if isinstance(item, LostSpan):
                heard.spans.append(item)
            elif isinstance(item, RtpPacket):
                heard.packets.append(item)
                if item.payload_type == event_type:
                    heard.digits.extend(receiver.handle_packet(item, now_ns))
    heard.digits.extend(receiver.handle_timeout(Nanoseconds(1 << 62)))
    return heard._replace(resyncs=resyncs)


SIPP_DIGITS = [*((digit, digit) for digit in "0123456789"), ("*", "star"), ("#", "pound")]


@pytest.mark.parametrize(("digit", "name"), SIPP_DIGITS)
def test_each_digit_of_sipp_is_one_whole_press(digit: str, name: str) -> None:
    datagrams = capture(SIPP, f"dtmf_2833_{name}.pcap")
    heard = listen(datagrams, event_type=101)
    assert len(datagrams) == 10
    assert (len(heard.packets), heard.buffer.duplicate, heard.buffer.lost) == (8, 2, 0)
    start, end = heard.digits
    assert isinstance(start, DigitStarted)
    assert isinstance(end, DigitEnded)
    assert (start.digit, end.digit, end.samples, end.is_complete) == (digit, digit, 2240, True)


def test_a_stream_of_30_ms_packets_is_whole() -> None:
    heard = listen(capture(SIPP, "g711a.pcap"))
    assert {len(packet.payload) for packet in heard.packets} == {240}
    assert (len(heard.packets), heard.spans, heard.statistics.cumulative_lost) == (236, [], 0)
    first, last = heard.packets[0].timestamp, heard.packets[-1].timestamp
    assert timestamp_distance(last, first) == 235 * 240


def test_keys_among_30_ms_audio() -> None:
    datagrams = capture(CORPUS, "sipnab-SIP_DTMF2.cap")
    heard = listen(stream(datagrams, ("192.168.105.172", 4376)), event_type=96)
    ends = [event for event in heard.digits if isinstance(event, DigitEnded)]
    assert "".join(event.digit for event in ends) == "6789123"  # as tshark reads them, too
    assert {(event.samples, event.is_complete) for event in ends} == {(960, True)}
    assert len(heard.digits) == 2 * len(ends)


def test_lost_packets_are_lost_samples() -> None:
    datagrams = capture(CORPUS, "sipnab-SIP_DTMF2.cap")
    heard = listen(stream(datagrams, ("192.168.105.110", 4374)))
    assert [(span.packets, span.samples) for span in heard.spans] == [(1, 240), (1, 240)]
    assert heard.statistics.cumulative_lost == heard.buffer.lost == 2


def test_every_packet_captured_twice_is_released_once() -> None:
    datagrams = capture(CORPUS, "sipnab-SIP_CALL_RTP_G711.pcap")
    once = stream(datagrams, ("200.57.7.204", 8000))
    heard = listen([copy for datagram in once for copy in (datagram, datagram)])
    assert (len(heard.packets), heard.buffer.duplicate) == (548, 548)
    assert (heard.spans, heard.buffer.held, heard.resyncs) == ([], 0, 0)


def test_a_restarted_sequence_is_followed() -> None:
    datagrams = capture(CORPUS, "sipnab-Asterisk_ZFONE_XLITE.pcap")
    sent = [d for d in stream(datagrams, ("192.168.10.41", 64508)) if d.destination[1] == 49848]
    heard = listen(sent)
    assert (heard.resyncs, len(heard.packets), heard.buffer.stray) == (2, 205, 0)


def test_reports_of_an_old_softphone_are_read_despite_their_tail() -> None:
    datagrams = capture(CORPUS, "sipnab-SIP_CALL_RTP_G711.pcap")
    reports = [d for d in datagrams if len(d.payload) > 1 and d.payload[0] >> 6 == 2]
    compounds = [(d, parse_rtcp(d.payload)) for d in reports if is_rtcp(d.payload)]
    assert len(compounds) == 28
    tails = [packets for d, packets in compounds if len(d.payload) % 4]
    assert len(tails) == 4
    assert all(isinstance(packets[0], SenderReport) for packets in tails)


def test_two_quiet_streams_have_no_loss_and_no_jitter() -> None:
    for name, source in (
        ("sipnab-sip-rtp-g711.pcap", ("10.0.2.15", 27942)),
        ("sipnab-speech_8k_ulaw.pcap", ("10.0.0.60", 6000)),
    ):
        heard = listen(stream(capture(CORPUS, name), source))
        assert (heard.spans, heard.statistics.jitter) == ([], 0)
        span_ns = timestamp_distance(
            heard.packets[-1].timestamp, heard.packets[0].timestamp
        ) * NS_PER_SECOND // 8000  # fmt: skip
        assert span_ns == (len(heard.packets) - 1) * 20 * NS_PER_MS


@pytest.mark.parametrize("name", [str(entry["name"]) for entry in index()])
def test_all_rtcp_of_recorded_phones_is_read(name: str) -> None:
    call = recorded(name)
    ports = [(host, port + 1) for host, port in (call.agent_media, call.caller_media)]
    received = [parse_rtcp(each.payload) for each in call.datagrams if each.destination in ports]
    lone = [packets[0] for packets in received if isinstance(packets[0], ApplicationDefined)]
    assert {(packet.name, packet.content) for packet in lone} == {(b"PING", b"PONG")}
    assert any(isinstance(packets[0], SenderReport) for packets in received)
