"""SIP, SIPS and tel URIs, and any other scheme as text.

The parts of a URI keep the form they have on the wire, %-escapes included, so that a remote
target goes back to its owner octet for octet; `grammar.unescape` gives the meaning of a part.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import (
    HOST,
    MAX_PARAMETERS,
    Parameterized,
    Parameters,
    format_parameters,
    parse_number,
    unescape,
)

__all__ = [
    "OtherUri",
    "SipUri",
    "TelUri",
    "Uri",
    "format_host",
    "parse_host",
    "parse_port",
    "parse_uri",
]

MAX_PORT = 65535
MAX_URI_HEADERS = 64
"""Headers of one URI: a Refer-To carries one to three."""

ESCAPED = "%[0-9A-Fa-f]{2}"
UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
USER = rf"(?:[{UNRESERVED}&=+$,;?/]++|{ESCAPED})++"
PASSWORD = rf"(?:[{UNRESERVED}&=+$,]++|{ESCAPED})*+"
PARAM_TEXT = rf"(?:[{UNRESERVED}\[\]/:&+$]++|{ESCAPED})++"
HEADER_TEXT = rf"(?:[{UNRESERVED}\[\]/?:+$]++|{ESCAPED})"

_SIP_URI = re.compile(
    rf"(?:({USER})(?::({PASSWORD}))?+@)?({HOST})(?::([0-9]{{1,5}}+))?+"
    rf"((?:;{PARAM_TEXT}(?:={PARAM_TEXT})?+)*+)"
    rf"(?:\?({HEADER_TEXT}++={HEADER_TEXT}*+(?:&{HEADER_TEXT}++={HEADER_TEXT}*+)*+))?+"
)
_TEL_URI = re.compile(
    rf"(\+?[0-9A-Fa-f*#\-.()]*[0-9A-Fa-f*#][\-.()]*)((?:;{PARAM_TEXT}(?:={PARAM_TEXT})?+)*+)"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*+")
_OTHER_TEXT = re.compile(r"[^\x00-\x20\x7f-\U0010ffff<>\"]++")


class _UriParameters(Parameterized):
    """Parameters whose names and values may be %-escaped (RFC 3261 section 19.1.4)."""

    __slots__ = ()

    def parameter(self, name: str) -> str | None:
        """Give a parameter's value, unescaped; "" for a flag, None where it is absent."""
        for known, value in self.parameters:
            if known == name or unescape(known).lower() == name:
                return "" if value is None else unescape(value)
        return None

    def has_parameter(self, name: str) -> bool:
        """Say whether a parameter is there, with a value or as a flag."""
        return self.parameter(name) is not None


@dataclass(frozen=True, slots=True)
class SipUri(_UriParameters):
    """A SIP or SIPS URI.

    Source: RFC 3261 section 19.1.

    Attributes:
        scheme: "sip" or "sips".
        user: As on the wire, %-escapes included; None where there is none.
        password: As on the wire; None where there is none.
        host: A name or an address; an IPv6 address without its brackets.
        port: 1 to 65535; None where it is not stated.
        parameters: As on the wire, in order; a flag such as `lr` has None.
        headers: What stands behind "?", as on the wire, in order.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None = None
    parameters: Parameters = ()
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Write the URI."""
        userinfo = ""
        if self.user is not None:
            userinfo = f"{self.user}@" if self.password is None else f"{self.user}:{self.password}@"
        port = "" if self.port is None else f":{self.port}"
        parameters = format_parameters(self.parameters)
        headers = "?" + "&".join([f"{n}={v}" for n, v in self.headers]) if self.headers else ""
        return f"{self.scheme}:{userinfo}{format_host(self.host)}{port}{parameters}{headers}"


