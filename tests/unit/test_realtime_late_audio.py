"""Which audio comes too late, whichever way around items, responses and cuts come."""

from telephony.realtime.late_audio import CutAudio


def in_time(cut: CutAudio, *places: tuple[str, str]) -> list[bool]:
    """Say of audio of some items, each with its response, whether it is in time."""
    return [not cut.is_late(response_id, item_id) for item_id, response_id in places]


def test_audio_is_in_time_until_its_item_is_cut() -> None:
    cut = CutAudio()
    assert in_time(cut, ("a", "r"), ("a", "r"), ("b", "r"), ("a", "r")) == [True] * 4
    cut.cut_item("a")
    assert in_time(cut, ("a", "r"), ("b", "r"), ("a", "r")) == [False] * 3
    assert in_time(cut, ("c", "s"), ("c", "s")) == [True] * 2


def test_audio_is_in_time_until_its_response_is_cut() -> None:
    cut = CutAudio()
    assert in_time(cut, ("a", "r"), ("a", "r")) == [True] * 2
    cut.cut_response("r")
    assert cut.is_cut("r")
    assert in_time(cut, ("a", "r"), ("b", "r"), ("b", "s")) == [False, False, True]


def test_an_item_that_is_in_time_is_not_so_for_a_response_that_was_cut() -> None:
    cut = CutAudio()
    cut.cut_response("r")
    assert in_time(cut, ("a", "s"), ("a", "s"), ("a", "r")) == [True, True, False]


def test_an_item_that_takes_the_id_of_another_is_remembered_anew() -> None:
    cut = CutAudio()
    assert in_time(cut, ("a", "r")) == [True]
    cut.forget_item("a")
    assert not cut.is_known("a")
    assert in_time(cut, ("a", "r")) == [True]
    assert cut.is_known("a")
    cut.cut_item("a")
    cut.forget_item("a")
    cut.forget_response("r")
    assert in_time(cut, ("a", "r")) == [True]


def test_an_item_can_be_cut_before_any_audio_of_it_and_without_a_response() -> None:
    cut = CutAudio()
    cut.cut_item("a")
    assert in_time(cut, ("a", "r"), ("b", "r"), ("c", "")) == [False, True, True]
    cut.cut_item("c")
    assert in_time(cut, ("c", ""), ("b", "r")) == [False, True]
