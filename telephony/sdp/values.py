"""The values inside an SDP line: origin, connection, codec, direction, addresses for RTCP.

Each parses itself from the text after `type=` and writes itself back. Numbers are bounded by the
grammar and by what a machine word holds, so no text can make them expensive.

Source: RFC 8866 sections 5.2, 5.7, 6.6, 6.7 and 6.15, RFC 3551 table 4, RFC 3605.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self

from telephony.errors import RemoteError

__all__ = [
    "STATIC_CODECS",
    "Codec",
    "Connection",
    "Direction",
    "Origin",
    "RtcpAddress",
    "SdpSyntaxError",
    "parse_number",
    "seen",
]

MAX_PORT: Final = 65_535
MAX_PAYLOAD_TYPE: Final = 127
MAX_CLOCK_RATE_HZ: Final = 2**31 - 1
MAX_CHANNELS: Final = 255
MAX_SESSION_NUMBER_DIGITS: Final = 30
"""RFC 3264 section 5 asks for 62 bits (19 digits); some peers write NTP fractions after it."""
SHOWN_CHARACTERS: Final = 60
ORIGIN_FIELDS: Final = 6
CONNECTION_FIELDS: Final = 3


class SdpSyntaxError(RemoteError):
    """A session description that does not follow RFC 8866: the peer's fault, answered 400."""

    def __init__(self, message: str) -> None:
        """Say what was seen, what was wanted and the section that wants it."""
        super().__init__(message, sip_status=400)


def seen(value: str) -> str:
    """Quote what the peer sent for a message: printable, and short."""
    if len(value) > SHOWN_CHARACTERS:
        return ascii(value[:SHOWN_CHARACTERS]) + "..."
    return ascii(value)


def parse_number(text: str, maximum: int, what: str) -> int:
    """Read a decimal number of the SDP grammar: ASCII digits only, 0 to `maximum`.

    Raises:
        SdpSyntaxError: It is not such a number.
    """
    if text.isascii() and text.isdigit() and len(text) <= MAX_SESSION_NUMBER_DIGITS:
        number = int(text)
        if number <= maximum:
            return number
    raise SdpSyntaxError(f"{what} is {seen(text)}, wanted a number from 0 to {maximum}")


class Direction(Enum):
    """Which way media flows, from the view of the side that wrote it (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> "Direction":
        """Name the direction of a side that sends and receives as told."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE

    @property
    def sends(self) -> bool:
        """Whether the side that wrote it sends media."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether the side that wrote it wants media."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)


@dataclass(frozen=True, slots=True)
class Origin:
    """The `o=` line: who made the session and which version of it this is.

    Attributes:
        session_id: Stays the same for the whole dialog.
        version: Grows by one with each changed description (RFC 3264 section 8).
    """

    username: str
    session_id: int
    version: int
    network_type: str
    address_type: str
    address: str

    @classmethod
    def parse(cls, value: str) -> Self:
        """Read `<username> <sess-id> <sess-version> <nettype> <addrtype> <address>`.

        A user name with blanks, which the grammar forbids and gateways send, is kept.

        Raises:
            SdpSyntaxError: A field is missing or a number is none.
        """
        fields = value.rsplit(maxsplit=ORIGIN_FIELDS - 1)
        if len(fields) != ORIGIN_FIELDS:
            raise SdpSyntaxError(f"o={seen(value)}, wanted six fields (RFC 8866 section 5.2)")
        username, session_id, version, network_type, address_type, address = fields
        largest = 10**MAX_SESSION_NUMBER_DIGITS
        return cls(
            username,
            parse_number(session_id, largest, "sess-id of o="),
            parse_number(version, largest, "sess-version of o="),
            network_type,
            address_type,
            address,
        )

    def __str__(self) -> str:
        """Write the text after `o=`."""
        return (
            f"{self.username} {self.session_id} {self.version}"
            f" {self.network_type} {self.address_type} {self.address}"
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """A `c=` line: where media is to be sent.

    Attributes:
        address_type: "IP4" or "IP6"; other types are kept, for a negotiation to refuse.
        address: An IP literal or a domain name, without the multicast suffix.
        multicast_suffix: What follows the first slash: TTL and count, or count; else empty.
    """

    network_type: str
    address_type: str
    address: str
    multicast_suffix: str = ""

    @classmethod
    def parse(cls, value: str) -> Self:
        """Read `<nettype> <addrtype> <address>[/<ttl>][/<count>]`.

        Raises:
            SdpSyntaxError: There are not three fields.
        """
        fields = value.split()
        if len(fields) != CONNECTION_FIELDS:
            raise SdpSyntaxError(f"c={seen(value)}, wanted three fields (RFC 8866 section 5.7)")
        address, _, suffix = fields[2].partition("/")
        return cls(fields[0], fields[1].upper(), address, suffix)

    @classmethod
    def to(cls, address: str) -> Self:
        """Make the connection of one of our own addresses, an IPv4 or IPv6 literal."""
        return cls("IN", f"IP{ip_address(address).version}", address)

    def __str__(self) -> str:
        """Write the text after `c=`."""
        suffix = f"/{self.multicast_suffix}" if self.multicast_suffix else ""
        return f"{self.network_type} {self.address_type} {self.address}{suffix}"

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The address as a number, or None: a domain name, or not of the type it claims."""
        try:
            found = ip_address(self.address)
        except ValueError:
            return None
        return found if self.address_type == f"IP{found.version}" else None


