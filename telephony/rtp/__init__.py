"""RTP and RTCP as data: packets, sequences, reordering, digits (RFC 3550, 3551, 4733)."""

from telephony.rtp.acceptance import Latch, LatchState, Source, SourcePolicy
from telephony.rtp.info_digit import InfoDigit, InfoDigitError, parse_info_digit
from telephony.rtp.packet import (
    HeaderExtension,
    RtpPacket,
    RtpSender,
    RtpSyntaxError,
    build_rtp,
    parse_rtp,
)
from telephony.rtp.reorder import LatePacket, LostSpan, Released, ReorderBuffer, Resync
from telephony.rtp.reporter import RtcpReporter
from telephony.rtp.rtcp import (
    ApplicationDefined,
    Goodbye,
    OtherRtcp,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    build_rtcp,
    ntp_timestamp,
    parse_rtcp,
)
from telephony.rtp.serial import (
    add_samples,
    sequence_distance,
    timestamp_distance,
)
from telephony.rtp.statistics import ReceiverStatistics
from telephony.rtp.telephone_event import (
    DIGITS,
    DigitEnded,
    DigitReceiver,
    DigitSender,
    DigitStarted,
    EventPacket,
    TelephoneEvent,
    build_telephone_event,
    parse_telephone_event,
)

__all__ = [
    "DIGITS",
    "ApplicationDefined",
    "DigitEnded",
    "DigitReceiver",
    "DigitSender",
    "DigitStarted",
    "EventPacket",
    "Goodbye",
    "HeaderExtension",
    "InfoDigit",
    "InfoDigitError",
    "Latch",
    "LatchState",
    "LatePacket",
    "LostSpan",
    "OtherRtcp",
    "ReceiverReport",
    "ReceiverStatistics",
    "Released",
    "ReorderBuffer",
    "ReportBlock",
    "Resync",
    "RtcpPacket",
    "RtcpReporter",
    "RtpPacket",
    "RtpSender",
    "RtpSyntaxError",
    "SenderReport",
    "Source",
    "SourceDescription",
    "SourcePolicy",
    "TelephoneEvent",
    "add_samples",
    "build_rtcp",
    "build_rtp",
    "build_telephone_event",
    "ntp_timestamp",
    "parse_info_digit",
    "parse_rtcp",
    "parse_rtp",
    "parse_telephone_event",
    "sequence_distance",
    "timestamp_distance",
]
