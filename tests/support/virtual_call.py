"""Plays a recorded call on a clock that only moves when told: the whole product but its sockets.

What the caller sent, signalling and media, reaches the product's own SIP endpoint, leg, RTP port,
call, Realtime session and embedded server at the times of the capture. They are joined here as the
engine joins them, over links that take no time; nothing waits and nothing is random, so a capture
plays the same way each time.

Of the recorded agent only the dialog tag matters: the caller repeats it in each later request, and
it is replaced there by the tag of our own answer.
"""

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from telephony.call import (
    Call,
    CallCommandBody,
    CallEvent,
    CallIncoming,
    CallSettings,
    CallState,
    CloseVoice,
    EventLog,
    MediaPolicy,
    MediaReady,
    OpenVoice,
    Prompts,
    Released,
    SipLeg,
    TellVoice,
)
from telephony.local import LocalSession, Speaker
from telephony.local import Message as ServerMessage
from telephony.media import RtpPort, RtpPortSettings, UplinkRow
from telephony.realtime import RealtimeSession
from telephony.rtp import RtcpReporter, RtpSender
from telephony.sdp import LocalMedia
from telephony.sip import (
    CloseFlow,
    EndpointSettings,
    IncomingInvite,
    ListenAddress,
    Resolve,
    SipEndpoint,
    Transmit,
)
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp
from telephony.voice import Message
from tests.support.clock import Timed
from tests.support.pcap import Datagram
from tests.support.recordings import RecordedCall

__all__ = ["App", "PlayedCall", "play"]

App = Callable[[CallEvent], CallCommandBody | None]
"""Stands for the app: what it answers an event with, if anything."""

ENDING_NS = 100 * NS_PER_MS
"""Played on behind the last datagram."""
AUDIO_DELTA = "response.output_audio.delta"
TO_TAG = re.compile(rb"(?im)^(?:to|t)[ \t]*:[^\r\n]*;tag=([^;\s]+)")


@dataclass(slots=True)
class PlayedCall:
    """What came of a call; times are those of the capture.

    Attributes:
        rows: Its event log, and when each row was written.
        sent: The RTP packets that left, and when.
        items: The audio that the embedded server sent of each item, in the session's format.
        uplink: The caller's audio as it was appended, in the session's format.
        uplink_rows: Where on the caller's RTP timeline that audio lies.
    """

    rows: list[tuple[int, CallEvent]] = field(default_factory=list[tuple[int, CallEvent]])
    sent: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    items: dict[str, bytes] = field(default_factory=dict[str, bytes])
    uplink: bytearray = field(default_factory=bytearray)
    uplink_rows: list[UplinkRow] = field(default_factory=list[UplinkRow])

    @property
    def uplink_sha256(self) -> str:
        """Tell what was appended from anything else, to the bit."""
        return hashlib.sha256(self.uplink).hexdigest()


def play(recorded: RecordedCall, app: App, speaker: Speaker) -> PlayedCall:
    """Play a recorded call from its INVITE to its end.

    Args:
        recorded: The capture.
        app: Decides on the call, and answers its tools.
        speaker: The voice of the embedded server.
    """
    return _VirtualCall(recorded, app, speaker).run()


class _MediaClock:
    """The ticks of one leg: the first as soon as its media is there, then one each ptime."""

    def __init__(self, tick: Callable[[Nanoseconds], None]) -> None:
        self._tick = tick
        self._period_ns = 0
        self._due_ns: Nanoseconds | None = None

    def start(self, now_ns: Nanoseconds, ptime_ms: int) -> None:
        self._period_ns = ptime_ms * NS_PER_MS
        self._due_ns = now_ns

    def stop(self) -> None:
        self._due_ns = None

    def next_deadline(self) -> Nanoseconds | None:
        return self._due_ns

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        self._due_ns = Nanoseconds(now_ns + self._period_ns)
        self._tick(now_ns)


