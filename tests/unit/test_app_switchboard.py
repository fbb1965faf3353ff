"""The app's half of a call: who answers, what a function call means, and what user code may do."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from telephony import Agent, Answer, IncomingCall, Phone, Redirect, Reject, Ring, Transfer, tool
from telephony.agent import agents_by_name, hang_up, press_keys
from telephony.app.call_record import EVENTS_KEPT
from telephony.app.phone import OnIncoming
from telephony.app.plans import Plans, VoiceServer
from telephony.app.switchboard import CALLS_KEPT, Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.app.tool_threads import ToolThreads
from telephony.call import (
    AnswerCall,
    CallAnswered,
    CallCommand,
    CallCommandBody,
    CallEnded,
    CallEvent,
    CallEventBody,
    CallIncoming,
    ConfigureAgent,
    EventLog,
    GiveToolResult,
    HangUp,
    PlayoutFinished,
    RedirectCall,
    RejectCall,
    RingCall,
    SendDigits,
    StartTransfer,
    ToolRequested,
    TransferEnded,
    VoicePlan,
)
from telephony.errors import ConfigurationError
from telephony.units import Nanoseconds

release = threading.Event()


@tool
async def order_status(order_number: str) -> str:
    """Look up an order."""
    return f"{order_number} is on its way"


@tool
def slow() -> str:
    """Wait for the test."""
    release.wait()
    return "done"


BILLING = Agent("billing", "Bill them", handoffs=["reception"])
LOST = Agent("lost", "Nobody speaks for me", realtime="nowhere")
OPERATOR = Transfer("operator", to="sip:operator@127.0.0.1")
STRANGER = Transfer("stranger", to="sip:+1900555@expensive.example")
RECEPTION = Agent(
    "reception",
    "Help",
    tools=[order_status, slow, press_keys, hang_up],
    handoffs=[BILLING, LOST, OPERATOR, STRANGER],
    greeting="Hello",
)


@dataclass
class Bench:
    """A switchboard, and the commands that it gives."""

    hook: OnIncoming | None = None
    lines: list[tuple[str, Agent]] = field(default_factory=lambda: [("4711", RECEPTION)])
    commands: list[CallCommandBody] = field(default_factory=list[CallCommandBody])
    tools: ToolRuntime = field(default_factory=ToolRuntime)

    def __post_init__(self) -> None:
        self._news = asyncio.Event()
        self.logs: dict[str, EventLog] = {}
        self.switchboard = Switchboard(
            self.lines,
            agents_by_name([RECEPTION]),
            Plans({"local": VoiceServer("ws://model.test")}),
            self.tools,
            self._send,
            self.hook,
            lambda target: "expensive" not in target,
        )

    def _send(self, command: CallCommand) -> None:
        assert command.call_id in self.logs
        self.commands.append(command.body)
        self._news.set()

    def tell(self, payload: CallEventBody, call_id: str = "e1-1") -> None:
        log = self.logs.setdefault(call_id, EventLog(call_id, Nanoseconds(0), 0.0))
        self.switchboard.handle_event(log.row(payload, Nanoseconds(0)))

    async def command(self) -> CallCommandBody:
        """Wait for the next command."""
        async with asyncio.timeout(30):
            while not self.commands:
                self._news.clear()
                await self._news.wait()
        return self.commands.pop(0)

    async def up(self) -> None:
        """Bring up a call that `reception` has."""
        self.tell(incoming())
        assert isinstance(await self.command(), AnswerCall)

    async def function(self, name: str, arguments: str = "{}", call: str = "c1") -> CallCommandBody:
        """Have the model call a function, and give what comes of it."""
        self.tell(ToolRequested(tool_call_id=call, name=name, arguments=arguments))
        return await self.command()


def incoming(number: str = "4711") -> CallIncoming:
    return CallIncoming(
        number=number,
        to=f"sip:{number}@here",
        caller="+15550100",
        caller_name="Ann",
        source="127.0.0.1:5062",
        sip_call_id="x",
        headers=(("X-Account", "77"),),
    )


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def decided(hook: OnIncoming | None, number: str = "4711") -> CallCommandBody:
    """Have a call come in, and give the first command."""
    found: list[CallCommandBody] = []

    async def main() -> None:
        bench = Bench(hook)
        bench.tell(incoming(number))
        found.append(await bench.command())

    run(main)
    return found[0]


def always(decision: object) -> OnIncoming:
    async def hook(call: IncomingCall) -> object:
        del call
        return decision

    return hook  # type: ignore[return-value] # as user code without a type checker may be


def plan_of(answer: CallCommandBody) -> VoicePlan:
    assert isinstance(answer, AnswerCall)
    assert answer.plan is not None
    return answer.plan


def text(result: CallCommandBody) -> str:
    assert isinstance(result, GiveToolResult)
    return result.output


def test_the_line_decides_where_there_is_no_hook() -> None:
    plan = plan_of(decided(None))
    assert plan.agent == "reception"
    assert plan.greeting == 'Say exactly: "Hello"'
    assert [one.name for one in plan.tools][-2:] == [
        "transfer_to_operator",
        "transfer_to_stranger",
    ]


def test_a_number_without_a_line_is_not_found() -> None:
    assert decided(None, "999") == RejectCall(status=404)


def test_the_hook_learns_who_calls_whom() -> None:
    seen: list[IncomingCall] = []

    async def hook(call: IncomingCall) -> Reject:
        seen.append(call)
        return Reject(486, "At lunch")

    assert decided(hook) == RejectCall(status=486, reason="At lunch")
    (call,) = seen
    assert (call.number, call.caller, call.caller_name) == ("4711", "+15550100", "Ann")
    assert call.header("x-account") == "77"
    assert call.header("X-None") is None


def test_a_hook_may_answer_with_facts_that_follow_the_instructions() -> None:
    facts: Mapping[str, str] = {"name": "Ann", "plan": "gold"}
    plan = plan_of(decided(always(Answer(BILLING, facts))))
    known = "Bill them\n\nKnown of this call:\n- name: Ann\n- plan: gold"
    assert plan.instructions == known


@pytest.mark.parametrize(
    ("decision", "command"),
    [
        (Redirect("sip:other@192.0.2.1"), RedirectCall(contact="sip:other@192.0.2.1")),
        (Reject(), RejectCall(status=603)),
    ],
)
def test_a_hook_may_send_a_call_away(decision: object, command: CallCommandBody) -> None:
    assert decided(always(decision)) == command


@pytest.mark.parametrize("decision", [BILLING, Answer(BILLING)])
def test_a_hook_may_name_an_agent(decision: object) -> None:
    assert plan_of(decided(always(decision))).agent == "billing"


def test_a_hook_that_decides_nothing_leaves_it_to_the_lines() -> None:
    assert isinstance(decided(always(None)), AnswerCall)


@pytest.mark.parametrize("decision", ["reception", 200])
def test_a_hook_that_returns_no_decision_lets_nobody_in(decision: object) -> None:
    with capture_logs() as logs:
        assert decided(always(decision)) == RejectCall(status=500)
    assert logs[0]["event"] == "on_incoming gave no decision"


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, asyncio.CancelledError])
def test_a_hook_that_raises_lets_nobody_in(kind: type[BaseException]) -> None:
    async def hook(call: IncomingCall) -> None:
        raise kind(call.number)

    with capture_logs() as logs:
        assert decided(hook) == RejectCall(status=500)
    assert (logs[0]["event"], logs[0]["fault"]) == ("on_incoming failed", "user code")
    assert kind.__name__ in logs[0]["exception"]


def test_a_hook_that_answers_with_a_name_lets_nobody_in_and_says_what_was_wanted() -> None:
    async def hook(call: IncomingCall) -> Answer:
        del call
        return Answer("reception")  # type: ignore[arg-type] # user code

    with capture_logs() as logs:
        assert decided(hook) == RejectCall(status=500)
    assert "Answer: agent is 'reception', wanted an Agent" in logs[0]["exception"]


def test_a_decision_that_cannot_be_carried_out_rejects_the_call_and_is_logged() -> None:
    with capture_logs() as logs:
        assert decided(always(Redirect(5))) == RejectCall(status=500)  # type: ignore[arg-type] # user code
    assert (logs[0]["event"], logs[0]["call"]) == ("call not decided", "e1-1")


def test_a_plain_function_is_refused_as_a_hook_where_it_is_declared() -> None:
    def hook(call: IncomingCall) -> Reject:
        del call
        return Reject(403)

    with pytest.raises(ConfigurationError, match="is a plain def, wanted async def"):
        Phone().on_incoming(hook)  # type: ignore[arg-type] # user code


def test_an_object_whose_call_is_async_is_a_hook() -> None:
    class BlockList:
        async def __call__(self, call: IncomingCall) -> Reject:
            return Reject(403, call.caller)

    phone = Phone()
    phone.on_incoming(BlockList())
    assert decided(phone.hook) == RejectCall(status=403, reason="+15550100")


@pytest.mark.parametrize("blocks", [False, True])
def test_a_hook_that_takes_too_long_lets_nobody_in_and_stops_nobody_else(*, blocks: bool) -> None:
    let_go = threading.Event()

    async def hook(call: IncomingCall) -> None:
        del call
        if blocks:
            let_go.wait()
        await asyncio.Event().wait()

    async def main() -> None:
        bench = Bench(hook)
        bench.switchboard.incoming.hook_seconds = 0.3
        bench.tell(incoming())
        assert await bench.command() == RejectCall(status=500)
        let_go.set()

    with capture_logs() as logs:
        run(main)
    assert logs[-1]["event"] == "on_incoming took too long"


def test_a_hook_for_which_no_thread_is_left_lets_nobody_in() -> None:
    async def main() -> None:
        bench = Bench(always(None), tools=ToolRuntime(threads=ToolThreads(0)))
        bench.tell(incoming())
        assert await bench.command() == RejectCall(status=500)

    with capture_logs() as logs:
        run(main)
    assert logs[0]["event"] == "on_incoming cannot run"


def test_an_agent_that_nobody_speaks_for_refuses_the_call() -> None:
    with capture_logs() as logs:
        assert decided(always(LOST)) == RejectCall(status=503)
    assert "realtime is 'nowhere', wanted one of local" in logs[0]["why"]


def test_ringing_first_then_the_line_answers() -> None:
    async def main() -> None:
        bench = Bench(always(Ring(0.01)))
        bench.tell(incoming())
        assert await bench.command() == RingCall(seconds=0.01)
        assert isinstance(await bench.command(), AnswerCall)

    run(main)


def test_a_call_that_ended_while_it_rang_is_not_answered() -> None:
    async def main() -> None:
        bench = Bench(always(Ring(0.01)))
        bench.tell(incoming())
        assert isinstance(await bench.command(), RingCall)
        bench.tell(CallEnded(by="remote", cause="gave up"))
        await asyncio.sleep(0.05)
        assert bench.commands == []

    run(main)


@pytest.mark.parametrize("status", [0, 200, 302, 700])
def test_a_status_that_refuses_nothing_is_refused(status: int) -> None:
    with pytest.raises(ConfigurationError, match=f"status is {status}, wanted 400 to 699"):
        Reject(status)


@pytest.mark.parametrize("seconds", [-1, 181, float("inf"), float("nan")])
def test_ringing_for_ever_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="wanted 0 to 180"):
        Ring(seconds)


def test_a_tool_is_run_and_its_result_given_back() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        result = await bench.function("order_status", '{"order_number": "12"}', "c7")
        assert result == GiveToolResult(tool_call_id="c7", output="12 is on its way")

    run(main)


def test_an_unknown_tool_is_the_models_mistake_and_it_learns_the_names() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        result = text(await bench.function("order_pizza"))
        assert result.startswith("error: there is no tool order_pizza; there are: order_status, ")
        stranger = Bench()
        stranger.tell(ToolRequested(tool_call_id="c1", name="x", arguments=""))
        assert text(await stranger.command()) == "error: there is no tool x; there are: none"

    run(main)


def test_a_call_that_ended_while_its_tool_ran_gets_no_result() -> None:
    async def main() -> None:
        release.clear()
        bench = Bench()
        await bench.up()
        bench.tell(ToolRequested(tool_call_id="c1", name="slow", arguments=""))
        await asyncio.sleep(0)
        bench.tell(CallEnded(by="remote", cause="BYE"))
        release.set()
        await asyncio.sleep(0.01)
        assert bench.commands == []

    run(main)


def test_keys_are_pressed_and_the_engine_tells_the_model() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        pressed = await bench.function("press_keys", '{"keys": "12#"}')
        assert pressed == SendDigits(digits="12#", tool_call_id="c1")
        assert bench.commands == [], "whether they can be pressed is not known here"
        assert text(await bench.function("press_keys", "{}")).startswith("error: ")
        for keys in ("1 2", "1w2", "", "\u0661"):
            refused = await bench.function("press_keys", json.dumps({"keys": keys}))
            assert "the keys 0-9, *, # alone" in text(refused)

    run(main)


def test_hanging_up_waits_for_the_words() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        told = await bench.function("hang_up")
        assert isinstance(told, GiveToolResult)
        assert (told.tool_call_id, told.respond) == ("c1", False), "it has nothing more to say"
        assert await bench.command() == HangUp(after_words=True, cause="the agent hung up")

    run(main)


def test_a_handoff_configures_the_next_agent_then_lets_it_speak() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        configured = await bench.function("transfer_to_billing")
        assert isinstance(configured, ConfigureAgent)
        assert configured.plan.agent == "billing"
        assert text(await bench.command()) == "You are now talking to billing."
        back = await bench.function("transfer_to_reception")
        assert isinstance(back, ConfigureAgent)
        assert back.plan.agent == "reception", "by name, as billing declares it"

    run(main)


def test_a_handoff_that_cannot_be_carried_out_leaves_the_agent_in_charge() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        refused = text(await bench.function("transfer_to_lost"))
        assert refused == "error: lost cannot take over; stay with the caller"
        assert text(await bench.function("order_status", '{"order_number": "1"}'))[0] == "1"

    with capture_logs():
        run(main)


def test_a_transfer_that_fails_is_told_to_the_model_once() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        started = await bench.function("transfer_to_operator", call="c3")
        assert started == StartTransfer(target="sip:operator@127.0.0.1")
        again = await bench.function("transfer_to_operator", call="c4")
        assert again == GiveToolResult(
            tool_call_id="c4", output="error: a transfer is under way already", respond=False
        )
        ended = TransferEnded(target="sip:operator@127.0.0.1", outcome="busy", status=486)
        bench.tell(ended)
        told = await bench.command()
        assert told == GiveToolResult(
            tool_call_id="c3", output="The transfer did not work: busy (486)."
        )
        bench.tell(ended)
        assert bench.commands == []
        assert isinstance(await bench.function("transfer_to_operator"), StartTransfer)

    run(main)


@pytest.mark.parametrize("outcome", ["connected", "handed_off"])
def test_after_a_transfer_that_worked_there_is_nobody_to_tell(outcome: str) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        await bench.function("transfer_to_operator")
        bench.tell(TransferEnded(target="sip:operator@127.0.0.1", outcome=outcome, status=200))
        assert bench.commands == []

    run(main)


def test_a_transfer_that_is_not_allowed_is_not_tried() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.up()
        refused = text(await bench.function("transfer_to_stranger"))
        assert refused == "error: this transfer is not allowed; stay with the caller"

    with capture_logs() as logs:
        run(main)
    assert logs[0]["target"] == "sip:+1900555@expensive.example"


def test_the_oldest_ended_calls_are_forgotten_and_calls_that_are_up_never() -> None:
    bench = Bench()
    bench.tell(PlayoutFinished(), "up")
    for number in range(CALLS_KEPT + 50):
        bench.tell(CallEnded(by="local", cause="over"), f"over-{number}")
    assert "up" in bench.switchboard.calls
    assert len(bench.switchboard.calls) <= CALLS_KEPT + 2
    assert "over-0" not in bench.switchboard.calls
    assert f"over-{CALLS_KEPT + 49}" in bench.switchboard.calls


def test_the_rows_kept_of_a_call_are_bounded_and_its_end_is_still_seen() -> None:
    bench = Bench()
    for _ in range(EVENTS_KEPT + 10):
        bench.tell(PlayoutFinished())
    bench.tell(CallEnded(by="local", cause="over"))
    (record,) = bench.switchboard.calls.values()
    assert len(record.events) == EVENTS_KEPT
    assert record.is_over


def test_every_watcher_sees_every_event() -> None:
    bench = Bench()
    seen: list[str] = []
    bench.switchboard.watch(lambda event: seen.append(event.type))
    bench.switchboard.watch(lambda event: seen.append(event.call_id))
    bench.tell(PlayoutFinished())
    assert seen == ["playout.finished", "e1-1"]


def test_calls_that_a_dead_engine_left_open_are_ended_with_the_app() -> None:
    async def main() -> None:
        bench = Bench()
        rows: list[CallEvent] = []
        bench.switchboard.watch(rows.append)
        await bench.up()
        bench.tell(PlayoutFinished(), "e1-2")
        bench.tell(CallEnded(by="remote", cause="BYE"), "e1-2")
        bench.tell(CallAnswered(codec="PCMU", ptime_ms=20, remote="192.0.2.1:4000"))
        seen = len(rows)
        bench.switchboard.close(wall=2.5)
        bench.switchboard.close(wall=9.9)
        (row,) = rows[seen:]
        assert (row.call_id, row.seq, row.t_ns, row.wall) == ("e1-1", 2, 2_500_000_000, 2.5)
        assert row.payload == CallEnded(by="failure", cause="the engine died", duration_ms=2500)

    run(main)
