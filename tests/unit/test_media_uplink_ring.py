"""The caller's last audio: since he began to speak, bounded, and none of it twice."""

from telephony.media import UplinkRing
from telephony.media.uplink_ring import PAUSE_MS, SLACK, TURN_OCTETS
from telephony_codecs import AudioFormat

PACKET = 160
PAUSE = PAUSE_MS * 8


def numbered(index: int) -> bytes:
    return bytes([index % 256]) * PACKET


def filled(packets: int, audio_format: AudioFormat = AudioFormat.PCMU) -> UplinkRing:
    ring = UplinkRing(audio_format)
    feed(ring, 0, packets)
    return ring


def feed(ring: UplinkRing, start: int, stop: int) -> None:
    for index in range(start, stop):
        ring.take(numbered(index))


def test_what_passes_is_passed_on_as_it_is() -> None:
    ring, passed = UplinkRing(AudioFormat.PCMU), list[bytes]()
    ring.take(b"before anyone listens")
    ring.onward = passed.append
    feed(ring, 0, 3)
    assert passed == [numbered(0), numbered(1), numbered(2)]


def test_while_nobody_speaks_two_seconds_are_kept() -> None:
    ring = filled(1_000)
    assert PAUSE <= len(ring.kept()) <= PAUSE * SLACK
    assert ring.kept()[-PACKET:] == numbered(999)
    assert not ring.is_turn
    assert ring.take_lost() == 0


def test_a_turn_is_kept_from_where_it_began() -> None:
    ring = filled(50)
    ring.start_turn(10 * PACKET)
    feed(ring, 50, 700)
    kept = ring.kept()
    assert kept[:PACKET] == numbered(40)
    assert len(kept) == 660 * PACKET
    assert ring.kept_samples == len(kept)
    assert ring.is_turn


def test_a_turn_said_to_have_begun_before_what_is_kept_begins_with_that() -> None:
    ring = filled(2)
    ring.start_turn(99_999)
    assert ring.kept() == numbered(0) + numbered(1)


def test_a_turn_beyond_the_bound_loses_its_beginning_and_that_is_counted() -> None:
    ring = filled(0)
    ring.start_turn(0)
    packets = 2_000
    feed(ring, 0, packets)
    kept = ring.kept()
    assert TURN_OCTETS <= len(kept) <= TURN_OCTETS * SLACK
    assert kept[-PACKET:] == numbered(packets - 1)
    assert ring.take_lost() == packets * PACKET - len(kept)
    assert ring.take_lost() == 0


def test_an_answer_ends_the_turn_and_what_was_kept_of_it() -> None:
    ring = filled(50)
    ring.start_turn(0)
    feed(ring, 50, 60)
    ring.settle()
    assert len(ring.kept()) == 10 * PACKET, "he still speaks"
    ring.end_turn(2 * PACKET)
    feed(ring, 60, 65)
    assert ring.is_turn
    assert ring.kept(behind_turn=True)[:PACKET] == numbered(58)
    assert len(ring.kept(behind_turn=True)) == 7 * PACKET
    ring.settle()
    assert ring.kept() == b""
    assert not ring.is_turn
    feed(ring, 65, 1_000)
    assert len(ring.kept()) <= PAUSE * SLACK


def test_an_end_without_a_beginning_changes_nothing() -> None:
    ring = filled(20)
    ring.end_turn(0)
    ring.settle()
    assert len(ring.kept()) == 20 * PACKET
    assert ring.kept(behind_turn=True) == ring.kept()


def test_the_end_of_a_turn_moves_with_what_is_lost_before_it() -> None:
    ring = filled(0)
    ring.start_turn(0)
    feed(ring, 0, 900)
    ring.end_turn(0)
    feed(ring, 900, 950)
    assert len(ring.kept(behind_turn=True)) == 50 * PACKET
    feed(ring, 950, 3_000)
    assert ring.kept(behind_turn=True) == ring.kept()


def test_all_that_no_session_hears_is_kept_until_one_does() -> None:
    ring = filled(300)
    before = len(ring.kept())
    ring.hold()
    feed(ring, 300, 500)
    assert len(ring.kept()) == before + 200 * PACKET
    ring.release()
    feed(ring, 500, 650)
    assert len(ring.kept()) == before + 350 * PACKET, "until it had time to find words in it"
    feed(ring, 650, 651)
    assert len(ring.kept()) <= PAUSE * SLACK


def test_what_is_kept_for_a_session_to_find_words_in_is_bounded_too() -> None:
    ring = filled(300)
    ring.hold()
    feed(ring, 300, 1_300)
    ring.release()
    for at in range(1_300, 1_600):
        feed(ring, at, at + 1)
        assert len(ring.kept()) <= TURN_OCTETS * SLACK


def test_a_leg_of_two_octets_a_sample_keeps_as_many_octets_and_whole_samples() -> None:
    ring = filled(2_000, AudioFormat.PCM24K)
    assert len(ring.kept()) <= TURN_OCTETS * SLACK
    assert len(ring.kept()) % 2 == 0
    ring.start_turn(500)
    assert len(ring.kept()) == 1_000
