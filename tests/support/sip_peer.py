"""A SIP endpoint on a virtual clock, with a scripted peer that writes its own messages.

The peer is text: what it sends is written out here and in the tests, and nothing of the product
builds or reads it but the parser that shows what the endpoint sent.
"""

import itertools
import re
from dataclasses import dataclass
from typing import TypeVar

from telephony.sip import (
    EndpointSettings,
    FlowId,
    ListenAddress,
    Request,
    Response,
    SipEndpoint,
    SipOutput,
    Transmit,
    parse_message,
)
from telephony.units import NS_PER_MS, Nanoseconds

LOCAL = ListenAddress("UDP", "192.0.2.1", 5060)
PEER = ("192.0.2.9", 5060)
FLOW = FlowId("TCP", "192.0.2.9", 41_000, 1)
OFFER = b"v=0\r\no=peer 1 1 IN IP4 192.0.2.9\r\ns=-\r\n"
ANSWER = b"v=0\r\no=we 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
SETTINGS = EndpointSettings(advertised={"UDP": ("192.0.2.1", 5060), "TCP": ("192.0.2.1", 5060)})
TIMER_LIMIT_MS = 32_000

E = TypeVar("E")


@dataclass(frozen=True)
class Sent:
    """One message the endpoint sent."""

    at_ms: float
    transmit: Transmit
    message: Request | Response

    @property
    def method(self) -> str:
        """The request's method, or that of the request which a response answers."""
        return (
            self.message.method if isinstance(self.message, Request) else self.message.cseq.method
        )

    @property
    def status(self) -> int | None:
        return self.message.status if isinstance(self.message, Response) else None


class Bench:
    """One endpoint, its outputs, and the hand on the clock."""

    def __init__(self, settings: EndpointSettings = SETTINGS, random: float = 0.5) -> None:
        numbers = itertools.count()
        self.endpoint = SipEndpoint(settings, lambda: f"e1-{next(numbers):x}", lambda: random)
        self.now = Nanoseconds(0)
        self.sent: list[Sent] = []
        self.events: list[SipOutput] = []
        self._flows: set[FlowId] = set()

    @property
    def now_ms(self) -> float:
        return self.now / NS_PER_MS

    def drain(self) -> None:
        """Collect what the endpoint has to give."""
        while (output := self.endpoint.poll_output()) is not None:
            if isinstance(output, Transmit):
                if output.data == b"\r\n":
                    continue
                message = parse_message(output.data)
                self.sent.append(Sent(self.now_ms, output, message))
            else:
                self.events.append(output)

    def receive(
        self,
        text: str | bytes,
        *,
        source: tuple[str, int] = PEER,
        local: ListenAddress = LOCAL,
    ) -> None:
        """Have a datagram arrive."""
        data = text.encode() if isinstance(text, str) else text
        self.endpoint.handle_datagram(data, source, local, self.now)
        self.drain()

    def open(self, flow: FlowId = FLOW) -> None:
        """Have a connection come about."""
        self._flows.add(flow)
        self.endpoint.handle_flow_opened(flow, self.now)
        self.drain()

    def close(self, flow: FlowId = FLOW) -> None:
        """Have a connection end."""
        self._flows.discard(flow)
        self.endpoint.handle_flow_closed(flow, self.now)
        self.drain()

    def stream(self, text: str | bytes, flow: FlowId = FLOW) -> None:
        """Have octets arrive over a connection; the first ones open it."""
        data = text.encode() if isinstance(text, str) else text
        if flow not in self._flows:
            self.open(flow)
        self.endpoint.handle_stream(flow, data, self.now)
        self.drain()

    def run(self, ms: float) -> None:
        """Let time pass, serving each deadline at its time."""
        end = Nanoseconds(self.now + round(ms * NS_PER_MS))
        self.drain()
        while (due := self.endpoint.next_deadline()) is not None and due <= end:
            self.now = max(due, self.now)
            self.endpoint.handle_timer(self.now)
            self.drain()
        self.now = end

    def take(self) -> list[Sent]:
        """Give what was sent since the last call."""
        self.drain()
        sent, self.sent = self.sent, []
        return sent

    def take_one(self) -> Request | Response:
        """Give the one message sent since the last call."""
        sent = self.take()
        assert len(sent) == 1, [str(one.message.start_line) for one in sent]
        return sent[0].message

    def take_request(self) -> Request:
        message = self.take_one()
        assert isinstance(message, Request)
        return message

    def take_response(self) -> Response:
        message = self.take_one()
        assert isinstance(message, Response)
        return message

    def statuses(self) -> list[int | None]:
        """Give the statuses of what was sent since the last call."""
        return [one.status for one in self.take()]

    def event(self, kind: type[E]) -> E:
        """Give the one event told since the last call, which must be of this kind."""
        self.drain()
        events, self.events = self.events, []
        assert len(events) == 1, events
        assert isinstance(events[0], kind), events
        return events[0]

    def event_kinds(self) -> list[str]:
        """Name the events told since the last call."""
        self.drain()
        events, self.events = self.events, []
        return [type(event).__name__ for event in events]

    def assert_clean(self) -> None:
        """Hold that nothing is left: no transaction, dialog or timer."""
        assert self.endpoint.transaction_count == 0
        assert self.endpoint.dialog_count == 0
        assert self.endpoint.timer_count == 0
        assert self.endpoint.next_deadline() is None


