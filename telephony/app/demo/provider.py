"""A stand-in for a provider that holds calls: its webhooks, its calls API, its callers.

Whatever reaches it is noted, and nothing else: its notes judge the product.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web

from telephony.app.local_hosted import LocalHostedCall
from telephony.app.local_server import LocalServer
from telephony.errors import TransportError
from telephony.local import RefusedEventError, Speaker, Voice

__all__ = ["Note", "StandInProvider"]

HOST: Final = "127.0.0.1"
CALLS: Final = "/v1/realtime/calls"
ANSWER_SECONDS: Final = 5.0
"""For an answer to a webhook: real ones wait no longer."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that reached the provider, or that it did.

    Attributes:
        what: "webhook", "accept", "reject", "refer", "hangup", "attach", "message" or "press".
        call: The provider's name of the call.
        wall: When, in Unix seconds.
        details: Of a request its body and the `status` it was answered with; of a webhook the
            `status` it was answered with; of a message its `event`.
    """

    what: str
    call: str
    wall: float
    details: dict[str, Any] = field(default_factory=dict[str, Any])


class StandInProvider:
    """One provider on this machine.

    Args:
        key: What requests have to show.
        on_note: Is shown each note as it is made.
    """

    def __init__(self, key: str, on_note: Callable[[Note], None] = lambda _note: None) -> None:
        """Start nothing yet."""
        self._key = key
        self._on_note = on_note
        self._sessions = LocalServer(Speaker(Voice.load()))
        self._changed = asyncio.Event()
        self._ringing: set[str] = set()
        self.held: dict[str, LocalHostedCall] = {}
        self.notes: list[Note] = []
        self.realtime_url = self.calls_url = ""
        app = web.Application()
        app.router.add_post(CALLS + "/{call}/{act}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start(self) -> None:
        """Listen, on free ports."""
        self.realtime_url = await self._sessions.start(HOST, 0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        port = self._runner.addresses[0][1]
        self.calls_url = f"http://{HOST}:{port}{CALLS}"

    async def stop(self) -> None:
        """End all calls."""
        await self._runner.cleanup()
        await self._sessions.close()

    # ---- what it does --------------------------------------------------------------------------

    async def tell_of_call(
        self, call: str, url: str, secret: str, headers: dict[str, str], *, event: str = ""
    ) -> int:
        """Let a caller in, and tell of that by a webhook.

        Args:
            call: Names the call.
            url: Where webhooks go.
            secret: Signs them: `whsec_` and base64.
            headers: SIP header fields of the caller's.
            event: The webhook's id; one for each call by default. The same one again repeats it.

        Returns:
            The status of the answer; 0 where there was none.
        """
        self._ringing.add(call)
        event = event or f"evt_{call}"
        shown = [{"name": name, "value": value} for name, value in headers.items()]
        told = {"call_id": call, "sip_headers": shown}
        body = json.dumps(
            {
                "object": "event",
                "id": event,
                "type": "realtime.call.incoming",
                "created_at": int(time.time()),
                "data": told,
            }
        ).encode()
        began = time.time()
        status = await _post(url, body, _signed(event, body, secret))
        self._note("webhook", call, began, event=event, status=status)
        return status

    def press(self, call: str, digit: str) -> None:
        """Let the caller press a key."""
        self._note("press", call, digit=digit)
        self.held[call].press(digit)

    def leave(self, call: str) -> None:
        """Let the caller hang up, accepted or not."""
        self._ringing.discard(call)
        held = self.held.pop(call, None)
        if held is not None:
            held.hang_up()

    async def noted(
        self,
        what: str,
        call: str,
        seconds: float,
        such: Callable[[Note], bool] = lambda _note: True,
    ) -> Note:
        """Wait for a note.

        Raises:
            TransportError: It was waited for in vain.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for note in self.notes:
                        if note.what == what and note.call == call and such(note):
                            return note
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            why = f"waited {seconds:g} s in vain for {what} of call {call}"
            raise TransportError(why) from None

    def _note(self, what: str, call: str, wall: float | None = None, **details: Any) -> None:
        note = Note(what, call, time.time() if wall is None else wall, details)
        self.notes.append(note)
        self._changed.set()
        self._on_note(note)

    # ---- what it is asked for -------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.Response:
        call, act = request.match_info["call"], request.match_info["act"]
        body = await request.read()
        asked: dict[str, Any] = json.loads(body) if body else {}
        status = self._do(call, act, asked, request.headers.get("Authorization", ""))
        self._note(act, call, status=status, **asked)
        return web.Response(status=status)

    def _do(self, call: str, act: str, asked: dict[str, Any], shown: str) -> int:
        """Do what is asked for, and give the status that answers it."""
        if shown != f"Bearer {self._key}":
            return 401
        held = self.held.get(call)
        match act:
            case "accept" if call in self._ringing and held is None:
                return self._accept(call, asked)
            case "reject" if call in self._ringing and held is None:
                self._ringing.discard(call)
                return 200
            case "refer" | "hangup" if held is not None and not held.is_over:
                self.leave(call)
                return 200
            case "accept" | "reject" | "refer" | "hangup":
                return 404
            case _:
                return 405

    def _accept(self, call: str, session: dict[str, Any]) -> int:
        def show(text: bytes) -> None:
            event = json.loads(text)
            if event.get("type") == "session.update":
                self._note("attach", call, event=event)
            else:
                self._note("message", call, event=event)

        try:
            self.held[call] = self._sessions.hold_call(call, session, show)
        except RefusedEventError:
            return 400
        return 200


def _signed(event: str, body: bytes, secret: str) -> dict[str, str]:
    """Sign as Standard Webhooks 1.0 says; the product checks it by code of its own."""
    sent = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{event}.{sent}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": event,
        "webhook-timestamp": sent,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        "Content-Type": "application/json",
    }


async def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    timeout = aiohttp.ClientTimeout(ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as client,
            client.post(url, data=body, headers=headers) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0
