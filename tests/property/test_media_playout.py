"""Truth about what was heard, in any order of events, judged from the payloads alone."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.media import ItemAudio, ItemKey, Ledger, Playout, PlayoutState
from telephony.units import RtpTimestamp
from telephony_codecs import AudioFormat
from tests.support.media import ms

FORMAT = AudioFormat.PCM8K
"""Two octets a sample hold any place inside an item, so that a sample tells where it belongs."""
PACKET = 160
RAMP = 40
ITEMS = 4
SPAN = 4000

PAUSES = ("pause", "resume", "hold", "unhold", "digit")
Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from((*["add"] * 3, *["tick"] * 4, "finish", "flush", "prompt", *PAUSES)),
        st.integers(0, ITEMS - 1),
        st.integers(0, 700),
    ),
    max_size=80,
)


def coded(item: int, start: int, samples: int) -> bytes:
    """Make samples that name their item and their place; silence is 0, prompts are below it."""
    places = range(item * SPAN + start + 1, item * SPAN + start + samples + 1)
    return b"".join(place.to_bytes(2, "little", signed=True) for place in places)


class Leg:
    """A playout under test, and a far end that writes down what it hears."""

    def __init__(self) -> None:
        self.ledger = Ledger(FORMAT.rate_hz)
        self.playout = Playout(FORMAT, self.ledger)
        self.added = [0] * ITEMS
        self.heard = [0] * ITEMS
        self.ramp_due = False
        self.ramped: dict[int, int] = {}
        self.cut: dict[int, ItemAudio] = {}
        self.at = 0

    def add(self, item: int, samples: int) -> None:
        """Let more of an item come, unless it is as long as its code can tell."""
        if self.added[item] + samples >= SPAN:
            return
        self.playout.add(ItemKey(0, str(item), 0), "r", coded(item, self.added[item], samples))
        if not self.playout.is_refused(ItemKey(0, str(item), 0)):
            self.added[item] += samples

    def digit(self) -> None:
        """Let a digit take a packet's place."""
        self.playout.yield_to_digit(PACKET, RtpTimestamp(self.at), ms(self.at / 8))
        self.at += PACKET

    def toggle(self, *, pause: bool) -> None:
        """Pause or resume, where the table has a row for it."""
        is_paused = self.playout.state in {PlayoutState.PAUSED, PlayoutState.HELD_PAUSED}
        if pause and not is_paused:
            self.playout.pause()
        elif is_paused and not pause:
            self.playout.resume()

    def step(self, kind: str, item: int, size: int) -> None:
        """Let one thing happen."""
        steps: dict[str, Callable[[], object]] = {
            "add": lambda: self.add(item, size),
            "finish": lambda: self.playout.finish(ItemKey(0, str(item), 0)),
            "flush": self.flush,
            "prompt": lambda: self.playout.add_prompt(coded(-1, -size, size)),
            "pause": lambda: self.toggle(pause=True),
            "resume": lambda: self.toggle(pause=False),
            "hold": self.playout.hold,
            "unhold": self.playout.unhold,
            "digit": self.digit,
            "tick": self.tick,
        }
        steps[kind]()

    def flush(self) -> None:
        """Interrupt: note what is cut, with the counts that the model is told."""
        for item in self.playout.flush():
            number = int(item.key.item_id)
            self.cut[number] = item
            self.ramped[number] = item.sent_samples - self.heard[number]
            assert 0 <= self.ramped[number] <= RAMP

    def tick(self) -> None:
        """Send a packet and listen."""
        state = self.playout.state
        payload = self.playout.take(PACKET, RtpTimestamp(self.at), ms(self.at / 8))
        self.at += PACKET
        assert (payload is None) == (state in {PlayoutState.HELD, PlayoutState.HELD_PAUSED})
        if payload is None:
            return
        assert len(payload) == 2 * PACKET
        if state is PlayoutState.PAUSED:
            assert payload == bytes(2 * PACKET)
        self.listen(payload)

    def listen(self, payload: bytes) -> None:
        """Advance each item by its intact samples, which must follow each other."""
        start = self.ramp_length()
        for at in range(2 * start, len(payload), 2):
            place = int.from_bytes(payload[at : at + 2], "little", signed=True) - 1
            item, offset = divmod(place, SPAN)
            if place >= 0 and item < ITEMS:
                assert item not in self.cut, "item audio after the packet with the ramp"
                assert offset == self.heard[item]
                self.heard[item] += 1

    def ramp_length(self) -> int:
        """Give the samples of a ramp at the start of this packet, by the ledger's first row."""
        rows = [row for row in self.ledger.rows() if row.rtp_timestamp == self.at - PACKET]
        key = rows[0].key
        if key is None or int(key.item_id) not in self.cut:
            return 0
        number = int(key.item_id)
        assert rows[0].samples == self.ramped.pop(number) > 0
        self.heard[number] += rows[0].samples
        return rows[0].samples


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_what_the_model_is_told_is_what_the_far_end_heard(steps: list[Step]) -> None:
    leg = Leg()
    for step in steps:
        leg.step(*step)
    while leg.playout.state is not PlayoutState.PLAYING:
        leg.step("resume", 0, 0)
        leg.step("unhold", 0, 0)
    leg.tick()  # what a flush may still have to send
    leg.flush()
    leg.tick()
    for number, item in leg.cut.items():
        assert item.sent_samples == leg.heard[number]
        assert item.received_samples == leg.added[number]
    assert leg.playout.is_drained
    assert leg.playout.queued_samples == 0
    covered = sum(row.samples for row in leg.ledger.rows())
    assert covered == min(leg.at, covered)
    assert covered % PACKET == 0
