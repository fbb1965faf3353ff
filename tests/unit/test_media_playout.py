"""Playout: what a packet holds, what counts as sent, what a flush lets out."""

import pytest

from telephony.media import ItemKey, Ledger, Playout, RowKind
from telephony.media.playout import QUEUE_SECONDS, REFUSED_KEYS
from telephony.units import Nanoseconds, RtpTimestamp
from telephony_codecs import AudioFormat, fade_out
from tests.support.media import PACKET, ms

FORMAT = AudioFormat.PCMU
SILENCE = FORMAT.silence(PACKET)
A, B, C = (ItemKey(0, name, 0) for name in "abc")
RAMP = 40
NOW = Nanoseconds(0)


class Bench:
    """A playout, its ledger, and a tick."""

    def __init__(self, audio_format: AudioFormat = FORMAT) -> None:
        self.ledger = Ledger(audio_format.rate_hz)
        self.playout = Playout(audio_format, self.ledger)
        self.timestamp = RtpTimestamp(0)

    def tick(self, samples: int = PACKET) -> bytes | None:
        payload = self.playout.take(samples, self.timestamp, ms(self.timestamp // 8))
        self.timestamp = RtpTimestamp(self.timestamp + samples)
        return payload

    def rows(self) -> list[tuple[RowKind | str, int, int]]:
        """Give (item or kind, offset, samples) of each row."""
        return [
            (row.key.item_id if row.key else row.kind, row.offset, row.samples)
            for row in self.ledger.rows()
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def speech(samples: int, start: int = 0) -> bytes:
    """Make loud octets that tell their place."""
    return bytes(0x80 + (start + at) % 64 for at in range(samples))


def test_an_item_leaves_packet_by_packet_with_its_offsets(bench: Bench) -> None:
    assert bench.playout.add(A, "r", speech(400))
    bench.playout.finish(A)
    assert bench.playout.queued_samples == 400
    out = [bench.tick() for _ in range(3)]
    assert b"".join(part for part in out if part) == speech(400) + FORMAT.silence(80)
    assert bench.rows() == [
        ("a", 0, 160),
        ("a", 160, 160),
        ("a", 320, 80),
        (RowKind.SILENCE, 0, 80),
    ]
    assert bench.ledger.rows()[-1].sent_ns == ms(40 + 10)
    assert bench.playout.underruns == 0
    assert bench.playout.is_drained


def test_several_items_and_a_prompt_share_a_packet(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(50))
    bench.playout.finish(A)
    bench.playout.add_prompt(speech(60, 1000))
    bench.playout.add(B, "r", speech(500))
    assert bench.tick() == speech(50) + speech(60, 1000) + speech(50)
    assert bench.rows() == [("a", 0, 50), (RowKind.PROMPT, 0, 60), ("b", 0, 50)]
    assert [row.sent_ns for row in bench.ledger.rows()] == [0, 6_250_000, 13_750_000]
    assert {row.rtp_timestamp for row in bench.ledger.rows()} == {0}
    (cut,) = bench.playout.flush()
    assert (cut.key, cut.sent_samples) == (B, 50 + RAMP)


def test_a_stall_counts_as_underrun_and_advances_nothing(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(200))
    bench.tick()
    assert bench.tick() == speech(40, 160) + FORMAT.silence(120)
    for _ in range(100):
        assert bench.tick() == SILENCE
    assert bench.playout.underruns == 101
    assert not bench.playout.is_drained
    bench.playout.add(A, "r", speech(1000, 200))
    assert bench.tick() == speech(160, 200)
    assert bench.rows()[-1] == ("a", 200, 160)
    (cut,) = bench.playout.flush()
    assert cut.sent_samples == 360 + RAMP


def test_nothing_to_say_is_silence_and_no_underrun(bench: Bench) -> None:
    assert bench.tick() == SILENCE
    assert bench.playout.underruns == 0
    assert bench.rows() == [(RowKind.SILENCE, 0, 160)]
    assert not bench.playout.has_words


def test_a_format_of_two_octets_a_sample_is_counted_in_samples() -> None:
    bench = Bench(AudioFormat.PCM8K)
    bench.playout.add(A, "r", bytes(2 * 400))
    assert bench.playout.queued_samples == 400
    assert len(bench.tick() or b"") == 320
    assert bench.playout.flush()[0].sent_samples == 160 + RAMP


def test_an_item_is_over_when_finished_and_sent_in_either_order(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(160))
    bench.tick()
    assert not bench.playout.is_drained
    bench.playout.finish(A)
    assert bench.playout.is_drained
    bench.playout.add(B, "r", speech(160))
    bench.playout.finish(B)
    assert not bench.playout.is_drained
    bench.tick()
    assert bench.playout.is_drained
    bench.playout.finish(C)  # never came
    assert bench.playout.flush() == []


def test_an_item_that_is_over_takes_no_more(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(160))
    bench.playout.finish(A)
    bench.tick()
    assert bench.playout.add(A, "r", speech(160))
    assert bench.playout.refused_samples == 160
    assert bench.playout.is_drained


def test_a_response_ends_with_all_of_its_items(bench: Bench) -> None:
    bench.playout.add(A, "r1", speech(80))
    bench.playout.add(B, "r1", speech(80))
    bench.playout.add(C, "r2", speech(160))
    bench.playout.finish_response("r1")
    bench.tick()
    bench.tick()
    assert [item.key for item in bench.playout.flush()] == [C]


def test_with_its_session_gone_nothing_more_comes_of_an_item(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(160))
    bench.playout.add(B, "r", speech(160))
    bench.tick()
    bench.playout.finish_all()
    bench.tick()
    assert bench.playout.is_drained


def test_an_empty_delta_begins_its_item_and_queues_nothing(bench: Bench) -> None:
    assert bench.playout.add(A, "r", b"")
    assert bench.playout.queued_samples == 0
    assert bench.playout.has_words
    assert bench.playout.flush()[0].received_samples == 0


def test_a_pause_sends_silence_and_keeps_the_place(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    bench.playout.pause()
    assert bench.tick() == SILENCE
    assert bench.rows()[-1] == (RowKind.SILENCE, 0, 160)
    assert bench.playout.underruns == 0
    bench.playout.resume()
    assert bench.tick() == speech(160, 160)


def test_a_flush_in_a_pause_ramps_nothing_and_ends_the_pause(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    bench.playout.pause()
    bench.tick()
    assert bench.playout.flush()[0].sent_samples == 160
    bench.playout.add(B, "r", speech(1000))
    assert bench.tick() == speech(160)


def test_hold_sends_nothing_and_keeps_the_place(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    bench.playout.hold()
    assert bench.playout.is_held
    assert bench.tick() is None
    assert bench.rows()[-1] == (RowKind.HOLD, 0, 160)
    bench.playout.unhold()
    assert not bench.playout.is_held
    assert bench.tick() == speech(160, 160)


def test_an_interruption_during_hold_cuts_at_what_was_sent_before(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    bench.playout.hold()
    assert bench.tick() is None
    assert bench.playout.flush()[0].sent_samples == 160
    bench.playout.unhold()
    assert bench.tick() == SILENCE


def test_an_interruption_during_a_digit_cuts_at_what_was_sent_before(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    bench.playout.yield_to_digit(PACKET, RtpTimestamp(160), ms(20))
    assert bench.rows()[-1] == (RowKind.DIGIT, 0, 160)
    assert bench.playout.flush()[0].sent_samples == 160
    assert bench.tick() == SILENCE


def test_a_flush_lets_out_five_ms_ramped_to_zero_which_count_as_sent(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    (cut,) = bench.playout.flush()
    assert (cut.sent_samples, cut.received_samples) == (160 + RAMP, 1000)
    assert bench.tick() == fade_out(speech(RAMP, 160), FORMAT) + FORMAT.silence(120)
    assert bench.rows()[1:] == [("a", 160, RAMP), (RowKind.SILENCE, 0, 120)]
    assert cut.sent_samples == 160 + RAMP
    assert bench.tick() == SILENCE
    assert bench.playout.is_drained


def test_the_ramp_is_as_long_as_what_is_left(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(170))
    bench.tick()
    assert bench.playout.flush()[0].sent_samples == 170
    assert bench.tick() == fade_out(speech(10, 160), FORMAT) + FORMAT.silence(150)


def test_the_ramp_goes_on_into_the_items_next_delta_but_no_other_item(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(170))
    bench.playout.add(A, "r", speech(20, 170))
    bench.playout.add(B, "r", speech(500))
    bench.tick()
    cut = bench.playout.flush()
    assert [item.sent_samples for item in cut] == [190, 0]
    assert bench.tick() == fade_out(speech(30, 160), FORMAT) + FORMAT.silence(130)


def test_an_item_that_was_not_in_the_last_packet_gets_no_ramp(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(160))
    bench.playout.finish(A)
    bench.playout.add(B, "r", speech(500))
    bench.tick()
    (cut,) = bench.playout.flush()
    assert (cut.key, cut.sent_samples) == (B, 0)
    assert bench.tick() == SILENCE


def test_before_the_first_audio_all_that_came_is_unheard(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(500))
    bench.playout.add(B, "r", speech(500))
    assert [(item.key, item.sent_samples) for item in bench.playout.flush()] == [(A, 0), (B, 0)]
    assert bench.tick() == SILENCE


def test_after_the_last_there_is_nothing_to_cut(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(160))
    bench.playout.finish(A)
    bench.tick()
    assert bench.playout.flush() == []
    assert bench.tick() == SILENCE


def test_after_the_last_before_its_end_is_known_all_of_it_was_heard(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(200))
    bench.tick()
    bench.tick()
    assert bench.playout.flush()[0].sent_samples == 200


def test_a_second_flush_keeps_the_first_ones_ramp(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    (cut,) = bench.playout.flush()
    bench.playout.add(B, "r", speech(1000))
    assert [item.sent_samples for item in bench.playout.flush()] == [0]
    assert bench.tick() == fade_out(speech(RAMP, 160), FORMAT) + FORMAT.silence(120)
    assert cut.sent_samples == 160 + RAMP


def test_a_ramp_that_waits_out_a_hold_is_sent_after_it(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(1000))
    bench.tick()
    bench.playout.flush()
    bench.playout.hold()
    bench.playout.flush()
    assert bench.tick() is None
    bench.playout.unhold()
    assert bench.tick() == fade_out(speech(RAMP, 160), FORMAT) + FORMAT.silence(120)


def test_a_prompt_is_ramped_as_well_and_the_next_follows_at_once(bench: Bench) -> None:
    bench.playout.add_prompt(speech(1000))
    bench.tick()
    assert bench.playout.flush() == []
    bench.playout.add_prompt(speech(1000, 7))
    assert bench.tick() == fade_out(speech(RAMP, 160), FORMAT) + speech(120, 7)
    assert bench.rows()[1:] == [(RowKind.PROMPT, 0, RAMP), (RowKind.PROMPT, 0, 120)]


def test_a_cut_item_refuses_late_audio(bench: Bench) -> None:
    bench.playout.add(A, "r", speech(500))
    bench.playout.flush()
    assert bench.playout.is_refused(A)
    assert bench.playout.add(A, "r", speech(300))
    assert bench.playout.refused_samples == 300
    assert bench.tick() == SILENCE
    assert not bench.playout.is_refused(B)


def test_items_of_which_some_part_was_sent_are_told_by_session(bench: Bench) -> None:
    for key in (A, ItemKey(1, "b", 2), ItemKey(0, "c", 0)):
        bench.playout.add(key, "r", speech(200))
    bench.playout.add(ItemKey(0, "empty", 0), "r", b"")
    bench.playout.finish(A)
    bench.playout.finish(ItemKey(0, "empty", 0))
    assert bench.playout.begun_items(0) == set()
    bench.tick()
    bench.tick()
    assert bench.playout.begun_items(0) == {"a"}
    bench.playout.flush()
    assert bench.playout.begun_items(0) == {"a"}
    assert bench.playout.begun_items(1) == {"b"}


def test_refused_items_are_remembered_up_to_a_limit(bench: Bench) -> None:
    keys = [ItemKey(0, str(number), 0) for number in range(REFUSED_KEYS + 1)]
    for key in keys:
        bench.playout.add(key, "r", speech(10))
    bench.playout.flush()
    assert [bench.playout.is_refused(key) for key in keys[:2]] == [False, True]


def test_a_full_queue_refuses_the_rest_of_the_item(bench: Bench) -> None:
    limit = QUEUE_SECONDS * 8000
    assert bench.playout.add(A, "r", bytes(limit))
    assert not bench.playout.add(A, "r", b"\xff")
    assert not bench.playout.add_prompt(b"\xff")
    bench.tick()
    assert bench.playout.add(A, "r", b"\xff")  # refused for good: no hole inside the item
    assert bench.playout.refused_samples == 2
    assert bench.playout.queued_samples == limit - PACKET
    bench.playout.flush()
    bench.tick()
    assert bench.playout.is_drained


# ---- a flush of one response ------------------------------------------------------------------


def two_responses(bench: Bench) -> None:
    """Queue an item of each of two responses, with a prompt between."""
    bench.playout.add(A, "first", speech(400))
    bench.playout.add_prompt(speech(80, 1000))
    bench.playout.add(B, "second", speech(400, 2000))


def test_a_flush_of_the_response_that_is_spoken_lets_the_others_wait_on(bench: Bench) -> None:
    two_responses(bench)
    bench.tick()
    (cut,) = bench.playout.flush("first")
    assert (cut.key, cut.sent_samples) == (A, PACKET + RAMP)
    assert [item.key for item in bench.playout.items] == [B]
    assert bench.playout.queued_samples == RAMP + 80 + 400
    ramp = fade_out(speech(400)[PACKET : PACKET + RAMP], FORMAT)
    assert bench.tick() == ramp + speech(80, 1000) + speech(400, 2000)[:40]
    assert bench.playout.queued_samples == 360


def test_a_flush_of_a_response_that_waits_leaves_what_is_spoken(bench: Bench) -> None:
    two_responses(bench)
    bench.tick()
    (cut,) = bench.playout.flush("second")
    assert (cut.key, cut.sent_samples) == (B, 0)
    assert bench.playout.queued_samples == 240 + 80
    assert bench.tick() == speech(400)[PACKET : 2 * PACKET]
    assert bench.playout.add(B, "second", speech(160))
    assert bench.playout.refused_samples == 160


def test_a_flush_of_a_response_that_is_not_there_changes_nothing(bench: Bench) -> None:
    assert bench.playout.flush("third") == []
    two_responses(bench)
    bench.tick()
    assert bench.playout.flush("third") == []
    assert bench.playout.queued_samples == 240 + 80 + 400
    assert bench.tick() == speech(400)[PACKET : 2 * PACKET]
