"""Requests and responses: bytes to message, message to bytes.

Parsing settles what framing and answering need: the start line, the header lines, the body. The
meaning of a header field is worked out when an accessor asks for it, once, and an accessor raises
`SipSyntaxError` where the peer wrote nonsense; `check_request` and `check_response` ask for all
that no transaction can do without.

Text is the octets decoded as UTF-8 with surrogate escapes, so each octet sequence survives.
"""

import re

from telephony.errors import LocalError
from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import TOKEN
from telephony.sip.headers import Headers
from telephony.sip.message_fields import Message
from telephony.sip.status import (
    MAX_STATUS,
    MIN_STATUS,
    TRYING,
    parse_status_line,
    reason_phrase,
)
from telephony.sip.uri import SipUri, Uri, parse_uri
from telephony.sip.values import parse_content_length
from telephony.sip.via import salvage_via

__all__ = [
    "MAX_BODY_OCTETS",
    "MAX_HEADER_OCTETS",
    "Request",
    "Response",
    "SipSyntaxError",
    "check_request",
    "check_response",
    "parse_body_length",
    "parse_message",
]

MAX_HEADER_OCTETS = 65_536
"""Start line and header fields together: what one datagram can hold."""

MAX_BODY_OCTETS = 262_144
"""A body on a stream: many times the largest SDP or identity document a call carries."""

SIP_VERSION = "SIP/2.0"

_REQUEST_LINE = re.compile(
    rf"({TOKEN}) ([^\x00-\x20\x7f-\U0010ffff]++) ([Ss][Ii][Pp]/[0-9]++\.[0-9]++)"
)
_BARE_NUL = re.compile(r"(?<!\\)\x00")
_BROKEN_REQUEST_LINE = re.compile(rf"({TOKEN})[ \t]++(.*+)", re.DOTALL)
_LINE_END = re.compile(r"\r\n(?![ \t])")
_UNWRITABLE_REASON = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


class Request(Message):
    """A request.

    Attributes:
        method: As on the wire; case counts.
        headers: May be changed; the typed accessors follow.
        version: "SIP/2.0" in all that is sent today.
    """

    __slots__ = ("_uri", "_uri_text", "method")
    method: str
    _uri: Uri | None
    _uri_text: str

    def __init__(
        self,
        method: str,
        uri: Uri,
        headers: Headers,
        body: bytes = b"",
        version: str = SIP_VERSION,
    ) -> None:
        """Build a request of our own; its Content-Length becomes that of `body`.

        Raises:
            LocalError: Method and URI do not make a Request-Line.
        """
        self._take(method, str(uri), version, headers, body)
        self._uri = uri
        if _REQUEST_LINE.fullmatch(self.start_line) is None:
            raise LocalError(f"{clip(self.start_line)} is no Request-Line")
        _state_length(headers, body)

    @classmethod
    def received(cls, start_line: str, headers: Headers, body: bytes) -> "Request":
        """Build a request from what a peer sent, adding nothing.

        Raises:
            SipSyntaxError: The line is no Request-Line.
        """
        match = _REQUEST_LINE.fullmatch(start_line)
        if match is None:
            raise SipSyntaxError(
                f"{clip(start_line)} is no Request-Line", reason="Bad Request-Line"
            )
        request = cls.__new__(cls)
        request._take(match[1], match[2], match[3], headers, body)  # noqa: SLF001 - of this class
        return request

    @classmethod
    def salvaged(cls, start_line: str, headers: Headers) -> "Request | None":
        """Save of a malformed request what an answer needs: a method and a top Via, else None.

        Args:
            start_line: Good or bad.
            headers: What could be read; not changed.
        """
        match = _REQUEST_LINE.fullmatch(start_line) or _BROKEN_REQUEST_LINE.match(start_line)
        via = salvage_via(headers.get("Via") or "")
        if match is None or via is None:
            return None
        request = cls.__new__(cls)
        request._take(match[1], match[2], SIP_VERSION, headers.copy(), b"")  # noqa: SLF001 - of this class
        try:
            request.via  # noqa: B018 - asked only whether it can be read
        except SipSyntaxError:
            request.headers.replace_first("Via", str(via))
        return request

    def _take(self, method: str, uri: str, version: str, headers: Headers, body: bytes) -> None:
        self.method = method
        self._uri_text = uri
        self._uri = None
        self.version = version
        self.headers = headers
        self._body = body

    @property
    def start_line(self) -> str:
        """The Request-Line, without its end."""
        return f"{self.method} {self._uri_text} {self.version}"

    @property
    def uri(self) -> Uri:
        """The Request-URI: where this request goes.

        Raises:
            SipSyntaxError: It is no URI, or one that carries headers (RFC 3261 section 19.1.1).
        """
        if self._uri is None:
            uri = parse_uri(self._uri_text)
            if isinstance(uri, SipUri) and uri.headers:
                raise SipSyntaxError("headers in the Request-URI", reason="Bad Request-URI")
            self._uri = uri
        return self._uri


