"""The app's half of every call: who answers, what a function call of the model means, who is next.

It is told what happens (`CallEvent`) and says what shall happen (`CallCommand`). User code runs
here and only here: the incoming hook and the tools.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from telephony.agent import Agent, Executor, Tool, ToolArgumentError, Transfer, hang_up
from telephony.app.call_record import CallRecord
from telephony.app.phone import (
    Answer,
    Decision,
    IncomingCall,
    OnIncoming,
    Redirect,
    Reject,
    Ring,
)
from telephony.app.plans import Plans
from telephony.app.tool_runtime import ToolRuntime
from telephony.call import (
    AnswerCall,
    CallCommand,
    CallCommandBody,
    CallEvent,
    CallIncoming,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    Line,
    PlaceCall,
    RedirectCall,
    RejectCall,
    RingCall,
    SendDigits,
    StartTransfer,
    ToolRequested,
    TransferEnded,
    route,
)
from telephony.errors import ConfigurationError

__all__ = ["Switchboard"]

HOOK_SECONDS = 5.0
"""For the incoming hook; then the lines decide."""
CALLS_KEPT = 200
"""Ended calls whose events can still be looked at."""
NOT_FOUND = 404
SERVICE_UNAVAILABLE = 503
DECISIONS = Answer | Reject | Redirect | Ring | Agent | None

log = structlog.get_logger("telephony.calls")


class Switchboard:
    """All calls of an app.

    Args:
        lines: Number and agent, first match wins.
        agents: Every agent that a call can reach, by name.
        plans: Turns an agent into what its voice session shall be.
        tools: Where tools run.
        send: Hands a command to the engine.
        hook: The user's own decision, before the lines.
        may_transfer: Says whether a target is allowed.
    """

    def __init__(
        self,
        lines: list[tuple[str, Agent]],
        agents: Mapping[str, Agent],
        plans: Plans,
        tools: ToolRuntime,
        send: Callable[[CallCommand], None],
        hook: OnIncoming | None = None,
        may_transfer: Callable[[str], bool] = lambda _target: True,
    ) -> None:
        """Wait for calls."""
        self._lines = [Line(number, agent.name) for number, agent in lines]
        self._agents = agents
        self._plans = plans
        self._tools = tools
        self._send = send
        self._hook = hook
        self._may_transfer = may_transfer
        self._tasks: set[asyncio.Task[None]] = set()
        self._watchers: list[Callable[[CallEvent], None]] = []
        self.hook_seconds = HOOK_SECONDS
        self.calls: OrderedDict[str, CallRecord] = OrderedDict()

    def watch(self, watcher: Callable[[CallEvent], None]) -> None:
        """Show every event to a view: the log, the metrics, the console."""
        self._watchers.append(watcher)

    # ---- events -------------------------------------------------------------------------------

    def handle_event(self, event: CallEvent) -> None:
        """Take one event of the engine."""
        record = self.calls.get(event.call_id)
        if record is None:
            record = self.calls[event.call_id] = CallRecord(event.call_id)
            self._forget_old()
        record.take(event)
        for watcher in self._watchers:
            watcher(event)
        match event.payload:
            case CallIncoming() as incoming:
                self._spawn(self._answer(record, incoming))
            case ToolRequested() as requested:
                self._handle_function(record, requested)
            case TransferEnded() as ended:
                self._handle_transfer_ended(record, ended)
            case _:
                pass

    def place(
        self, call_id: str, target: str, agent: Agent, variables: Mapping[str, str] | None = None
    ) -> None:
        """Call someone, and let an agent talk.

        Args:
            call_id: A new token that names the call.
            target: A SIP URI.
            agent: Who talks.
            variables: Facts for the model.
        """
        record = self.calls[call_id] = CallRecord(call_id, agent=agent, variables=variables or {})
        plan = self._plans.plan(agent, record.variables)
        self._command(record, PlaceCall(target=target, plan=plan))

    def close(self, wall: float) -> None:
        """End the calls that the engine did not end before it was gone.

        Args:
            wall: Now, in Unix seconds.
        """
        for record in list(self.calls.values()):
            if not record.is_over and record.last is not None:
                self.handle_event(record.lost_row(record.last, wall))

    def _forget_old(self) -> None:
        over = [one.call_id for one in self.calls.values() if one.is_over]
        for call_id in over[: max(0, len(over) - CALLS_KEPT)]:
            del self.calls[call_id]

    def _command(self, record: CallRecord, body: CallCommandBody) -> None:
        self._send(CallCommand(call_id=record.call_id, body=body))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- who answers --------------------------------------------------------------------------

    async def _answer(self, record: CallRecord, incoming: CallIncoming) -> None:
        decision = await self._ask_hook(record, incoming)
        if isinstance(decision, Ring):
            self._command(record, RingCall(seconds=decision.seconds))
            await asyncio.sleep(decision.seconds)
            decision = None
        if decision is None:
            decision = self._by_line(incoming)
        if isinstance(decision, Agent):
            decision = Answer(decision)
        if not record.is_over:
            self._command(record, self._carry_out(record, decision))

    def _carry_out(
        self, record: CallRecord, decision: Answer | Reject | Redirect
    ) -> AnswerCall | RejectCall | RedirectCall:
        """Turn a decision into a command; an agent that cannot be served refuses the call."""
        match decision:
            case Answer(agent=agent, variables=variables):
                try:
                    plan = self._plans.plan(agent, variables)
                except ConfigurationError as wrong:
                    log.error("agent cannot answer", call=record.call_id, why=str(wrong))
                    return RejectCall(status=SERVICE_UNAVAILABLE)
                record.agent, record.variables = agent, variables
                return AnswerCall(plan=plan)
            case Redirect(to=to):
                return RedirectCall(contact=to)
            case Reject(status=status, reason=reason):
                return RejectCall(status=status, reason=reason)

    async def _ask_hook(self, record: CallRecord, incoming: CallIncoming) -> Decision:
        if self._hook is None:
            return None
        call = IncomingCall(
            call_id=record.call_id,
            number=incoming.number,
            caller=incoming.caller,
            caller_name=incoming.caller_name,
            source=incoming.source,
            headers=incoming.headers,
        )
        try:
            async with asyncio.timeout(self.hook_seconds):
                decided = await self._hook(call)
        except TimeoutError:
            log.warning("on_incoming took too long", call=record.call_id, fault="user code")
            return None
        except (Exception, SystemExit):
            log.exception("on_incoming failed", call=record.call_id, fault="user code")
            return None
        # A user without a type checker may return anything.
        if not isinstance(decided, DECISIONS):  # pyright: ignore[reportUnnecessaryIsInstance]
            seen = type(decided).__name__
            log.warning("on_incoming gave no decision", call=record.call_id, seen=seen)
            return None
        return decided

    def _by_line(self, incoming: CallIncoming) -> Answer | Reject:
        found = route(incoming.number, self._lines)
        if found.agent is None:
            log.warning("no line for a call", number=incoming.number, why=found.why)
            return Reject(NOT_FOUND)
        return Answer(self._agents[found.agent])

    # ---- functions of the model ---------------------------------------------------------------

    def _handle_function(self, record: CallRecord, requested: ToolRequested) -> None:
        agent = record.agent
        action = agent.actions.get(requested.name) if agent is not None else None
        if isinstance(action, str):
            action = self._agents.get(action)
        match action:
            case Tool(executor=Executor.CALL):
                self._act_on_call(record, action, requested)
            case Tool():
                self._spawn(self._run_tool(record, action, requested))
            case Agent():
                self._hand_over(record, action, requested)
            case Transfer():
                self._transfer(record, action, requested)
            case _:
                known = ", ".join(agent.actions) if agent is not None else "none"
                log.warning("unknown tool", call=record.call_id, tool=requested.name, fault="model")
                text = f"error: there is no tool {requested.name}; there are: {known}"
                self._give(record, requested.tool_call_id, text)

    async def _run_tool(
        self, record: CallRecord, action: Tool[..., Any], requested: ToolRequested
    ) -> None:
        output = await self._tools.run(action, requested.arguments, call_id=record.call_id)
        if not record.is_over:
            self._give(record, requested.tool_call_id, output)

    def _act_on_call(
        self, record: CallRecord, action: Tool[..., Any], requested: ToolRequested
    ) -> None:
        if action is hang_up:
            self._command(record, HangUp(after_words=True, cause="the agent hung up"))
            return
        try:
            keys = str(action.parse_arguments(requested.arguments)["keys"])
        except ToolArgumentError as wrong:
            self._give(record, requested.tool_call_id, f"error: {wrong}")
            return
        self._command(record, SendDigits(digits=keys))
        self._give(record, requested.tool_call_id, f"Pressing {keys}.", respond=False)

    def _give(
        self, record: CallRecord, tool_call_id: str, output: str, *, respond: bool = True
    ) -> None:
        result = GiveToolResult(tool_call_id=tool_call_id, output=output, respond=respond)
        self._command(record, result)

    def _hand_over(self, record: CallRecord, agent: Agent, requested: ToolRequested) -> None:
        """Give the call to another agent: its settings first, then the answer that speaks."""
        try:
            plan = self._plans.plan(agent, record.variables)
        except ConfigurationError as wrong:
            log.error("agent cannot take over", call=record.call_id, why=str(wrong))
            text = f"error: {agent.name} cannot take over; stay with the caller"
            self._give(record, requested.tool_call_id, text)
            return
        record.agent = agent
        self._command(record, ConfigureAgent(plan=plan))
        self._give(record, requested.tool_call_id, f"You are now talking to {agent.name}.")

    def _transfer(self, record: CallRecord, action: Transfer, requested: ToolRequested) -> None:
        if not self._may_transfer(action.to):
            log.warning("transfer not allowed", call=record.call_id, target=action.to)
            text = "error: this transfer is not allowed; stay with the caller"
            self._give(record, requested.tool_call_id, text)
            return
        if record.transfer_tool_call_id is not None:
            text = "error: a transfer is under way already"
            self._give(record, requested.tool_call_id, text, respond=False)
            return
        record.transfer_tool_call_id = requested.tool_call_id
        self._command(record, StartTransfer(target=action.to, tool_call_id=requested.tool_call_id))

    def _handle_transfer_ended(self, record: CallRecord, ended: TransferEnded) -> None:
        """Tell the model what came of a transfer that failed; after a good one we are gone."""
        tool_call_id, record.transfer_tool_call_id = record.transfer_tool_call_id, None
        if tool_call_id is None or ended.outcome in {"connected", "handed_off"}:
            return
        status = f" ({ended.status})" if ended.status else ""
        self._give(record, tool_call_id, f"The transfer did not work: {ended.outcome}{status}.")