def request(
    method: str,
    *,
    branch: str = "z9hG4bK-1",
    uri: str = "sip:agent@192.0.2.1",
    via: str = "SIP/2.0/UDP 192.0.2.9:5060",
    via_parameters: str = ";rport",
    from_tag: str = "peer-tag",
    to_tag: str = "",
    call_id: str = "call-1",
    cseq: int = 1,
    cseq_method: str = "",
    contact: str = "<sip:peer@192.0.2.9:5070>",
    extra: str = "",
    body: bytes = b"",
    content_type: str = "application/sdp",
) -> str:
    """Write a request of the peer."""
    tag = f";tag={to_tag}" if to_tag else ""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via};branch={branch}{via_parameters}",
        "Max-Forwards: 70",
        f"From: <sip:peer@192.0.2.9>;tag={from_tag}",
        f"To: <sip:agent@192.0.2.1>{tag}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {cseq_method or method}",
    ]
    if contact:
        lines.append(f"Contact: {contact}")
    lines += extra.splitlines()
    if body:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"Content-Length: {len(body)}", "", body.decode()]
    return "\r\n".join(lines)


def response(
    to: Request,
    status: int,
    *,
    reason: str = "Whatever",
    to_tag: str = "callee",
    contact: str = "<sip:callee@192.0.2.9:5070>",
    extra: str = "",
    body: bytes = b"",
) -> str:
    """Write the peer's answer to a request of ours."""
    old = to.headers.get("To") or ""
    tag = f";tag={to_tag}" if to_tag and ";tag=" not in old else ""
    lines = [
        f"SIP/2.0 {status} {reason}",
        f"Via: {to.headers.get('Via')}",
        f"From: {to.headers.get('From')}",
        f"To: {old}{tag}",
        f"Call-ID: {to.headers.get('Call-ID')}",
        f"CSeq: {to.headers.get('CSeq')}",
    ]
    if contact:
        lines.append(f"Contact: {contact}")
    lines += extra.splitlines()
    if body:
        lines.append("Content-Type: application/sdp")
    lines += [f"Content-Length: {len(body)}", "", body.decode()]
    return "\r\n".join(lines)


def tag_of(value: str | None) -> str:
    """Read the tag out of a From or To by a pattern of our own."""
    match = re.search(r";tag=([^;]+)", value or "")
    assert match is not None, value
    return match[1]
