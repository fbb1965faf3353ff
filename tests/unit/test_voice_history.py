"""What was said in a call: in order, to the word where that is known, marked where it is not."""

import pytest

from telephony.voice import (
    AgentTranscribed,
    AudioFinished,
    AudioReceived,
    CallerTranscribed,
    History,
    ItemPlace,
    ItemUpdated,
    PastTool,
    PastWords,
    ResponseFinished,
    ResponseStatus,
    SessionOpened,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    VoiceEvent,
    heard_part,
)
from telephony.voice.history import MAX_ITEMS, MAX_OCTETS

CALL = ToolCalled("r1", "f1", "c1", "order_status", '{"order": 7}')


def told(*events: VoiceEvent, epoch: int = 0) -> History:
    history = History()
    for event in events:
        history.handle_event(epoch, event)
    return history


def shown(history: History) -> list[tuple[str, str, bool]]:
    """Give each side's words, and whether they are an estimate."""
    items = (item for item in history.items() if isinstance(item, PastWords))
    return [(item.role, item.text, item.is_estimated) for item in items]


def agent(text: str, item_id: str = "a1", *, is_final: bool = True) -> AgentTranscribed:
    return AgentTranscribed("r1", item_id, 0, text, is_final)


def caller(text: str, item_id: str = "u1", *, is_final: bool = True) -> CallerTranscribed:
    return CallerTranscribed(item_id, text, is_final)


def test_each_side_is_told_in_the_order_in_which_it_began_to_speak() -> None:
    history = told(
        agent("Hello"),
        SpeechStarted("u1", 100),
        SpeechStopped("u1", 900),
        agent("Which", "a2", is_final=False),
        agent(" one?", "a2", is_final=False),
        caller("My order"),
        agent("Which one, please?", "a2"),
        SessionOpened("s"),
    )
    assert shown(history) == [
        ("agent", "Hello", False),
        ("caller", "My order", False),
        ("agent", "Which one, please?", False),
    ]


def test_the_callers_words_without_a_transcript_are_told_by_their_length() -> None:
    history = told(
        SpeechStarted("u1", 300), SpeechStopped("u1", 4_500), caller("wh", is_final=False)
    )
    assert shown(history) == [("caller", "[caller spoke, 4.2 s]", True)]
    assert not history.has_words(ItemPlace(0, "u1"))
    history.handle_event(0, caller("what?"))
    assert shown(history) == [("caller", "what?", False)]
    assert history.has_words(ItemPlace(0, "u1"))


def test_what_is_being_said_now_is_not_told() -> None:
    history = told(SpeechStarted("u1", 300))
    assert history.items() == ()


def test_a_noise_that_held_no_words_is_not_told() -> None:
    history = told(SpeechStarted("u1", 0), SpeechStopped("u1", 200), caller(""))
    assert history.items() == ()


def test_a_turn_whose_beginning_was_not_told_has_no_length() -> None:
    assert shown(told(SpeechStopped("u1", 200))) == [("caller", "[caller spoke, 0.0 s]", True)]


def test_words_that_were_cut_end_where_the_audio_did() -> None:
    history = told(agent("one two three four"))
    history.handle_cut(ItemPlace(0, "a1"), 8_000, 16_000)
    assert shown(history) == [("agent", "one two …", True)]
    history.handle_event(0, agent("one two three four"))
    assert shown(history) == [("agent", "one two …", True)], "in whichever order they come"


def test_words_that_nobody_heard_are_not_told() -> None:
    history = told(AudioReceived("r1", "a1", 0, b"x"))
    history.handle_cut(ItemPlace(0, "a1"), 0, 800)
    history.handle_event(0, agent("never heard"))
    history.handle_cut(ItemPlace(0, "late"), 0, 1)
    history.handle_event(0, agent("nor this", "late"))
    assert history.items() == ()


def test_a_server_that_writes_nothing_of_what_it_says_leaves_an_estimate() -> None:
    history = told(AudioReceived("r1", "a1", 0, b"x"), AudioReceived("r1", "a1", 0, b"x"))
    assert shown(history) == [("agent", "[spoke]", True)]
    history.handle_event(0, AudioFinished("r1", "a1", 0))
    history.handle_event(0, ItemUpdated("a1", "assistant", "completed", None, ("Good", "day")))
    assert shown(history) == [("agent", "Good day", False)]
    history.handle_event(0, ItemUpdated("a1", "assistant", "completed", None, ("Other",)))
    history.handle_event(0, ItemUpdated("past_9", "user", "completed", None, ("ours",)))
    assert shown(history) == [("agent", "Good day", False)]


@pytest.mark.parametrize(
    ("end", "is_estimated"),
    [
        (AudioFinished("r1", "a1", 0), False),
        (AudioFinished("r1", "other", 0), True),
        (ResponseFinished("r1", ResponseStatus.COMPLETED), False),
        (ResponseFinished("r1", ResponseStatus.FAILED), True),
        (SessionOpened("s"), True),
    ],
)
def test_words_written_ahead_of_audio_that_never_came_are_an_estimate(
    end: VoiceEvent, *, is_estimated: bool
) -> None:
    history = told(agent("Good day to you"), AudioReceived("r1", "a1", 0, bytes(160)), end)
    history.handle_event(1, ResponseFinished("r1", ResponseStatus.COMPLETED))
    assert shown(history) == [("agent", "Good day to you", is_estimated)]


