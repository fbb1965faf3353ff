"""Small header values of RFC 3261: CSeq, Call-ID, counts, media types, waits, warnings."""

import re
from dataclasses import dataclass

from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import (
    LWS,
    PARAMETERS,
    SWS,
    TOKEN,
    Parameterized,
    Parameters,
    format_parameters,
    parse_number,
    parse_parameters,
)

__all__ = [
    "CSeq",
    "MediaType",
    "RetryAfter",
    "parse_call_id",
    "parse_content_length",
    "parse_cseq",
    "parse_delta_seconds",
    "parse_max_forwards",
    "parse_media_type",
    "parse_retry_after",
]

MAX_CSEQ = 2**31 - 1
MAX_DELTA_SECONDS = 2**32 - 1
MAX_MAX_FORWARDS = 255
MAX_CONTENT_LENGTH = 2**32 - 1
"""A number that fits; what is too much to take is the reader's limit, not the grammar's."""

_WORD = r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]++"
_CSEQ = re.compile(rf"([0-9]++){LWS}({TOKEN})")
_CALL_ID = re.compile(rf"{_WORD}(?:@{_WORD})?+")
_MEDIA_TYPE = re.compile(rf"({TOKEN}){SWS}/{SWS}({TOKEN})({PARAMETERS})")
_CTEXT = r"[^()\\]++|\\."
_COMMENT = rf"\((?:{_CTEXT}|\((?:{_CTEXT})*+\))*+\)"
_RETRY_AFTER = re.compile(rf"([0-9]++){SWS}({_COMMENT})?+({PARAMETERS})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CSeq:
    """A request's place in its sequence.

    Source: RFC 3261 section 20.16.

    Attributes:
        number: 0 to 2**31 - 1.
        method: Case counts.
    """

    number: int
    method: str

    def __str__(self) -> str:
        """Write the header field's value."""
        return f"{self.number} {self.method}"


@dataclass(frozen=True, slots=True)
class MediaType(Parameterized):
    """What a body is.

    Source: RFC 3261 section 20.15.

    Attributes:
        type: Lower case, "application" for one.
        subtype: Lower case, "sdp" for one.
        parameters: As on the wire, in order.
    """

    type: str
    subtype: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the header field's value."""
        return f"{self.essence}{format_parameters(self.parameters)}"

    @property
    def essence(self) -> str:
        """Type and subtype without parameters, "application/sdp" for one."""
        return f"{self.type}/{self.subtype}"


@dataclass(frozen=True, slots=True)
class RetryAfter(Parameterized):
    """How long to leave a peer alone.

    Source: RFC 3261 section 20.33.

    Attributes:
        seconds: 0 to 2**32 - 1.
        comment: With its parentheses, as on the wire; None where there is none.
        parameters: As on the wire; `duration` for one.
    """

    seconds: int
    comment: str | None = None
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the header field's value."""
        comment = "" if self.comment is None else f" {self.comment}"
        return f"{self.seconds}{comment}{format_parameters(self.parameters)}"


def parse_cseq(text: str) -> CSeq:
    """Read a CSeq.

    Raises:
        SipSyntaxError: It is none, or its number is 2**31 or more (section 8.1.1.5).
    """
    match = _CSEQ.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not a CSeq")
    return CSeq(parse_number(match[1], MAX_CSEQ), match[2])


def parse_call_id(text: str) -> str:
    """Check a Call-ID, which is compared octet by octet.

    Raises:
        SipSyntaxError: It is none.
    """
    if _CALL_ID.fullmatch(text) is None:
        raise SipSyntaxError(f"{clip(text)} is not a Call-ID")
    return text


def parse_media_type(text: str) -> MediaType:
    """Read a Content-Type.

    Raises:
        SipSyntaxError: It is none.
    """
    match = _MEDIA_TYPE.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not a media type")
    return MediaType(match[1].lower(), match[2].lower(), parse_parameters(match[3]))


def parse_max_forwards(text: str) -> int:
    """Read a Max-Forwards, 0 to 255.

    Raises:
        SipSyntaxError: It is none.
    """
    return parse_number(text, MAX_MAX_FORWARDS)


def parse_content_length(text: str) -> int:
    """Read a Content-Length, in octets.

    Raises:
        SipSyntaxError: It is none.
    """
    return parse_number(text, MAX_CONTENT_LENGTH)


def parse_delta_seconds(text: str) -> int:
    """Read Expires or Min-Expires: seconds, 0 to 2**32 - 1.

    Raises:
        SipSyntaxError: It is none.
    """
    return parse_number(text, MAX_DELTA_SECONDS)


def parse_retry_after(text: str) -> RetryAfter:
    """Read a Retry-After.

    Raises:
        SipSyntaxError: It is none, or its seconds are 2**32 or more.
    """
    match = _RETRY_AFTER.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not a Retry-After")
    seconds = parse_number(match[1], MAX_DELTA_SECONDS)
    return RetryAfter(seconds, match[2], parse_parameters(match[3]))
