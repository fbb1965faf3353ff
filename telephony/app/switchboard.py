"""The app's half of every call: who answers, what a function call of the model means, who is next.

It is told what happens (`CallEvent`) and says what shall happen (`CallCommand`). User code runs
on this side only: the incoming hook and the tools.
"""

import asyncio
import traceback
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from telephony.agent import Agent, AnyAgent, SdkAgent
from telephony.app.call_record import CallRecord
from telephony.app.incoming import IncomingCalls, incoming_call
from telephony.app.model_functions import ModelFunctions
from telephony.app.phone import (
    Answer,
    IncomingCall,
    OnIncoming,
    Redirect,
    Reject,
    Ring,
)
from telephony.app.plans import Plans, known_of_call
from telephony.app.sdk_conductor import SdkCall, SdkConductor
from telephony.app.tool_runtime import ToolRuntime
from telephony.app.way import SipWay, Way
from telephony.call import (
    CallCommand,
    CallCommandBody,
    CallEvent,
    CallIncoming,
    PlaceCall,
    RingCall,
)
from telephony.errors import ConfigurationError

__all__ = ["Switchboard"]

CALLS_KEPT = 200
"""Ended calls whose events can still be looked at."""
INTERNAL_ERROR = 500
SERVICE_UNAVAILABLE = 503

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
        lines: Sequence[tuple[str, AnyAgent]],
        agents: Mapping[str, AnyAgent],
        plans: Plans,
        tools: ToolRuntime,
        send: Callable[[CallCommand], None],
        hook: OnIncoming | None = None,
        may_transfer: Callable[[str], bool] = lambda _target: True,
    ) -> None:
        """Wait for calls."""
        self._plans = plans
        self._send = send
        self._may_transfer = may_transfer
        self._loop = tools.loop
        self._functions = ModelFunctions(
            agents, plans, tools, self._command, self._spawn, may_transfer
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._watchers: list[Callable[[CallEvent], None]] = []
        self.incoming = IncomingCalls(lines, hook, tools.loop)
        self.calls: OrderedDict[str, CallRecord] = OrderedDict()

    def watch(self, watcher: Callable[[CallEvent], None]) -> None:
        """Show every event to a view: the log, the metrics, the console."""
        self._watchers.append(watcher)

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
                answering = self._spawn(self._answer(record, incoming))
                answering.add_done_callback(partial(self._reject_undecided, record))
            case row:
                (record.conductor or self._functions).handle_row(record, row)

    def expect(self, call_id: str, way: Way) -> None:
        """Learn of a call that the engine is about to tell of, and that came another way than SIP.

        Args:
            call_id: Names the call.
            way: Carries out what is decided about it.
        """
        self.calls[call_id] = CallRecord(call_id, way=way)

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

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _reject_undecided(self, record: CallRecord, answering: asyncio.Task[None]) -> None:
        """Leave no caller to wait for a decision that failed."""
        error = None if answering.cancelled() else answering.exception()
        if error is None:
            return
        trace = "".join(traceback.format_exception(error))
        log.error("call not decided", call=record.call_id, exception=trace)
        if not record.is_over:
            self._way(record).reject(INTERNAL_ERROR)

    async def _answer(self, record: CallRecord, incoming: CallIncoming) -> None:
        decision = await self.incoming.ask_hook(record.call_id, incoming)
        if isinstance(decision, Ring):
            self._command(record, RingCall(seconds=decision.seconds))
            await asyncio.sleep(decision.seconds)
            decision = None
        if decision is None:
            decision = self.incoming.by_line(incoming)
        if record.is_over:
            return
        way = self._way(record)
        match decision:
            case Answer():
                self._answer_with(record, way, decision, incoming_call(record.call_id, incoming))
            case Redirect(to=to):
                way.redirect(to)
            case Reject(status=status, reason=reason):
                way.reject(status, reason)

    def _way(self, record: CallRecord) -> Way:
        return record.way or SipWay(partial(self._command, record))

    def _answer_with(
        self, record: CallRecord, way: Way, answer: Answer, call: IncomingCall
    ) -> None:
        """Have an agent answer; one that cannot be served refuses the call."""
        agent, record.variables = answer.agent, answer.variables
        assert isinstance(agent, AnyAgent), "Answer takes no other"
        record.agent = agent
        try:
            if isinstance(agent, Agent):
                way.answer(self._plans.plan(agent, answer.variables, way.realtime))
            else:
                self._converse(record, way, agent, call)
        except ConfigurationError as wrong:
            log.error("agent cannot answer", call=record.call_id, why=str(wrong))
            way.reject(SERVICE_UNAVAILABLE)

    def _converse(self, record: CallRecord, way: Way, agent: SdkAgent, call: IncomingCall) -> None:
        """Let a session of openai-agents conduct the call; it answers by itself."""
        connection = self._plans.connection(agent, way.realtime)
        conductor = SdkConductor(
            SdkCall(call, agent, connection, known_of_call(record.variables)),
            way,
            partial(self._command, record),
            self._may_transfer,
        )
        record.conductor = conductor
        self._spawn(conductor.converse(self._loop))
