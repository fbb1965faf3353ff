"""One caller: what it sends, and what it notes of what comes back."""

import socket
from collections.abc import Iterator

import pytest

from telephony.app.bench.caller import FRAME_NS, FRAME_SAMPLES, Caller, CallerAudio
from telephony.app.bench.messages import Marker
from telephony.engine.udp import RtpSocketPair
from telephony.rtp import RtcpReporter, RtpSender, SenderReport, parse_rtcp, parse_rtp
from telephony.units import Nanoseconds, RtpTimestamp
from telephony_codecs import AudioFormat

AUDIO = CallerAudio.of(AudioFormat.PCMU)
AGENT = b"\x40" * FRAME_SAMPLES
NOBODY = ("127.0.0.1", 9)


class Bench:
    """A caller, its far end's sockets, and the time."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        rtp, rtcp, self.far_rtp, self.far_rtcp = sockets
        self.now_ns = Nanoseconds(0)
        sender = RtpSender(ssrc=5, payload_type=0, sequence=65_535, timestamp=RtpTimestamp(0))
        reporter = RtcpReporter(cname="c", random=lambda: 0.5, now_ns=self.now_ns)
        self.caller = Caller(
            3, RtpSocketPair(rtp, rtcp), sender, reporter, AUDIO, lambda: self.now_ns, lambda: 0
        )

    def connect(self) -> None:
        self.caller.connect(self.far_rtp.getsockname(), self.far_rtcp.getsockname())

    def sent(self) -> bytes:
        return parse_rtp(self.far_rtp.recv(2048)).payload

    def hear(self, payload: bytes, arrival_ns: int) -> None:
        sender = RtpSender(ssrc=9, payload_type=0, sequence=7, timestamp=RtpTimestamp(320))
        datagram = sender.packet(payload, FRAME_SAMPLES)
        self.caller.handle_rtp(datagram, NOBODY, Nanoseconds(arrival_ns))


@pytest.fixture
def bench() -> Iterator[Bench]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
        one.settimeout(30)
    yield Bench(sockets)
    for one in sockets:
        one.close()


def test_nothing_is_sent_before_the_answer_and_after_the_end(bench: Bench) -> None:
    bench.caller.send()
    bench.connect()
    bench.caller.send()
    bench.caller.disconnect()
    bench.caller.send()
    assert bench.sent() in AUDIO.line
    bench.far_rtp.setblocking(False)
    with pytest.raises(BlockingIOError):
        bench.sent()


def test_a_marker_is_the_next_packet_and_its_echo_is_timed(bench: Bench) -> None:
    bench.connect()
    bench.now_ns = Nanoseconds(1000)
    bench.caller.mark()
    bench.caller.send()
    assert bench.sent() == AUDIO.marker
    bench.hear(AUDIO.line[0], 2000)
    bench.hear(AUDIO.marker, 3000)
    bench.hear(AUDIO.marker, 4000)
    assert bench.caller.markers == [Marker(call=3, sent_ns=1000, heard_ns=3000)]


def test_a_marker_without_an_echo_is_told_too(bench: Bench) -> None:
    bench.connect()
    bench.caller.mark()
    bench.caller.send()
    bench.caller.mark()
    bench.caller.send()
    bench.hear(AUDIO.marker, 5000)
    assert [one.heard_ns for one in bench.caller.markers] == [None, 5000]


def test_packets_are_noted_only_while_measuring(bench: Bench) -> None:
    bench.hear(AGENT, 1)
    bench.caller.is_measuring = True
    bench.hear(AGENT, 2)
    bench.hear(AUDIO.silence, 3)
    bench.caller.is_measuring = False
    bench.hear(AGENT, 4)
    arrived = bench.caller.arrived
    assert list(arrived.arrivals_ns) == [2, 3]
    assert (arrived.sequences[0], arrived.timestamps[0]) == (7, 320)
    assert bench.caller.voiced == 1


def test_rtcp_is_sent_when_due_and_garbage_in_it_is_no_matter(bench: Bench) -> None:
    bench.connect()
    for _ in range(600):
        bench.now_ns = Nanoseconds(bench.now_ns + FRAME_NS)
        bench.caller.send()
    report = parse_rtcp(bench.far_rtcp.recv(2048))[0]
    assert isinstance(report, SenderReport)
    assert report.ssrc == 5
    bench.caller.handle_rtcp(b"\x00", NOBODY, bench.now_ns)
    bench.caller.handle_rtcp(bench.far_rtcp.recv(2048), NOBODY, bench.now_ns)
