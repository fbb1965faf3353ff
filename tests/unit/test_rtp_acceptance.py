"""The latch: who is let in, and who may take over when."""

from ipaddress import ip_network

import pytest

from telephony.rtp import Latch, LatchState, RtpPacket, Source, SourcePolicy
from telephony.units import NS_PER_SECOND, Nanoseconds, RtpTimestamp

PEER = ("192.0.2.10", 4000)
SAME_HOST = ("192.0.2.10", 4002)
STRANGER = ("203.0.113.9", 4000)
TYPES = frozenset({0, 101})


def at(seconds: float) -> Nanoseconds:
    """Give a time in seconds."""
    return Nanoseconds(round(seconds * NS_PER_SECOND))


def packet(sequence: int, *, ssrc: int = 7, payload_type: int = 0) -> RtpPacket:
    """Make a packet; its content does not matter here."""
    return RtpPacket(payload_type, False, sequence & 0xFFFF, RtpTimestamp(0), ssrc, b"")


def knock(latch: Latch, source: Source, seconds: float, first: int = 0) -> list[bool]:
    """Send two packets in sequence."""
    return [latch.accept(source, packet(first + n), at(seconds)) for n in range(2)]


def latched(policy: SourcePolicy | None = None, source: Source = PEER) -> Latch:
    """Make a latch that lets a source in since 0 s."""
    latch = Latch(policy or SourcePolicy(PEER, TYPES))
    assert knock(latch, source, 0) == [False, True]
    return latch


def test_the_second_consecutive_packet_is_let_in() -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    assert latch.state(at(0)) is LatchState.OPEN
    assert knock(latch, PEER, 0, first=0xFFFF) == [False, True]
    assert latch.accept(PEER, packet(30, ssrc=9, payload_type=77), at(1))
    assert latch.source == PEER
    assert (latch.heard_ns, latch.refused) == (at(1), 0)
    assert latch.state(at(1)) is LatchState.LATCHED


def test_the_first_packet_is_kept_until_the_second_lets_it_in() -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    seen: list[object] = []
    for sequence in (7, 8):
        latch.accept(PEER, packet(sequence), at(sequence))
        seen.append((latch.first, latch.refused))
    assert seen == [(None, 1), ((packet(7), at(7)), 0)]


def test_only_the_last_packet_is_kept() -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    for sequence in (3, 9, 10):
        latch.accept(PEER, packet(sequence), at(sequence))
    assert (latch.first, latch.refused) == ((packet(9), at(9)), 1)


def test_the_first_packet_of_one_who_takes_over_is_let_in_too() -> None:
    latch = latched()
    assert knock(latch, SAME_HOST, 5, first=40) == [False, True]
    assert (latch.first, latch.refused) == ((packet(40), at(5)), 0)


@pytest.mark.parametrize(
    "second",
    [
        packet(2),
        packet(0),
        packet(1, ssrc=8),
        packet(1, payload_type=8),
    ],
    ids=["a gap", "a copy", "another source", "a payload type that was not agreed"],
)
def test_what_does_not_follow_the_first_is_not_let_in(second: RtpPacket) -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    assert not latch.accept(PEER, packet(0), at(0))
    assert not latch.accept(PEER, second, at(0))
    assert (latch.source, latch.refused) == (None, 2)


def test_a_packet_of_an_unagreed_type_does_not_break_the_pair() -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    latch.accept(PEER, packet(0), at(0))
    latch.accept(PEER, packet(0, payload_type=77), at(0))
    assert latch.accept(PEER, packet(1), at(0))


def test_two_packets_of_two_sources_are_no_pair() -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    assert not latch.accept(PEER, packet(0), at(0))
    assert not latch.accept(SAME_HOST, packet(1), at(0))
    assert latch.source is None


def test_the_announced_host_may_send_from_any_port_at_first() -> None:
    assert latched(source=SAME_HOST).source == SAME_HOST


def test_strangers_are_counted_and_refused() -> None:
    latch = latched()
    for seconds in (0, 5):
        assert knock(latch, STRANGER, seconds) == [False, False]
    assert (latch.source, latch.refused) == (PEER, 4)


