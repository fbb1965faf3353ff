"""One call on a virtual clock: a real SIP endpoint, leg and RTP port; the peer, the model scripted.

It drives a call as the engine does and holds at every step what is true of any call: rows are
numbered without a gap, `call.ended` is the last of them, and the call is released once, at the end.
"""

from collections.abc import Callable

from telephony.call import (
    AnswerCall,
    Call,
    CallCommandBody,
    CallEvent,
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
    UseVoice,
    VoicePlan,
)
from telephony.media import RtpPort, RtpPortSettings
from telephony.rtp import RtcpReporter, RtpPacket, RtpSender, build_rtp, parse_rtp
from telephony.sdp import LocalMedia
from telephony.sip import IncomingInvite, MessageRejected, Request, SipOutput
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp
from telephony.voice import (
    AudioFinished,
    AudioReceived,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionClosed,
    SessionGranted,
    VoiceCommand,
    VoiceEvent,
    VoiceFormat,
)
from tests.support.sip_peer import Bench, Sent, request, tag_of

PLAN = VoicePlan(url="ws://model.test", agent="reception", greeting="Say hello")
PROMPTS = Prompts(apology=b"\x11" * 800, filler=b"\x22" * 480)
"""100 ms and 60 ms; neither octet is a packet's silence."""
GRANTED = SessionGranted(VoiceFormat.PCMU, VoiceFormat.PCMU)
PEER_RTP = ("192.0.2.9", 4000)
PACKET_SAMPLES = 160
WORD = b"\x33"
"""What the model says."""


def sdp(
    direction: str = "sendrecv",
    *,
    codecs: str = "0 101",
    address: str = "192.0.2.9",
    version: int = 1,
    ptime_ms: int = 20,
) -> bytes:
    """Write the peer's description."""
    return (
        f"v=0\r\no=peer 1 {version} IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio 4000 RTP/AVP {codecs}\r\na=rtpmap:101 telephone-event/8000\r\n"
        f"a=ptime:{ptime_ms}\r\na={direction}\r\n"
    ).encode()


