"""One response: order of its events, pace of its audio, an end at any moment."""

import json
from base64 import b64decode
from typing import Any

import pytest

from telephony.local.dialog import FunctionCall, Phrase
from telephony.local.items import ConversationItems
from telephony.local.outbox import Message, Outbox
from telephony.local.responses import Plan, Response
from telephony.local.speaker import Speaker
from telephony.units import NS_PER_MS, Nanoseconds
from telephony_codecs import AudioFormat
from tests.support.local_client import Event, audio_of, tiny_voice, types
from tests.support.local_orders import (
    CALL,
    MESSAGE_BEGINS,
    MESSAGE_ENDS,
    RESPONSE_BEGINS,
    SPOKEN,
    SPOKEN_ENDS,
)

OPEN = Phrase("We are open.")


class Run:
    """A response with its conversation and what it said."""

    def __init__(self, plan: Plan, *, is_outside: bool = False) -> None:
        self.outbox = Outbox("t")
        self.conversation = ConversationItems()
        conversation = None if is_outside else self.conversation
        self.response = Response(plan, conversation, self.outbox)
        self.now_ns = Nanoseconds(0)

    def drain(self) -> list[Event]:
        said: list[Event] = []
        while isinstance(output := self.outbox.poll(), Message):
            said.append(json.loads(output.text))
        return said

    def start(self) -> list[Event]:
        self.response.start(self.now_ns)
        return self.drain()

    def finish(self) -> list[Event]:
        said: list[Event] = []
        while (deadline := self.response.next_deadline()) is not None:
            self.now_ns = deadline
            self.response.handle_timer(self.now_ns)
            said += self.drain()
        return said


def plan(
    *phrases: Phrase,
    call: FunctionCall | None = None,
    audio_format: AudioFormat | None = AudioFormat.PCMU,
    **fields: Any,
) -> Plan:
    """Plan a response; without a format it is text."""
    said = Speaker(tiny_voice()).say(phrases, audio_format or AudioFormat.PCMU)
    return Plan(said, call, audio_format, **fields)


def test_words_come_in_the_recorded_order() -> None:
    run = Run(plan(OPEN, OPEN))
    said = run.start() + run.finish()
    assert types(said) == [*RESPONSE_BEGINS, *SPOKEN, *SPOKEN, *SPOKEN_ENDS]
    assert len(audio_of(said)) == 8_000 + 2_000 + 8_000
    response = said[-1]["response"]
    assert (response["status"], response["status_details"]) == ("completed", None)
    assert response["usage"]["total_tokens"] == 0
    assert response["output"][0]["content"] == [
        {"type": "output_audio", "transcript": "We are open. We are open."}
    ]
    by_type = {event["type"]: event for event in said}
    assert by_type["response.content_part.added"]["part"] == {"type": "audio", "transcript": ""}
    assert by_type["response.output_audio_transcript.done"]["transcript"] == (
        "We are open. We are open."
    )
    assert by_type["response.created"]["response"]["status"] == "in_progress"
    assert len({event["event_id"] for event in said}) == len(said)
    assert run.response.has_spoken
    assert run.response.is_done


def test_a_call_follows_the_words_in_the_recorded_order() -> None:
    run = Run(plan(OPEN, call=FunctionCall("f", '{"a": 1}')))
    said = run.start() + run.finish()
    names = types(said)
    assert names[-len(CALL) - 1 :] == [*CALL, "response.done"]
    done = next(e for e in said if e["type"] == "response.function_call_arguments.done")
    item = said[-1]["response"]["output"][1]
    assert (done["name"], done["arguments"], done["output_index"]) == ("f", '{"a": 1}', 1)
    assert item == {
        "id": done["item_id"],
        "object": "realtime.item",
        "type": "function_call",
        "status": "completed",
        "name": "f",
        "call_id": done["call_id"],
        "arguments": '{"a": 1}',
    }
    added = [e for e in said if e["type"] == "conversation.item.added"]
    assert added[0]["previous_item_id"] is None
    assert added[1]["previous_item_id"] == added[0]["item"]["id"]
    assert added[1]["item"]["status"] == "in_progress"
    assert run.conversation.function_name(done["call_id"]) == "f"


