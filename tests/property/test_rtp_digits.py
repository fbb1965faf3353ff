"""What the digit sender sends, the digit receiver reads, over a link that loses and reorders."""

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.rtp import (
    DigitEnded,
    DigitReceiver,
    DigitSender,
    DigitStarted,
    LatePacket,
    Released,
    ReorderBuffer,
    RtpPacket,
    RtpSender,
    parse_rtp,
)
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp

PERIOD_MS = 20
SAMPLES = 160


def sent_packets(digits: str, timestamp: int) -> list[tuple[int, RtpPacket]]:
    """Send digits on a 20 ms clock; give (time in ms, packet)."""
    stream = RtpSender(
        ssrc=7, payload_type=0, sequence=0xFFF8, timestamp=RtpTimestamp(timestamp)
    )  # fmt: skip
    sender = DigitSender(clock_rate_hz=8000)
    sender.queue(digits)
    packets: list[tuple[int, RtpPacket]] = []
    now_ms = 0
    while sender.is_active:
        event = sender.next_packet(stream.timestamp, SAMPLES)
        if event is None:
            datagram = stream.packet(bytes(SAMPLES), SAMPLES)
        else:
            datagram = stream.event_packet(event.payload, 101, event.timestamp, marker=event.marker)
            stream.advance(SAMPLES)
        packets.append((now_ms, parse_rtp(datagram)))
        now_ms += PERIOD_MS
    return packets


def span(packet: RtpPacket) -> int:
    """Give what a packet covers on the clock: its audio, or the event so far."""
    if packet.payload_type == 101:
        return int.from_bytes(packet.payload[2:4], "big")
    return len(packet.payload)


def heard(arrivals: list[tuple[int, int, RtpPacket]]) -> list[DigitStarted | DigitEnded]:
    """Bring packets through the reorder buffer to the receiver, and let time run out."""
    buffer = ReorderBuffer(span)
    receiver = DigitReceiver(period_ns=Nanoseconds(PERIOD_MS * NS_PER_MS))
    told: list[DigitStarted | DigitEnded] = []

    def take(released: tuple[Released, ...], now_ns: Nanoseconds) -> None:
        told.extend(receiver.handle_timeout(now_ns))
        for item in released:
            packet = item.packet if isinstance(item, LatePacket) else item
            if isinstance(packet, RtpPacket) and packet.payload_type == 101:
                told.extend(receiver.handle_packet(packet, now_ns))

    for at_ms, _, packet in arrivals:
        now_ns = Nanoseconds(at_ms * NS_PER_MS)
        take((*buffer.handle_timeout(now_ns), *buffer.handle_packet(packet, now_ns)), now_ns)
    for end_ns in (Nanoseconds(10**12), Nanoseconds(2 * 10**12)):
        take(buffer.handle_timeout(end_ns), end_ns)
    return told


@given(
    st.text("0123456789*#ABCD", min_size=1, max_size=8),
    st.sampled_from((0, 5000, 0xFFFFFFFF - 700)),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_digits_survive_reordering_and_the_loss_of_all_but_one_packet_each(
    digits: str, timestamp: int, data: st.DataObject
) -> None:
    packets = sent_packets(digits, timestamp)
    events = [packet.timestamp for _, packet in packets if packet.payload_type == 101]
    kept = {start: data.draw(st.integers(0, events.count(start) - 1)) for start in set(events)}
    arrivals: list[tuple[int, int, RtpPacket]] = []
    place: dict[RtpTimestamp, int] = {}
    for order, (sent_ms, packet) in enumerate(packets):
        place[packet.timestamp] = place.get(packet.timestamp, -1) + 1
        is_safe = place[packet.timestamp] == kept.get(packet.timestamp)
        if is_safe or data.draw(st.booleans()):
            arrivals.append(
                (sent_ms + data.draw(st.sampled_from((0, 0, 0, 25, 45))), order, packet)
            )

    told = heard(sorted(arrivals))
    starts = [event.digit for event in told if isinstance(event, DigitStarted)]
    ends = [event for event in told if isinstance(event, DigitEnded)]
    assert "".join(starts) == digits
    assert "".join(event.digit for event in ends) == digits
    assert all(event.samples == 800 for event in ends if event.is_complete)


def test_on_a_clean_link_every_digit_is_whole() -> None:
    receiver = DigitReceiver(period_ns=Nanoseconds(PERIOD_MS * NS_PER_MS))
    told = [
        event
        for at_ms, packet in sent_packets("159#", 77)
        if packet.payload_type == 101
        for event in receiver.handle_packet(packet, Nanoseconds(at_ms * NS_PER_MS))
    ]
    ends = [event for event in told if isinstance(event, DigitEnded)]
    assert [(event.digit, event.samples, event.is_complete) for event in ends] == [
        (digit, 800, True) for digit in "159#"
    ]