def test_a_tool_is_told_whole_or_as_one_at_work() -> None:
    history = told(CALL)
    (running,) = history.items()
    assert running == PastTool("past_1", "c1", "order_status", '{"order": 7}', None)
    history.add_output("c1", "shipped")
    history.add_output("c1", "again")
    history.add_output("unknown", "?")
    (answered,) = history.items()
    assert answered == PastTool("past_1", "c1", "order_status", '{"order": 7}', "shipped")
    assert isinstance(answered, PastTool)
    assert answered.output_name == "past_1_output"


def test_keys_are_words_of_the_caller() -> None:
    history = History()
    history.add_text("[keys 12#]")
    assert shown(history) == [("caller", "[keys 12#]", False)]
    (item,) = history.items()
    assert isinstance(item, PastWords)
    assert item.place is None


def test_one_id_in_two_sessions_is_two_items() -> None:
    history = told(agent("first"))
    history.handle_event(1, agent("second"))
    assert [item.name for item in history.items()] == ["past_1", "past_2"]
    places = [item.place for item in history.items() if isinstance(item, PastWords)]
    assert places == [ItemPlace(0, "a1"), ItemPlace(1, "a1")]


def test_one_call_id_in_two_sessions_is_two_calls_in_their_order() -> None:
    history = told(CALL)
    history.add_output("c1", "shipped")
    history.add_text("And the bill?")
    history.handle_event(1, ToolCalled("r1", "f1", "c1", "bill", "{}"))
    history.add_output("c1", "paid")
    assert history.items() == (
        PastTool("past_1", "past_1", "order_status", '{"order": 7}', "shipped"),
        PastWords("past_2", "caller", "And the bill?"),
        PastTool("past_3", "c1", "bill", "{}", "paid"),
    )


def test_calls_that_share_an_id_count_for_as_long_as_they_are_told() -> None:
    history = History()
    for epoch in range(MAX_ITEMS):
        history.handle_event(epoch, CALL)
        history.add_output("c1", "a" * 1_000)
    assert len(history.items()) == MAX_OCTETS // (1_000 + len(CALL.arguments))


def test_what_is_told_in_another_way_is_forgotten() -> None:
    history = told(SpeechStarted("u1", 0), SpeechStopped("u1", 1_000), agent("Hello"))
    history.forget(ItemPlace(0, "u1"))
    history.forget(ItemPlace(0, "u1"))
    assert shown(history) == [("agent", "Hello", False)]


# ---- bounds -----------------------------------------------------------------------------------


def test_the_oldest_falls_first_and_a_tool_with_its_output() -> None:
    history = told(CALL)
    history.add_output("c1", "shipped")
    for index in range(MAX_ITEMS - 1):
        history.add_text(str(index))
    assert isinstance(history.items()[0], PastTool)
    history.add_text("one more")
    assert len(history.items()) == MAX_ITEMS
    assert not [item for item in history.items() if isinstance(item, PastTool)]


def test_a_tool_at_work_outlives_older_words_and_newer_ones() -> None:
    history = told(CALL)
    for index in range(2 * MAX_ITEMS):
        history.add_text(str(index))
    assert isinstance(history.items()[0], PastTool)
    assert len(history.items()) == MAX_ITEMS


def test_tools_at_work_are_bounded_too() -> None:
    history = History()
    for index in range(MAX_ITEMS + 1):
        history.handle_event(0, ToolCalled("r", "f", f"c{index}", "wait", "{}"))
    first = history.items()[0]
    assert isinstance(first, PastTool)
    assert (first.call_id, len(history.items())) == ("c1", MAX_ITEMS)


@pytest.mark.parametrize("text", ["a" * 1_000, "é" * 500])
def test_all_texts_together_are_bounded_in_octets(text: str) -> None:
    history = History()
    for _ in range(100):
        history.add_text(text)
    assert len(history.items()) == MAX_OCTETS // 1_000


def test_words_that_grow_count_once() -> None:
    history = History()
    for _ in range(70):
        history.handle_event(0, agent("a" * 1_000, is_final=False))
        history.handle_event(0, agent("a" * 1_000))
    history.handle_event(0, agent("more", is_final=False))
    assert shown(history) == [("agent", "a" * 1_000, False)], "what is final grows no more"


def test_one_text_beyond_the_bound_leaves_nothing_behind() -> None:
    history = told(agent("a" * (MAX_OCTETS + 1)))
    assert history.items() == ()
    history.add_text("after")
    assert shown(history) == [("caller", "after", False)]


def test_an_output_beyond_the_bound_takes_its_call_with_it() -> None:
    history = told(CALL)
    history.add_output("c1", "a" * MAX_OCTETS)
    assert history.items() == ()


# ---- what was heard ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "received", "heard"),
    [
        (0, 100, "…"),
        (50, 100, "one two …"),
        (99, 100, "one two three …"),
        (100, 100, "one two three four …"),
        (1, 0, "one two three four …"),
    ],
)
def test_words_that_were_spoken_whole_count_as_heard(sent: int, received: int, heard: str) -> None:
    assert heard_part("one two three four", sent, received) == heard
