"""A SIP user agent without sockets: messages, transactions, dialogs (RFC 3261, 6026)."""

from telephony.sip.errors import SipSyntaxError
from telephony.sip.framing import KeepAlive, StreamFramer, is_keep_alive
from telephony.sip.headers import Headers
from telephony.sip.message import Request, Response, check_request, check_response, parse_message
from telephony.sip.name_addr import NameAddr, parse_name_addr
from telephony.sip.uri import OtherUri, SipUri, TelUri, Uri, equivalent, parse_uri
from telephony.sip.values import CSeq, MediaType, parse_cseq
from telephony.sip.via import Via, parse_via

__all__ = [
    "CSeq",
    "Headers",
    "KeepAlive",
    "MediaType",
    "NameAddr",
    "OtherUri",
    "Request",
    "Response",
    "SipSyntaxError",
    "SipUri",
    "StreamFramer",
    "TelUri",
    "Uri",
    "Via",
    "check_request",
    "check_response",
    "equivalent",
    "is_keep_alive",
    "parse_cseq",
    "parse_message",
    "parse_name_addr",
    "parse_uri",
    "parse_via",
]
