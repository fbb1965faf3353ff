"""One response at a time: every row of the table, every pair that is not in it, and the stories."""

from itertools import count, product

import pytest

from telephony.realtime.client_events import ResponseCreate, ResponseParameters
from telephony.realtime.responses import (
    ANSWER_NS,
    RETRY_NS,
    SPEECH_NS,
    TRANSITIONS,
    TURN_NS,
    Input,
    ResponseSequencer,
    State,
    Unanswered,
)
from telephony.units import Nanoseconds

NOW = Nanoseconds(1_000)
BUSY = "conversation_already_has_active_response"


class Story:
    """A sequencer with its clock, told in the words of the table."""

    def __init__(self) -> None:
        ids = count(1)
        self.now = NOW
        self.sequencer = ResponseSequencer(lambda: str(next(ids)))
        self.last_id = ""

    def feed(self, what: Input) -> None:
        sequencer = self.sequencer
        match what:
            case Input.ASKED:
                sequencer.ask(None, self.now)
            case Input.CREATED:
                sequencer.handle_created("resp", self.now)
            case Input.DONE:
                sequencer.handle_done("resp", self.now)
            case Input.BUSY:
                sequencer.handle_error(self.last_id, BUSY, self.now)
            case Input.REFUSED:
                sequencer.handle_error(self.last_id, "server_error", self.now)
            case Input.SPEECH_STARTED:
                sequencer.handle_speech(self.now, started=True)
            case Input.SPEECH_STOPPED:
                sequencer.handle_speech(self.now, started=False)
            case Input.EXPIRED:
                self.expire()

    def expire(self) -> None:
        deadline = self.sequencer.next_deadline
        assert deadline is not None
        self.now = deadline
        self.sequencer.handle_timer(self.now)

    def sent(self) -> list[ResponseCreate | Unanswered]:
        found: list[ResponseCreate | Unanswered] = []
        while (output := self.sequencer.poll_output()) is not None:
            found.append(output)
            if isinstance(output, ResponseCreate):
                self.last_id = output.event_id or ""
        return found

    def tell(self, *inputs: Input) -> "Story":
        for what in inputs:
            self.feed(what)
            self.sent()
        return self


WAY_TO = {
    State.IDLE: (),
    State.REQUESTED: (Input.ASKED,),
    State.ACTIVE: (Input.ASKED, Input.CREATED),
    State.INTERRUPTED: (Input.ASKED, Input.CREATED, Input.SPEECH_STARTED),
    State.LISTENING: (Input.SPEECH_STARTED,),
    State.BLOCKED: (Input.ASKED, Input.BUSY),
}
RESENDS = {
    # What is held in these goes out as soon as IDLE is passed.
    (State.BLOCKED, Input.DONE): State.REQUESTED,
    (State.BLOCKED, Input.EXPIRED): State.REQUESTED,
}


@pytest.mark.parametrize(("state", "what"), TRANSITIONS, ids=str)
def test_each_row_leads_where_it_says(state: State, what: Input) -> None:
    story = Story().tell(*WAY_TO[state])
    assert story.sequencer.state is state
    story.feed(what)
    wanted = TRANSITIONS[state, what][0]
    assert story.sequencer.state is RESENDS.get((state, what), wanted)


def test_only_a_deadline_that_is_never_armed_is_missing_from_the_table() -> None:
    missing = set(product(State, Input)) - set(TRANSITIONS)
    assert missing == {(State.IDLE, Input.EXPIRED), (State.ACTIVE, Input.EXPIRED)}


@pytest.mark.parametrize("state", [State.IDLE, State.ACTIVE])
def test_no_deadline_is_armed_where_the_table_has_no_row_for_it(state: State) -> None:
    story = Story().tell(*WAY_TO[state])
    assert story.sequencer.next_deadline is None
    story.sequencer.handle_timer(Nanoseconds(10**15))
    assert story.sequencer.state is state


def test_a_response_is_asked_for_at_once_when_nothing_is_under_way() -> None:
    story = Story()
    story.sequencer.ask("be brief", NOW)
    assert story.sent() == [
        ResponseCreate(event_id="respond_1", response=ResponseParameters(instructions="be brief"))
    ]


def test_several_wishes_become_one_and_the_last_instructions_hold() -> None:
    story = Story().tell(Input.CREATED)
    for instructions in (None, "first", "second", None):
        story.sequencer.ask(instructions, NOW)
    assert story.sent() == []
    story.feed(Input.DONE)
    assert story.sent() == [
        ResponseCreate(event_id="respond_1", response=ResponseParameters(instructions="second"))
    ]


