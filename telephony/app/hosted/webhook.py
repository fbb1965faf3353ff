"""The webhook by which a provider tells of a call: believed, written down, answered."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Final

import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError

from telephony.app.hosted.journal import HostedCall
from telephony.app.hosted.journal_thread import JournalBusyError, JournalError
from telephony.app.hosted.signature import SignatureFault, Signed, signature_fault
from telephony.engine.log import is_worth_a_line

__all__ = ["Outcome", "Webhook"]

MAX_BODY_OCTETS: Final = 65_536
BODY_SECONDS: Final = 5.0
"""For the body to come; a provider's is in the packet behind its header fields."""
RETRY_SECONDS: Final = 1
BROKEN: Final = (ConnectionError, ClientPayloadError, web.RequestPayloadError, HttpProcessingError)
"""What reading a body raises when its sender goes away, or its encoding is none."""
INCOMING: Final = "realtime.call.incoming"
ID: Final = r"[!-~]{1,200}"
UP: Final = frozenset({".", ".."})
"""No names of calls: in the path of a request they stand for other places."""

log = structlog.get_logger("telephony.hosted")


class Outcome(StrEnum):
    """What came of a webhook."""

    TAKEN = "taken"
    REPEATED = "repeated"
    UNKNOWN_TYPE = "unknown_type"
    UNSIGNED = SignatureFault.UNSIGNED
    STALE = SignatureFault.STALE
    WRONG_SIGNATURE = SignatureFault.WRONG
    OVERSIZED = "oversized"
    UNFINISHED = "unfinished"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    BUSY = "busy"
    FAILED = "failed"


STATUS: Final = {
    Outcome.TAKEN: 200,
    Outcome.REPEATED: 200,
    Outcome.UNKNOWN_TYPE: 200,
    Outcome.UNSIGNED: 401,
    Outcome.STALE: 401,
    Outcome.WRONG_SIGNATURE: 401,
    Outcome.OVERSIZED: 413,
    Outcome.UNFINISHED: 400,
    Outcome.NOT_JSON: 400,
    Outcome.WRONG_SHAPE: 400,
    Outcome.BUSY: 503,
    Outcome.FAILED: 503,
}
"""What is told to a sender: 2xx once it need not send it again, 503 where it shall."""


class _Event(BaseModel):
    type: str


class _SipHeader(BaseModel):
    name: str
    value: str


def _name(call_id: str) -> str:
    if call_id in UP:
        raise ValueError("wanted a name of a call")
    return call_id


class _Data(BaseModel):
    call_id: Annotated[str, StringConstraints(pattern=f"^{ID}$"), AfterValidator(_name)]
    sip_headers: tuple[_SipHeader, ...] = ()


class _Incoming(BaseModel):
    data: _Data


class Webhook:
    """One path that a provider's webhooks come to.

    Args:
        server: Name of its `[hosted.NAME]`.
        keys: Any of which signs.
        receive: Writes a call that is new and looks after it from then on; False where it was
            there already. Raises `JournalError`.
        count: Is told what came of each.
        wall: Gives the Unix time, in seconds.
    """

    def __init__(
        self,
        server: str,
        keys: Sequence[bytes],
        receive: Callable[[HostedCall], Awaitable[bool]],
        count: Callable[[str], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Wait for the first."""
        self._server = server
        self._keys = keys
        self._receive = receive
        self._count = count
        self._wall = wall
        self._refused: Counter[Outcome] = Counter()

    async def handle(self, request: web.Request) -> web.Response:
        """Take one webhook; a bad one leaves one count, and a line in the log unless it is many."""
        outcome, why = await self._take(request)
        self._count(outcome)
        status = STATUS[outcome]
        if outcome is Outcome.FAILED:
            log.error("webhook not written", server=self._server, why=why, fault="ours")
        elif outcome not in (Outcome.TAKEN, Outcome.REPEATED):
            self._refused[outcome] += 1
            count = self._refused[outcome]
            if is_worth_a_line(count):
                told = {"outcome": outcome, "answer": status, "why": why, "count": count}
                log.warning("webhook", server=self._server, **told)
        wait = {"Retry-After": str(RETRY_SECONDS)} if outcome is Outcome.BUSY else None
        return web.Response(status=status, text=f"{outcome}\n", headers=wait)

    async def _take(self, request: web.Request) -> tuple[Outcome, str]:
        """Believe nothing before the signature was found right."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
        except TimeoutError:
            return Outcome.UNFINISHED, f"no whole body within {BODY_SECONDS:g} s"
        except BROKEN as broken:
            return Outcome.UNFINISHED, type(broken).__name__
        if body is None:
            return Outcome.OVERSIZED, f"wanted {MAX_BODY_OCTETS} octets at most"
        signed = Signed(
            request.headers.get("webhook-id", ""),
            request.headers.get("webhook-timestamp", ""),
            request.headers.get("webhook-signature", ""),
        )
        fault = signature_fault(signed, body, self._keys, self._wall())
        if fault is not None:
            return Outcome(fault), "not from the provider, as far as its signature tells"
        return await self._read(signed.webhook_id, body)

    async def _read(self, webhook_id: str, body: bytes) -> tuple[Outcome, str]:
        if re.fullmatch(ID, webhook_id) is None:
            return Outcome.WRONG_SHAPE, "webhook-id: wanted 1 to 200 printable characters of ASCII"
        try:
            event = _Event.model_validate_json(body)
            if event.type != INCOMING:
                return Outcome.UNKNOWN_TYPE, f"wanted {INCOMING}"
            told = _Incoming.model_validate_json(body).data
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False)[0]
            is_json = first["type"] != "json_invalid"
            where = ".".join(map(str, first["loc"]))
            outcome = Outcome.WRONG_SHAPE if is_json else Outcome.NOT_JSON
            return outcome, f"{where}: {first['msg']}" if where else first["msg"]
        headers = tuple((one.name, one.value) for one in told.sip_headers)
        call = HostedCall(told.call_id, webhook_id, self._server, headers)
        try:
            is_new = await self._receive(call)
        except JournalBusyError as busy:
            return Outcome.BUSY, str(busy)
        except JournalError as failed:
            return Outcome.FAILED, str(failed)
        return Outcome.TAKEN if is_new else Outcome.REPEATED, ""


async def _body(request: web.Request) -> bytes | None:
    """Read a body, or None where it is longer than any of ours: no more of it is kept."""
    if (request.content_length or 0) > MAX_BODY_OCTETS:
        return None
    body = bytearray()
    async for piece in request.content.iter_chunked(MAX_BODY_OCTETS):
        body += piece
        if len(body) > MAX_BODY_OCTETS:
            return None
    return bytes(body)