class CallBench:
    """A call, its far end and its model.

    Attributes:
        rows: The event log so far.
        told: Commands to the voice session.
        used: The sessions that the caller's audio went to, one after the other.
        closed: The sessions that were closed.
        appended: The caller's audio that reached the session.
        packets: RTP that we sent.
        paces: The packet lengths, in ms, that the port was to tick at.
        speaks: Whether the peer sends a packet each 20 ms.
    """

    def __init__(self, settings: CallSettings | None = None, plan: VoicePlan = PLAN) -> None:
        self.sip = Bench()
        self.plan = plan
        self.rows: list[CallEvent] = []
        self.told: list[VoiceCommand] = []
        self.opened: list[OpenVoice] = []
        self.used: list[int] = []
        self.closed: list[int] = []
        self.is_released = False
        self.appended = bytearray()
        self.packets: list[RtpPacket] = []
        self.paces: list[int] = []
        self.speaks = False
        self._settings = settings or CallSettings()
        self._call: Call | None = None
        self._leg: SipLeg | None = None
        self._tick_ns: Nanoseconds | None = None
        self._sequence = 0
        self._cseq = 1
        self._dialog = {"to_tag": "", "from_tag": "peer-tag", "call_id": "call-1"}

    # ---- making calls -------------------------------------------------------------------------

    @property
    def call(self) -> Call:
        assert self._call is not None
        return self._call

    @property
    def leg(self) -> SipLeg:
        assert self._leg is not None
        return self._leg

    @property
    def port(self) -> RtpPort:
        assert self.leg.port is not None
        return self.leg.port

    @property
    def now(self) -> Nanoseconds:
        return self.sip.now

    def ring(self, body: bytes | None = None) -> None:
        """Have the peer call us; `b""` leaves the offer to us."""
        self.sip.receive(request("INVITE", body=sdp() if body is None else body))
        self.pump()

    def answer(self, body: bytes | None = None) -> None:
        """Have the peer call us, and the app answer; the session is opening."""
        self.ring(body)
        self.command(AnswerCall(plan=self.plan))

    def talk(self) -> None:
        """Bring a call up, greeted, with the caller's audio flowing."""
        self.answer()
        self.voice(GRANTED)
        self.acknowledge()
        self.speaks = True
        self.run(60)
        self.told.clear()
        self.sip.take()

    def place(self, target: str = "sip:callee@192.0.2.9", plan: VoicePlan | None = PLAN) -> None:
        """Call the peer."""
        self._join(SipLeg(None, self._local(), self._make_port, MediaPolicy(), None))
        self.leg.place(self.sip.endpoint, target, "sip:telephony@192.0.2.1", self.now)
        self._begin(CallState.DIALLING)
        self.pump()
        invite = self.sent_request("INVITE")
        self._dialog = {
            "to_tag": tag_of(invite.headers.get("From")),
            "from_tag": "callee",
            "call_id": invite.call_id,
        }
        if plan is not None:
            self.call.open_voice(plan, self.now)
        self.pump()

    def _join(self, leg: SipLeg) -> None:
        self._leg = leg

    def _begin(self, state: CallState) -> None:
        self._call = Call(
            EventLog("e1-call", self.now, 1000.0),
            self.leg,
            self._settings,
            PROMPTS,
            self.appended.extend,
            state=state,
            now_ns=self.now,
        )

    @staticmethod
    def _local() -> LocalMedia:
        return LocalMedia("192.0.2.1", 16_384, 1)

    def _make_port(self, settings: RtpPortSettings) -> RtpPort:
        sender = RtpSender(
            ssrc=7,
            payload_type=settings.payload_type,
            sequence=100,
            timestamp=RtpTimestamp(5_000),
        )
        reporter = RtcpReporter(cname="we", random=lambda: 0.5, now_ns=self.now)
        return RtpPort(settings, sender, reporter)

    # ---- what the peer does -------------------------------------------------------------------

    def acknowledge(self, body: bytes = b"") -> None:
        """Send the ACK of our 200."""
        ok = next(sent for sent in self.sip.sent if sent.status == 200 and sent.method == "INVITE")
        self._dialog["to_tag"] = tag_of(ok.message.headers.get("To"))
        self._acknowledge(body)

    def _acknowledge(self, body: bytes = b"") -> None:
        branch = f"z9hG4bK-a{self._cseq}"
        self.sip.receive(request("ACK", branch=branch, cseq=self._cseq, body=body, **self._dialog))
        self.pump()

    def cancel(self) -> None:
        """Give up before the answer."""
        self.sip.receive(request("CANCEL", contact=""))
        self.pump()

    def send(self, method: str, body: bytes = b"", **fields: str) -> None:
        """Send a request inside the dialog."""
        self._cseq += 1
        text = request(
            method,
            branch=f"z9hG4bK-{self._cseq}",
            cseq=self._cseq,
            body=body,
            **self._dialog,
            **fields,
        )
        self.sip.receive(text)
        self.pump()

    def reinvite(self, body: bytes, *, answer: bytes = b"") -> int:
        """Change the session, with `answer` in the ACK; give the status it was answered with."""
        self.sip.take()
        self.send("INVITE", body=body)
        status = self.sip.take()[-1].status
        assert status is not None
        self._acknowledge(answer)
        return status

    def notify(self, fragment: str, state: str = "active;expires=60") -> None:
        """Report on a transfer."""
        self.send(
            "NOTIFY",
            extra=f"Event: refer\nSubscription-State: {state}",
            body=f"{fragment}\r\n".encode(),
            content_type="message/sipfrag;version=2.0",
        )

    def respond(self, text: str) -> None:
        """Answer a request of ours, as text."""
        self.sip.receive(text)
        self.pump()

    def rtp(self, payload: bytes, payload_type: int = 0, *, timestamp: int | None = None) -> None:
        """Send one RTP packet."""
        at = self._sequence * PACKET_SAMPLES if timestamp is None else timestamp
        packet = RtpPacket(
            payload_type,
            marker=False,
            sequence=self._sequence,
            timestamp=RtpTimestamp(at),
            ssrc=99,
            payload=payload,
        )
        self._sequence += 1
        self.port.handle_rtp(build_rtp(packet), PEER_RTP, self.now)
        self._take_media_events()
        self.pump()

    def press(self, key: str) -> None:
        """Press a key by INFO."""
        body = f"Signal={key}\r\nDuration=160\r\n".encode()
        self.send("INFO", body=body, content_type="application/dtmf-relay")

    # ---- what the app and the model do --------------------------------------------------------

    def command(self, body: CallCommandBody) -> None:
        self.call.handle_command(body, self.now)
        self.pump()

    def voice(self, *events: VoiceEvent, epoch: int | None = None) -> None:
        """Have a session tell something; where none is named, the one that was opened last."""
        for event in events:
            of = self.opened[-1].epoch if epoch is None and self.opened else epoch
            self.call.handle_voice_event(event, self.now, of)
            self.pump()

    def lose_for_good(self) -> None:
        """Have the session end in mid-call, and the server refuse another."""
        self.voice(SessionClosed(is_clean=False, code=1006, reason="reset"))
        self.run(250)
        self.voice(SessionClosed(is_clean=False, code=404, reason="no such model"))

    def say(self, ms: int, item: str = "item", response: str = "resp") -> None:
        """Have the model send a whole answer at once."""
        self.voice(
            ResponseStarted(response),
            AudioReceived(response, item, 0, WORD * (ms * 8)),
            AudioFinished(response, item, 0),
            ResponseFinished(response, ResponseStatus.COMPLETED),
        )

    # ---- time ---------------------------------------------------------------------------------

    def run(self, ms: float) -> None:
        """Let time pass, serving each deadline at its time."""
        end_ns = self.now + round(ms * NS_PER_MS)
        self.pump()
        while (due_ns := self._next_due()) is not None and due_ns <= end_ns:
            self.sip.now = Nanoseconds(max(due_ns, self.now))
            self._serve_due()
            self.pump()
        self.sip.now = Nanoseconds(end_ns)

    def _next_due(self) -> int | None:
        deadlines = [self.sip.endpoint.next_deadline(), self._tick_ns]
        if self._call is not None:
            deadlines.append(self._call.next_deadline())
        return min((one for one in deadlines if one is not None), default=None)

    def _serve_due(self) -> None:
        now_ns = self.now
        if self._is_due(self.sip.endpoint.next_deadline):
            self.sip.endpoint.handle_timer(now_ns)
        if self._call is not None and self._is_due(self._call.next_deadline):
            self._call.handle_timer(now_ns)
        if self._tick_ns is not None and self._tick_ns <= now_ns:
            pace_ns = self.port.settings.ptime_ms * NS_PER_MS
            self._tick_ns = Nanoseconds(self._tick_ns + pace_ns)
            if self.speaks:
                self.rtp(b"\x44" * PACKET_SAMPLES)
            self._tick()

    def _is_due(self, deadline: Callable[[], Nanoseconds | None]) -> bool:
        due_ns = deadline()
        return due_ns is not None and due_ns <= self.now

    def _tick(self) -> None:
        if self.is_released:
            return
        packet = self.port.tick(self.now)
        if packet is not None:
            self.packets.append(parse_rtp(packet))
        self._take_media_events()

    def _take_media_events(self) -> None:
        if self.port.events:
            events, self.port.events = self.port.events, []
            self.call.handle_media_events(events, self.now)

    def pump(self) -> None:
        """Bring what each part has to say to the others, until all is said."""
        while True:
            self.sip.drain()
            events, self.sip.events = self.sip.events, []
            for event in events:
                self._take_sip(event)
            if not self._drain_call() and not events:
                return

    def _take_sip(self, event: SipOutput) -> None:
        match event:
            case IncomingInvite(session=session):
                self._join(
                    SipLeg(session, self._local(), self._make_port, MediaPolicy(), "192.0.2.9")
                )
                self.leg.read_offer(event)
                self._begin(CallState.RECEIVED)
            case MessageRejected():
                raise AssertionError(event)
            case _ if not self.is_released:
                events = self.leg.handle_sip_event(event, self.now)  # type: ignore[arg-type] # an event
                self.call.handle_leg_events(events, self.now)
            case _:
                pass

    def _drain_call(self) -> bool:
        if self._call is None:
            return False
        has_moved = False
        while (output := self._call.poll_output()) is not None:
            has_moved = True
            assert not self.is_released, f"{output} after Released"
            self._carry_out(output)
        return has_moved

    def _carry_out(self, output: object) -> None:
        match output:
            case CallEvent():
                assert "call.ended" not in self.types(), f"{output.type} after call.ended"
                assert output.seq == len(self.rows)
                self.rows.append(output)
            case TellVoice(command=command, epoch=epoch):
                assert epoch not in self.closed, f"{command} after CloseVoice"
                self.told.append(command)
            case OpenVoice():
                assert output.epoch == len(self.opened)
                self.opened.append(output)
            case UseVoice(epoch=epoch):
                assert epoch not in self.closed
                self.used.append(epoch)
            case CloseVoice(epoch=epoch):
                assert epoch not in self.closed
                self.closed.append(epoch)
            case MediaReady():
                self.paces.append(self.port.settings.ptime_ms)
                if self._tick_ns is None:
                    self._tick_ns = self.now
            case Released():
                assert self.types()[-1] == "call.ended"
                self.is_released = True
                self._tick_ns = None
            case _:
                raise AssertionError(output)

    # ---- what came of it ----------------------------------------------------------------------

    def types(self) -> list[str]:
        """Name the rows so far."""
        return [row.type for row in self.rows]

    def row(self, kind: str) -> dict[str, object]:
        """Give the one row of a type."""
        found = [row.payload.model_dump() for row in self.rows if row.type == kind]
        assert len(found) == 1, self.types()
        return found[0]

    def sent(self, method: str) -> list[Sent]:
        """Give what was sent of one method, requests and answers."""
        return [one for one in self.sip.sent if one.method == method]

    def sent_request(self, method: str) -> Request:
        """Give the one request of a method that we sent, however often it was repeated."""
        found = {
            one.message.cseq.number: one.message
            for one in self.sent(method)
            if isinstance(one.message, Request)
        }
        assert len(found) == 1, [one.message.start_line for one in self.sip.sent]
        return found.popitem()[1]

    def heard(self, octet: bytes) -> int:
        """Count the samples of one value that the caller was sent."""
        return sum(packet.payload.count(octet) for packet in self.packets)