def test_a_request_that_crossed_the_servers_own_response_is_sent_again_after_it() -> None:
    story = Story().tell(Input.ASKED, Input.CREATED, Input.BUSY)
    assert story.sequencer.state is State.ACTIVE
    story.feed(Input.DONE)
    assert story.sent() == [ResponseCreate(event_id="respond_2")]


def test_a_wish_that_comes_while_ours_is_refused_is_joined_with_it() -> None:
    story = Story()
    story.sequencer.ask("greet", NOW)
    story.sent()
    story.sequencer.ask(None, NOW)
    story.last_id = "respond_1"
    story.feed(Input.BUSY)
    story.expire()
    assert story.now == NOW + RETRY_NS
    assert story.sent() == [
        ResponseCreate(event_id="respond_2", response=ResponseParameters(instructions="greet"))
    ]


def test_a_busy_error_without_an_id_is_taken_as_ours() -> None:
    story = Story().tell(Input.ASKED)
    story.sequencer.handle_error(None, "response_already_active", NOW)
    assert story.sequencer.state is State.BLOCKED


@pytest.mark.parametrize(
    ("event_id", "code"), [("item_1", BUSY), ("item_1", "bad"), (None, "rate_limit_exceeded")]
)
def test_an_error_about_something_else_changes_nothing(event_id: str | None, code: str) -> None:
    story = Story().tell(Input.ASKED)
    story.sequencer.handle_error(event_id, code, NOW)
    assert story.sequencer.state is State.REQUESTED


def test_a_refused_request_is_not_sent_again_but_the_next_is() -> None:
    story = Story().tell(Input.ASKED, Input.REFUSED)
    assert story.sent() == []
    story.feed(Input.ASKED)
    assert story.sent() == [ResponseCreate(event_id="respond_2")]


def test_the_end_of_another_response_releases_nothing() -> None:
    story = Story().tell(Input.CREATED, Input.ASKED)
    story.sequencer.handle_done("an earlier one", NOW)
    assert story.sent() == []
    assert story.sequencer.active_id == "resp"


def test_a_request_without_any_answer_is_reported_and_the_next_goes_out() -> None:
    story = Story().tell(Input.ASKED, Input.ASKED)
    story.expire()
    assert story.now == NOW + ANSWER_NS
    assert story.sent() == [Unanswered("respond_1"), ResponseCreate(event_id="respond_2")]


def test_a_deadline_that_has_not_passed_stays() -> None:
    story = Story().tell(Input.ASKED)
    story.sequencer.handle_timer(Nanoseconds(NOW + ANSWER_NS - 1))
    assert story.sequencer.state is State.REQUESTED


def test_while_the_caller_speaks_the_servers_own_response_meets_a_wish() -> None:
    story = Story().tell(Input.SPEECH_STARTED, Input.ASKED, Input.SPEECH_STOPPED, Input.CREATED)
    story.feed(Input.DONE)
    assert story.sent() == []
    assert story.sequencer.state is State.IDLE


def test_a_wish_with_instructions_has_its_turn_after_the_servers_own_response() -> None:
    story = Story().tell(Input.SPEECH_STARTED)
    story.sequencer.ask("say goodbye", NOW)
    story.tell(Input.SPEECH_STOPPED, Input.CREATED)
    story.feed(Input.DONE)
    assert len(story.sent()) == 1


def test_a_wish_is_sent_when_the_server_does_not_answer_the_caller() -> None:
    story = Story().tell(Input.SPEECH_STARTED, Input.ASKED, Input.SPEECH_STOPPED)
    story.expire()
    assert story.now == NOW + TURN_NS
    assert story.sent() == [ResponseCreate(event_id="respond_1")]


def test_speech_whose_end_is_never_told_holds_a_wish_back_only_so_long() -> None:
    story = Story().tell(Input.CREATED, Input.SPEECH_STARTED, Input.ASKED, Input.DONE)
    assert story.sequencer.state is State.LISTENING
    story.expire()
    assert story.now == NOW + SPEECH_NS
    assert story.sent() == [ResponseCreate(event_id="respond_1")]


def test_the_id_of_the_response_under_way_is_known_only_while_it_is() -> None:
    story = Story()
    assert story.sequencer.active_id is None
    story.tell(Input.CREATED)
    assert story.sequencer.active_id == "resp"
    story.tell(Input.DONE)
    assert story.sequencer.active_id is None
