"""Asks the provider of a hosted call to accept, reject, refer or end it.

Source: the calls API of the Realtime protocol: `POST {base}/{call_id}/accept` and its three kin.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from telephony.errors import RemoteError, TransportError

__all__ = ["CallGoneError", "CallsApi", "RefusedError", "UnreachableError"]

REQUEST_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 2.0
CLOSING: Final = aiohttp.ClientWSTimeout(ws_close=0.25)  # pyright: ignore[reportCallIssue] # attrs
"""For a provider's half of a close: a caller is waiting."""
TRIES: Final = 3
RETRY_SECONDS: Final = 0.25
"""Before the next try, where the provider names no time."""
MAX_RETRY_SECONDS: Final = 2.0
"""A caller is waiting: a provider that wants more time than this has refused."""
MAX_ANSWER_OCTETS: Final = 4_096
"""Of an answer, for the code of its error."""
SHOWN_CHARACTERS: Final = 80
GONE: Final = 404
RETRIED: Final = frozenset({429, 503})
FIRST_REFUSAL: Final = 300


class CallGoneError(RemoteError):
    """The provider knows no such call (any more): the caller has gone."""

    status: Final = GONE


class RefusedError(RemoteError):
    """The provider does not do what it was asked for.

    Attributes:
        status: Of its HTTP answer.
    """

    def __init__(self, message: str, status: int) -> None:
        """Say what was asked for, and the answer."""
        super().__init__(message)
        self.status = status


class UnreachableError(TransportError):
    """The provider gave no answer; what was asked for may have been done, but for `is_unsent`.

    Attributes:
        is_unsent: Whether the request never reached it.
    """

    def __init__(self, message: str, *, is_unsent: bool) -> None:
        """Say what was asked for, and what became of it."""
        super().__init__(message)
        self.is_unsent = is_unsent


class CallsApi:
    """One provider's calls API; `close` it in the end.

    Every method raises `CallGoneError`, `RefusedError` or `UnreachableError`, which name the
    request and the answer, and never a key. One that never reached the provider is tried again, as
    is an acceptance that was put off (429, 503 with Retry-After); a refer is sent once at most.

    Args:
        base: Such as `https://api.example.com/v1/realtime/calls`.
        headers: Sent with every request; they hold the key.
        session_url: Gives the WebSocket URL of a call's session.
    """

    def __init__(
        self, base: str, headers: tuple[tuple[str, str], ...], session_url: Callable[[str], str]
    ) -> None:
        """Connect to nobody yet."""
        self._base = base.rstrip("/")
        self._session_url = session_url
        self._headers = headers
        self._client: aiohttp.ClientSession | None = None

    async def accept(self, hosted_id: str, session: Mapping[str, Any]) -> None:
        """Take a call, with this session."""
        await self._ask(hosted_id, "accept", session, retried=RETRIED)

    async def reject(self, hosted_id: str, status: int) -> None:
        """Refuse a call with a SIP status."""
        await self._ask(hosted_id, "reject", {"status_code": status})

    async def refer(self, hosted_id: str, target: str) -> None:
        """Send the caller elsewhere; the answer tells that REFER was sent, and nothing more."""
        await self._ask(hosted_id, "refer", {"target_uri": target}, tries=1)

    async def hang_up(self, hosted_id: str) -> None:
        """End a call."""
        await self._ask(hosted_id, "hangup", None)

    async def has_session(self, hosted_id: str) -> bool:
        """Say whether a call was accepted and is not over: then its session can be joined."""
        try:
            async with self._opened().ws_connect(self._session_url(hosted_id), timeout=CLOSING):
                return True
        except aiohttp.WSServerHandshakeError as refused:
            if refused.status == GONE:
                return False
            raise RefusedError(f"attach: {refused.status}", refused.status) from None
        except (aiohttp.ClientError, TimeoutError) as failed:
            raise UnreachableError(f"attach: {type(failed).__name__}", is_unsent=True) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _ask(
        self,
        hosted_id: str,
        act: str,
        body: Mapping[str, Any] | None,
        *,
        retried: frozenset[int] = frozenset(),
        tries: int = TRIES,
    ) -> None:
        url = f"{self._base}/{quote(hosted_id, safe='')}/{act}"
        for tried in range(1, tries + 1):
            wait_s = RETRY_SECONDS
            try:
                answer = await self._post(url, act, body)
            except UnreachableError as failed:
                if not failed.is_unsent or tried == tries:
                    raise
            else:
                if answer.status < FIRST_REFUSAL:
                    return
                wait_s = answer.retry_after_s if answer.status in retried else 0.0
                if tried == tries or not 0 < wait_s <= MAX_RETRY_SECONDS:
                    raise answer.error(act)
            await asyncio.sleep(wait_s)

    def _opened(self) -> aiohttp.ClientSession:
        if self._client is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_redirect.append(_refuse_redirect)
            self._client = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(REQUEST_SECONDS, sock_connect=CONNECT_SECONDS),
                # One that was kept open may be closed as we send: sent, or not, nobody knows.
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[tracing],
            )
        return self._client

    async def _post(self, url: str, act: str, body: Mapping[str, Any] | None) -> "_Answer":
        try:
            async with self._opened().post(url, json=body, allow_redirects=False) as answer:
                octets = await answer.content.read(MAX_ANSWER_OCTETS)
                return _Answer(answer.status, answer.headers.get("Retry-After", ""), octets)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as failed:
            why = failed.strerror or type(failed).__name__
            raise UnreachableError(f"{act}: no connection: {why}", is_unsent=True) from None
        except TimeoutError:
            what = f"{act}: no answer within {REQUEST_SECONDS:g} s"
            raise UnreachableError(what, is_unsent=False) from None
        except aiohttp.ClientError as failed:
            what = f"{act}: {type(failed).__name__}"
            raise UnreachableError(what, is_unsent=False) from None


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: object, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    """Follow nobody elsewhere: what is sent along shows the key."""
    redirect.response.close()
    status = redirect.response.status
    raise RefusedError(f"attach: {status}", status)


class _Answer:
    def __init__(self, status: int, retry_after: str, body: bytes) -> None:
        self.status = status
        self._retry_after = retry_after
        self._body = body

    @property
    def retry_after_s(self) -> float:
        """Give the wait that is asked for (RFC 9110 section 10.2.3); 0 where none, or a date."""
        text = self._retry_after.strip()
        return float(text) if text.isascii() and text.isdigit() else 0.0

    def error(self, act: str) -> CallGoneError | RefusedError:
        """Give the error that this answer is."""
        text = f"{act}: {self.status} {self._code()}".rstrip()
        return CallGoneError(text) if self.status == GONE else RefusedError(text, self.status)

    def _code(self) -> str:
        """Give the error's code: its message may repeat what we sent, words of the agent's too."""
        try:
            said: object = json.loads(self._body)
        except (ValueError, RecursionError):
            return ""
        match said:
            case {"error": {"code": str(code)}}:
                return _shown(code)
            case {"error": {"type": str(kind)}}:
                return _shown(kind)
            case _:
                return ""


def _shown(code: str) -> str:
    return "".join(one for one in code if one.isprintable())[:SHOWN_CHARACTERS]