@dataclass(frozen=True, slots=True)
class TelUri(_UriParameters):
    """A telephone number.

    Source: RFC 3966.

    Attributes:
        number: As on the wire, visual separators included; global ones begin with "+".
        parameters: As on the wire, in order.
    """

    number: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the URI."""
        return f"tel:{self.number}{format_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of any other scheme, kept as text.

    Attributes:
        scheme: As on the wire.
        text: All that stands behind the colon.
    """

    scheme: str
    text: str

    def __str__(self) -> str:
        """Write the URI."""
        return f"{self.scheme}:{self.text}"


Uri = SipUri | TelUri | OtherUri


def parse_uri(text: str) -> Uri:
    """Read a URI of any scheme.

    Raises:
        SipSyntaxError: The text is not a URI of its scheme.
    """
    scheme, colon, rest = text.partition(":")
    lowered = scheme.lower()
    if colon and lowered in ("sip", "sips"):
        return _parse_sip(lowered, rest)
    if colon and lowered == "tel":
        return _parse_tel(rest)
    if not colon or _SCHEME.fullmatch(scheme) is None or _OTHER_TEXT.fullmatch(rest) is None:
        raise SipSyntaxError(f"{clip(text)} is not a URI", reason="Bad URI")
    return OtherUri(scheme, rest)


def _parse_sip(scheme: str, rest: str) -> SipUri:
    match = _SIP_URI.fullmatch(rest)
    if match is None:
        raise SipSyntaxError(f"{clip(scheme + ':' + rest)} is not a SIP URI", reason="Bad URI")
    user, password, host, port, parameters, headers = match.groups()
    return SipUri(
        scheme,
        user,
        password,
        parse_host(host),
        None if port is None else parse_port(port),
        _parse_uri_parameters(parameters) if parameters else (),
        () if headers is None else _parse_uri_headers(headers),
    )


def _parse_tel(rest: str) -> TelUri:
    match = _TEL_URI.fullmatch(rest)
    if match is None:
        raise SipSyntaxError(f"{clip('tel:' + rest)} is not a tel URI", reason="Bad URI")
    return TelUri(match[1], _parse_uri_parameters(match[2]))


def parse_host(text: str) -> str:
    """Take the brackets off an IPv6reference; any other host is as it is.

    Raises:
        SipSyntaxError: What stands in brackets is not an IPv6 address.
    """
    if text[0] != "[":
        return text
    try:
        IPv6Address(text[1:-1])
    except AddressValueError as error:
        raise SipSyntaxError(f"{clip(text)} is not an IPv6 address", reason="Bad Host") from error
    return text[1:-1]


def format_host(host: str) -> str:
    """Put an IPv6 address in brackets; any other host is as it is."""
    return f"[{host}]" if ":" in host else host


def parse_port(text: str) -> int:
    """Read a port, 1 to 65535.

    Raises:
        SipSyntaxError: The text is none.
    """
    port = parse_number(text, MAX_PORT)
    if port == 0:
        raise SipSyntaxError("port 0", reason="Bad Port")
    return port


def _parse_uri_parameters(text: str) -> Parameters:
    pairs: list[tuple[str, str | None]] = []
    for part in text.split(";")[1:]:
        name, equals, value = part.partition("=")
        pairs.append((name, value if equals else None))
    if len(pairs) > 1:
        _refuse_repeats([name for name, _ in pairs], MAX_PARAMETERS)
    return tuple(pairs)


def _parse_uri_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Split `name=value&...`; a name may appear more than once (two Routes, say)."""
    if text.count("&") >= MAX_URI_HEADERS:
        raise SipSyntaxError(f"more than {MAX_URI_HEADERS} headers in a URI", reason="Bad URI")
    pairs = [part.partition("=") for part in text.split("&")]
    return tuple([(name, value) for name, _, value in pairs])


def _refuse_repeats(names: list[str], maximum: int) -> None:
    """Hold RFC 3261 section 19.1.1: "any given parameter-name MUST NOT appear more than once"."""
    if len(names) > maximum or len({unescape(name).lower() for name in names}) < len(names):
        raise SipSyntaxError("URI parameters repeated, or too many", reason="Bad URI")