def test_a_call_alone_is_made_at_once() -> None:
    said = Run(plan(call=FunctionCall("f", "{}"))).start()
    assert types(said) == ["response.created", *CALL, "response.done"]


def test_nothing_to_say_is_a_completed_response() -> None:
    assert types(Run(plan()).start()) == ["response.created", "response.done"]


def test_words_as_text_need_no_time() -> None:
    run = Run(plan(OPEN, OPEN, audio_format=None))
    said = run.start()
    assert types(said) == [
        "response.created",
        *MESSAGE_BEGINS,
        "response.output_text.delta",
        "response.output_text.done",
        *MESSAGE_ENDS,
        "response.done",
    ]
    assert said[-1]["response"]["output"][0]["content"] == [
        {"type": "output_text", "text": "We are open. We are open."}
    ]
    assert not run.response.has_spoken


def test_audio_is_sent_five_times_as_fast_as_it_is_spoken() -> None:
    run = Run(plan(OPEN))
    sent = [(0, audio_of(run.start()))]
    while (deadline := run.response.next_deadline()) is not None:
        run.response.handle_timer(Nanoseconds(deadline - 1))
        assert run.drain() == []
        run.response.handle_timer(deadline)
        sent.append((deadline // NS_PER_MS, audio_of(run.drain())))
    assert [at for at, _ in sent] == [0, 40, 80, 120, 160, 200]
    assert [len(audio) for _, audio in sent] == [1_600] * 5 + [0]


def test_a_late_timer_catches_up() -> None:
    run = Run(plan(OPEN))
    run.start()
    run.response.handle_timer(Nanoseconds(130 * NS_PER_MS))
    assert len(audio_of(run.drain())) == 3 * 1_600
    assert run.response.next_deadline() == 160 * NS_PER_MS


@pytest.mark.parametrize("reason", ["turn_detected", "client_cancelled"])
def test_cancelling_closes_the_message_and_drops_the_call(reason: Any) -> None:
    run = Run(plan(OPEN, call=FunctionCall("f", "{}")))
    run.start()
    run.response.cancel(reason)
    said = run.drain()
    assert types(said) == SPOKEN_ENDS
    assert said[-2]["item"]["status"] == "incomplete"
    response = said[-1]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": reason}
    assert run.response.next_deadline() is None
    run.response.handle_timer(Nanoseconds(10**12))
    assert run.drain() == []
    part = next(iter(run.conversation)).parts[0]
    assert part.samples == 1_600


def test_cancelling_before_the_first_word_only_ends_the_response() -> None:
    run = Run(plan())
    run.response.cancel("client_cancelled")
    assert types(run.drain()) == ["response.done"]


def test_a_response_outside_the_conversation_joins_nothing() -> None:
    run = Run(plan(OPEN, metadata={"for": "me"}), is_outside=True)
    said = run.start() + run.finish()
    assert not any(event["type"].startswith("conversation.") for event in said)
    assert list(run.conversation) == []
    assert said[-1]["response"]["metadata"] == {"for": "me"}


def test_every_delta_says_where_it_belongs_and_says_its_type_first() -> None:
    run = Run(plan(OPEN))
    run.response.start(run.now_ns)
    texts: list[bytes] = []
    while isinstance(output := run.outbox.poll(), Message):
        texts.append(output.text)
    delta = next(text for text in texts if b"output_audio.delta" in text)
    assert delta.startswith(b'{"type":"response.output_audio.delta",')
    event = json.loads(delta)
    assert set(event) == {
        "type",
        "event_id",
        "response_id",
        "item_id",
        "output_index",
        "content_index",
        "delta",
    }
    assert event["response_id"] == run.response.response_id
    assert event["item_id"] == next(iter(run.conversation)).item_id
    assert len(b64decode(event["delta"])) == 1_600