class Response(Message):
    """A response.

    Attributes:
        status: 100 to 699.
        reason: For people; may be empty.
        headers: May be changed; the typed accessors follow.
        version: "SIP/2.0" in all that is sent today.
    """

    __slots__ = ("reason", "status")
    status: int
    reason: str

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        """Build a response of our own; its Content-Length becomes that of `body`.

        Raises:
            LocalError: Status and reason do not make a Status-Line.
        """
        self._take(status, reason, SIP_VERSION, headers, body)
        if not MIN_STATUS <= status <= MAX_STATUS or _UNWRITABLE_REASON.search(reason):
            raise LocalError(f"{status} {clip(reason)} makes no Status-Line")
        _state_length(headers, body)

    @classmethod
    def received(cls, start_line: str, headers: Headers, body: bytes) -> "Response":
        """Build a response from what a peer sent, adding nothing.

        Raises:
            SipSyntaxError: The line is no Status-Line.
        """
        line = parse_status_line(start_line)
        response = cls.__new__(cls)
        response._take(line.status, line.reason, line.version, headers, body)  # noqa: SLF001 - of this class
        return response

    @classmethod
    def for_request(
        cls,
        request: Request,
        status: int,
        reason: str | None = None,
        *,
        to_tag: str | None = None,
    ) -> "Response":
        """Build the response to a request, with the header fields every response repeats.

        Source: RFC 3261 section 8.2.6.

        Args:
            request: What is answered. It may lack header fields or hold broken ones: what is
                there is copied line by line.
            status: 100 to 699.
            reason: The phrase; the status's own where it is None.
            to_tag: Added to To where that has none; never to a 100.

        Raises:
            LocalError: Status, reason or tag cannot be written.
        """
        copied = (*_COPIED, "Timestamp") if status == TRYING else _COPIED
        headers = request.headers.select(copied)
        if to_tag is not None and status != TRYING:
            _add_to_tag(headers, to_tag, request)
        return cls(status, reason_phrase(status) if reason is None else reason, headers)

    def _take(self, status: int, reason: str, version: str, headers: Headers, body: bytes) -> None:
        self.status = status
        self.reason = reason
        self.version = version
        self.headers = headers
        self._body = body

    @property
    def start_line(self) -> str:
        """The Status-Line, without its end."""
        return f"{self.version} {self.status} {self.reason}"


def _state_length(headers: Headers, body: bytes) -> None:
    """Make Content-Length that of the body (RFC 3261 section 20.14)."""
    stated = str(len(body))
    if headers.get_all("Content-Length") != [stated]:
        headers.set("Content-Length", stated)


def _add_to_tag(headers: Headers, tag: str, request: Request) -> None:
    """Tag a To that can be read and has no tag; a broken one stays as it came."""
    try:
        to = request.to
    except SipSyntaxError:
        return
    if to.tag is None:
        headers.set("To", f"{headers.get('To')};tag={tag}")


def parse_message(data: bytes, *, stream: bool = False) -> Request | Response:
    """Read one message.

    Source: RFC 3261 sections 7 and 18.3.

    Args:
        data: A datagram, or what `StreamFramer` cut out of a stream. CRLFs before the start line
            are skipped; in a datagram octets behind the stated body are ignored.
        stream: The message came over a stream: Content-Length must be there and exact.

    Raises:
        SipSyntaxError: The peer's fault; `partial` says whether it can be answered.
    """
    start_line, lines, rest = _split(data)
    headers, fault = Headers.read(lines)
    try:
        if fault is not None:
            raise fault
        body = _body(headers, rest, stream=stream)
        if start_line[:4].upper() == "SIP/":
            return Response.received(start_line, headers, body)
        return Request.received(start_line, headers, body)
    except SipSyntaxError as error:
        error.partial = Request.salvaged(start_line, headers)
        raise


