"""A session of openai-agents conducts a call: begun, left, failed, cancelled."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from agents.realtime import RealtimeAgent, RealtimeRunner

from telephony import Answer, IncomingCall, Reject
from telephony.agent import AnyAgent, SdkAgent
from telephony.app import sdk_conductor
from telephony.app.phone import Decision
from telephony.app.plans import Plans, VoiceServer
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.app.tool_threads import ToolThreads
from telephony.call import (
    AgentConfigured,
    AnswerCall,
    CallCommand,
    CallCommandBody,
    CallEnded,
    CallEventBody,
    CallIncoming,
    EventLog,
    GiveToolResult,
    HangUp,
    RejectCall,
    ToolRequested,
)
from telephony.units import Nanoseconds

DESK = RealtimeAgent[IncomingCall](name="Front desk", instructions="Help.")
INCOMING = CallIncoming(
    number="4711",
    to="sip:4711@here",
    caller="+15550100",
    caller_name="Ann",
    source="127.0.0.1:5062",
    sip_call_id="x",
)
ENDED = CallEnded(by="remote", cause="hung up")
SECONDS = 30


class Bench:
    """A switchboard with one line, which an agent of the SDK answers."""

    def __init__(
        self,
        agent: AnyAgent,
        hook: Callable[[IncomingCall], Coroutine[Any, Any, Decision]] | None = None,
        threads: ToolThreads | None = None,
    ) -> None:
        self.tools = ToolRuntime(threads=threads)
        self._commands: asyncio.Queue[CallCommandBody] = asyncio.Queue()
        self._log = EventLog("e1-1", Nanoseconds(0), 0.0)
        self.switchboard = Switchboard(
            [("4711", agent)],
            {agent.name: agent},
            Plans({"local": VoiceServer("ws://model.test")}),
            self.tools,
            self._send,
            hook,
        )

    def _send(self, command: CallCommand) -> None:
        self._commands.put_nowait(command.body)

    def tell(self, payload: CallEventBody) -> None:
        self.switchboard.handle_event(self._log.row(payload, Nanoseconds(0)))

    async def command(self) -> CallCommandBody:
        """Wait for the next command."""
        return await asyncio.wait_for(self._commands.get(), SECONDS)

    @property
    def is_idle(self) -> bool:
        return self._commands.empty()


async def finished() -> None:
    """Wait until nothing runs any more but the test."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(2 * SECONDS):
            await main()

    asyncio.run(in_time())


def test_it_answers_and_its_functions_are_the_sdks() -> None:
    async def main() -> None:
        bench = Bench(SdkAgent(DESK))
        bench.tell(INCOMING)
        answer = await bench.command()
        assert isinstance(answer, AnswerCall)
        assert answer.plan is not None
        assert (answer.plan.agent, answer.plan.instructions) == ("Front desk", "Help.")
        bench.tell(AgentConfigured(agent="Front desk"))
        bench.tell(ToolRequested(tool_call_id="c1", name="unknown", arguments="{}"))
        result = await bench.command()
        assert isinstance(result, GiveToolResult)
        assert result.output == "Tool unknown not found"
        bench.tell(ENDED)
        bench.tools.close()

    run(main)


@pytest.mark.parametrize("given", [DESK, Answer(DESK, {"name": "Ann"})])
def test_a_hook_may_answer_with_one_and_its_variables_follow_the_instructions(given: Any) -> None:
    async def hook(_call: IncomingCall) -> Decision:
        decision: Decision = given
        return decision

    async def main() -> None:
        bench = Bench(SdkAgent(RealtimeAgent[Any](name="other")), hook)
        bench.tell(INCOMING)
        answer = await bench.command()
        assert isinstance(answer, AnswerCall)
        assert answer.plan is not None
        known = "\n\nKnown of this call:\n- name: Ann" if isinstance(given, Answer) else ""
        assert answer.plan.instructions == f"Help.{known}"
        bench.tell(ENDED)
        bench.tools.close()

    run(main)


