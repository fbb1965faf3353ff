"""What an endpoint tells its user. All are immutable; those of a call carry its session.

For each session, `SessionEnded` comes exactly once and last.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from telephony.sip.message import Request, Response
from telephony.sip.name_addr import NameAddr
from telephony.sip.transmit import FlowId, HostPort, Transmit
from telephony.sip.uri import Uri

if TYPE_CHECKING:
    from telephony.sip.invite import InviteSession
    from telephony.sip.invite_incoming import IncomingSession
    from telephony.sip.invite_outgoing import OutgoingSession
    from telephony.sip.refer_server import PeerTransfer

__all__ = [
    "AckReceived",
    "CloseFlow",
    "EndCause",
    "IncomingInvite",
    "InfoAnswered",
    "InfoReceived",
    "InviteAnswered",
    "InviteFailed",
    "InviteProgressed",
    "MessageRejected",
    "OfferAnswered",
    "OfferCancelled",
    "OfferFailed",
    "OfferReceived",
    "OptionsAnswered",
    "ReferAccepted",
    "ReferFinished",
    "ReferProgressed",
    "ReferReceived",
    "RequestForbidden",
    "Resolve",
    "SessionEnded",
    "SipEvent",
    "SipOutput",
    "TransferOutcome",
]


class EndCause(Enum):
    """Why a session is over."""

    BYE = "one side hung up"
    CANCELLED = "the caller gave up before the answer"
    REJECTED = "the INVITE was answered 3xx to 6xx"
    NO_ANSWER = "the INVITE stayed unanswered"
    UNREACHABLE = "the transport failed, or the address could not be found"
    NO_ACK = "our 2xx was never acknowledged"
    DIALOG_LOST = "the peer no longer knows the dialog, or is gone"
    BAD_ANSWER = "the peer accepted, but its message cannot make a session"


class TransferOutcome(Enum):
    """How a transfer that we asked for ended; the values stand in logs and go to the model."""

    CONNECTED = "connected"
    """The target answered the peer's call."""
    BUSY = "busy"
    """The target was busy (486, 600)."""
    NO_ANSWER = "no_answer"
    """The target did not answer (408, 480)."""
    DECLINED = "declined"
    """The target, or the peer that was asked, declined (603, 607, 608)."""
    FAILED = "failed"
    """The peer refused the REFER or left it unanswered, or its call failed in another way."""
    CANCELLED = "cancelled"
    """The peer's call was cancelled (487), or the session ended before the peer took it on."""
    HANDED_OFF = "handed_off"
    """The peer has the call and does not tell what becomes of it."""
    UNKNOWN = "unknown"
    """The peer took it on, but its reports stopped."""


@dataclass(frozen=True, slots=True)
class IncomingInvite:
    """A new call came in. The user answers with `session.ring`, `answer`, `reject` or `redirect`.

    Attributes:
        session: The new session.
        sdp: The peer's offer; None: it wants ours.
        request: The INVITE.
    """

    session: "IncomingSession"
    sdp: bytes | None
    request: Request


@dataclass(frozen=True, slots=True)
class InviteProgressed:
    """Our INVITE was answered 101 to 199.

    Attributes:
        session: The session of that INVITE.
        status: 101 to 199.
        reason: The peer's reason phrase.
        sdp: The description in it (early media), or None.
    """

    session: "OutgoingSession"
    status: int
    reason: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class InviteAnswered:
    """Our INVITE was answered 2xx.

    Attributes:
        session: The session, now up.
        sdp: The peer's answer; if our INVITE made no offer, the peer's offer, and then the user
            owes `session.respond_to_offer`, which sends the ACK.
        response: The 2xx.
    """

    session: "OutgoingSession"
    sdp: bytes | None
    response: Response


@dataclass(frozen=True, slots=True)
class InviteFailed:
    """Our INVITE was refused or not answered; `SessionEnded` follows.

    Attributes:
        session: The session that did not come about.
        status: 300 to 699; 408 stands for silence and 503 for a transport that failed.
        reason: The peer's reason phrase, or ours.
        contacts: For 3xx: URIs the peer names instead, most preferred first.
        response: The answer, or None where none came.
    """

    session: "OutgoingSession"
    status: int
    reason: str
    contacts: tuple[str, ...]
    response: Response | None


@dataclass(frozen=True, slots=True)
class AckReceived:
    """The peer acknowledged our 2xx: the session is up, or our answer to its offer has arrived.

    Attributes:
        session: The session.
        sdp: The peer's answer where our 2xx made the offer, else None.
    """

    session: "InviteSession"
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """The peer wants to change the session. The user owes `session.respond_to_offer`.

    Attributes:
        session: The session.
        sdp: The peer's offer; None: it wants ours.
        request: The re-INVITE or UPDATE; None: the offer came in the 2xx to our empty re-INVITE.
    """

    session: "InviteSession"
    sdp: bytes | None
    request: Request | None


