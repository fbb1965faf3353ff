"""A session description as its lines, with what the lines mean derived once.

The lines are the only truth: an unchanged description writes back the very bytes it was read from,
lines nobody here knows included. Whatever else an object offers is derived from its lines when it
is made, so a description that exists is a valid one.

Source: RFC 8866 section 5.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from telephony.sdp.values import (
    MAX_PAYLOAD_TYPE,
    MAX_PORT,
    STATIC_CODECS,
    Codec,
    Connection,
    Direction,
    Origin,
    RtcpAddress,
    SdpSyntaxError,
    parse_number,
    seen,
)

__all__ = ["Line", "MediaDescription", "SessionDescription"]

MAX_FORMATS: Final = MAX_PAYLOAD_TYPE + 1
"""Formats of one m-line: as many as RTP has payload types; other protocols name few."""
MAX_BANDWIDTH: Final = 2**53
MEDIA_FIELDS: Final = 3
DIRECTIONS: Final = {direction.value: direction for direction in Direction}


@dataclass(frozen=True, slots=True)
class Line:
    r"""One line, `<type>=<value>`, with the line ending it came with.

    Attributes:
        type: One character.
        value: The text after "=". Octets that are not UTF-8 stand in it as lone surrogates.
        ending: "\r\n", "\n", or what a lax sender put; "" where the text just stops.
    """

    type: str
    value: str
    ending: str = "\r\n"

    @classmethod
    def attribute(cls, name: str, value: str | None = None) -> Self:
        """Make an `a=name` or `a=name:value` line."""
        return cls("a", name if value is None else f"{name}:{value}")

    def __str__(self) -> str:
        """Write the line with its ending."""
        return f"{self.type}={self.value}{self.ending}"


@dataclass(frozen=True, slots=True)
class _Section:
    """A run of lines with the questions that a session and a media section both answer."""

    lines: tuple[Line, ...]

    def first(self, line_type: str) -> str | None:
        """Give the value of the first line of a type, or None."""
        return next((line.value for line in self.lines if line.type == line_type), None)

    def attributes(self, name: str) -> tuple[str, ...]:
        """Give the values of every `a=name` line in order; "" for one without a value."""
        found: list[str] = []
        for line in self.lines:
            if line.type == "a":
                key, _, value = line.value.partition(":")
                if key.strip().lower() == name:
                    found.append(value.strip())
        return tuple(found)

    def attribute(self, name: str) -> str | None:
        """Give the value of the first `a=name` line, or None."""
        return next(iter(self.attributes(name)), None)

    def bandwidth(self, modifier: str) -> int | None:
        """Give a `b=<modifier>:<value>` line's value, or None.

        Args:
            modifier: "AS" or "CT" in kilobits per second, "TIAS", "RS" or "RR" in bits per second
                (RFC 8866 section 5.8, RFC 3556).
        """
        for line in self.lines:
            if line.type == "b":
                name, _, value = line.value.partition(":")
                if name.strip() == modifier:
                    try:
                        return parse_number(value.strip(), MAX_BANDWIDTH, "bandwidth")
                    except SdpSyntaxError:
                        return None
        return None

    @property
    def stated_direction(self) -> Direction | None:
        """The direction that this section states itself, or None."""
        for line in self.lines:
            if line.type == "a":
                direction = DIRECTIONS.get(line.value.strip().lower())
                if direction is not None:
                    return direction
        return None

    def stated_ms(self, name: str) -> int | None:
        """Give `a=ptime` or `a=maxptime` in whole milliseconds; None where absent or senseless."""
        text = (self.attribute(name) or "").partition(".")[0]
        try:
            return parse_number(text, MAX_PORT, name) or None
        except SdpSyntaxError:
            return None

    def __str__(self) -> str:
        """Write the lines as they stand."""
        return "".join(map(str, self.lines))


@dataclass(frozen=True, slots=True)
class MediaDescription(_Section):
    """One `m=` line and the lines below it (RFC 8866 section 5.14).

    Attributes:
        kind: "audio", "video", "image"...
        port: 0 means refused, or switched off (RFC 3264 sections 6 and 8.2).
        port_count: Number of RTP sessions on consecutive even ports, mostly 1.
        protocol: "RTP/AVP", "udptl"...
        formats: RTP payload types or the protocol's own names, in order of preference.
        connection: This section's own `c=` line, or None.
        codecs: The formats that are RTP payload types with a known meaning, in order.
        rtcp: Its `a=rtcp` line, or None.

    Raises:
        SdpSyntaxError: The `m=` or `c=` line is malformed.
    """

    kind: str = field(init=False, compare=False)
    port: int = field(init=False, compare=False)
    port_count: int = field(init=False, compare=False)
    protocol: str = field(init=False, compare=False)
    formats: tuple[str, ...] = field(init=False, compare=False)
    connection: Connection | None = field(init=False, compare=False)
    codecs: tuple[Codec, ...] = field(init=False, compare=False)
    rtcp: RtcpAddress | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the fields from the lines."""
        value = self.first("m") or ""
        fields = value.split()
        if len(fields) < MEDIA_FIELDS:
            raise SdpSyntaxError(f"m={seen(value)}, wanted four fields (RFC 8866 section 5.14)")
        kind, ports, protocol, *formats = fields
        port_text, slash, count = ports.partition("/")
        port = parse_number(port_text, MAX_PORT, "port of m=")
        if len(formats) > MAX_FORMATS or (port and not formats):
            raise SdpSyntaxError(f"m={kind} has {len(formats)} formats, wanted 1 to {MAX_FORMATS}")
        connection = self.first("c")
        rtcp = self.attribute("rtcp")
        put = object.__setattr__
        put(self, "kind", kind.lower())
        put(self, "port", port)
        put(self, "port_count", parse_number(count if slash else "1", MAX_PORT, "ports of m="))
        put(self, "protocol", protocol)
        put(self, "formats", tuple(formats))
        put(self, "connection", None if connection is None else Connection.parse(connection))
        put(self, "codecs", self._read_codecs() if "RTP/" in protocol.upper() else ())
        put(self, "rtcp", None if rtcp is None else RtcpAddress.parse(rtcp))

    def _read_codecs(self) -> tuple[Codec, ...]:
        """Join payload types with their `a=rtpmap` and `a=fmtp`, or their static meaning."""
        known = dict(STATIC_CODECS) if self.kind == "audio" else {}
        for text in self.attributes("rtpmap"):
            codec = Codec.parse(text)
            if codec is not None:
                known[codec.payload_type] = codec
        parameters: dict[str, str] = {}
        for text in self.attributes("fmtp"):
            payload_type, _, value = text.partition(" ")
            parameters.setdefault(payload_type, value.strip())
        found: dict[int, Codec] = {}
        for text in self.formats:
            try:
                number = parse_number(text, MAX_PAYLOAD_TYPE, "payload type")
            except SdpSyntaxError:
                continue
            if number in known and number not in found:
                found[number] = replace(known[number], fmtp=parameters.get(text))
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class SessionDescription(_Section):
    """A whole description: the session's lines, then its media sections in order.

    Attributes:
        lines: Everything before the first `m=`.
        media: One per `m=` line; their order and number bind an answer (RFC 3264 section 6).
        origin: The `o=` line.
        connection: The session's own `c=` line, or None.

    Raises:
        SdpSyntaxError: `v=` does not open it, `o=` is missing or malformed, or a media section in
            use has no address.
    """

    media: tuple[MediaDescription, ...] = ()
    origin: Origin = field(init=False, compare=False)
    connection: Connection | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the fields from the lines."""
        if not self.lines or self.lines[0].type != "v" or self.lines[0].value.strip() != "0":
            raise SdpSyntaxError("a description opens with v=0 (RFC 8866 section 5.1)")
        origin = self.first("o")
        if origin is None:
            raise SdpSyntaxError("the description has no o= line (RFC 8866 section 5.2)")
        connection = self.first("c")
        object.__setattr__(self, "origin", Origin.parse(origin))
        object.__setattr__(
            self, "connection", None if connection is None else Connection.parse(connection)
        )
        for media in self.media:
            if media.port:
                self.connection_for(media)

    def connection_for(self, media: MediaDescription) -> Connection:
        """Give where `media` is to be sent: its own `c=`, else the session's.

        Raises:
            SdpSyntaxError: There is neither, which only a stream with port 0 may have.
        """
        connection = media.connection or self.connection
        if connection is None:
            raise SdpSyntaxError(f"m={media.kind} has no c= line (RFC 8866 section 5.7)")
        return connection

    def direction_for(self, media: MediaDescription) -> Direction:
        """Give the direction of `media`: its own, the session's, or both ways."""
        return media.stated_direction or self.stated_direction or Direction.SENDRECV

    def ptime_ms_for(self, media: MediaDescription) -> int | None:
        """Give the packet length that the writer wants to receive, in ms, or None."""
        return media.stated_ms("ptime") or self.stated_ms("ptime")

    def maxptime_ms_for(self, media: MediaDescription) -> int | None:
        """Give the longest packet that the writer takes, in ms, or None."""
        return media.stated_ms("maxptime") or self.stated_ms("maxptime")

    def bandwidth_for(self, media: MediaDescription, modifier: str) -> int | None:
        """Give a `b=` value of `media`, else the session's, else None."""
        own = media.bandwidth(modifier)
        return self.bandwidth(modifier) if own is None else own

    def __str__(self) -> str:
        """Write the whole description as it stands."""
        return "".join(map(str, (*self.lines, *self.media)))

    def to_bytes(self) -> bytes:
        """Write the body of a message of type `application/sdp`."""
        return str(self).encode("utf-8", "surrogateescape")
