"""A SIP user agent without sockets: messages, transactions, dialogs (RFC 3261, 6026)."""

from telephony.sip.endpoint import SipEndpoint
from telephony.sip.errors import SipSyntaxError
from telephony.sip.events import (
    AckReceived,
    CloseFlow,
    EndCause,
    IncomingInvite,
    InfoAnswered,
    InfoReceived,
    InviteAnswered,
    InviteFailed,
    InviteProgressed,
    MessageRejected,
    OfferAnswered,
    OfferCancelled,
    OfferFailed,
    OfferReceived,
    OptionsAnswered,
    ReferAccepted,
    ReferFinished,
    ReferProgressed,
    ReferReceived,
    RequestForbidden,
    Resolve,
    SessionEnded,
    SipEvent,
    SipOutput,
    TransferOutcome,
)
from telephony.sip.framing import KeepAlive, StreamFramer
from telephony.sip.headers import Headers
from telephony.sip.invite import InviteSession
from telephony.sip.invite_incoming import IncomingSession
from telephony.sip.invite_outgoing import OutgoingSession
from telephony.sip.invite_state import SessionState
from telephony.sip.message import Request, Response, check_request, check_response, parse_message
from telephony.sip.name_addr import NameAddr, parse_name_addr
from telephony.sip.offer_answer import OfferState
from telephony.sip.refer_server import PeerReferState, PeerTransfer
from telephony.sip.settings import EndpointSettings, FlowLimits
from telephony.sip.transmit import FlowId, HostPort, ListenAddress, Transmit
from telephony.sip.uri import OtherUri, SipUri, TelUri, Uri, parse_uri
from telephony.sip.values import CSeq
from telephony.sip.via import Via, parse_via

__all__ = [
    "AckReceived",
    "CSeq",
    "CloseFlow",
    "EndCause",
    "EndpointSettings",
    "FlowId",
    "FlowLimits",
    "Headers",
    "HostPort",
    "IncomingInvite",
    "IncomingSession",
    "InfoAnswered",
    "InfoReceived",
    "InviteAnswered",
    "InviteFailed",
    "InviteProgressed",
    "InviteSession",
    "KeepAlive",
    "ListenAddress",
    "MessageRejected",
    "NameAddr",
    "OfferAnswered",
    "OfferCancelled",
    "OfferFailed",
    "OfferReceived",
    "OfferState",
    "OptionsAnswered",
    "OtherUri",
    "OutgoingSession",
    "PeerReferState",
    "PeerTransfer",
    "ReferAccepted",
    "ReferFinished",
    "ReferProgressed",
    "ReferReceived",
    "Request",
    "RequestForbidden",
    "Resolve",
    "Response",
    "SessionEnded",
    "SessionState",
    "SipEndpoint",
    "SipEvent",
    "SipOutput",
    "SipSyntaxError",
    "SipUri",
    "StreamFramer",
    "TelUri",
    "TransferOutcome",
    "Transmit",
    "Uri",
    "Via",
    "check_request",
    "check_response",
    "parse_message",
    "parse_name_addr",
    "parse_uri",
    "parse_via",
]
