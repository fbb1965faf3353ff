"""What was heard of the model's audio, estimated or tracked, and what an interruption cuts."""

import pytest

pytest.importorskip("agents", reason="the extra `agents` is not installed")

from agents.realtime.model import RealtimePlaybackTracker

from telephony.app.agents_sdk.playback import MAX_PARTS, Playback
from telephony.units import Nanoseconds, ms_to_ns
from telephony.voice import AudioReceived, DeleteItem, TruncateItem, VoiceFormat


def at(ms: float) -> Nanoseconds:
    return ms_to_ns(1_000 + ms)


def playing(
    *parts: tuple[str, int], tracker: RealtimePlaybackTracker | None = None, index: int = 0
) -> Playback:
    """Have items of so many milliseconds come at once, each a response of its own."""
    playback = Playback(tracker)
    playback.audio_format = VoiceFormat.PCMU
    for item_id, lasts_ms in parts:
        audio = AudioReceived(f"r_{item_id}", item_id, index, bytes(8 * lasts_ms))
        playback.take(audio, at(0))
        playback.finish(item_id, index)
    return playback


def ids(parts: object) -> list[str]:
    assert isinstance(parts, tuple)
    return [part.item_id for part in parts]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def test_items_play_one_behind_the_other_and_what_nobody_heard_is_deleted() -> None:
    cut = playing(("i1", 100), ("i2", 100), ("i3", 100)).interrupt(at(150))
    assert cut.commands == (TruncateItem("i2", 0, 50), DeleteItem("i3"))
    assert ids(cut.parts) == ["i2", "i3"]


def test_a_pause_in_what_comes_is_not_heard() -> None:
    playback = playing(("i1", 100))
    playback.take(AudioReceived("r_i1", "i1", 0, bytes(800)), at(1_000))
    cut = playback.interrupt(at(1_030))
    assert cut.commands == (TruncateItem("i1", 0, 130),)


def test_what_was_heard_whole_is_left_alone_but_told() -> None:
    playback = playing(("i1", 100), ("i2", 100))
    cut = playback.interrupt(at(500))
    assert cut.commands == ()
    assert ids(cut.parts) == ["i2"], "who plays it may be behind"
    assert playback.interrupt(at(500)).parts == ()


def test_an_unfinished_part_ends_where_it_came_to() -> None:
    playback = Playback(None)
    playback.take(AudioReceived("r1", "i1", 0, bytes(4_800)), at(0))
    playback.finish("i1", 7)
    assert playback.interrupt(at(500)).commands == (TruncateItem("i1", 0, 100),)


def test_an_unheard_part_of_an_item_that_was_heard_is_cut_and_not_deleted() -> None:
    playback = playing(("i1", 100))
    playback.take(AudioReceived("r_i1", "i1", 1, bytes(800)), at(0))
    cut = playback.interrupt(at(50))
    assert cut.commands == (TruncateItem("i1", 0, 50), TruncateItem("i1", 1, 0))
    playback = playing(("i1", 100))
    playback.take(AudioReceived("r_i1", "i1", 1, bytes(800)), at(0))
    assert playback.interrupt(at(0)).commands == (DeleteItem("i1"),)


def test_one_responses_audio_goes_and_the_rest_plays_on() -> None:
    playback = playing(("i1", 100), ("i2", 100), ("i3", 100))
    cut = playback.interrupt(at(50), "r_i2")
    assert (cut.commands, ids(cut.parts)) == ((DeleteItem("i2"),), ["i2"])
    assert playback.interrupt(at(50), "r_other").parts == ()
    assert playback.interrupt(at(120)).commands == (TruncateItem("i3", 0, 20),)


def test_a_tracker_knows_better() -> None:
    tracker = RealtimePlaybackTracker()
    tracker.on_play_ms("i2", 0, 30)
    cut = playing(("i1", 100), ("i2", 100), ("i3", 100), tracker=tracker).interrupt(at(5_000))
    assert cut.commands == (TruncateItem("i2", 0, 30), DeleteItem("i3"))
    assert tracker.get_state()["current_item_id"] is None


def test_an_idle_tracker_cuts_nothing_and_one_ahead_no_more_than_came() -> None:
    tracker = RealtimePlaybackTracker()
    playback = playing(("i1", 100), tracker=tracker)
    assert playback.interrupt(at(10)).commands == ()
    playback.take(AudioReceived("r2", "i2", 0, bytes(800)), at(0))
    tracker.on_play_ms("i2", 0, 900)
    assert playback.interrupt(at(10)).commands == (TruncateItem("i2", 0, 100),)


def test_a_tracker_is_told_only_of_what_it_plays() -> None:
    tracker = RealtimePlaybackTracker()
    playback = playing(("i1", 100), ("i2", 100), tracker=tracker)
    tracker.on_play_ms("i1", 0, 30)
    playback.interrupt(at(0), "r_i2")
    assert tracker.get_state()["current_item_id"] == "i1"
    playback.interrupt(at(0), "r_i1")
    assert tracker.get_state()["current_item_id"] is None
    tracker.on_play_ms("i3", 0, 30)
    playback.end()
    assert tracker.get_state()["current_item_id"] is None


def test_no_more_parts_are_kept_than_an_interruption_could_concern() -> None:
    playback = playing(*[(f"i{n}", 1) for n in range(MAX_PARTS + 5)])
    assert len(playback.interrupt(at(0)).parts) == MAX_PARTS
