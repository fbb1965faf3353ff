"""What one side puts forward for an audio stream, and what both sides end up with.

Source: RFC 3264 sections 5 to 8, RFC 3261 section 20.43.
"""

from dataclasses import dataclass
from typing import Final

from telephony.errors import LocalError, RemoteError
from telephony.sdp.description import SessionDescription
from telephony.sdp.values import MAX_PORT, Codec, Connection, Direction

__all__ = [
    "PCMA",
    "PCMU",
    "PTIMES_MS",
    "TELEPHONE_EVENT",
    "AgreedAudio",
    "LocalMedia",
    "Negotiated",
    "SdpNegotiationError",
    "TransportAddress",
]

PCMU: Final = Codec(0, "PCMU", 8000)
PCMA: Final = Codec(8, "PCMA", 8000)
TELEPHONE_EVENT: Final = Codec(101, "telephone-event", 8000, fmtp="0-15")

PTIMES_MS: Final = (10, 20, 30, 40, 60)
"""Packet lengths that the media clock has slots for: 2, 4, 6, 8 or 12 of 5 ms."""
MAX_SESSION_ID: Final = 2**62 - 1
"""RFC 3264 section 5: o= numbers fit a 64-bit signed integer, with room to count."""


class SdpNegotiationError(RemoteError):
    """No agreement with the peer: answered 488 and a Warning header.

    Attributes:
        warning: The warn-code of RFC 3261 section 20.43: 301 address, 302 transport, 304 no audio,
            305 no common codec, 330 multicast.
    """

    def __init__(self, message: str, *, warning: int) -> None:
        """Say what the peer put forward and what we can do."""
        super().__init__(message, sip_status=488)
        self.warning = warning


@dataclass(frozen=True, slots=True)
class TransportAddress:
    """An address that UDP can be sent to.

    Attributes:
        host: An IPv4 or IPv6 literal, without brackets.
        port: 1 to 65535.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What our side puts forward for its audio.

    Attributes:
        address: The IP literal that the peer is to send to: the advertised one.
        port: Our RTP port; RTCP comes to the port above it.
        session_id: Of `o=`, the same for the whole dialog; a random number from the caller.
        codecs: Speech codecs in order of preference, with telephone-event and CN where wanted,
            each with the payload type for our own offers.
        ptime_ms: The packet length we want to receive; one of `PTIMES_MS`.
        direction: What we want of the stream; SENDONLY or INACTIVE puts the peer on hold.

    Raises:
        LocalError: A value is outside these bounds.
    """

    address: str
    port: int
    session_id: int
    codecs: tuple[Codec, ...] = (PCMU, PCMA, TELEPHONE_EVENT)
    ptime_ms: int = 20
    direction: Direction = Direction.SENDRECV

    def __post_init__(self) -> None:
        """Refuse what no description could say."""
        if Connection("IN", "IP6" if ":" in self.address else "IP4", self.address).ip is None:
            raise LocalError(f"address is {self.address!r}, wanted an IP literal")
        if not 0 < self.port < MAX_PORT:
            raise LocalError(f"port is {self.port}, wanted 1 to {MAX_PORT - 1}, RTCP above it")
        if not 0 <= self.session_id <= MAX_SESSION_ID:
            raise LocalError(f"session_id is {self.session_id}, wanted 0 to 2**62 - 1")
        if self.ptime_ms not in PTIMES_MS:
            raise LocalError(f"ptime_ms is {self.ptime_ms}, wanted one of {PTIMES_MS}")
        if not any(codec.is_speech for codec in self.codecs):
            raise LocalError("codecs hold no speech codec")
        if len({codec.payload_type for codec in self.codecs}) != len(self.codecs):
            raise LocalError("two codecs share a payload type")


@dataclass(frozen=True, slots=True)
class AgreedAudio:
    """What both sides may do now. Compare two to see what a re-INVITE changed.

    Attributes:
        remote: Where RTP goes.
        remote_rtcp: Where RTCP goes; None where the peer wants none.
        remote_direction: The peer's direction, from the peer's view.
        direction: What is left of ours, from our view.
        sends: Whether we send: `direction` allows it and the peer gave a real address.
        receives: Whether the peer may send to us.
        on_hold: The peer put us on hold: sendonly, inactive or the address 0.0.0.0.
        send_codec: The codec to send, with the payload type that the peer gave it.
        receive_codecs: Speech codecs that may arrive, with the payload types that we gave them.
        telephone_event_send: Payload type for digits to the peer, on the clock of `send_codec`.
        telephone_event_receive: Payload type of digits from the peer.
        comfort_noise_receive: Payload type of comfort noise from the peer.
        ptime_ms: The packet length to send, one of `PTIMES_MS`.
    """

    remote: TransportAddress
    remote_rtcp: TransportAddress | None
    remote_direction: Direction
    direction: Direction
    sends: bool
    receives: bool
    on_hold: bool
    send_codec: Codec
    receive_codecs: tuple[Codec, ...]
    telephone_event_send: int | None
    telephone_event_receive: int | None
    comfort_noise_receive: int | None
    ptime_ms: int


@dataclass(frozen=True, slots=True)
class Negotiated:
    """An answer and what it agrees to."""

    answer: SessionDescription
    audio: AgreedAudio
