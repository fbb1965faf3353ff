"""Keys become entries: ended by #, by a pause, or by their number."""

from telephony.call.keys import MAX_KEYS, PAUSE_NS, KeyCollector
from telephony.units import Nanoseconds

START = Nanoseconds(10)


def test_hash_ends_an_entry_and_belongs_to_it() -> None:
    keys = KeyCollector()
    for key in "12#":
        keys.handle_key(key, START)
    assert keys.poll_entry() == "12#"
    assert keys.poll_entry() is None
    assert keys.next_deadline() is None


def test_a_pause_of_two_seconds_after_the_last_key_ends_an_entry() -> None:
    keys = KeyCollector()
    keys.handle_key("1", START)
    later = Nanoseconds(START + 1_500_000_000)
    keys.handle_key("2", later)
    assert keys.next_deadline() == later + PAUSE_NS
    keys.handle_timer(Nanoseconds(later + PAUSE_NS - 1))
    assert keys.poll_entry() is None
    keys.handle_timer(Nanoseconds(later + PAUSE_NS))
    assert keys.poll_entry() == "12"


def test_an_entry_is_bounded() -> None:
    keys = KeyCollector()
    for _ in range(MAX_KEYS):
        keys.handle_key("7", START)
    assert keys.poll_entry() == "7" * MAX_KEYS


def test_no_key_no_entry() -> None:
    keys = KeyCollector()
    keys.handle_timer(Nanoseconds(10**12))
    assert keys.poll_entry() is None
    assert keys.next_deadline() is None
