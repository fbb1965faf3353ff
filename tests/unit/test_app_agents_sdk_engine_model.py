"""A phone call as the SDK's model: what its session asks for, and what it is told."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from agents import UserError
from agents.realtime import RealtimeAgent
from agents.realtime.model import RealtimeModelListener, RealtimePlaybackTracker
from agents.realtime.model_events import RealtimeModelToolCallEvent
from agents.realtime.model_inputs import (
    RealtimeModelSendAudio,
    RealtimeModelSendInterrupt,
    RealtimeModelSendRawMessage,
    RealtimeModelSendSessionUpdate,
    RealtimeModelSendToolOutput,
    RealtimeModelSendUserInput,
)

from telephony import IncomingCall
from telephony.app.agents_sdk.engine_model import EngineRealtimeModel, NoCallError, converse
from telephony.app.sdk_link import CallLink
from telephony.app.way import SipWay
from telephony.call import (
    AddWords,
    AgentConfigured,
    AnswerCall,
    CallCommandBody,
    CallEnded,
    CallEventBody,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    InterruptAgent,
    ToolRequested,
    VoicePlan,
)
from telephony.errors import TransportError
from telephony.voice import Picture

LINE = VoicePlan(url="ws://model.test", agent="desk")
CALL = IncomingCall("e1-1", "4711", "+15550100", "Ann", "127.0.0.1:5062", ())
ENDED = CallEnded(by="remote", cause="hung up")
REQUEST = ToolRequested(tool_call_id="c1", name="find", arguments="{}", item_id="i1")
PICTURE = "data:image/png;base64,AA=="


class Ear(RealtimeModelListener):
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def on_event(self, event: Any) -> None:
        self.heard.append(event)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.heard]


class Bench:
    """A call and its model."""

    def __init__(self) -> None:
        self.commands: list[CallCommandBody] = []
        self.is_commanded = asyncio.Event()
        self.link = CallLink("e1-1", SipWay(self._take), self._take, lambda _target: True)
        self.link.bind()
        self.model = EngineRealtimeModel(self.link, LINE, "\nKnown.")
        self.ear = Ear()
        self.model.add_listener(self.ear)

    def _take(self, command: CallCommandBody) -> None:
        self.commands.append(command)
        self.is_commanded.set()

    async def answer(self, **settings: Any) -> None:
        """Answer the call, and forget that it was."""
        wanted: Any = settings
        await self.model.connect({"initial_model_settings": wanted})
        await self.tell(AgentConfigured(agent="desk"))
        self.commands.clear()
        self.ear.heard.clear()

    async def settle(self) -> None:
        """Let what is on its way arrive."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def tell(self, *rows: CallEventBody) -> None:
        for row in rows:
            self.link.handle_row(row)
        await self.settle()

    async def send(self, event: Any) -> list[CallCommandBody]:
        """Have the session send something; give the commands."""
        await self.model.send_event(event)
        await self.settle()
        given, self.commands[:] = list(self.commands), []
        return given


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


# ---- connect ----------------------------------------------------------------------------------


def test_connecting_answers_the_call_and_says_so_when_the_session_is_granted() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.model.connect({"initial_model_settings": {"instructions": "Help."}})
        await bench.settle()
        (answer,) = bench.commands
        assert isinstance(answer, AnswerCall)
        assert answer.plan is not None
        assert answer.plan.instructions == "Help.\nKnown."
        assert [event.status for event in bench.ear.heard] == ["connecting"]
        assert bench.link.is_answered
        await bench.model.close()

    run(main)


@pytest.mark.parametrize("option", ["url", "api_key", "headers", "call_id"])
def test_another_connection_than_the_lines_is_refused(option: str) -> None:
    async def main() -> None:
        bench = Bench()
        options: Any = {option: "x"}
        with pytest.raises(UserError, match=rf"{option} is set, wanted it in \[realtime.NAME\]"):
            await bench.model.connect(options)
        await bench.settle()
        assert not bench.commands

    run(main)


def test_a_call_has_one_session() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.answer()
        with pytest.raises(UserError, match="one session"):
            await bench.model.connect({})
        await bench.model.close()

    run(main)


def test_settings_that_no_line_can_have_leave_the_call_unanswered() -> None:
    async def main() -> None:
        bench = Bench()
        with pytest.raises(UserError, match="turn_detection"):
            await bench.model.connect({"initial_model_settings": {"turn_detection": None}})
        with pytest.raises(NoCallError):
            await bench.send(RealtimeModelSendUserInput("Hello"))
        await bench.model.close()
        assert not bench.commands

    run(main)


def test_a_tracker_of_the_sessions_own_is_the_one_that_is_told() -> None:
    async def main() -> None:
        bench = Bench()
        assert isinstance(bench.model.playback_tracker, RealtimePlaybackTracker)
        own = RealtimePlaybackTracker()
        await bench.model.connect({"playback_tracker": own})
        assert bench.model.playback_tracker is own
        await bench.model.close()

    run(main)


# ---- what the session sends -------------------------------------------------------------------

MESSAGE: dict[str, Any] = {
    "type": "message",
    "role": "user",
    "content": [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
        {"type": "input_text", "text": "Be brief."},
    ],
}


