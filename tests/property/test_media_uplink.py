"""Whatever arrives, and whatever does not: the uplink's sum is right and its timeline holds."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.media import MediaEvent, Uplink
from telephony.media.rtp_input import RtpInput
from telephony.rtp import TelephoneEvent, build_telephone_event
from telephony.units import RtpTimestamp
from telephony_codecs import AudioFormat
from tests.support.media import COMFORT_NOISE, EVENTS, PEER, agreement, ms, stream

WORD = 0x21
"""The octet of all audio in the tests that count it; neither silence nor a damped edge of it."""
PACKET = 160

Step = tuple[str, int]
KINDS = {
    "audio": st.integers(0, 400),
    "lose": st.integers(1, 120),
    "repeat": st.just(0),
    "delay": st.just(0),
    "arrive": st.just(0),
    "silent": st.one_of(st.integers(1, 4000), st.sampled_from((80_000, 80_001, 1 << 31))),
    "step_back": st.integers(1, 4000),
    "jump": st.integers(200, 30_000),
    "source": st.integers(8, 12),
    "digit": st.integers(0, 4000),
    "digit_end": st.integers(0, 65_535),
    "digit_torn": st.integers(0, 9),
    "noise": st.just(0),
    "tick": st.integers(1, 1500),
    "start": st.just(0),
    "gate": st.just(0),
    "open": st.just(0),
    "speaks": st.just(0),
    "spoke": st.just(0),
}
STEPS = st.lists(
    st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind])),
    max_size=60,
)


class Leg:
    """An uplink behind the real input, a peer, and a network between them."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.told: list[MediaEvent] = []
        self.uplink = Uplink(AudioFormat.PCMU)
        self.uplink.sink = self.out.extend
        self.input = RtpInput(agreement(), AudioFormat.PCMU, self.uplink, self.told.append)
        self.peer = stream()
        self.key_start = self.peer.timestamp
        self.delayed: list[bytes] = []
        self.last = b""
        self.now_ms = 0.0

    def send(self, packet: bytes) -> None:
        """Let a packet arrive."""
        self.last = packet
        self.input.handle_rtp(packet, PEER, ms(self.now_ms))

    def key(self, payload: bytes) -> None:
        """Send a packet of the key that is down."""
        self.send(self.peer.event_packet(payload, EVENTS, self.key_start))

    def lose(self, packets: int) -> None:
        """Let packets get lost."""
        for _ in range(packets):
            self.peer.packet(bytes(PACKET), PACKET)

    def arrive(self) -> None:
        """Let what was delayed arrive, the last one first."""
        while self.delayed:
            self.send(self.delayed.pop())

    def words(self, samples: int) -> None:
        """Send audio."""
        self.key_start = self.peer.timestamp
        self.send(self.peer.packet(bytes([WORD]) * samples, samples))

    def delay(self) -> None:
        """Send audio that takes its time."""
        self.delayed.append(self.peer.packet(bytes([WORD]) * PACKET, PACKET))

    def jump(self, packets: int) -> None:
        """Let the sequence numbers jump."""
        self.peer.sequence = (self.peer.sequence + packets) & 0xFFFF

    def change_source(self, ssrc: int) -> None:
        """Let another source take the first one's place."""
        self.peer = stream(ssrc=ssrc, sequence=ssrc, timestamp=ssrc)

    def digit(self, duration: int, *, is_end: bool) -> None:
        """Send a report of a key, or of an event that is none."""
        self.key(build_telephone_event(TelephoneEvent(duration % 20, is_end, 10, duration)))

    def noise(self) -> None:
        """Send comfort noise."""
        self.send(self.peer.event_packet(b"\x40", COMFORT_NOISE, self.peer.timestamp))

    def tick(self, later_ms: int) -> None:
        """Let time pass."""
        self.now_ms += later_ms
        self.input.handle_time(ms(self.now_ms))

    def step(self, kind: str, value: int) -> None:
        """Let one thing happen."""
        now_ns = ms(self.now_ms)
        steps: dict[str, Callable[[], object]] = {
            "audio": lambda: self.words(value),
            "lose": lambda: self.lose(value),
            "repeat": lambda: self.send(self.last),
            "delay": self.delay,
            "arrive": self.arrive,
            "silent": lambda: self.peer.advance(value),
            "step_back": lambda: self.peer.advance(-value),
            "jump": lambda: self.jump(value),
            "source": lambda: self.change_source(value),
            "digit": lambda: self.digit(value, is_end=False),
            "digit_end": lambda: self.digit(value, is_end=True),
            "digit_torn": lambda: self.key(bytes(value)),
            "noise": self.noise,
            "tick": lambda: self.tick(value),
            "start": lambda: self.uplink.start(now_ns),
            "gate": self.uplink.gate,
            "open": lambda: self.uplink.open(now_ns),
            "speaks": self.uplink.handle_speech_started,
            "spoke": lambda: self.uplink.handle_speech_stopped(now_ns),
        }
        steps[kind]()

    def check(self) -> None:
        """Hold what must always hold."""
        uplink = self.uplink
        assert uplink.appended == uplink.span + uplink.inserted - uplink.dropped
        assert uplink.appended == len(self.out)
        assert min(uplink.span, uplink.inserted, uplink.dropped, uplink.concealed) >= 0
        assert uplink.concealed <= uplink.span
        ends = [row.offset for row in uplink.log.rows()] + [uplink.appended]
        assert all(before < after for before, after in pairwise(ends))


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_appended_is_span_plus_inserted_less_dropped_whatever_happens(steps: list[Step]) -> None:
    leg = Leg()
    for kind, value in steps:
        appended = leg.uplink.appended
        leg.step(kind, value)
        leg.check()
        assert leg.uplink.appended >= appended
        if leg.uplink.is_gated:
            assert leg.uplink.appended == appended


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(("in time", "in time", "in time", "swapped", "twice", "lost")), max_size=60
    )
)
def test_every_sample_that_comes_stands_at_its_own_place(fates: list[str]) -> None:
    leg = Leg()
    for _ in range(2):
        leg.send(leg.peer.packet(b"\xff" * PACKET, PACKET))
    arrived: list[int] = []
    held: list[bytes] = []
    for number, fate in enumerate([*fates, "in time", "in time"]):
        packet = leg.peer.packet(bytes([number]) * PACKET, PACKET)
        leg.now_ms += 20
        if fate == "lost":
            continue
        arrived.append(number)
        if fate == "swapped":
            held.append(packet)
            continue
        for one in (packet, *held, *([packet] if fate == "twice" else [])):
            leg.send(one)
        held.clear()
        leg.input.handle_time(ms(leg.now_ms))
    leg.input.handle_time(ms(leg.now_ms + 60))
    leg.check()
    uplink = leg.uplink
    assert uplink.inserted == uplink.dropped == uplink.overlapped == 0
    assert uplink.appended == uplink.span == (len(fates) + 4) * PACKET
    late = leg.input.reorder.late
    rightly = [
        number
        for number in arrived
        # Behind a loss the first half of a packet is blended with the concealment.
        if bytes(leg.out[(number + 2) * PACKET + 80 : (number + 3) * PACKET])
        == bytes([number]) * 80
    ]
    assert len(rightly) == len(arrived) - late
    stamps = [row.rtp_timestamp for row in uplink.log.rows()]
    steps = [(after - before) & 0xFFFFFFFF for before, after in pairwise(stamps)]
    assert all(0 < step < 0x80000000 for step in steps)