@dataclass(frozen=True, slots=True)
class OfferCancelled:
    """The last `OfferReceived` is void: the peer withdrew it, or no answer was given in time."""

    session: "InviteSession"


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """Our re-INVITE was accepted.

    Attributes:
        session: The session.
        sdp: The peer's answer.
    """

    session: "InviteSession"
    sdp: bytes


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """Our re-INVITE was refused, for good; the session is as before.

    Attributes:
        session: The session.
        status: 300 to 699; 408 stands for silence, 503 for a transport that failed. 491: offers
            crossed, and the session has changed meanwhile, so that ours was not sent again.
    """

    session: "InviteSession"
    status: int


@dataclass(frozen=True, slots=True)
class ReferAccepted:
    """The peer took on the transfer (2xx to our REFER)."""

    session: "InviteSession"


@dataclass(frozen=True, slots=True)
class ReferProgressed:
    """The peer reported a 1xx of its call to the transfer target."""

    session: "InviteSession"
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReferFinished:
    """The transfer is decided, as far as we will ever know.

    Attributes:
        session: The session; still up unless `SessionEnded` follows. After `connected` and
            `handed_off` the user should hang up at once.
        outcome: What became of it.
        status: The status it follows from; None where there was none.
    """

    session: "InviteSession"
    outcome: TransferOutcome
    status: int | None


@dataclass(frozen=True, slots=True)
class ReferReceived:
    """The peer asks us to call someone else in its place; only where the settings let it.

    Attributes:
        session: The session that the peer wants out of.
        target: Whom to call; a URI with header fields is the peer's wish for our INVITE.
        referred_by: Who asks, by the peer's own word (RFC 3892); None where it does not say.
        transfer: The user owes `accept` or `refuse`, then `report` up to a final status; without a
            decision within the offer limit it is answered 603.
    """

    session: "InviteSession"
    target: Uri
    referred_by: NameAddr | None
    transfer: "PeerTransfer"


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """INFO came inside the session; it is answered already.

    Attributes:
        session: The session.
        content_type: Media type in lower case without parameters, "" where there is no body.
        body: The octets.
    """

    session: "InviteSession"
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class InfoAnswered:
    """Our INFO was answered, or not (408, 503)."""

    session: "InviteSession"
    status: int


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session is over and forgotten.

    Attributes:
        session: The session.
        cause: Why.
        status: The status or None.
        reason: The peer's words: its reason phrase, or the Reason header of its BYE or CANCEL.
        by: Whose act it was.
    """

    session: "InviteSession"
    cause: EndCause
    status: int | None
    reason: str
    by: Literal["local", "remote"]


@dataclass(frozen=True, slots=True)
class OptionsAnswered:
    """Our OPTIONS outside any dialog was answered.

    Attributes:
        call_id: What `endpoint.options` returned.
        status: 200 to 699; 408 stands for silence, 503 for a transport that failed.
    """

    call_id: str
    status: int


@dataclass(frozen=True, slots=True)
class MessageRejected:
    """Something came that is not as SIP wants it; for the log and the counters.

    Attributes:
        reason: What was wrong.
        source: Where it came from; None where that is not known.
    """

    reason: str
    source: HostPort | None


@dataclass(frozen=True, slots=True)
class RequestForbidden:
    """A request came from a source that is not allowed, and was answered 403.

    Attributes:
        method: What was asked for.
        source: Where it came from, if that is true.
    """

    method: str
    source: HostPort


@dataclass(frozen=True, slots=True)
class Resolve:
    """The driver must find an address for a name and call `endpoint.handle_resolved`, always.

    Attributes:
        host: The name.
        port: The port, as written or by default.
        transport: "UDP" or "TCP".
    """

    host: str
    port: int
    transport: str


@dataclass(frozen=True, slots=True)
class CloseFlow:
    """The driver must close a connection: its peer broke the framing, or left us waiting.

    `handle_flow_closed` follows.
    """

    flow: FlowId


SipEvent = (
    IncomingInvite
    | InviteProgressed
    | InviteAnswered
    | InviteFailed
    | AckReceived
    | OfferReceived
    | OfferCancelled
    | OfferAnswered
    | OfferFailed
    | ReferAccepted
    | ReferProgressed
    | ReferFinished
    | ReferReceived
    | InfoReceived
    | InfoAnswered
    | SessionEnded
    | OptionsAnswered
    | MessageRejected
    | RequestForbidden
)
"""What the user of an endpoint has to look at."""

SipOutput = Transmit | Resolve | CloseFlow | SipEvent
"""All that `poll_output` may give."""