def parse_body_length(head: bytes) -> int:
    """Read from a header section on a stream how many octets of body follow it.

    Args:
        head: Start line and header fields, with the blank line that ends them.

    Raises:
        SipSyntaxError: It does not tell, or tells too many; where the next message begins is lost.
    """
    start_line, lines, _ = _split(head)
    headers, _ = Headers.read(lines)
    try:
        length = headers.one("Content-Length", parse_content_length)
        _refuse_over_limit(length)
        return length
    except SipSyntaxError as error:
        error.partial = Request.salvaged(start_line, headers)
        raise


def _split(data: bytes) -> tuple[str, list[str], bytes]:
    """Cut a message into its start line, its header lines with their folds, and the rest."""
    data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n", 0, MAX_HEADER_OCTETS + 4)
    if end < 0:
        raise SipSyntaxError("no blank line ends the header fields within 64 KiB")
    head = data[:end].decode("utf-8", "surrogateescape")
    is_folded = "\r\n " in head or "\r\n\t" in head
    lines = _LINE_END.split(head) if is_folded else head.split("\r\n")
    ends = head.count("\r\n")
    if head.count("\r") != ends or head.count("\n") != ends:
        raise SipSyntaxError("a CR or LF that ends no line (RFC 3261 section 7)")
    if "\x00" in head and _BARE_NUL.search(head):
        raise SipSyntaxError("a NUL outside a quoted-pair (RFC 3261 section 25.1)")
    return lines[0], lines[1:], data[end + 4 :]


def _body(headers: Headers, rest: bytes, *, stream: bool) -> bytes:
    """Take the body that Content-Length states out of what follows the header fields."""
    length = len(rest)
    if stream or "Content-Length" in headers:
        length = headers.one("Content-Length", parse_content_length)
    if length > len(rest) or (stream and length < len(rest)):
        raise SipSyntaxError(
            f"Content-Length {length}, body {len(rest)}", reason="Content-Length Mismatch"
        )
    _refuse_over_limit(length)
    return rest[:length]


def _refuse_over_limit(length: int) -> None:
    if length > MAX_BODY_OCTETS:
        raise SipSyntaxError(
            f"a body of {length} octets", sip_status=513, reason="Message Too Large"
        )


def check_request(request: Request) -> SipSyntaxError | None:
    """Read all that no request can be handled without, and hold it against itself.

    Source: RFC 3261 sections 8.1.1 and 8.2; a missing Max-Forwards or Contact is let pass, as
    RFC 2543 elements leave them out.

    Returns:
        What to answer, 400 or 505 with `reason` and `partial`; None where all is well.
    """
    try:
        if request.version.upper() != SIP_VERSION:
            raise SipSyntaxError(
                f"version {request.version}", sip_status=505, reason="Version Not Supported"
            )
        _read_common(request)
        if request.cseq.method != request.method:
            raise SipSyntaxError(
                f"CSeq of {clip(request.cseq.method)} in a request {clip(request.method)}",
                reason="CSeq Method Mismatch",
            )
        _ = request.uri, request.max_forwards
    except SipSyntaxError as error:
        error.partial = Request.salvaged(request.start_line, request.headers)
        return error
    return None


def check_response(response: Response) -> SipSyntaxError | None:
    """Read all that no response can be handled without.

    Returns:
        What is wrong, with nothing to answer it by: drop the response. None where all is well.
    """
    try:
        if response.version.upper() != SIP_VERSION:
            raise SipSyntaxError(f"version {response.version}", sip_status=505)
        _read_common(response)
    except SipSyntaxError as error:
        return error
    return None


def _read_common(message: Message) -> None:
    """Read the header fields that every message has (RFC 3261 section 8.1.1), and Contact."""
    _ = message.vias, message.via, message.from_, message.to
    _ = message.call_id, message.cseq, message.contacts, message.content_length
