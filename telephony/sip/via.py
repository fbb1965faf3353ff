"""The Via header field: where a response goes."""

import re
from dataclasses import dataclass

from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import (
    HOST,
    LWS,
    PARAMETERS,
    SWS,
    TOKEN,
    Parameterized,
    Parameters,
    format_parameters,
    parse_parameters,
)
from telephony.sip.uri import format_host, parse_host, parse_port

__all__ = ["MAGIC_COOKIE", "Via", "parse_via", "salvage_via"]

MAGIC_COOKIE = "z9hG4bK"
"""What the branch of an RFC 3261 element begins with (section 8.1.1.7)."""

# via-parm = sent-protocol LWS sent-by *( SEMI via-params )
_VIA = re.compile(
    rf"({TOKEN}){SWS}/{SWS}({TOKEN}){SWS}/{SWS}({TOKEN}){LWS}({HOST})"
    rf"(?:{SWS}:{SWS}([0-9]{{1,5}}+))?+({PARAMETERS})"
)


@dataclass(frozen=True, slots=True)
class Via(Parameterized):
    """One hop of a request's path.

    Source: RFC 3261 section 20.42, RFC 3581.

    Attributes:
        transport: Upper case, "UDP" for one; any token is syntactically good.
        host: Of sent-by; an IPv6 address without its brackets.
        port: Of sent-by; None where it is not stated.
        parameters: As on the wire, in order.
        protocol: Name and version; "SIP/2.0" in all that is sent today.
    """

    transport: str
    host: str
    port: int | None = None
    parameters: Parameters = ()
    protocol: str = "SIP/2.0"

    def __str__(self) -> str:
        """Write the header field's value."""
        port = "" if self.port is None else f":{self.port}"
        parameters = format_parameters(self.parameters)
        return f"{self.protocol}/{self.transport} {format_host(self.host)}{port}{parameters}"

    @property
    def branch(self) -> str | None:
        """The transaction identifier; None from an RFC 2543 element."""
        return self.parameter("branch")


def parse_via(text: str) -> Via:
    """Read one value of a Via header field.

    Raises:
        SipSyntaxError: It is none.
    """
    match = _VIA.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not a Via")
    return _via(match)


def salvage_via(text: str) -> Via | None:
    """Read as much of a broken Via as says where an answer goes; None where nothing does."""
    match = _VIA.match(text)
    try:
        return _via(match) if match else None
    except SipSyntaxError:
        return None


def _via(match: re.Match[str]) -> Via:
    name, version, transport, host, port, parameters = match.groups()
    return Via(
        transport.upper(),
        parse_host(host),
        None if port is None else parse_port(port),
        parse_parameters(parameters),
        f"{name}/{version}",
    )
