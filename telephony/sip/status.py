"""Status lines: codes, the phrases that go with them, and fragments that report one."""

import re
from typing import NamedTuple

from telephony.sip.errors import SipSyntaxError, clip

__all__ = [
    "MAX_STATUS",
    "MIN_STATUS",
    "REASON_PHRASES",
    "TRYING",
    "StatusLine",
    "parse_sipfrag",
    "parse_status_line",
    "reason_phrase",
]

TRYING = 100
MIN_STATUS = 100
MAX_STATUS = 699

REASON_PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    424: "Bad Location Information",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support",
    440: "Max-Breadth Exceeded",
    469: "Bad Info Package",
    470: "Consent Needed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
"""Status -> the phrase of its RFC (RFC 3261 section 21 and the IANA registry)."""

_CLASSES = {
    1: "Progress",
    2: "OK",
    3: "Redirection",
    4: "Request Failure",
    5: "Server Failure",
    6: "Global Failure",
}


def reason_phrase(status: int) -> str:
    """Give the phrase for a status, of its class where the status itself has none."""
    return REASON_PHRASES.get(status) or _CLASSES.get(status // 100, "Unknown")


# Status-Line = SIP-Version SP Status-Code SP Reason-Phrase CRLF; the phrase may be empty.
_STATUS_LINE = re.compile(r"([Ss][Ii][Pp]/[0-9]++\.[0-9]++) ([1-6][0-9]{2}) ([^\r\n]*+)")


class StatusLine(NamedTuple):
    """How a request went.

    Attributes:
        version: "SIP/2.0" in all that is sent today.
        status: 100 to 699.
        reason: For people; may be empty.
    """

    version: str
    status: int
    reason: str


def parse_status_line(text: str) -> StatusLine:
    """Read a Status-Line without its end (RFC 3261 section 7.2).

    Raises:
        SipSyntaxError: It is none.
    """
    match = _STATUS_LINE.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is no Status-Line")
    return StatusLine(match[1], int(match[2]), match[3])


def parse_sipfrag(body: bytes) -> StatusLine:
    """Read how a referred request goes, from the body of a NOTIFY (RFC 3515 section 2.4.5).

    Args:
        body: A message/sipfrag (RFC 3420) that begins with a Status-Line; what follows it, and
            whether its line is ended, does not matter.

    Raises:
        SipSyntaxError: It begins with something else.
    """
    first = re.split(rb"[\r\n]", body.lstrip(b"\r\n"), maxsplit=1)[0]
    return parse_status_line(first.decode("utf-8", "surrogateescape"))
