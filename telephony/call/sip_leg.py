"""A leg over SIP: one `InviteSession`, its descriptions, and its RTP port."""

from collections.abc import Callable
from typing import Literal

from telephony.call.leg import (
    Capability,
    FarEnded,
    LegConfirmed,
    LegEvent,
    LegHeld,
    LegKeyPressed,
    LegMediaAgreed,
    LegProgressed,
    LegPtimeChanged,
    LegResumed,
    LegTransferEnded,
    LegTransferProgressed,
    MediaDescribed,
)
from telephony.call.media_policy import MediaPolicy
from telephony.call.transfer_request import TransferRequest
from telephony.errors import LocalError, RemoteError
from telephony.media import (
    InfoDigitError,
    RtpPort,
    RtpPortSettings,
    leg_format,
    parse_info_digit,
    voice_format_of,
)
from telephony.sdp import (
    AgreedAudio,
    LocalMedia,
    Negotiated,
    SessionDescription,
    accept_answer,
    answer,
    offer,
    parse_description,
)
from telephony.sip import (
    AckReceived,
    EndCause,
    IncomingInvite,
    IncomingSession,
    InfoReceived,
    InviteAnswered,
    InviteFailed,
    InviteProgressed,
    ListenAddress,
    NameAddr,
    OfferReceived,
    OutgoingSession,
    ReferFinished,
    ReferProgressed,
    ReferReceived,
    SessionEnded,
    SipEndpoint,
    SipEvent,
    parse_uri,
)
from telephony.units import Nanoseconds
from telephony.voice import VoiceFormat

__all__ = ["SipLeg"]


