"""Who answers: one response at a time, what is unanswered, what waits."""

import json

import pytest

from telephony.local.faults import RefusedEventError
from telephony.local.items import ConversationItems, Entry, Part
from telephony.local.menu import FunctionTool, build_menu
from telephony.local.outbox import Message, Outbox
from telephony.local.responder import Responder
from telephony.local.settings import SessionInForce
from telephony.local.speaker import Speaker
from telephony.realtime import client_events
from telephony.units import Nanoseconds
from tests.support.local_client import Event, audio_of, tiny_voice, types

CONFIG = SessionInForce(type="realtime")
START = Nanoseconds(0)
LATER = Nanoseconds(10**12)
GREETING = "Thank you for calling. You are talking to an automated assistant."


class Side:
    """A responder with its conversation and what it said."""

    def __init__(self) -> None:
        self.outbox = Outbox("t")
        self.conversation = ConversationItems()
        self.responder = Responder(self.conversation, Speaker(tiny_voice()), self.outbox)
        self.responder.configure(
            build_menu("", [FunctionTool("opening_hours"), FunctionTool("transfer_to_operator")])
        )

    def hear(self, *texts: str) -> None:
        for text in texts:
            parts = [Part("input_text", text)]
            self.conversation.add(Entry(self.outbox.mint("item"), "message", "user", parts=parts))

    def respond(self, parameters: client_events.ResponseParameters | None = None) -> list[Event]:
        self.responder.respond(CONFIG, parameters, START)
        return self.drain()

    def finish(self) -> list[Event]:
        self.responder.handle_timer(LATER)
        while (deadline := self.responder.next_deadline()) is not None:
            self.responder.handle_timer(deadline)
        return self.drain()

    def drain(self) -> list[Event]:
        said: list[Event] = []
        while isinstance(output := self.outbox.poll(), Message):
            said.append(json.loads(output.text))
        return said


def transcript(events: list[Event]) -> str:
    """Give the words of a response that has ended."""
    done = [e for e in events if e["type"] == "response.output_audio_transcript.done"]
    return str(done[-1]["transcript"])


def test_a_second_response_is_refused_while_one_is_under_way() -> None:
    side = Side()
    response_id = side.respond()[0]["response"]["id"]
    with pytest.raises(RefusedEventError, match=response_id) as refused:
        side.respond()
    assert refused.value.code == "conversation_already_has_active_response"
    side.finish()
    assert types(side.respond())[0] == "response.created"


def test_a_turn_that_ends_meanwhile_is_answered_after_it() -> None:
    side = Side()
    side.respond()
    side.hear("[keys 1]")
    side.responder.respond_when_free(CONFIG, START)
    assert side.drain() == []
    said = side.finish()
    assert types(said).count("response.created") == 1
    assert transcript(said) == "One moment, please."
    assert side.responder.next_deadline() is None


def test_a_cancelled_response_lets_the_waiting_one_go_on() -> None:
    side = Side()
    side.respond()
    side.hear("[keys 1]")
    side.responder.respond_when_free(CONFIG, START)
    side.responder.cancel(None, START)
    assert types(side.drain())[-1] == "response.output_audio.delta"


def test_an_interruption_drops_what_waits() -> None:
    side = Side()
    side.respond()
    side.responder.respond_when_free(CONFIG, START)
    side.responder.interrupt()
    done = side.drain()[-1]["response"]
    assert done["status_details"]["reason"] == "turn_detected"
    assert side.finish() == []
    side.responder.interrupt()
    assert side.drain() == []


def test_only_the_response_under_way_can_be_cancelled() -> None:
    side = Side()
    with pytest.raises(RefusedEventError) as refused:
        side.responder.cancel(None, START)
    assert refused.value.code == "response_cancel_not_active"
    response_id = side.respond()[0]["response"]["id"]
    with pytest.raises(RefusedEventError):
        side.responder.cancel("resp_other", START)
    side.responder.cancel(response_id, START)
    assert side.drain()[-1]["response"]["status"] == "cancelled"


def test_only_the_callers_last_turn_counts() -> None:
    side = Side()
    side.respond()
    side.finish()
    side.hear("[speech]", "[speech]", "[keys 1]")
    side.respond()
    assert transcript(side.finish()) == "One moment, please."


def test_a_result_is_told_under_the_name_of_its_call() -> None:
    side = Side()
    side.respond()
    side.finish()
    side.hear("[keys 2]")
    side.respond()
    call = side.finish()[-1]["response"]["output"][1]
    output = Entry("out", "function_call_output", call_id=call["call_id"], output="busy")
    side.conversation.add(output)
    side.respond()
    assert transcript(side.finish()).startswith("busy Press 1 for opening hours.")


def test_a_result_without_its_call_is_told_all_the_same() -> None:
    side = Side()
    side.respond()
    side.finish()
    side.conversation.add(
        Entry("out", "function_call_output", call_id="gone", output="We are open.")
    )
    side.respond()
    assert transcript(side.finish()) == "We are open. Is there anything else?"


@pytest.mark.parametrize(
    "instructions",
    [
        'Please say this: "We are open."',
        'Say "We are open." and nothing else.',
        "Say exactly: We are open.",
        "say: We are open.",
    ],
)
def test_instructions_for_one_response_may_give_its_words(instructions: str) -> None:
    side = Side()
    side.respond()
    side.finish()
    side.hear("[keys 1]")
    side.respond(client_events.ResponseParameters(instructions=instructions))
    assert transcript(side.finish()) == "We are open."


def test_other_instructions_for_one_response_are_beyond_rules() -> None:
    side = Side()
    side.respond(client_events.ResponseParameters(instructions="Greet the caller."))
    assert transcript(side.finish()).startswith(GREETING)


def test_text_is_answered_in_text() -> None:
    side = Side()
    said = side.respond(client_events.ResponseParameters(output_modalities=["text"]))
    assert "response.output_text.done" in types(said)
    assert audio_of(said) == b""
    assert not side.responder.has_spoken


def test_a_response_that_may_call_nothing_calls_nothing() -> None:
    side = Side()
    side.hear("[keys 1]")
    side.respond(client_events.ResponseParameters(tool_choice="none"))
    assert [item["type"] for item in side.finish()[-1]["response"]["output"]] == ["message"]


def test_a_response_outside_the_conversation_leaves_the_turn_unanswered() -> None:
    side = Side()
    side.hear("[keys 1]")
    side.respond(client_events.ResponseParameters(conversation="none", metadata={"a": "b"}))
    said = side.finish()
    assert said[-1]["response"]["metadata"] == {"a": "b"}
    assert len(list(side.conversation)) == 1
    side.respond()
    assert transcript(side.finish()) == "One moment, please."


def test_speaking_is_remembered_for_the_session() -> None:
    side = Side()
    assert not side.responder.has_spoken
    side.respond()
    assert side.responder.has_spoken
    side.finish()
    assert side.responder.has_spoken


def test_without_a_response_time_means_nothing() -> None:
    side = Side()
    assert side.finish() == []
    assert side.responder.next_deadline() is None