@dataclass(frozen=True, slots=True)
class RtcpAddress:
    """An `a=rtcp:` line: where RTCP goes when it is not the port above RTP's (RFC 3605)."""

    port: int
    address: str | None = None

    @classmethod
    def parse(cls, value: str) -> Self | None:
        """Read `<port> [<nettype> <addrtype> <address>]`; None where it says nothing usable."""
        port, _, rest = value.partition(" ")
        try:
            number = parse_number(port, MAX_PORT, "port of a=rtcp")
            connection = Connection.parse(rest) if rest else None
        except SdpSyntaxError:
            return None
        if not number or (connection is not None and connection.ip is None):
            return None
        return cls(number, None if connection is None else connection.address)


@dataclass(frozen=True, slots=True)
class Codec:
    """One RTP payload format and the payload type that stands for it in one description.

    Attributes:
        payload_type: 0 to 127.
        name: The encoding name as written; compared without regard to case.
        clock_rate: Of the RTP timestamps, in Hz (8000 for G.722, although it samples at 16000).
        channels: Audio channels.
        fmtp: The format's parameters as written by the side that receives them, or None.
    """

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    fmtp: str | None = None

    @classmethod
    def parse(cls, rtpmap: str) -> Self | None:
        """Read `<payload type> <name>/<clock rate>[/<channels>]`; None where it is malformed.

        A malformed map leaves its payload type without a codec, which is then never agreed on.
        """
        number, _, encoding = rtpmap.partition(" ")
        name, _, rest = encoding.strip().partition("/")
        rate, _, channels = rest.partition("/")
        try:
            codec = cls(
                parse_number(number, MAX_PAYLOAD_TYPE, "payload type of a=rtpmap"),
                name,
                parse_number(rate, MAX_CLOCK_RATE_HZ, "clock rate of a=rtpmap"),
                parse_number(channels or "1", MAX_CHANNELS, "channels of a=rtpmap"),
            )
        except SdpSyntaxError:
            return None
        return codec if codec.name and codec.clock_rate and codec.channels else None

    @property
    def rtpmap(self) -> str:
        """The value of its `a=rtpmap` line."""
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{channels}"

    @property
    def is_telephone_event(self) -> bool:
        """Whether it carries digits (RFC 4733)."""
        return self.name.lower() == "telephone-event"

    @property
    def is_comfort_noise(self) -> bool:
        """Whether it carries comfort noise (RFC 3389)."""
        return self.name.lower() == "cn"

    @property
    def is_speech(self) -> bool:
        """Whether a call can be held with it alone."""
        return not (self.is_telephone_event or self.is_comfort_noise)

    def is_same_format(self, other: "Codec") -> bool:
        """Whether both name one format, whatever its payload type (RFC 8866 section 6.6)."""
        return (
            self.name.lower() == other.name.lower()
            and self.clock_rate == other.clock_rate
            and self.channels == other.channels
        )


STATIC_CODECS: Final = {
    codec.payload_type: codec
    for codec in (
        Codec(0, "PCMU", 8000),
        Codec(3, "GSM", 8000),
        Codec(4, "G723", 8000),
        Codec(5, "DVI4", 8000),
        Codec(6, "DVI4", 16_000),
        Codec(7, "LPC", 8000),
        Codec(8, "PCMA", 8000),
        Codec(9, "G722", 8000),
        Codec(10, "L16", 44_100, 2),
        Codec(11, "L16", 44_100),
        Codec(12, "QCELP", 8000),
        Codec(13, "CN", 8000),
        Codec(14, "MPA", 90_000),
        Codec(15, "G728", 8000),
        Codec(16, "DVI4", 11_025),
        Codec(17, "DVI4", 22_050),
        Codec(18, "G729", 8000),
    )
}
"""What an audio payload type means where no `a=rtpmap` says so (RFC 3551 table 4)."""