@pytest.mark.parametrize("host", ["not-an-address", ""])
def test_a_source_without_an_address_is_refused(host: str) -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    assert knock(latch, (host, 4000), 0) == [False, False]


def test_mapped_and_plain_addresses_are_the_same_host() -> None:
    mapped = ("::ffff:192.0.2.10", 4000)
    assert latched(source=mapped).source == mapped
    six = SourcePolicy(("2001:db8::1", 4000), TYPES)
    assert latched(six, ("2001:DB8:0::1", 4444)).source == ("2001:DB8:0::1", 4444)


def test_behind_nat_the_signalling_source_and_the_media_networks_are_permitted() -> None:
    networks = (ip_network("198.51.100.0/24"), ip_network("2001:db8::/32"))
    policy = SourcePolicy(("10.0.0.5", 4000), TYPES, "203.0.113.1", networks)
    for host in ("203.0.113.1", "198.51.100.77", "2001:db8::9"):
        assert latched(policy, (host, 9)).source == (host, 9)
    assert knock(Latch(policy), STRANGER, 0) == [False, False]


def test_another_port_of_the_host_takes_over_only_after_silence() -> None:
    latch = latched()
    latch.accept(PEER, packet(2), at(1))
    assert knock(latch, SAME_HOST, 2.9) == [False, False]
    assert knock(latch, SAME_HOST, 3.0, first=10) == [False, True]
    assert latch.source == SAME_HOST


def test_another_host_does_not_take_over_after_silence() -> None:
    policy = SourcePolicy(PEER, TYPES, "203.0.113.9")
    latch = latched(policy)
    assert knock(latch, STRANGER, 10) == [False, False]


def test_the_very_address_of_the_sdp_takes_over_at_once() -> None:
    latch = latched(source=SAME_HOST)
    assert knock(latch, PEER, 0.1) == [False, True]
    assert knock(latch, SAME_HOST, 0.2) == [False, False]


def test_after_renegotiation_another_permitted_source_takes_over() -> None:
    latch = latched()
    moved = ("192.0.2.99", 5000)
    latch.renegotiate(SourcePolicy(moved, TYPES), at(5))
    assert latch.state(at(6.9)) is LatchState.REOPENED
    assert latch.accept(PEER, packet(2), at(5.1))  # still on its way
    assert knock(latch, ("192.0.2.99", 5555), 5.2) == [False, True]
    assert latch.state(at(5.2)) is LatchState.LATCHED
    assert not latch.accept(PEER, packet(3), at(5.3))


def test_the_reopened_latch_closes_after_two_seconds() -> None:
    latch = latched()
    latch.renegotiate(SourcePolicy(PEER, TYPES), at(5))
    latch.accept(PEER, packet(2), at(7))
    assert latch.state(at(7)) is LatchState.LATCHED
    assert knock(latch, SAME_HOST, 7) == [False, False]


def test_rtcp_comes_from_the_host_let_in_and_takes_no_latch() -> None:
    policy = SourcePolicy(PEER, TYPES, "203.0.113.9")
    latch = Latch(policy)
    sources = [(PEER[0], 4001), (STRANGER[0], 4001), ("198.51.100.1", 4001), ("name", 4001)]
    assert [latch.accept_rtcp(source) for source in sources] == [True, True, False, False]
    assert (latch.source, latch.refused) == (None, 0)
    latch = latched(policy)
    assert [latch.accept_rtcp(source) for source in sources] == [True, False, False, False]


def test_an_ipv6_socket_gives_flow_and_scope_too() -> None:
    source = ("fe80::1%2", 4000, 0, 2)
    latch = latched(SourcePolicy(("fe80::1%2", 4000), TYPES), source)
    assert latch.source == source


def test_renegotiation_forgets_the_first_of_a_pair() -> None:
    latch = Latch(SourcePolicy(PEER, TYPES))
    latch.accept(PEER, packet(0), at(0))
    latch.renegotiate(SourcePolicy(PEER, TYPES), at(0))
    assert not latch.accept(PEER, packet(1), at(0))
    assert (latch.first, latch.refused) == (None, 2)
    assert latch.state(at(0)) is LatchState.OPEN
