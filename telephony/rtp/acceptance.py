"""Whose RTP is let in: the latch of one leg.

States:
    OPEN        nothing has been let in yet; any permitted source may take the latch
    LATCHED     one source is let in; only the announced one, or its own host after silence, may
                take over
    REOPENED    after a new offer or answer, for 2 s: the source goes on, any permitted one may
                take over

A source takes the latch with two consecutive packets of one SSRC and an agreed payload type, which
is the probation of RFC 3550 A.1; the first of the two is kept until the second proves it, so no
word is lost. Permitted is the host that SDP announced or, behind NAT, the signalling source or a
network of the trunk's media. RTCP never takes the latch. With SRTP only authenticated packets are
shown to it. Hosts are parsed only where the source is not the one let in.
"""

from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from telephony.rtp.packet import RtpPacket
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["Latch", "LatchState", "Source", "SourcePolicy"]

Source = tuple[str, int] | tuple[str, int, int, int]
"""Host and port, for IPv6 also flow and scope, as the socket gives them."""
SILENCE_NS = Nanoseconds(2 * NS_PER_SECOND)
"""Silence of the source after which its host may go on from another port (a NAT rebinding)."""
REOPENED_NS = Nanoseconds(2 * NS_PER_SECOND)
"""Time after a new offer or answer in which another permitted source may take over."""


class LatchState(Enum):
    """See the head of this file."""

    OPEN = "open"
    LATCHED = "latched"
    REOPENED = "reopened"


class SourcePolicy(NamedTuple):
    """Who may send to this leg, from the last offer and answer."""

    announced: Source
    """The address (resolved, if SDP has a name) and port of the peer's SDP; always permitted."""
    payload_types: frozenset[int]
    """All that were agreed on, telephone-event and comfort noise too."""
    signalling_host: str | None = None
    """With `nat`: where the peer's SIP comes from."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """With `nat`: where the trunk's media comes from."""


class _Candidate(NamedTuple):
    """The packet that would be the first of two."""

    source: Source
    packet: RtpPacket
    arrival_ns: Nanoseconds

    def is_before(self, source: Source, packet: RtpPacket) -> bool:
        """Say whether another packet is the next of this source's stream."""
        first = self.packet
        return (source, packet.ssrc, packet.sequence) == (
            self.source,
            first.ssrc,
            (first.sequence + 1) & 0xFFFF,
        )


def _canonical(host: str) -> IPv4Address | IPv6Address | None:
    """Parse a host, IPv4-mapped IPv6 as IPv4; None where it is a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


class Latch:
    """Decides for each RTP packet of one leg whether it is let in.

    Attributes:
        source: Who is let in; None before the first. With `nat`, also where to send.
        heard_ns: When its last packet came.
        first: Once a source has taken the latch: the first of its two packets and when it came,
            let in with the second, to be used before it. The caller takes it out.
    """

    __slots__ = (
        "_candidate",
        "_hosts",
        "_policy",
        "_refused",
        "_reopened_until_ns",
        "first",
        "heard_ns",
        "source",
    )

    def __init__(self, policy: SourcePolicy) -> None:
        """Start open, under the policy of the first offer and answer."""
        self.source: Source | None = None
        self.heard_ns = Nanoseconds(0)
        self.first: tuple[RtpPacket, Nanoseconds] | None = None
        self._refused = 0
        self._candidate: _Candidate | None = None
        self._reopened_until_ns = Nanoseconds(0)
        self._use(policy)

    def _use(self, policy: SourcePolicy) -> None:
        """Put a policy in force."""
        self._policy = policy
        self._replace_candidate(None)
        named = (policy.announced[0], policy.signalling_host or "")
        self._hosts = frozenset(address for host in named if (address := _canonical(host)))

    @property
    def refused(self) -> int:
        """Packets not let in, one that waits for its second included."""
        return self._refused + (self._candidate is not None)

    def renegotiate(self, policy: SourcePolicy, now_ns: Nanoseconds) -> None:
        """Put in force what a re-INVITE or UPDATE agreed, and let another source take over."""
        self._use(policy)
        self._reopened_until_ns = Nanoseconds(now_ns + REOPENED_NS)

    def state(self, now_ns: Nanoseconds) -> LatchState:
        """Give the state; it follows from who is let in and until when the latch is reopened."""
        if self.source is None:
            return LatchState.OPEN
        return LatchState.REOPENED if now_ns < self._reopened_until_ns else LatchState.LATCHED

    def accept(self, source: Source, packet: RtpPacket, now_ns: Nanoseconds) -> bool:
        """Say whether a packet is let in; where `first` is set then, that packet is too."""
        if source == self.source:
            self.heard_ns = now_ns
            return True
        is_agreed = packet.payload_type in self._policy.payload_types
        if not (is_agreed and self._may_take_over(source, now_ns)):
            self._refused += 1
            return False
        candidate = self._candidate
        if candidate is None or not candidate.is_before(source, packet):
            self._replace_candidate(_Candidate(source, packet, now_ns))
            return False
        self._candidate = None
        self.first = (candidate.packet, candidate.arrival_ns)
        self.source = source
        self.heard_ns = now_ns
        self._reopened_until_ns = now_ns
        return True

    def _replace_candidate(self, candidate: _Candidate | None) -> None:
        """Keep another packet in the place of the one kept, which no second one proved."""
        self._refused += self._candidate is not None
        self._candidate = candidate

    def accept_rtcp(self, source: Source) -> bool:
        """Say whether RTCP is let in: from the host let in, before that from a permitted one."""
        host = _canonical(source[0])
        if self.source is not None:
            return host is not None and host == _canonical(self.source[0])
        return host is not None and self._permits(host)

    def _may_take_over(self, source: Source, now_ns: Nanoseconds) -> bool:
        """Say whether, in the present state, this source may take the latch."""
        host = _canonical(source[0])
        if host is None or not self._permits(host):
            return False
        current = self.source
        if current is None or now_ns < self._reopened_until_ns or self._is_announced(source, host):
            return True
        return now_ns - self.heard_ns >= SILENCE_NS and host == _canonical(current[0])

    def _permits(self, host: IPv4Address | IPv6Address) -> bool:
        """Say whether the policy names the host or one of its networks."""
        return host in self._hosts or any(host in network for network in self._policy.networks)

    def _is_announced(self, source: Source, host: IPv4Address | IPv6Address) -> bool:
        """Say whether this is the very address and port of the peer's SDP."""
        announced = self._policy.announced
        return source[1] == announced[1] and host == _canonical(announced[0])
