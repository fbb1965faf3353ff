"""A memory of bounded size."""

from telephony.realtime.late_audio import CutAudio
from telephony.realtime.recent import Recent


def test_the_oldest_is_forgotten_when_it_is_full() -> None:
    recent: Recent[str, int] = Recent(2)
    for value, key in enumerate("abac"):
        recent.put(key, value)
    assert ("a" in recent, recent.get("b"), recent.get("c"), len(recent)) == (False, 1, 3, 2)


def test_what_is_taken_out_is_gone() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    assert (recent.pop("a"), recent.pop("a"), recent.get("a")) == (1, None, None)


def test_a_server_that_makes_up_items_does_not_fill_the_memory() -> None:
    cut = CutAudio()
    for number in range(10_000):
        assert not cut.is_late("r", f"i{number}")
    cut.cut_item("i9999")
    assert cut.is_late("r", "i10000")