@pytest.mark.parametrize(
    ("event", "command"),
    [
        (RealtimeModelSendUserInput("Hello"), AddWords(text="Hello")),
        (
            RealtimeModelSendUserInput(MESSAGE),  # type: ignore[arg-type] # as users write it
            AddWords(text="What is this?\nBe brief.", pictures=(Picture(PICTURE, "low"),)),
        ),
        (RealtimeModelSendInterrupt(), InterruptAgent()),
        (
            RealtimeModelSendInterrupt(force_response_cancel=True, response_id="r"),
            InterruptAgent(response_id="r"),
        ),
        (
            RealtimeModelSendInterrupt(playback_only=True, response_id="r"),
            InterruptAgent(response_id="r", stops="playout"),
        ),
        (
            RealtimeModelSendInterrupt(cancel_response_only=True, response_id="r"),
            InterruptAgent(response_id="r", stops="response"),
        ),
        (RealtimeModelSendRawMessage({"type": "response.create"}), AddWords()),
        (
            RealtimeModelSendRawMessage({"type": "response.cancel"}),
            InterruptAgent(stops="response"),
        ),
    ],
)
def test_what_the_session_sends_becomes_a_command(event: Any, command: CallCommandBody) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.answer()
        assert await bench.send(event) == [command]
        assert await bench.model.send_event_if(event, lambda: False) is False
        assert await bench.model.send_event_if(event, lambda: True) is True
        await bench.settle()
        assert bench.commands == [command]
        await bench.model.close()

    run(main)


@pytest.mark.parametrize(
    ("event", "error", "why"),
    [
        (RealtimeModelSendAudio(b"\0"), UserError, "comes from the phone line"),
        (RealtimeModelSendRawMessage({"type": "session.update"}), UserError, "speaks the protocol"),
        (
            RealtimeModelSendRawMessage(
                {"type": "response.create", "other_data": {"response": {"instructions": "x"}}}
            ),
            UserError,
            "without options",
        ),
        (
            RealtimeModelSendInterrupt(playback_only=True, force_response_cancel=True),
            ValueError,
            "cannot be combined",
        ),
        (RealtimeModelSendInterrupt(cancel_response_only=True), ValueError, "requires response_id"),
        ("hello", TypeError, "no event to send: str"),
        (RealtimeModelSendUserInput(7), TypeError, "wanted str"),  # type: ignore[arg-type] # wrong
    ],
)
def test_what_no_line_can_do_is_refused(event: Any, error: type[Exception], why: str) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.answer()
        with pytest.raises(error, match=why):
            await bench.send(event)
        assert not bench.commands
        await bench.model.close()

    run(main)


def test_a_tools_output_goes_to_the_engine_and_into_the_history() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.answer()
        await bench.tell(REQUEST)
        call = bench.ear.heard[-1]
        assert isinstance(call, RealtimeModelToolCallEvent)
        given = await bench.send(RealtimeModelSendToolOutput(call, "found", start_response=True))
        assert given == [GiveToolResult(tool_call_id="c1", output="found")]
        done = bench.ear.heard[-1]
        assert (done.type, done.item.status, done.item.output) == (
            "item_updated",
            "completed",
            "found",
        )
        await bench.model.close()

    run(main)


def test_an_update_of_the_session_configures_the_next_agent() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.answer()
        wanted: Any = {"instructions": "Bill them.", "voice": "coral"}
        (configure,) = await bench.send(RealtimeModelSendSessionUpdate(wanted))
        assert isinstance(configure, ConfigureAgent)
        assert (configure.plan.instructions, configure.plan.voice) == (
            "Bill them.\nKnown.",
            "coral",
        )
        await bench.model.close()

    run(main)


# ---- the end ----------------------------------------------------------------------------------


def test_closing_hangs_up_once_the_words_were_heard_and_only_once() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.answer()
        await bench.model.close()
        await bench.model.close()
        await bench.settle()
        cause = "the agent's session was closed"
        assert bench.commands == [HangUp(after_words=True, cause=cause)]
        await bench.tell(ENDED)
        assert bench.ear.heard == [], "a session that was closed is told no more"

    run(main)


def test_behind_the_end_of_a_call_nothing_is_asked_of_it() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.answer()
        await bench.tell(ENDED)
        assert bench.ear.types[:2] == ["other", "connection_status"]
        assert await bench.send(RealtimeModelSendUserInput("Hello?")) == []
        bench.model.remove_listener(bench.ear)
        await bench.model.close()
        await bench.settle()
        assert bench.commands == []

    run(main)


def test_the_sdks_own_session_conducts_a_call_to_its_end() -> None:
    async def main() -> None:
        bench = Bench()
        agent = RealtimeAgent[IncomingCall](
            name="desk", instructions=lambda context, _agent: f"Help {context.context.caller_name}."
        )
        conducting = asyncio.create_task(converse(agent, bench.model, CALL))
        await bench.is_commanded.wait()
        (answer,) = bench.commands
        assert isinstance(answer, AnswerCall)
        assert answer.plan is not None
        assert answer.plan.instructions == "Help Ann.\nKnown."
        await bench.tell(ENDED)
        await conducting
        assert len(bench.commands) == 1

    run(main)


def test_a_call_that_the_engine_gave_up_raises_in_the_session() -> None:
    async def main() -> None:
        bench = Bench()
        agent = RealtimeAgent[IncomingCall](name="desk")
        conducting = asyncio.create_task(converse(agent, bench.model, CALL))
        await bench.is_commanded.wait()
        bench.link.handle_row(CallEnded(by="failure", cause="the voice session was lost"))
        with pytest.raises(TransportError, match="was lost"):
            await conducting

    run(main)