class SipLeg:
    """One far end reached over SIP.

    Args:
        session: The SIP session; for a call that we place, `place` makes it.
        local: What we put forward for its audio.
        make_port: Makes the RTP port once both sides agree.
        media: Whose RTP is taken.
        source: Where the far end's signalling comes from.
        accepts_refer: Whether the far end may ask us to call someone else in its place.
    """

    capabilities = frozenset(Capability) - {Capability.HOLD}

    def __init__(
        self,
        session: IncomingSession | OutgoingSession | None,
        local: LocalMedia,
        make_port: Callable[[RtpPortSettings], RtpPort],
        media: MediaPolicy,
        source: str | None,
        *,
        accepts_refer: bool = False,
    ) -> None:
        """Join the parts; `read_offer` or an answer makes the port."""
        self._session = session
        self.port: RtpPort | None = None
        self.audio: AgreedAudio | None = None
        self._local = local
        self._make_port = make_port
        self._media = media
        self._source = source
        self._request = TransferRequest(is_welcome=accepts_refer)
        self._sent: SessionDescription | None = None
        self._negotiated: Negotiated | None = None
        self._is_ended = False
        self._awaits_answer = False
        self._fault: str | None = None

    @property
    def voice_format(self) -> VoiceFormat:
        """The session format that will follow this leg; the first that we offer, if unknown."""
        audio = self.audio or (self._negotiated.audio if self._negotiated else None)
        codec = audio.send_codec if audio else self._local.codecs[0]
        return voice_format_of(leg_format(codec.name))

    @property
    def media_description(self) -> MediaDescribed:
        """What was agreed on, for the log."""
        assert self.audio is not None
        remote = self.audio.remote
        return MediaDescribed(
            codec=self.audio.send_codec.name,
            ptime_ms=self.audio.ptime_ms,
            remote=f"{remote.host}:{remote.port}",
        )

    def read_offer(self, invite: IncomingInvite) -> None:
        """Read the offer of a call that came in; one without leaves the offer to us.

        Raises:
            RemoteError: The description is damaged (400), or there is nothing in common (488).
        """
        if invite.sdp is not None:
            self._negotiated = answer(parse_description(invite.sdp), self._local)

    @property
    def session(self) -> IncomingSession | OutgoingSession:
        """The SIP session.

        Raises:
            LocalError: The call was not placed yet.
        """
        if self._session is None:
            raise LocalError("the call was not placed yet")
        return self._session

    @property
    def _caller(self) -> IncomingSession:
        """The session of a call that came in.

        Raises:
            LocalError: We placed this call.
        """
        if not isinstance(self._session, IncomingSession):
            raise LocalError("a call that we placed is not ours to answer")
        return self._session

    def place(
        self,
        endpoint: SipEndpoint,
        target: str,
        caller: str,
        now_ns: Nanoseconds,
        *,
        local: ListenAddress | None = None,
    ) -> OutgoingSession:
        """Send the INVITE of a call that we place, by the address of a socket of ours.

        Raises:
            RemoteError: The target, or the caller, is no URI.
        """
        uri = parse_uri(target)
        self._session = endpoint.invite(
            uri,
            from_=NameAddr(None, parse_uri(caller)),
            to=NameAddr(None, uri),
            sdp=self._offer().to_bytes(),
            local=local,
            now_ns=now_ns,
        )
        return self._session

    def _offer(self) -> SessionDescription:
        """Make an offer; the far end owes an answer to it."""
        self._sent = offer(self._local, self._sent)
        self._awaits_answer = True
        return self._sent

    def ring(self, now_ns: Nanoseconds) -> None:
        """Send 180."""
        self._caller.ring(now_ns)

    def answer(self, now_ns: Nanoseconds) -> list[LegEvent]:
        """Send 200, with our answer, or our offer where the caller made none."""
        if self._negotiated is None:
            self._caller.answer(self._offer().to_bytes(), now_ns)
            return []
        self._sent = self._negotiated.answer
        self._caller.answer(self._sent.to_bytes(), now_ns)
        return self._agree(self._negotiated.audio, now_ns)

    def refuse(self, status: int, reason: str | None, now_ns: Nanoseconds) -> None:
        """Refuse the call."""
        if not self._is_ended:
            self._caller.reject(status, now_ns, reason=reason)

    def redirect(self, contact: str, now_ns: Nanoseconds) -> None:
        """Send 302."""
        self._caller.redirect([parse_uri(contact)], now_ns)

    def hang_up(self, now_ns: Nanoseconds) -> None:
        """Send BYE, CANCEL or a refusal, as the state wants it."""
        if not self._is_ended:
            self.session.bye(now_ns)

    def transfer(self, target: str, now_ns: Nanoseconds) -> None:
        """Send REFER (RFC 3515)."""
        self.session.refer(parse_uri(target), now_ns)

    def report_transfer(self, status: int, now_ns: Nanoseconds) -> None:
        """Answer the far end's REFER by the first report, and send NOTIFYs from then on.

        Raises:
            LocalError: The far end asked for no transfer.
        """
        self._request.report(status, now_ns)

    def handle_sip_event(self, event: SipEvent, now_ns: Nanoseconds) -> list[LegEvent]:
        """Turn what the SIP session tells into what a call needs to know."""
        match event:
            case InviteProgressed(status=status, reason=reason):
                return [LegProgressed(status, reason)]
            case InviteAnswered(sdp=sdp):
                return self._handle_answer(sdp, now_ns)
            case AckReceived(sdp=sdp):
                return self._handle_ack(sdp, now_ns)
            case OfferReceived(sdp=sdp):
                return self._handle_offer(sdp, now_ns)
            case InfoReceived(content_type=content_type, body=body):
                return _read_key(content_type, body)
            case ReferProgressed(status=status, reason=reason):
                return [LegTransferProgressed(status, reason)]
            case ReferFinished(outcome=outcome, status=status):
                return [LegTransferEnded(outcome.value, status)]
            case ReferReceived():
                return [*self._request.handle(event, now_ns)]
            case InviteFailed() | SessionEnded():
                return self._handle_ended(event)
            case _:
                return []

    def _handle_ended(self, event: InviteFailed | SessionEnded) -> list[LegEvent]:
        if isinstance(event, InviteFailed):
            return []  # SessionEnded follows, with the same status
        self._is_ended = True
        if self._fault is not None:
            return [FarEnded("failure", self._fault, event.status)]
        return [FarEnded(_whose(event), event.reason or event.cause.value, event.status)]

    def _handle_ack(self, sdp: bytes | None, now_ns: Nanoseconds) -> list[LegEvent]:
        """Take the ACK of a 200, which brings the answer where that made the offer."""
        return self._handle_answer(sdp, now_ns) if self._awaits_answer else [LegConfirmed()]

    def _handle_answer(self, sdp: bytes | None, now_ns: Nanoseconds) -> list[LegEvent]:
        """Read the far end's answer to our offer.

        One that cannot be used ends the session, unless there is an older agreement to go on with.
        """
        assert self._sent is not None
        self._awaits_answer = False
        try:
            audio = accept_answer(self._sent, parse_description(sdp or b""))
        except RemoteError as failed:
            if self.port is None:
                self._fault = f"the answer to our offer cannot be used: {failed}"
                self.session.bye(now_ns)
            return []
        return [*self._agree(audio, now_ns), LegConfirmed()]

    def _handle_offer(self, sdp: bytes | None, now_ns: Nanoseconds) -> list[LegEvent]:
        """Answer a re-INVITE: hold, resume, a new address; a bad one leaves all as it was."""
        if sdp is None:
            self.session.respond_to_offer(self._offer().to_bytes(), now_ns)
            return []
        self._awaits_answer = False
        try:
            negotiated = answer(parse_description(sdp), self._local, self._sent)
        except RemoteError:
            self.session.respond_to_offer(None, now_ns)
            return []
        self._sent = negotiated.answer
        self.session.respond_to_offer(self._sent.to_bytes(), now_ns)
        return self._agree(negotiated.audio, now_ns)

    def _agree(self, audio: AgreedAudio, now_ns: Nanoseconds) -> list[LegEvent]:
        """Put an agreement in force."""
        before, self.audio = self.audio, audio
        settings = self._media.port_settings(audio, self._source)
        events: list[LegEvent] = []
        if self.port is None:
            self.port = self._make_port(settings)
            events.append(LegMediaAgreed())
        else:
            self.port.renegotiate(settings, now_ns)
            if before is not None and before.ptime_ms != audio.ptime_ms:
                events.append(LegPtimeChanged())
        self.port.set_direction(sends=audio.sends)
        was_held = before is not None and before.on_hold
        if audio.on_hold != was_held:
            events.append(LegHeld() if audio.on_hold else LegResumed())
        return events


def _whose(event: SessionEnded) -> Literal["local", "remote", "failure"]:
    failures = {
        EndCause.UNREACHABLE,
        EndCause.NO_ACK,
        EndCause.DIALOG_LOST,
        EndCause.BAD_ANSWER,
        EndCause.NO_ANSWER,
    }
    return "failure" if event.cause in failures else event.by


def _read_key(content_type: str, body: bytes) -> list[LegEvent]:
    try:
        return [LegKeyPressed(parse_info_digit(content_type, body).digit)]
    except InfoDigitError:
        return []
