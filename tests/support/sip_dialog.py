"""A small SIP caller for tests: one dialog over UDP, with its own reading of the protocol.

It imports nothing of the product, so that a common misreading cannot hide. It knows what a scripted
call needs: INVITE and its ACK, re-INVITE, BYE, and answers to what a peer may send in the dialog.
"""

import asyncio
import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from tests.support.patience import PATIENCE_SECONDS

Address = tuple[str, int]

T1_SECONDS = 0.5
T2_SECONDS = 4.0
COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
}
_URI = re.compile(r"[^<]*<([^>]+)>|\s*([^;\s]+)")
_HOST_PORT = re.compile(r"^sips?:(?:[^@]*@)?([^:;>?]+)(?::(\d+))?")


class CallError(RuntimeError):
    """A request was refused, or not answered."""


@dataclass(slots=True)
class Message:
    """A SIP message as text: the start line, header fields with long lower-case names, the body."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: str = ""

    def all(self, name: str) -> list[str]:
        """Give every value of a header field."""
        return [value for label, value in self.headers if label == name]

    def get(self, name: str) -> str:
        """Give the first value of a header field; empty where there is none."""
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        """The status of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The method it belongs to."""
        return self.get("cseq").split()[-1]


def parse(data: bytes) -> Message | None:
    """Read a message; None for a keep-alive."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    if len(lines) < 2:
        return None
    pairs = (line.partition(":") for line in lines[1:])
    headers = [(label.strip().lower(), value.strip()) for label, _, value in pairs]
    return Message(lines[0], [(COMPACT.get(name, name), value) for name, value in headers], body)


def uri_of(value: str) -> str:
    """Give the URI of a From, To, Contact or Record-Route."""
    match = _URI.match(value)
    return (match[1] or match[2]) if match else ""


def address_of(uri: str) -> Address:
    """Give the numeric host and port that a URI names."""
    match = _HOST_PORT.match(uri)
    if match is None:
        raise CallError(f"no address in {uri!r}")
    return match[1], int(match[2] or 5060)


class SipSocket(asyncio.DatagramProtocol):
    """One UDP socket that many dialogs share."""

    def __init__(self) -> None:
        self.dialogs: dict[str, Dialog] = {}
        self.address: Address = ("", 0)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: Address) -> None:
        message = parse(data)
        if message is not None and (dialog := self.dialogs.get(message.get("call-id"))):
            dialog.receive(message, addr)

    def send(self, data: str, destination: Address) -> None:
        """Send one message."""
        assert self._transport is not None
        self._transport.sendto(data.encode(), destination)

    def close(self) -> None:
        """Close the socket."""
        assert self._transport is not None
        self._transport.close()


@dataclass(slots=True)
class _Transaction:
    """A request of ours that waits for its answer."""

    text: str
    destination: Address
    final: asyncio.Future[Message]
    is_proceeding: bool = False


