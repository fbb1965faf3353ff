"""One call as a session of openai-agents has it: rows come, commands go, from another loop.

The session lives where user code lives, and may block that loop; the app's never waits for it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from contextvars import ContextVar
from enum import Enum, auto
from functools import partial

import structlog

from telephony.app.transfers import NOT_ALLOWED, UNDER_WAY, failure_of
from telephony.app.way import Way
from telephony.call import (
    AgentConfigured,
    CallCommandBody,
    CallEnded,
    CallEventBody,
    GiveToolResult,
    HangUp,
    SendDigits,
    StartTransfer,
    TransferEnded,
    VoicePlan,
)
from telephony.errors import LocalError

__all__ = ["CallLink", "current_call"]

MAX_WAITING_ROWS = 2_000
"""A session that takes no row for so long hangs: a minute and a half of lively talk."""
HUNG = "the agent's code does not answer"

log = structlog.get_logger("telephony.calls")

_current: ContextVar["CallLink"] = ContextVar("call")


class _Answered(Enum):
    """What becomes of a result that the session hands back."""

    SILENTLY = auto()
    """It is given, and draws no words."""
    BY_ENGINE = auto()
    """The engine has answered the model itself."""


def current_call() -> "CallLink":
    """Give the call whose session runs this.

    Raises:
        LocalError: None does.
    """
    link = _current.get(None)
    if link is None:
        raise LocalError("this acts on a call, and runs only in one")
    return link


class CallLink:
    """One call, from the loop of its session.

    Made on the app's loop; all but `handle_row` belongs to the session's, from `bind` on.

    Args:
        call_id: For the log.
        way: Takes the call, on the app's loop.
        command: Takes commands, on the app's loop.
        may_transfer: Says whether a target is allowed.

    Attributes:
        is_answered: Whether the call was taken.
        is_over: Whether it has ended.
    """

    def __init__(
        self,
        call_id: str,
        way: Way,
        command: Callable[[CallCommandBody], None],
        may_transfer: Callable[[str], bool],
    ) -> None:
        """Keep rows until the session begins."""
        self.is_answered = False
        self.is_over = False
        self._call_id = call_id
        self._way = way
        self._command = command
        self._may_transfer = may_transfer
        self._app = asyncio.get_running_loop()
        self._session: asyncio.AbstractEventLoop | None = None
        self._rows: deque[CallEventBody] = deque()
        self._news = asyncio.Event()
        self._transfer: asyncio.Future[TransferEnded] | None = None
        self._results: dict[str, _Answered] = {}
        self._is_given_up = False
        self._held: list[CallCommandBody] | None = []
        """Commands from before there is an agent to obey them; None since there is one."""

    # ---- on the app's loop --------------------------------------------------------------------

    def handle_row(self, row: CallEventBody) -> None:
        """Take the next row; a session that takes none of them any more loses the call."""
        if isinstance(row, CallEnded):
            self.is_over = True
        elif isinstance(row, AgentConfigured):
            self._let_go()
        if not self.is_over and len(self._rows) >= MAX_WAITING_ROWS:
            self._give_up()
            return
        self._rows.append(row)
        if self._session is not None:
            with suppress(RuntimeError):  # its loop has closed: the process ends
                self._session.call_soon_threadsafe(self._tell, row)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        for body in held or ():
            self._command(body)

    def _pass(self, body: CallCommandBody) -> None:
        """Hand a command on, once the call's way has brought the agent to it."""
        if self._held is None or isinstance(body, HangUp):
            self._command(body)
        else:
            self._held.append(body)

    def _give_up(self) -> None:
        if not self._is_given_up:
            self._is_given_up = True
            log.error("session hangs", call=self._call_id, fault="user code")
            self._command(HangUp(cause=HUNG))

    # ---- on the session's loop ----------------------------------------------------------------

    def bind(self) -> None:
        """Belong to the running loop, and to all that runs in this context."""
        self._session = asyncio.get_running_loop()
        _current.set(self)
        self._news.set()

    def _tell(self, row: CallEventBody) -> None:
        self._news.set()
        if isinstance(row, TransferEnded) and self._transfer is not None:
            if not self._transfer.done():
                self._transfer.set_result(row)
            self._transfer = None

    async def rows(self) -> AsyncIterator[CallEventBody]:
        """Give each row, up to the last of the call."""
        while True:
            while self._rows:
                row = self._rows.popleft()
                yield row
                if isinstance(row, CallEnded):
                    return
            self._news.clear()  # a row that has come meanwhile sets it again, on this loop
            await self._news.wait()

    def command(self, body: CallCommandBody) -> None:
        """Tell the engine what shall happen; a command may cross the end of the call."""
        if self.is_over:
            return
        self._call_app(partial(self._pass, body))

    def answer(self, plan: VoicePlan) -> None:
        """Take the call, with this session."""
        self.is_answered = True
        if not self.is_over:
            self._call_app(partial(self._way.answer, plan))

    def _call_app(self, do: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the app's loop has closed: the process ends
            self._app.call_soon_threadsafe(do)

    def give_result(self, tool_call_id: str, output: str, *, respond: bool) -> None:
        """Answer the model's call of a function, unless the engine did so itself."""
        how = self._results.pop(tool_call_id, None)
        if how is not _Answered.BY_ENGINE:
            is_answer = respond and how is not _Answered.SILENTLY
            result = GiveToolResult(tool_call_id=tool_call_id, output=output, respond=is_answer)
            self.command(result)

    # ---- what a function of the agent's may do with the call ------------------------------------

    async def transfer(self, target: str, tool_call_id: str) -> str:
        """Send the caller elsewhere; give what the model is told of a transfer that failed.

        Args:
            target: A URI.
            tool_call_id: Of the model's call of the function.
        """
        if not self._may_transfer(target):
            log.warning("transfer not allowed", call=self._call_id, target=target)
            return NOT_ALLOWED
        if self._transfer is not None:
            self._results[tool_call_id] = _Answered.SILENTLY
            return UNDER_WAY
        ended = self._transfer = asyncio.get_running_loop().create_future()
        self.command(StartTransfer(target=target))
        failure = failure_of(await ended)
        if failure is None:  # the end of the call is next, and ends this
            await asyncio.get_running_loop().create_future()
        return failure or ""

    def hang_up(self, tool_call_id: str) -> str:
        """End the call once the agent's words were heard; give what the model is told."""
        self._results[tool_call_id] = _Answered.SILENTLY
        self.command(HangUp(after_words=True, cause="the agent hung up"))
        return "The call ends once what you have said was heard."

    def press(self, keys: str, tool_call_id: str) -> str:
        """Press keys towards the far end; the engine tells the model what comes of it."""
        self._results[tool_call_id] = _Answered.BY_ENGINE
        self.command(SendDigits(digits=keys, tool_call_id=tool_call_id))
        return f"Pressing {keys}."
