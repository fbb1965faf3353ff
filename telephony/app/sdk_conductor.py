"""Conducts a call by a session of openai-agents; the SDK is imported when the first one begins."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import structlog

from telephony.agent import SdkAgent
from telephony.app.call_record import CallRecord
from telephony.app.phone import IncomingCall
from telephony.app.sdk_link import CallLink
from telephony.app.tool_call import Failed
from telephony.app.tool_loop import ToolLoop
from telephony.app.tool_threads import NoThreadError
from telephony.app.way import Way
from telephony.call import (
    CallCommandBody,
    CallEnded,
    CallEventBody,
    VoicePlan,
)

__all__ = ["SdkCall", "SdkConductor"]

INTERNAL_ERROR = 500
GRACE_SECONDS = 30.0
"""For user code to end behind the call; then it is cancelled."""

log = structlog.get_logger("telephony.calls")


@dataclass(frozen=True, slots=True)
class SdkCall:
    """What a session begins with."""

    call: IncomingCall
    agent: SdkAgent
    connection: VoicePlan
    """Where the voice session is, and what an agent does not say."""
    known: str
    """Follows the instructions of every agent of the call."""


class SdkConductor:
    """One call's session of openai-agents.

    Args:
        what: What it begins with.
        way: Takes the call, or refuses it.
        command: Takes commands for the call.
        may_transfer: Says whether a target is allowed.
    """

    def __init__(
        self,
        what: SdkCall,
        way: Way,
        command: Callable[[CallCommandBody], None],
        may_transfer: Callable[[str], bool],
    ) -> None:
        """Be ready to `converse`."""
        self._what = what
        self._way = way
        self._link = CallLink(what.call.call_id, way, command, may_transfer)
        self._running: asyncio.Future[Failed | None] | None = None

    def handle_row(self, record: CallRecord, row: CallEventBody) -> None:  # noqa: ARG002 - one call's
        """Take the next row of the call's event log."""
        self._link.handle_row(row)
        if isinstance(row, CallEnded) and self._running is not None:
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._running.cancel)

    async def converse(self, loop: ToolLoop) -> None:
        """Run the session to its end; a call that it never answered is refused."""
        work = partial(_converse, self._what, self._link)
        name = f"agent {self._what.agent.name}"
        self._running = asyncio.ensure_future(loop.run(work, name))
        noted = log.bind(call=self._what.call.call_id, fault="user code")
        try:
            failed = await self._running
        except asyncio.CancelledError:
            if not self._link.is_over:
                raise
            noted.warning("conversation outlived its call")
            return
        except NoThreadError as full:
            failed = Failed.by(full)
        if self._link.is_over:
            if failed is not None:
                noted.info("conversation ended with its call", why=failed.why)
            return
        if failed is not None:
            noted.error("conversation failed", exception=failed.trace)
        elif not self._link.is_answered:
            noted.error("conversation ended before it answered", agent=self._what.agent.name)
        if not self._link.is_answered:
            self._way.reject(INTERNAL_ERROR)


async def _converse(what: SdkCall, link: CallLink) -> Failed | None:
    """Run the session, on the loop of user code, and hang up; say how it failed, if it did."""
    link.bind()
    sdk: Any = import_module("telephony.app.agents_sdk.engine_model")
    model: Any = sdk.EngineRealtimeModel(link, what.connection, what.known)
    try:
        if what.agent.converse is not None:
            await what.agent.converse(model, what.call)
        else:
            await sdk.converse(what.agent.agent, model, what.call)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # SystemExit too: it ends the session, not us
        return Failed.by(error)
    finally:
        await model.close()
    return None
