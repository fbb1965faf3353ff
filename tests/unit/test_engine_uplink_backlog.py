"""What waits: messages ahead of audio, whole frames only, the oldest audio dropped first."""

from telephony.engine.uplink_backlog import UplinkBacklog


def drain(backlog: UplinkBacklog, step: int = 1000) -> list[bytes]:
    """Write all that waits, at most `step` octets at a time."""
    written: list[bytes] = []
    while True:
        if backlog.rest is None:
            frame, _ = backlog.next_frame()
            if not frame:
                return written
            backlog.pop()
            backlog.begin(frame, 0)
        assert backlog.rest is not None
        part = bytes(backlog.rest[:step])
        written.append(part)
        backlog.advance(len(part))


def test_nothing_waits_at_first() -> None:
    backlog = UplinkBacklog()
    assert not backlog
    assert backlog.rest is None
    assert backlog.next_frame() == (b"", False)


def test_messages_go_ahead_of_audio_and_each_lane_keeps_its_order() -> None:
    backlog = UplinkBacklog()
    backlog.push_audio(b"a1", 20)
    backlog.push_message(b"m1")
    backlog.push_audio(b"a2", 20)
    backlog.push_message(b"m2")
    assert drain(backlog) == [b"m1", b"m2", b"a1", b"a2"]


def test_a_message_after_audio_keeps_its_place() -> None:
    backlog = UplinkBacklog()
    backlog.push_audio(b"a1", 20)
    backlog.push_after_audio(b"commit")
    backlog.push_audio(b"a2", 20)
    assert drain(backlog) == [b"a1", b"commit", b"a2"]


def test_a_frame_begun_is_finished_before_anything_else() -> None:
    backlog = UplinkBacklog()
    backlog.begin(b"a0123", 2)
    backlog.push_message(b"m1")
    assert drain(backlog, step=2) == [b"12", b"3", b"m1"]


def test_what_is_sealed_later_goes_behind_what_was_sealed_before() -> None:
    backlog = UplinkBacklog()
    backlog.begin(b"a0123", 3)
    backlog.begin(b"record", 0)
    backlog.push_message(b"m1")
    assert drain(backlog) == [b"23record", b"m1"]


def test_what_is_next_is_known_to_be_audio_or_not() -> None:
    backlog = UplinkBacklog()
    backlog.push_audio(b"a1", 20)
    backlog.push_after_audio(b"commit")
    assert backlog.next_frame() == (b"a1", True)
    backlog.push_message(b"m1")
    assert backlog.next_frame() == (b"m1", False)
    backlog.pop()
    backlog.pop()
    assert backlog.next_frame() == (b"commit", False)


def test_the_oldest_audio_is_dropped_and_messages_among_it_stay() -> None:
    backlog = UplinkBacklog()
    backlog.push_audio(b"a1", 20)
    backlog.push_after_audio(b"clear")
    backlog.push_audio(b"a2", 20)
    backlog.push_after_audio(b"commit")
    for number in range(3, 6):
        backlog.push_audio(b"a%d" % number, 20)
    assert backlog.trim_audio(60) == (2, 40)
    assert (backlog.audio_ms, backlog.audio_frames) == (60, 3)
    assert drain(backlog) == [b"clear", b"commit", b"a3", b"a4", b"a5"]


def test_the_newest_audio_stays_whatever_the_limit() -> None:
    backlog = UplinkBacklog()
    backlog.push_audio(b"a1", 20)
    backlog.push_audio(b"a2", 20)
    assert backlog.trim_audio(-500) == (1, 20)
    assert drain(backlog) == [b"a2"]
    assert backlog.trim_audio(0) == (0, 0)


def test_what_waits_is_known_in_milliseconds_and_octets() -> None:
    backlog = UplinkBacklog()
    backlog.push_audio(b"a1", 20)
    backlog.push_audio(b"a2", 12.5)
    backlog.push_message(b"123")
    backlog.push_after_audio(b"12345")
    assert (backlog.audio_ms, backlog.audio_frames, backlog.message_octets) == (32.5, 2, 8)
    drain(backlog)
    assert (backlog.audio_ms, backlog.audio_frames, backlog.message_octets) == (0, 0, 0)


def test_a_session_that_closes_forgets_its_audio_but_not_the_frame_begun() -> None:
    backlog = UplinkBacklog()
    backlog.begin(b"a0", 1)
    backlog.push_audio(b"a1", 20)
    backlog.push_after_audio(b"commit")
    backlog.push_message(b"close")
    backlog.clear_audio()
    assert (backlog.audio_ms, backlog.message_octets) == (0, len(b"close"))
    assert drain(backlog) == [b"0", b"close"]