class Dialog:
    """One call of ours.

    Args:
        socket: Where it sends and receives.
        target: The URI to call.
        user: Our user part.
        sdp: Gives our session description, for an offer and for an answer.
        patience_seconds: When a request without an answer counts as failed.
    """

    def __init__(
        self,
        socket: SipSocket,
        target: str,
        user: str,
        sdp: Callable[[], str],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.call_id = secrets.token_hex(8)
        self.remote_sdp = ""
        self.is_ended = asyncio.Event()
        """Set when the far end hangs up."""
        self._patience_seconds = patience_seconds
        self._socket = socket
        self._target = target
        self._sdp = sdp
        host, port = socket.address
        self._contact = f"<sip:{user}@{host}:{port}>"
        self._from = f"<sip:{user}@{host}>;tag={secrets.token_hex(4)}"
        self._to = f"<{target}>"
        self._routes: list[str] = []
        self._cseq = itertools.count(1)
        self._transactions: dict[str, _Transaction] = {}
        self._acks: dict[str, tuple[str, Address]] = {}
        socket.dialogs[self.call_id] = self

    async def invite(self) -> None:
        """Send an INVITE, the first or a further one, and take the answer."""
        answer = await self._request("INVITE", self._sdp())
        self.remote_sdp = answer.body

    async def bye(self) -> None:
        """End the call, and give the number of the call free."""
        try:
            if not self.is_ended.is_set():
                await self._request("BYE")
        finally:
            del self._socket.dialogs[self.call_id]

    def receive(self, message: Message, source: Address) -> None:
        """Take a message of this dialog."""
        if message.status:
            self._receive_response(message)
        elif not message.start.startswith("ACK "):
            self._receive_request(message, source)

    async def _request(self, method: str, body: str = "") -> Message:
        branch = "z9hG4bK" + secrets.token_hex(6)
        number = next(self._cseq)
        text, destination = self._compose(method, number, branch, body)
        final: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        transaction = _Transaction(text, destination, final)
        self._transactions[branch] = transaction
        try:
            answer = await asyncio.wait_for(
                self._repeat(transaction, method), self._patience_seconds
            )
        except TimeoutError:
            raise CallError(f"{method} got no final answer") from None
        finally:
            del self._transactions[branch]
        if method == "INVITE":
            self._acknowledge(answer, number, branch)
        if answer.status >= 300:
            raise CallError(f"{method} was answered {answer.start}")
        return answer

    async def _repeat(self, transaction: _Transaction, method: str) -> Message:
        interval = T1_SECONDS
        while True:
            if not (transaction.is_proceeding and method == "INVITE"):
                self._socket.send(transaction.text, transaction.destination)
            done, _ = await asyncio.wait([transaction.final], timeout=interval)
            if done:
                return transaction.final.result()
            interval = min(interval * 2, T2_SECONDS)

    def _acknowledge(self, answer: Message, number: int, branch: str) -> None:
        if answer.status < 300:
            self._target = uri_of(answer.get("contact")) or self._target
            self._to = answer.get("to")
            self._routes = list(reversed(answer.all("record-route")))
            branch = "z9hG4bK" + secrets.token_hex(6)
        text, destination = self._compose("ACK", number, branch, to=answer.get("to"))
        self._socket.send(text, destination)
        if answer.status < 300:
            self._acks[answer.get("cseq")] = (text, destination)

    def _compose(
        self, method: str, number: int, branch: str, body: str = "", to: str = ""
    ) -> tuple[str, Address]:
        host, port = self._socket.address
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: {self._from}",
            f"To: {to or self._to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            *(f"Route: {route}" for route in self._routes),
            f"Contact: {self._contact}",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        next_hop = uri_of(self._routes[0]) if self._routes else self._target
        return "\r\n".join(lines) + "\r\n\r\n" + body, address_of(next_hop)

    def _receive_response(self, message: Message) -> None:
        branch = re.search(r"branch=([^;,\s]+)", message.get("via"))
        transaction = self._transactions.get(branch[1]) if branch else None
        if transaction is not None and message.status < 200:
            transaction.is_proceeding = True
        elif transaction is not None and not transaction.final.done():
            transaction.final.set_result(message)
        elif message.method == "INVITE" and message.get("cseq") in self._acks:
            self._socket.send(*self._acks[message.get("cseq")])

    def _receive_request(self, message: Message, source: Address) -> None:
        body = self._sdp() if message.method == "INVITE" else ""
        echoed = ("via", "from", "to", "call-id", "cseq")
        lines = [f"{name}: {value}" for name, value in message.headers if name in echoed]
        status = "202 Accepted" if message.method == "REFER" else "200 OK"
        content = ["content-type: application/sdp"] if body else []
        lines = [f"SIP/2.0 {status}", *lines, f"contact: {self._contact}", *content]
        lines.append(f"content-length: {len(body)}")
        self._socket.send("\r\n".join(lines) + "\r\n\r\n" + body, source)
        if message.method == "BYE":
            self.is_ended.set()