def test_a_conversation_of_the_users_own_ends_the_call_when_it_ends() -> None:
    threads: list[threading.Thread] = []

    async def talk(model: Any, call: IncomingCall) -> None:
        threads.append(threading.current_thread())
        runner = RealtimeRunner(DESK, model=model)
        async with await runner.run(context=call):
            pass

    async def main() -> None:
        bench = Bench(SdkAgent(DESK, converse=talk))
        bench.tell(INCOMING)
        assert isinstance(await bench.command(), AnswerCall)
        cause = "the agent's session was closed"
        assert await bench.command() == HangUp(after_words=True, cause=cause)
        assert threads[0] is not threading.main_thread(), "no user code runs on the app's loop"
        bench.tell(ENDED)
        bench.tools.close()

    run(main)


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_conversation_that_fails_refuses_the_call_or_ends_it(*, is_answered: bool) -> None:
    async def fail(model: Any, call: IncomingCall) -> None:
        if is_answered:
            await model.connect({})
        raise SystemExit(f"no database for {call.caller_name}")

    async def main() -> None:
        bench = Bench(SdkAgent(DESK, converse=fail))
        with capture_logs() as logs:
            bench.tell(INCOMING)
            if is_answered:
                assert isinstance(await bench.command(), AnswerCall)
                assert isinstance(await bench.command(), HangUp)
            else:
                assert await bench.command() == RejectCall(status=500)
            await finished()
        (failed,) = [entry for entry in logs if entry["event"] == "conversation failed"]
        assert "no database for Ann" in failed["exception"]
        assert failed["fault"] == "user code"
        bench.tell(ENDED)
        bench.tools.close()

    run(main)


def test_a_conversation_that_never_answers_refuses_the_call_and_says_so() -> None:
    async def leave(_model: Any, _call: IncomingCall) -> None:
        """Forget to run a session."""

    async def main() -> None:
        bench = Bench(SdkAgent(DESK, converse=leave))
        with capture_logs() as logs:
            bench.tell(INCOMING)
            assert await bench.command() == RejectCall(status=500)
            await finished()
        (said,) = [entry for entry in logs if entry["log_level"] == "error"]
        assert said["event"] == "conversation ended before it answered"
        assert (said["agent"], said["fault"]) == ("Front desk", "user code")
        bench.tell(ENDED)
        bench.tools.close()

    run(main)


def test_what_goes_wrong_behind_the_end_is_no_error() -> None:
    async def fail(model: Any, _call: IncomingCall) -> None:
        await model.connect({})
        await asyncio.to_thread(is_over.wait, SECONDS)
        raise RuntimeError("too late")

    async def main() -> None:
        bench = Bench(SdkAgent(DESK, converse=fail))
        bench.tell(INCOMING)
        assert isinstance(await bench.command(), AnswerCall)
        with capture_logs() as logs:
            bench.tell(ENDED)
            is_over.set()
            await finished()
        assert [entry["log_level"] for entry in logs if "conversation" in entry["event"]] == [
            "info"
        ]
        assert bench.is_idle
        bench.tools.close()

    is_over = threading.Event()
    run(main)


def test_a_conversation_that_outlives_its_call_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sdk_conductor, "GRACE_SECONDS", 0.01)
    was_cancelled = threading.Event()

    async def hang(model: Any, _call: IncomingCall) -> None:
        await model.connect({})
        try:
            await asyncio.Event().wait()
        finally:
            was_cancelled.set()

    async def main() -> None:
        bench = Bench(SdkAgent(DESK, converse=hang))
        bench.tell(INCOMING)
        assert isinstance(await bench.command(), AnswerCall)
        with capture_logs() as logs:
            bench.tell(ENDED)
            assert await asyncio.to_thread(was_cancelled.wait, SECONDS)
            await finished()
        assert [entry["event"] for entry in logs] == ["conversation outlived its call"]
        assert bench.is_idle
        bench.tools.close()

    run(main)


def test_a_call_for_which_there_is_no_thread_is_refused() -> None:
    async def main() -> None:
        bench = Bench(SdkAgent(DESK), threads=ToolThreads(0))
        bench.tell(INCOMING)
        assert await bench.command() == RejectCall(status=500)
        bench.tools.close()

    run(main)


def test_a_connection_that_is_not_configured_refuses_the_call() -> None:
    async def main() -> None:
        bench = Bench(SdkAgent(DESK, realtime="nowhere"))
        bench.tell(INCOMING)
        assert await bench.command() == RejectCall(status=503)
        bench.tools.close()

    run(main)


def test_a_hook_that_rejects_lets_no_session_begin() -> None:
    async def hook(_call: IncomingCall) -> Decision:
        return Reject(603)

    async def main() -> None:
        bench = Bench(SdkAgent(DESK), hook)
        bench.tell(INCOMING)
        assert await bench.command() == RejectCall(status=603)
        assert bench.is_idle
        bench.tools.close()

    run(main)
