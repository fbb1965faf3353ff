"""What requests and responses share: header fields with their typed forms, and a body."""

from abc import ABC, abstractmethod

from telephony.sip.errors import SipSyntaxError
from telephony.sip.headers import Headers
from telephony.sip.name_addr import NameAddr, parse_name_addr
from telephony.sip.values import (
    CSeq,
    MediaType,
    parse_call_id,
    parse_content_length,
    parse_cseq,
    parse_max_forwards,
    parse_media_type,
)
from telephony.sip.via import Via, parse_via

__all__ = ["Message"]


class Message(ABC):
    """What requests and responses share: header fields, their typed forms, a body.

    The typed accessors follow the header fields. Each raises `SipSyntaxError` where a header field
    is not what its name says, one that must be there is not, or there are several of one that may
    be there once: the peer's fault.

    Attributes:
        headers: May be changed.
        version: "SIP/2.0" in all that is sent today.
    """

    __slots__ = ("_body", "headers", "version")
    headers: Headers
    version: str
    _body: bytes

    @property
    @abstractmethod
    def start_line(self) -> str:
        """The first line, without its end."""

    @property
    def body(self) -> bytes:
        """The octets behind the header fields; setting them sets Content-Length."""
        return self._body

    @body.setter
    def body(self, body: bytes) -> None:
        self._body = body
        self.headers.set("Content-Length", str(len(body)))

    def to_bytes(self) -> bytes:
        """Write the message; a received one that nobody changed comes out as it came in."""
        head = "\r\n".join((self.start_line, *self.headers.lines, "", ""))
        return head.encode("utf-8", "surrogateescape") + self._body

    @property
    def via(self) -> Via:
        """The top Via: who sent this request, or where this response goes next."""
        via = self.headers.first("Via", parse_via)
        if via is None:
            raise SipSyntaxError("no Via", reason="Missing Via Header Field")
        return via

    @property
    def vias(self) -> list[Via]:
        """Every Via, topmost first."""
        return list(self.headers.every("Via", parse_via))

    @property
    def from_(self) -> NameAddr:
        """Who sent the request."""
        return self.headers.one("From", parse_name_addr)

    @property
    def to(self) -> NameAddr:
        """Whom the request was first meant for."""
        return self.headers.one("To", parse_name_addr)

    @property
    def call_id(self) -> str:
        """The call this belongs to, compared octet by octet."""
        return self.headers.one("Call-ID", parse_call_id)

    @property
    def cseq(self) -> CSeq:
        """The request's number and method, which its responses repeat."""
        return self.headers.one("CSeq", parse_cseq)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact; None where there is none."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact; none for the "*" of a REGISTER (RFC 3261 section 10.2.2)."""
        if self.headers.get("Contact") == "*":
            return []
        return list(self.headers.every("Contact", parse_name_addr))

    @property
    def record_routes(self) -> list[NameAddr]:
        """The proxies that stay in the path, the one nearest the callee first."""
        return list(self.headers.every("Record-Route", parse_name_addr))

    @property
    def max_forwards(self) -> int | None:
        """The hops left, 0 to 255; None from an RFC 2543 element."""
        return self.headers.optional("Max-Forwards", parse_max_forwards)

    @property
    def content_type(self) -> MediaType | None:
        """What the body is; None where it is not stated."""
        return self.headers.optional("Content-Type", parse_media_type)

    @property
    def content_length(self) -> int | None:
        """The stated Content-Length in octets; None where it is absent."""
        return self.headers.optional("Content-Length", parse_content_length)
