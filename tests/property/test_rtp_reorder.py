"""Whatever the network does to a stream, the reorder buffer's books balance."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.rtp import LatePacket, LostSpan, ReorderBuffer, Resync, RtpPacket
from telephony.rtp.reorder import MAX_JUMP, Released
from telephony.rtp.serial import sequence_distance
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp

PERIOD = 160


def packet(index: int, first: int = 0, *, ssrc: int = 7) -> RtpPacket:
    """Make the packet of a 20 ms stream at this index; sequence and timestamp wrap."""
    return RtpPacket(
        0, False, (first + index) & 0xFFFF, RtpTimestamp((index * PERIOD - 5) & 0xFFFFFFFF), ssrc,
        index.to_bytes(4, "big"),
    )  # fmt: skip


def index_of(released: RtpPacket) -> int:
    """Read the index back from the payload."""
    return int.from_bytes(released.payload, "big")


@st.composite
def journeys(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """Draw the first sequence number and (index, arrival in ms) of each copy, by arrival."""
    first = draw(st.one_of(st.integers(0, 0xFFFF), st.integers(0xFFC0, 0xFFFF)))
    length = draw(st.integers(1, 60))
    copies: list[tuple[int, int]] = []
    for index in range(length):
        for _ in range(draw(st.sampled_from((1, 1, 1, 1, 1, 0, 2)))):
            delay = draw(st.sampled_from((0, 0, 0, 1, 15, 25, 45, 90, 200)))
            copies.append((index * 20 + delay, index))
    return first, [(index, at) for at, index in sorted(copies)]


def run(buffer: ReorderBuffer, first: int, journey: list[tuple[int, int]]) -> list[Released]:
    """Feed a journey with the timer fired on time, then let the last gap expire."""
    out: list[Released] = []
    for index, at_ms in journey:
        arrival_ns = Nanoseconds(at_ms * NS_PER_MS)
        out += buffer.handle_timeout(arrival_ns)
        out += buffer.handle_packet(packet(index, first), arrival_ns)
        deadline_ns = buffer.next_deadline()
        assert deadline_ns is None or arrival_ns < deadline_ns <= arrival_ns + 60 * NS_PER_MS
        assert (deadline_ns is None) == (buffer.held == 0)
    out += buffer.handle_timeout(Nanoseconds(10**12))
    return out


@given(journeys())
@settings(max_examples=150, deadline=None)
def test_released_in_strictly_rising_order_and_every_sample_accounted_for(
    travelled: tuple[int, list[tuple[int, int]]],
) -> None:
    first, journey = travelled
    buffer = ReorderBuffer(lambda _: PERIOD)
    out = run(buffer, first, journey)

    in_order = [item for item in out if isinstance(item, RtpPacket)]
    spans = [item for item in out if isinstance(item, LostSpan)]
    late = [item for item in out if isinstance(item, LatePacket)]
    assert all(
        sequence_distance(newer.sequence, older.sequence) > 0 for older, newer in pairwise(in_order)
    )
    assert (buffer.released, buffer.late) == (len(in_order), len(late))
    assert buffer.lost == sum(span.packets for span in spans)
    assert buffer.held == buffer.resyncs == buffer.stray == 0
    assert len(journey) == buffer.released + buffer.late + buffer.duplicate
    if not in_order:
        return
    steps = index_of(in_order[-1]) - index_of(in_order[0]) + 1
    assert steps == buffer.released + buffer.lost
    assert all(span.samples == span.packets * PERIOD for span in spans)


@given(journeys())
@settings(max_examples=100, deadline=None)
def test_a_packet_is_released_or_late_once_and_a_second_copy_is_a_duplicate(
    travelled: tuple[int, list[tuple[int, int]]],
) -> None:
    first, journey = travelled
    out = run(ReorderBuffer(lambda _: PERIOD), first, journey)
    once = [index_of(item) for item in out if isinstance(item, RtpPacket)]
    behind = [index_of(item.packet) for item in out if isinstance(item, LatePacket)]
    start = journey[0][0] if journey else 0
    assert len(once) == len(set(once))
    assert set(once).isdisjoint(behind)
    after_start = [index for index in behind if index > start]
    assert len(after_start) == len(set(after_start))
    assert {index for index, _ in journey} == {*once, *behind}


@given(
    st.lists(
        st.tuples(st.integers(0, 0xFFFF), st.sampled_from((1, 1, 1, 2)), st.integers(0, 90)),
        max_size=120,
    )
)
@settings(max_examples=150, deadline=None)
def test_the_books_balance_for_any_sequence_numbers(
    arrivals: list[tuple[int, int, int]],
) -> None:
    buffer = ReorderBuffer(lambda _: PERIOD)
    now_ns = 0
    out: list[Released] = []
    for handled, (sequence, ssrc, wait_ms) in enumerate(arrivals, start=1):
        now_ns += wait_ms * NS_PER_MS
        near = sequence % 130 if wait_ms % 3 else sequence
        out += buffer.handle_timeout(Nanoseconds(now_ns))
        out += buffer.handle_packet(packet(near, ssrc=ssrc), Nanoseconds(now_ns))
        settled = buffer.released + buffer.late + buffer.duplicate + buffer.stray
        assert handled == settled + buffer.held
        assert buffer.held <= MAX_JUMP + 1
    assert buffer.released == sum(isinstance(item, RtpPacket) for item in out)
    assert buffer.resyncs == sum(isinstance(item, Resync) for item in out)
