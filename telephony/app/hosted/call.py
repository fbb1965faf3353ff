"""One call that a provider holds, from its claim to its end: what is asked of the provider for it.

Whatever goes out is written down first. An acceptance that a process before us left behind may have
been done or not: its session tells, for there is one as soon as a call was accepted. A call that
was accepted is joined at once: the engine tries more than once, and learns of one that has ended.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from telephony.app.hosted.calls_api import (
    CallGoneError,
    CallsApi,
    RefusedError,
    UnreachableError,
)
from telephony.app.hosted.journal import CallState, HostedCall
from telephony.app.hosted.journal_thread import JournalError, JournalThread
from telephony.call import (
    AttachHosted,
    CallAnswered,
    CallCommandBody,
    CallEnded,
    CallEventBody,
    HangUp,
    HostedActDone,
    HostedActRequested,
    RejectCall,
    VoicePlan,
    session_settings,
)
from telephony.realtime import accept_body
from telephony.voice import VoiceFormat

__all__ = ["HeldCall"]

OK: Final = 200
GONE: Final = 404
UNAVAILABLE: Final = 503
DECLINED: Final = 603
AGAIN_SECONDS: Final = (2.0, 5.0, 15.0, 30.0)
"""Before each further try to hang a call up whose provider gives no answer."""
RESUMED: Final = (
    "The line to you was lost for a moment, in the middle of the call. Do not greet the caller"
    " again; say briefly that you are back, and go on where you were."
)

log = structlog.get_logger("telephony.hosted")
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class HeldCall:
    """The way of one hosted call: decisions about it become requests to its provider.

    Args:
        call: As it was claimed.
        call_id: Ours.
        realtime: The server that its session is on.
        api: Its provider.
        journal: Where it is written down.
        command: Hands a command for this call to the engine.
        spawn: Runs what takes time.
    """

    def __init__(
        self,
        call: HostedCall,
        call_id: str,
        realtime: str,
        api: CallsApi,
        journal: JournalThread,
        command: Callable[[CallCommandBody], None],
        spawn: Spawn,
    ) -> None:
        """Wait for a decision."""
        self.call = call
        self.call_id = call_id
        self._realtime = realtime
        self._api = api
        self._journal = journal
        self._command = command
        self._spawn = spawn
        self._requests: list[asyncio.Task[None]] = []
        self._is_decided = False
        self._may_be_accepted = call.state is not CallState.CLAIMED
        self._is_ours = True
        self.is_over = False

    @property
    def realtime(self) -> str:
        """The server that its session is on."""
        return self._realtime

    # ---- decisions ----------------------------------------------------------------------------

    def answer(self, plan: VoicePlan) -> None:
        """Have the provider accept the call, and the engine join it."""
        self._is_decided = True
        self._requests.append(self._spawn(self._answer(plan)))

    def reject(self, status: int, reason: str | None = None) -> None:
        """Have the provider refuse the call."""
        self._is_decided = True
        self._requests.append(self._spawn(self._refuse(status)))
        self._command(RejectCall(status=status, reason=reason))

    def redirect(self, to: str) -> None:
        """Refuse the call: a provider sends nobody elsewhere before it has accepted."""
        log.warning("a hosted call cannot be redirected", call=self.call_id, to=to, answer=DECLINED)
        self.reject(DECLINED)

    # ---- what the engine tells ----------------------------------------------------------------

    def handle_row(self, row: CallEventBody) -> None:
        """Take the next row of its event log."""
        match row:
            case HostedActRequested():
                self._requests.append(self._spawn(self._act(row)))
            case CallAnswered():
                self._spawn(self._move(CallState.ATTACHED))
            case CallEnded():
                self.is_over = True
            case _:
                pass

    async def end(self) -> None:
        """Write down that it has ended, once its provider knows all that it is to know.

        One that nobody decided about is refused.
        """
        if self._requests:
            await asyncio.wait(self._requests)
        if not self._is_decided and self._is_ours:
            await self._refuse(UNAVAILABLE)
        await self._move(CallState.OVER)

    def let_go(self) -> None:
        """Leave the call to another process, which has taken it on: ours counted as dead."""
        if not self._is_ours:
            return
        self._is_ours = False
        log.error("another process took a call on", call=self.call_id, fault="ours")
        self._command(HangUp(cause="another process has the call"))

    # ---- what takes time ----------------------------------------------------------------------

    async def _answer(self, plan: VoicePlan) -> None:
        is_resumed = self.call.state is CallState.ATTACHED
        try:
            if self.call.state is CallState.CLAIMED:
                if not await self._journal.move(self.call.hosted_id, CallState.ACCEPTING):
                    self.let_go()
                    return
                await self._accept(plan)
            elif self.call.state is CallState.ACCEPTING and not await self._api.has_session(
                self.call.hosted_id
            ):
                await self._accept(plan)
            if not is_resumed:
                await self._move(CallState.ACCEPTED)
        except CallGoneError:
            log.info("the caller has gone before the call was accepted", call=self.call_id)
            self._command(HangUp(cause="the caller has gone"))
            return
        except (JournalError, RefusedError, UnreachableError) as failed:
            fault = "ours" if isinstance(failed, JournalError) else "model"
            log.error("call not accepted", call=self.call_id, why=str(failed), fault=fault)
            self._command(RejectCall(status=UNAVAILABLE))
            await self._refuse(UNAVAILABLE)
            return
        if self.is_over:
            await self._act(HostedActRequested(act="hang_up"))
            return
        greeting = RESUMED if is_resumed else plan.greeting
        self._command(AttachHosted(plan=plan.model_copy(update={"greeting": greeting})))

    async def _accept(self, plan: VoicePlan) -> None:
        """Accept; where nobody knows whether that was done, the call's session tells."""
        settings = session_settings(plan, VoiceFormat.PCMU)
        body = accept_body(settings).model_dump(mode="json", exclude_unset=True)
        self._may_be_accepted = True
        try:
            await self._api.accept(self.call.hosted_id, body)
        except UnreachableError as failed:
            if failed.is_unsent or not await self._api.has_session(self.call.hosted_id):
                raise

    async def _refuse(self, status: int) -> None:
        """Reject; where that fails for a call that may have been accepted, it is hung up."""
        try:
            try:
                await self._api.reject(self.call.hosted_id, status)
            except (CallGoneError, RefusedError):
                if not self._may_be_accepted:
                    raise
                await self._api.hang_up(self.call.hosted_id)
        except CallGoneError:
            pass
        except (RefusedError, UnreachableError) as failed:
            log.warning("call not rejected", call=self.call_id, why=str(failed), fault="model")
            if self._may_be_accepted and isinstance(failed, UnreachableError):
                await self._hang_up_later()

    async def _hang_up_later(self) -> None:
        """Try on: a caller whose call is not hung up is left with a model that nobody steers."""
        for wait_s in AGAIN_SECONDS:
            await asyncio.sleep(wait_s)
            try:
                await self._api.hang_up(self.call.hosted_id)
            except UnreachableError:
                continue
            except (CallGoneError, RefusedError):
                pass
            return
        log.error("call not hung up", call=self.call_id, fault="model")

    async def _act(self, asked: HostedActRequested) -> None:
        """Ask the provider for what the call wants, and tell the call what it answered."""
        done = HostedActDone(act=asked.act, status=OK)
        try:
            if not self._is_ours:
                pass  # whoever has the call now asks for what it wants
            elif asked.act == "refer":
                await self._api.refer(self.call.hosted_id, asked.target or "")
            else:
                await self._api.hang_up(self.call.hosted_id)
        except (CallGoneError, RefusedError) as failed:
            done = HostedActDone(act=asked.act, status=failed.status, reason=str(failed))
        except UnreachableError as failed:
            done = HostedActDone(act=asked.act, status=None, reason=str(failed))
        if done.status not in (OK, GONE):
            log.warning("act not done", call=self.call_id, act=done.act, why=done.reason)
        self._command(done)
        if done.act == "hang_up" and done.status is None:
            await self._hang_up_later()

    async def _move(self, state: CallState) -> None:
        """Write down how far it has come; a disk that takes it not costs a restart its place."""
        if not self._is_ours:
            return
        try:
            if not await self._journal.move(self.call.hosted_id, state) and not self.is_over:
                self.let_go()
        except JournalError as failed:
            log.error("call not written", call=self.call_id, why=str(failed), fault="ours")
