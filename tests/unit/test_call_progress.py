"""An agent that somebody else conducts: how its words go on is told, and it takes orders."""

import pytest

from telephony.call import AddWords, HangUp, InterruptAgent
from telephony.errors import LocalError
from telephony.voice import (
    AddText,
    AgentTranscribed,
    AudioFinished,
    AudioReceived,
    CancelResponse,
    DeleteItem,
    ItemUpdated,
    Picture,
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SpeechStarted,
    TruncateItem,
)
from tests.support.call_bench import GRANTED, PLAN, WORD, CallBench

FOLLOWED = PLAN.model_copy(update={"is_followed": True})
TOLD = {
    "agent.response_began",
    "agent.words_added",
    "agent.audio_ended",
    "playout.advanced",
    "item.noted",
}
SPEECH = SpeechStarted("caller-item", 1000)


def talking(*, is_followed: bool = True) -> CallBench:
    bench = CallBench(plan=FOLLOWED if is_followed else PLAN)
    bench.talk()
    return bench


def words(text: str, *, item: str = "item", response: str = "resp") -> AgentTranscribed:
    return AgentTranscribed(response, item, 0, text, is_final=False)


def whole(text: str, *, item: str = "item", response: str = "resp") -> AgentTranscribed:
    return AgentTranscribed(response, item, 0, text, is_final=True)


def audio(ms: int, *, item: str = "item", response: str = "resp") -> AudioReceived:
    return AudioReceived(response, item, 0, WORD * (ms * 8))


def told(bench: CallBench, kind: str, *fields: str) -> list[tuple[object, ...]]:
    """Give these fields of each row of a type."""
    rows = [row.payload.model_dump() for row in bench.rows if row.type == kind]
    return [tuple(row[name] for name in fields) for row in rows]


# ---- what is told -----------------------------------------------------------------------------


def test_of_an_agent_that_nobody_follows_nothing_more_is_told_than_ever() -> None:
    bench = talking(is_followed=False)
    bench.voice(ResponseStarted("resp"), audio(500), words("Good "), whole("Good day."))
    bench.voice(ItemUpdated("item", "assistant", "completed", None, ("Good day.",)))
    bench.run(1000)
    assert not TOLD & set(bench.types())


def test_a_response_its_audio_and_its_items_are_told() -> None:
    bench = talking()
    bench.voice(
        ResponseStarted("resp"),
        ItemUpdated("item", "assistant", "in_progress", "caller-item", ()),
        audio(100),
        AudioFinished("resp", "item", 0),
    )
    assert told(bench, "agent.response_began", "response_id") == [("resp",)]
    assert told(bench, "agent.audio_ended", "item_id", "content_index") == [("item", 0)]
    assert told(bench, "item.noted", "item_id", "role", "status", "previous_item_id", "texts") == [
        ("item", "assistant", "in_progress", "caller-item", ())
    ]


def test_words_are_told_at_once_then_together_and_all_of_them_before_the_whole_text() -> None:
    bench = talking()
    bench.voice(ResponseStarted("resp"), words("Good "))
    bench.run(40)
    bench.voice(words("day, "))
    bench.run(40)
    bench.voice(words("this "))
    bench.run(20)
    bench.voice(words("is "))
    bench.voice(words("the "))
    bench.voice(whole("Good day, this is the library."))
    pieces = [text for (text,) in told(bench, "agent.words_added", "text")]
    assert pieces == ["Good ", "day, this is ", "the library."]
    assert bench.types()[-2:] == ["agent.words_added", "speech.transcribed"]


def test_a_server_that_writes_only_whole_texts_has_them_told_as_words() -> None:
    bench = talking()
    bench.voice(ResponseStarted("resp"), whole("Good day."), whole("", item="other"))
    assert told(bench, "agent.words_added", "item_id", "text") == [("item", "Good day.")]


def test_words_of_a_response_that_was_broken_off_are_told_before_its_end() -> None:
    bench = talking()
    bench.voice(ResponseStarted("resp"), words("Good "), words("day"))
    bench.voice(words("Other", item="b", response="older"))
    bench.voice(ResponseFinished("resp", ResponseStatus.CANCELLED))
    texts = told(bench, "agent.words_added", "text")
    assert texts == [("Good ",), ("Other",), ("day",)]
    assert bench.types()[-2:] == ["agent.words_added", "agent.response_ended"]
    bench.voice(words(" again"))
    assert told(bench, "agent.words_added", "text")[3:] == [(" again",)]


def test_parts_without_end_are_forgotten_oldest_first() -> None:
    bench = talking()
    for number in range(65):
        bench.voice(words("a", item=f"item{number}"), words("b", item=f"item{number}"))
    bench.voice(whole("ab", item="item0"), whole("ab", item="item64"))
    last = told(bench, "agent.words_added", "item_id", "text")[65:]
    assert last == [("item0", "ab"), ("item64", "b")]


