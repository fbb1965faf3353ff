"""What a function call of the model means: a tool, an act, another agent or a transfer."""

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from telephony.agent import Agent, AnyAgent, Executor, Tool, ToolArgumentError, Transfer, hang_up
from telephony.app.call_record import CallRecord
from telephony.app.plans import Plans
from telephony.app.tool_runtime import ToolRuntime
from telephony.app.transfers import NOT_ALLOWED, UNDER_WAY, failure_of
from telephony.call import (
    CallCommandBody,
    CallEventBody,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    SendDigits,
    StartTransfer,
    ToolRequested,
    TransferEnded,
)
from telephony.errors import ConfigurationError

__all__ = ["ModelFunctions"]

KEYS = re.compile(r"[0-9*#A-Da-d]+")
"""What a phone can press (RFC 4733 section 3.2); a pause or a space is none."""

log = structlog.get_logger("telephony.calls")


class ModelFunctions:
    """Carries out the functions that models call: the conductor of agents that are ours.

    Args:
        agents: Every agent that a call can reach, by name.
        plans: Turns an agent into what its voice session shall be.
        tools: Where tools run.
        command: Hands a command for a call to the engine.
        spawn: Runs what takes time.
        may_transfer: Says whether a target is allowed.
    """

    def __init__(
        self,
        agents: Mapping[str, AnyAgent],
        plans: Plans,
        tools: ToolRuntime,
        command: Callable[[CallRecord, CallCommandBody], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        may_transfer: Callable[[str], bool],
    ) -> None:
        """Wait for the first."""
        self._agents = agents
        self._plans = plans
        self._tools = tools
        self._command = command
        self._spawn = spawn
        self._may_transfer = may_transfer

    def handle_row(self, record: CallRecord, row: CallEventBody) -> None:
        """Take the next row of a call's event log."""
        match row:
            case ToolRequested():
                self.handle_request(record, row)
            case TransferEnded():
                self.handle_transfer_ended(record, row)
            case _:
                pass

    def handle_request(self, record: CallRecord, requested: ToolRequested) -> None:
        """Do what the model asks for: run a tool, act on the call, hand it over or transfer it."""
        actions = record.agent.actions if isinstance(record.agent, Agent) else {}
        named = actions.get(requested.name)
        action = self._agents.get(named) if isinstance(named, str) else named
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
                known = ", ".join(actions) or "none"
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
            # A transfer asked for beside it may fail, and the call goes on: answered it must be.
            text = "The call ends once what you have said was heard."
            self._give(record, requested.tool_call_id, text, respond=False)
            self._command(record, HangUp(after_words=True, cause="the agent hung up"))
            return
        try:
            keys = str(action.parse_arguments(requested.arguments)["keys"])
        except ToolArgumentError as wrong:
            self._give(record, requested.tool_call_id, f"error: {wrong}")
            return
        if KEYS.fullmatch(keys) is None:
            text = f"error: {keys!r} is not made of the keys 0-9, *, # alone"
            self._give(record, requested.tool_call_id, text)
            return
        self._command(record, SendDigits(digits=keys, tool_call_id=requested.tool_call_id))

    def _give(
        self, record: CallRecord, tool_call_id: str, output: str, *, respond: bool = True
    ) -> None:
        result = GiveToolResult(tool_call_id=tool_call_id, output=output, respond=respond)
        self._command(record, result)

    def _hand_over(self, record: CallRecord, agent: Agent, requested: ToolRequested) -> None:
        """Give the call to another agent: its settings first, then the answer that speaks."""
        try:
            held_by = record.way.realtime if record.way is not None else None
            plan = self._plans.plan(agent, record.variables, held_by)
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
            self._give(record, requested.tool_call_id, NOT_ALLOWED)
            return
        if record.transfer_tool_call_id is not None:
            self._give(record, requested.tool_call_id, UNDER_WAY, respond=False)
            return
        record.transfer_tool_call_id = requested.tool_call_id
        self._command(record, StartTransfer(target=action.to))

    def handle_transfer_ended(self, record: CallRecord, ended: TransferEnded) -> None:
        """Tell the model what came of a transfer that failed; after a good one we are gone."""
        tool_call_id, record.transfer_tool_call_id = record.transfer_tool_call_id, None
        failure = failure_of(ended)
        if tool_call_id is not None and failure is not None:
            self._give(record, tool_call_id, failure)