class _VirtualCall:
    """One call, and all that an engine, an app and a voice server are to it."""

    def __init__(self, recorded: RecordedCall, app: App, speaker: Speaker) -> None:
        self._recorded = recorded
        self._app = app
        self._speaker = speaker
        self._played = PlayedCall()
        self._now_ns = Nanoseconds(0)
        self._ids = (f"virtual{number}" for number in itertools.count())
        sip = recorded.agent_sip
        self._local = ListenAddress("UDP", sip[0], sip[1])
        self._endpoint = SipEndpoint(
            EndpointSettings(advertised={"UDP": sip}), self._token, lambda: 0.5
        )
        self._clock = _MediaClock(self._tick)
        self._session = RealtimeSession(self._token)
        self._server: LocalSession | None = None
        self._leg: SipLeg | None = None
        self._call: Call | None = None
        self._our_tag = b""

    def run(self) -> PlayedCall:
        """Bring each datagram of the caller at its time, and what is due between them."""
        for datagram, take in self._arrivals():
            self._pass_until(datagram.time_ns)
            take(datagram)
            self._drain()
        self._pass_until(self._now_ns + ENDING_NS)
        return self._played

    def _arrivals(self) -> Iterator[tuple[Datagram, Callable[[Datagram], None]]]:
        host, port = self._recorded.agent_media
        ways = {
            self._recorded.agent_sip: self._take_sip,
            (host, port): self._take_rtp,
            (host, port + 1): self._take_rtcp,
        }
        for datagram in self._recorded.datagrams:
            if (take := ways.get(datagram.destination)) is not None:
                yield datagram, take

    # ---- time ---------------------------------------------------------------------------------

    def _pass_until(self, end_ns: int) -> None:
        """Serve every deadline before `end_ns`: what arrives at an instant precedes its timers."""
        while (due := self._first_due()) is not None and due[0] < end_ns:
            self._now_ns = max(self._now_ns, due[0])
            due[1].handle_timer(self._now_ns)
            self._drain()
        self._now_ns = Nanoseconds(end_ns)

    def _first_due(self) -> tuple[Nanoseconds, Timed] | None:
        parts = (self._endpoint, self._call, self._session, self._server, self._clock)
        dues = ((part.next_deadline(), part) for part in parts if part is not None)
        armed = ((due_ns, part) for due_ns, part in dues if due_ns is not None)
        return min(armed, key=lambda due: due[0], default=None)

    def _token(self) -> str:
        return next(self._ids)

    # ---- what arrives -------------------------------------------------------------------------

    def _take_sip(self, datagram: Datagram) -> None:
        theirs = TO_TAG.search(datagram.payload)
        data = datagram.payload
        if theirs is not None:
            data = data[: theirs.start(1)] + self._our_tag + data[theirs.end(1) :]
        self._endpoint.handle_datagram(data, datagram.source, self._local, self._now_ns)

    def _take_rtp(self, datagram: Datagram) -> None:
        if self._leg is not None and self._leg.port is not None:
            self._leg.port.handle_rtp(datagram.payload, datagram.source, self._now_ns)

    def _take_rtcp(self, datagram: Datagram) -> None:
        if self._leg is not None and self._leg.port is not None:
            self._leg.port.handle_rtcp(datagram.payload, datagram.source, self._now_ns)

    def _tick(self, now_ns: Nanoseconds) -> None:
        assert self._leg is not None
        assert self._leg.port is not None
        packet = self._leg.port.tick(now_ns)
        if packet is not None:
            self._played.sent.append((now_ns, packet))

    # ---- what each part has to say ------------------------------------------------------------

    def _drain(self) -> None:
        """Carry what the parts say to one another until none has anything left to say."""
        while (
            self._drain_sip()
            or self._drain_media()
            or self._drain_call()
            or self._drain_session()
            or self._drain_server()
        ):
            pass

    def _drain_sip(self) -> bool:
        output = self._endpoint.poll_output()
        assert not isinstance(output, Resolve | CloseFlow), "a capture has numbers, and datagrams"
        match output:
            case Transmit(data=data):
                tag = TO_TAG.search(data)
                self._our_tag = tag[1] if tag is not None else self._our_tag
            case IncomingInvite():
                self._take_invite(output)
            case None:
                return False
            case _ if self._leg is not None and self._call is not None:
                events = self._leg.handle_sip_event(output, self._now_ns)
                self._call.handle_leg_events(events, self._now_ns)
            case _:
                pass
        return True

    def _take_invite(self, invite: IncomingInvite) -> None:
        assert self._call is None, "a capture holds one call"
        host, port = self._recorded.agent_media
        self._leg = SipLeg(
            invite.session, LocalMedia(host, port, 1), self._make_port, MediaPolicy(), None
        )
        self._leg.read_offer(invite)
        self._call = Call(
            EventLog(self._token(), self._now_ns, 0.0),
            self._leg,
            CallSettings(),
            Prompts(apology=b"", filler=b""),
            self._append,
            state=CallState.RECEIVED,
            now_ns=self._now_ns,
        )
        request = invite.request
        incoming = CallIncoming(
            number=str(request.uri),
            to=str(request.to.uri),
            caller=str(request.from_.uri),
            caller_name="",
            source="{}:{}".format(*self._recorded.datagrams[0].source),
            sip_call_id=request.call_id,
        )
        self._call.note(incoming, self._now_ns)

    def _make_port(self, settings: RtpPortSettings) -> RtpPort:
        sender = RtpSender(
            ssrc=1, payload_type=settings.payload_type, sequence=0, timestamp=RtpTimestamp(0)
        )
        reporter = RtcpReporter(cname="virtual", random=lambda: 0.5, now_ns=self._now_ns)
        return RtpPort(settings, sender, reporter)

    def _drain_media(self) -> bool:
        port = self._leg.port if self._leg is not None else None
        if port is None or self._call is None or not port.events:
            return False
        events, port.events = port.events, []
        self._call.handle_media_events(events, self._now_ns)
        return True

    def _drain_call(self) -> bool:
        output = self._call.poll_output() if self._call is not None else None
        match output:
            case CallEvent():
                self._tell_app(output)
            case TellVoice(command=command):
                self._session.handle_command(command, self._now_ns)
            case OpenVoice():
                self._server = LocalSession(self._token(), self._speaker)
            case MediaReady():
                assert self._leg is not None
                self._clock.start(self._now_ns, self._leg.media_description.ptime_ms)
            case CloseVoice():
                self._server = None
            case Released():
                self._release()
            case _:
                pass
        return output is not None

    def _tell_app(self, event: CallEvent) -> None:
        self._played.rows.append((self._now_ns, event))
        command = self._app(event)
        if command is not None and self._call is not None:
            self._call.handle_command(command, self._now_ns)

    def _release(self) -> None:
        assert self._leg is not None
        self._clock.stop()
        if self._leg.port is not None:
            self._played.uplink_rows = self._leg.port.uplink.log.rows()
        self._leg = self._call = None

    def _append(self, audio: bytes) -> None:
        self._played.uplink += audio
        if self._server is not None:
            self._server.handle_message(self._session.append_message(audio), self._now_ns)

    def _drain_session(self) -> bool:
        output = self._session.poll_output()
        if isinstance(output, Message):
            if self._server is not None:
                self._server.handle_message(output.text, self._now_ns)
        elif output is not None and self._call is not None:
            self._call.handle_voice_event(output, self._now_ns)
        return output is not None

    def _drain_server(self) -> bool:
        output = self._server.poll_output() if self._server is not None else None
        if isinstance(output, ServerMessage):
            self._keep_audio(output.text)
            self._session.handle_message(output.text, self._now_ns)
        return output is not None

    def _keep_audio(self, text: bytes) -> None:
        event = json.loads(text)
        if event["type"] == AUDIO_DELTA:
            audio = base64.b64decode(event["delta"])
            self._played.items[event["item_id"]] = (
                self._played.items.get(event["item_id"], b"") + audio
            )
