"""One caller of a benchmark: RTP out at an even pace, and notes of the RTP that comes back."""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from telephony.app.bench.messages import Marker
from telephony.app.bench.pacing import ArrivedStream
from telephony.app.bench.sound import is_marker, line_frames, marker_frame
from telephony.engine.udp import Address, RtpSocketPair
from telephony.errors import RemoteError
from telephony.rtp import RtcpReporter, RtpSender, parse_rtcp
from telephony.units import NS_PER_MS, Nanoseconds
from telephony_codecs import AudioFormat

__all__ = ["FRAME_MS", "FRAME_NS", "FRAME_SAMPLES", "Caller", "CallerAudio"]

FRAME_MS = 20
FRAME_NS = FRAME_MS * NS_PER_MS
FRAME_SAMPLES = 160
HEADER_OCTETS = 12
SEQUENCE_TIMESTAMP = Struct("!HI")
LINE_FRAMES = 50
REPORT_EVERY = 50
"""Packets between two looks at whether an RTCP report is due: one second."""


@dataclass(frozen=True, slots=True)
class CallerAudio:
    """What all callers send, made once."""

    audio_format: AudioFormat
    line: list[bytes]
    marker: bytes
    silence: bytes

    @classmethod
    def of(cls, audio_format: AudioFormat) -> "CallerAudio":
        """Make the audio of a law."""
        return cls(
            audio_format,
            line_frames(audio_format, FRAME_MS, LINE_FRAMES),
            marker_frame(audio_format, FRAME_MS),
            audio_format.silence(FRAME_SAMPLES),
        )


class Caller:
    """One caller.

    Args:
        number: Of the call, from 0.
        pair: The sockets.
        sender: The stream, with its random start.
        reporter: The stream's RTCP.
        audio: What to send.
        clock: The monotonic clock.
        wall_clock: Nanoseconds since 1970, for RTCP.

    Attributes:
        number: Of the call.
        pair: The sockets.
        is_measuring: Whether what arrives is noted.
        arrived: What arrived while measuring.
        voiced: Packets of it that hold anything but silence.
        markers: Sent so far, each with its echo.
    """

    def __init__(
        self,
        number: int,
        pair: RtpSocketPair,
        sender: RtpSender,
        reporter: RtcpReporter,
        audio: CallerAudio,
        clock: Callable[[], Nanoseconds],
        wall_clock: Callable[[], int],
    ) -> None:
        """Send nothing before `connect`."""
        self.number = number
        self.pair = pair
        self.is_measuring = False
        self.arrived = ArrivedStream()
        self.voiced = 0
        self.markers: list[Marker] = []
        self._sender = sender
        self._reporter = reporter
        self._audio = audio
        self._clock = clock
        self._wall_clock = wall_clock
        self._remote: Address | None = None
        self._remote_rtcp: Address | None = None
        self._frames = number
        self._marks_next = False
        self._waiting_ns: int | None = None

    def connect(self, remote: Address, remote_rtcp: Address | None) -> None:
        """Send there from now on."""
        self._remote = remote
        self._remote_rtcp = remote_rtcp

    def disconnect(self) -> None:
        """Send no more."""
        self._remote = None

    def mark(self) -> None:
        """Send a marker as the next packet; an earlier one that has no echo yet is given up."""
        self.settle_marker(None)
        self._marks_next = True

    def send(self) -> None:
        """Send the next packet, if the call is up."""
        if self._remote is None:
            return
        self._frames += 1
        if self._marks_next:
            self._marks_next = False
            self._waiting_ns = self._clock()
            payload = self._audio.marker
        else:
            payload = self._audio.line[self._frames % LINE_FRAMES]
        self.pair.send_rtp(self._sender.packet(payload, FRAME_SAMPLES), self._remote)
        if self._frames % REPORT_EVERY == 0:
            self._report()

    def _report(self) -> None:
        now_ns = self._clock()
        if self._remote_rtcp is not None and now_ns >= self._reporter.next_deadline():
            report = self._reporter.report(now_ns, self._wall_clock(), self._sender, None)
            self.pair.send_rtcp(report, self._remote_rtcp)

    def handle_rtp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Note one packet."""
        del source
        payload = data[HEADER_OCTETS:]
        if self.is_measuring:
            sequence, timestamp = SEQUENCE_TIMESTAMP.unpack_from(data, 2)
            self.arrived.add(arrival_ns, sequence, timestamp)
            self.voiced += payload != self._audio.silence
        if self._waiting_ns is not None and is_marker(payload, self._audio.audio_format):
            self.settle_marker(arrival_ns)

    def settle_marker(self, heard_ns: int | None) -> None:
        """Close the marker under way, heard or not."""
        if self._waiting_ns is not None:
            marker = Marker(call=self.number, sent_ns=self._waiting_ns, heard_ns=heard_ns)
            self.markers.append(marker)
            self._waiting_ns = None

    def handle_rtcp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take a report of the far end; a malformed one is the far end's fault and no use."""
        del source
        try:
            packets = parse_rtcp(data)
        except RemoteError:
            return
        self._reporter.handle_rtcp(packets, arrival_ns, local_ssrc=self._sender.ssrc)