@settings(max_examples=150, deadline=None)
@given(
    away_ms=st.integers(0, 3000),
    late=st.integers(0, 200),
    speech=st.sampled_from(("none", "under way", "over")),
    has_dtx=st.booleans(),
)
def test_late_audio_is_appended_unless_the_fill_followed_the_end_of_speech(
    away_ms: int, late: int, speech: str, has_dtx: bool
) -> None:
    leg = Leg()
    for _ in range(2):
        leg.send(leg.peer.packet(b"\xff" * PACKET, PACKET))
    if has_dtx:
        leg.step("noise", 0)
    if speech != "none":
        leg.step("spoke" if speech == "over" else "speaks", 0)
    for at_ms in range(0, away_ms + 1, 20):
        leg.input.handle_time(ms(at_ms))
    last_tick_ms = away_ms // 20 * 20
    patience_ms = 100 if has_dtx else 400
    filled = last_tick_ms * 8 - PACKET if last_tick_ms > patience_ms else 0
    assert leg.uplink.inserted == filled
    leg.now_ms = away_ms
    for _ in range(late):
        leg.step("audio", PACKET)
    leg.check()
    dropped = min(filled, late * PACKET) if speech == "over" else 0
    assert leg.uplink.dropped == dropped
    assert leg.out.count(WORD) == late * PACKET - dropped


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=20), st.booleans())
def test_a_peer_that_falls_silent_keeps_the_model_in_real_time(
    silences_ms: list[int], has_ended: bool
) -> None:
    leg = Leg()
    leg.send(leg.peer.packet(b"\xff" * PACKET, PACKET))
    words = 0
    for silence_ms in silences_ms:
        leg.send(leg.peer.packet(bytes([WORD]) * PACKET, PACKET))
        words += PACKET
        if has_ended:
            leg.step("spoke", 0)
        start_ms = leg.now_ms
        for _ in range(silence_ms // 20):
            leg.now_ms += 20
            leg.input.handle_time(ms(leg.now_ms))
        leg.now_ms = start_ms + silence_ms + 20
        leg.peer.advance(silence_ms * 8)
    leg.send(leg.peer.packet(bytes([WORD]) * PACKET, PACKET))
    leg.check()
    assert leg.out.count(WORD) == words + PACKET
    assert leg.uplink.inserted == leg.uplink.dropped == 0
    assert len(leg.out) == sum(silences_ms) * 8 + words + 2 * PACKET


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(1, 500), min_size=1, max_size=20))
def test_the_timeline_wraps_without_a_seam(start: int, lengths: list[int]) -> None:
    uplink = Uplink(AudioFormat.PCMU)
    timestamp = start
    for length in lengths:
        uplink.handle_audio(bytes(length), RtpTimestamp(timestamp), ms(0))
        timestamp = (timestamp + length) & 0xFFFFFFFF
    assert uplink.appended == uplink.span == sum(lengths)
