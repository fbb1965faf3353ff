"""Who answers a call: the user's hook first, then the lines."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import cast

import structlog

from telephony.agent import Agent, AnyAgent, SdkAgent, is_realtime_agent
from telephony.app.phone import (
    Answer,
    Decision,
    IncomingCall,
    OnIncoming,
    Redirect,
    Reject,
    Ring,
)
from telephony.app.tool_call import Failed
from telephony.app.tool_loop import ToolLoop
from telephony.app.tool_threads import NoThreadError
from telephony.call import CallIncoming, Line, route

__all__ = ["IncomingCalls", "incoming_call"]

HOOK_SECONDS = 5.0
"""For the incoming hook; then the call is rejected."""
NOT_FOUND = 404
UNDECIDED = Reject(500)
"""A hook that fails may be a block-list: nobody is let in by its failure."""
Decided = Answer | Reject | Redirect | Ring
"""What comes of a call, whoever decides."""

log = structlog.get_logger("telephony.calls")


class IncomingCalls:
    """Decides about calls that come in.

    Args:
        lines: Number and agent, first match wins.
        hook: The user's own decision, before the lines.
        loop: Where the hook runs.
    """

    def __init__(
        self, lines: Sequence[tuple[str, AnyAgent]], hook: OnIncoming | None, loop: ToolLoop
    ) -> None:
        """Keep the lines."""
        self._lines = [Line(number, agent.name) for number, agent in lines]
        self._agents = {agent.name: agent for _, agent in lines}
        self._hook = hook
        self._loop = loop
        self.hook_seconds = HOOK_SECONDS

    async def ask_hook(self, call_id: str, incoming: CallIncoming) -> Decided | None:
        """Ask the user's hook: None leaves it to the lines, a hook that fails rejects."""
        if self._hook is None:
            return None
        call = incoming_call(call_id, incoming)
        try:
            async with asyncio.timeout(self.hook_seconds):
                decided = await self._loop.run(partial(_ask, self._hook, call), "on_incoming")
        except TimeoutError:
            log.error("on_incoming took too long", call=call_id, fault="user code")
            return UNDECIDED
        except NoThreadError as full:
            log.error("on_incoming cannot run", call=call_id, why=str(full), fault="user code")
            return UNDECIDED
        if isinstance(decided, Failed):
            why = decided.trace
            log.error("on_incoming failed", call=call_id, exception=why, fault="user code")
            return UNDECIDED
        if isinstance(decided, Agent | SdkAgent) or is_realtime_agent(decided):
            return Answer(cast("AnyAgent", decided))
        # A user without a type checker may return anything.
        if not isinstance(decided, Decided | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            seen = type(decided).__name__
            log.error("on_incoming gave no decision", call=call_id, seen=seen, fault="user code")
            return UNDECIDED
        return decided

    def by_line(self, incoming: CallIncoming) -> Answer | Reject:
        """Give the agent whose line fits; a number without one does not exist."""
        found = route(incoming.number, self._lines)
        if found.agent is None:
            log.warning("no line for a call", number=incoming.number, why=found.why)
            return Reject(NOT_FOUND)
        return Answer(self._agents[found.agent])


def incoming_call(call_id: str, incoming: CallIncoming) -> IncomingCall:
    """Give what user code may know of a call."""
    return IncomingCall(
        call_id=call_id,
        number=incoming.number,
        caller=incoming.caller,
        caller_name=incoming.caller_name,
        source=incoming.source,
        headers=incoming.headers,
        way=incoming.way,
        capabilities=incoming.capabilities,
    )


async def _ask(hook: OnIncoming, call: IncomingCall) -> Decision | Failed:
    try:
        return await hook(call)
    except BaseException as error:  # SystemExit and cancellation too: both are the hook's own
        return Failed.by(error)