def test_what_the_caller_was_sent_is_told_five_times_a_second_and_at_its_end() -> None:
    bench = talking()
    bench.say(500)
    bench.run(1000)
    sent = told(bench, "playout.advanced", "item_id", "content_index", "sent_ms")
    assert [item for item, _, _ in sent] == ["item"] * 3
    assert [sent_ms for _, _, sent_ms in sent] == [180, 380, 500]
    rows = len(bench.rows)
    bench.run(5000)
    assert len(bench.rows) == rows, "nothing is told of silence"


def test_an_item_shorter_than_the_interval_is_told_as_well() -> None:
    bench = talking()
    bench.say(60)
    bench.run(400)
    assert told(bench, "playout.advanced", "item_id", "sent_ms") == [("item", 60)]


def test_at_an_interruption_the_last_told_is_what_the_memory_is_cut_at() -> None:
    bench = talking()
    bench.say(3000)
    bench.run(330)
    bench.voice(SPEECH)
    ((cut_ms,),) = told(bench, "item.truncated", "audio_end_ms")
    assert told(bench, "playout.advanced", "sent_ms")[-1] == (cut_ms,)
    assert bench.types()[-2:] == ["playout.advanced", "item.truncated"]
    bench.run(1000)
    assert told(bench, "playout.advanced", "sent_ms")[-1] == (cut_ms,), "not once more"


# ---- InterruptAgent ---------------------------------------------------------------------------


def test_an_interrupted_agent_is_silent_and_remembers_what_was_sent() -> None:
    bench = talking()
    bench.voice(ResponseStarted("resp"), audio(3000))
    bench.run(100)
    bench.command(InterruptAgent())
    cut_ms = told(bench, "item.truncated", "audio_end_ms")[0][0]
    assert isinstance(cut_ms, int)
    assert bench.told == [CancelResponse("resp"), TruncateItem("item", 0, cut_ms)]
    assert 100 <= cut_ms <= 130


def test_an_interrupt_of_one_response_leaves_the_others_to_be_heard() -> None:
    bench = talking()
    bench.say(200, item="a", response="first")
    bench.voice(ResponseStarted("second"), audio(200, item="b", response="second"))
    bench.command(InterruptAgent(response_id="second"))
    assert bench.told == [CancelResponse("second"), DeleteItem("b")]
    bench.run(1000)
    assert told(bench, "playout.advanced", "item_id", "sent_ms")[-1] == ("a", 200)


def test_an_interrupt_of_a_response_that_is_over_stops_nothing() -> None:
    bench = talking()
    bench.voice(ResponseStarted("second"), audio(200, item="b", response="second"))
    bench.command(InterruptAgent(response_id="first"))
    assert not bench.told
    bench.run(1000)
    assert told(bench, "playout.advanced", "sent_ms")[-1] == (200,)


def test_stopping_only_what_the_model_says_lets_what_came_be_heard() -> None:
    bench = talking()
    bench.voice(ResponseStarted("resp"), audio(200))
    bench.command(InterruptAgent(response_id="resp", stops="response"))
    assert bench.told == [CancelResponse("resp")]
    bench.run(1000)
    assert told(bench, "playout.advanced", "sent_ms")[-1] == (200,)


def test_stopping_only_what_is_heard_lets_the_model_go_on() -> None:
    bench = talking()
    bench.voice(ResponseStarted("resp"), audio(3000))
    bench.run(100)
    bench.command(InterruptAgent(response_id="resp", stops="playout"))
    assert [type(command) for command in bench.told] == [TruncateItem]
    bench.voice(audio(200, item="next"))
    bench.run(1000)
    assert told(bench, "playout.advanced", "item_id", "sent_ms")[-1] == ("next", 200)


# ---- AddWords ---------------------------------------------------------------------------------


def test_words_for_the_agent_are_added_and_answered() -> None:
    bench = talking()
    picture = Picture("data:image/png;base64,AA==")
    bench.command(AddWords(text="The caller is Ann.", pictures=(picture,)))
    bench.command(AddWords(text="She is in a hurry.", respond=False))
    bench.command(AddWords())
    assert bench.told == [
        AddText("The caller is Ann.", pictures=(picture,)),
        Respond(),
        AddText("She is in a hurry."),
        Respond(),
    ]


def test_words_before_the_greeting_are_answered_by_it() -> None:
    bench = CallBench(plan=FOLLOWED)
    bench.answer()
    bench.command(AddWords(text="Greet Ann."))
    bench.voice(GRANTED)
    bench.acknowledge()
    bench.speaks = True
    bench.run(60)
    asked = [one for one in bench.told if isinstance(one, AddText | Respond)]
    assert asked == [AddText("Greet Ann."), Respond("Say hello")]


@pytest.mark.parametrize("order", [AddWords(text="Hello"), InterruptAgent()])
def test_a_call_without_an_agent_takes_no_orders_for_one(
    order: AddWords | InterruptAgent,
) -> None:
    bench = CallBench()
    bench.place(plan=None)
    with pytest.raises(LocalError, match=order.type):
        bench.command(order)


def test_orders_that_cross_the_end_of_the_call_are_ignored() -> None:
    bench = talking()
    bench.command(HangUp())
    bench.command(AddWords(text="Hello"))
    bench.command(InterruptAgent())
    assert bench.is_released
