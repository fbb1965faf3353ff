"""Session descriptions: lossless parsing, writing and negotiation (RFC 8866, RFC 3264)."""

from telephony.sdp.agreement import (
    PCMA,
    PCMU,
    TELEPHONE_EVENT,
    AgreedAudio,
    LocalMedia,
    Negotiated,
    SdpNegotiationError,
    TransportAddress,
)
from telephony.sdp.description import Line, MediaDescription, SessionDescription
from telephony.sdp.negotiate import accept_answer, answer, offer
from telephony.sdp.parse import parse_description
from telephony.sdp.values import (
    Codec,
    Connection,
    Direction,
    Origin,
    RtcpAddress,
    SdpSyntaxError,
)

__all__ = [
    "PCMA",
    "PCMU",
    "TELEPHONE_EVENT",
    "AgreedAudio",
    "Codec",
    "Connection",
    "Direction",
    "Line",
    "LocalMedia",
    "MediaDescription",
    "Negotiated",
    "Origin",
    "RtcpAddress",
    "SdpNegotiationError",
    "SdpSyntaxError",
    "SessionDescription",
    "TransportAddress",
    "accept_answer",
    "answer",
    "offer",
    "parse_description",
]
