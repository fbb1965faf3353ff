"""Whatever a peer sends into a call that is up, the endpoint neither raises nor leaks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.sip import (
    AckReceived,
    CloseFlow,
    IncomingInvite,
    InviteAnswered,
    InviteSession,
    MessageRejected,
    NameAddr,
    OfferReceived,
    Request,
    Response,
    SessionEnded,
    SessionState,
    SipOutput,
    SipUri,
)
from tests.support.sip_peer import ANSWER, OFFER, Bench, request, response, tag_of

TARGET = SipUri("sip", "callee", None, "192.0.2.9")
METHODS = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "NOTIFY",
    "REFER",
    "SUBSCRIBE",
    "REGISTER",
    "X",
]
EXTRAS = [
    "",
    "Event: refer\nSubscription-State: active;expires=60",
    "Event: refer;id=2\nSubscription-State: terminated;reason=noresource",
    "Record-Route: <sip:192.0.2.33;lr>",
    "Record-Route: <<",
    "Require: 100rel",
    "Contact: *",
    "Refer-To: <sip:x@y>",
    "Content-Encoding: gzip",
    "Accept: text/plain",
    "Retry-After: 3",
    "Refer-Sub: false",
]
BODIES = [b"", OFFER, b"SIP/2.0 200 OK", b"SIP/2.0 486 Busy", b"\x00rubbish"]
STATUSES = [100, 180, 183, 200, 202, 302, 401, 408, 481, 486, 487, 491, 500, 503, 603]
COMMANDS = [
    "ring",
    "answer",
    "reject",
    "bye",
    "reinvite",
    "offer",
    "respond",
    "refuse",
    "refer",
    "info",
]
CONTACTS = ["<sip:peer@192.0.2.9:5070>", "<sips:x@y>", "<tel:+1>", "<sip:a@b?c=d>", "<im:x>", ""]

Step = tuple[str, int, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["request", "response", "command", "run", "garble", "error"]),
        st.integers(0, 11),
        st.integers(0, 11),
        st.integers(0, 9),
        st.integers(0, 10_000),
    ),
    max_size=14,
)


class Chaos:
    """One endpoint with a call each way, and a peer without manners."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.receive(request("INVITE", body=OFFER))
        event = self.bench.events.pop()
        assert isinstance(event, IncomingInvite)
        self.incoming = event.session
        self.incoming.ring(self.bench.now)
        self.tag = tag_of(self.bench.take_response().headers.get("To"))
        us = NameAddr(None, TARGET)
        self.outgoing = self.bench.endpoint.invite(
            TARGET, from_=us, to=us, sdp=OFFER, now_ns=self.bench.now
        )
        self.requests = [self.bench.take_request()]
        self.cseq = 1
        self.told: list[SipOutput] = []
        """What our user was told, once it was dealt with."""

    def step(self, step: Step) -> None:
        kind, first, second, third, ms = step
        match kind:
            case "request":
                self.receive_request(first, second, third)
            case "response":
                self.receive_response(first + ms % 4, second, third)
            case "command":
                sessions: list[InviteSession] = [self.incoming, self.outgoing]
                self.command(COMMANDS[first % len(COMMANDS)], sessions[second % 2])
            case "run":
                self.bench.run(ms)
            case "error":
                self.bench.endpoint.handle_transport_error(("192.0.2.9", 5060), self.bench.now)
            case _:
                text = request(METHODS[first], to_tag=self.tag, body=OFFER).encode()
                at = ms % len(text)
                self.bench.receive(text[:at] + bytes([ms % 256]) * third + text[at + second :])
        sent = [one.message for one in self.bench.take()]
        self.requests += [message for message in sent if isinstance(message, Request)]

    def receive_request(self, first: int, second: int, third: int) -> None:
        method = METHODS[first]
        self.cseq += second % 3
        to_us = third % 2 == 0
        self.bench.receive(
            request(
                method,
                branch=f"z9hG4bK-{method if third < 8 else 'INVITE'}-{self.cseq}",
                call_id="call-1" if to_us else self.outgoing.call_id,
                from_tag="peer-tag" if to_us else "callee",
                to_tag=(self.tag if to_us else tag_of(self.requests[0].headers.get("From")))
                if third
                else "",
                cseq=self.cseq,
                extra=EXTRAS[second],
                contact=CONTACTS[third % len(CONTACTS)],
                body=BODIES[first % len(BODIES)].replace(b"\x00", b"0"),
            )
        )

    def receive_response(self, first: int, second: int, third: int) -> None:
        self.bench.receive(
            response(
                self.requests[third % len(self.requests)],
                STATUSES[first % len(STATUSES)],
                to_tag=["callee", "fork", ""][second % 3],
                extra=EXTRAS[second],
                contact=CONTACTS[third % len(CONTACTS)],
                body=ANSWER if second % 2 else b"",
            )
        )

    def command(self, name: str, session: InviteSession) -> None:
        """Do what a careful user would do in the state the session is in."""
        now, incoming = self.bench.now, self.incoming
        waits = incoming.state is SessionState.RECEIVED
        offered = any(isinstance(event, OfferReceived) for event in self.bench.events)
        is_up = session.state is SessionState.ESTABLISHED
        if name == "ring" and waits:
            incoming.ring(now)
        elif name == "answer" and waits:
            incoming.answer(ANSWER, now)
        elif name == "reject" and waits:
            incoming.reject(486, now)
        elif name == "bye":
            session.bye(now)
        elif name in ("reinvite", "offer"):
            session.reinvite(OFFER if name == "offer" else None, now)
        elif name in ("respond", "refuse") and offered:
            self.answer_offers(ANSWER if name == "respond" else None)
        elif name == "info" and is_up:
            session.info("text/plain", b"x", now)

    def answer_offers(self, sdp: bytes | None) -> None:
        events, self.bench.events = self.bench.events, []
        self.told += events
        for event in events:
            if isinstance(event, OfferReceived):
                event.session.respond_to_offer(sdp, self.bench.now)

    def finish(self) -> None:
        """Let our user hang up and all timers run out."""
        for session in (self.incoming, self.outgoing):
            session.bye(self.bench.now)
        self.bench.run(500_000)
        self.bench.assert_clean()
        self.told += self.bench.events


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_a_peer_without_manners_breaks_nothing_and_leaves_nothing(steps: list[Step]) -> None:
    chaos = Chaos()
    for step in steps:
        chaos.step(step)
    chaos.finish()
    sessions = (chaos.incoming, chaos.outgoing)
    assert [session.state for session in sessions] == [SessionState.ENDED] * 2
    ended = [event.session for event in chaos.told if isinstance(event, SessionEnded)]
    assert all(ended.count(session) == 1 for session in sessions)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000), st.booleans())
def test_octets_of_any_kind_are_taken(data: bytes, whole: bool) -> None:
    bench = Bench()
    bench.receive(data if whole else b"OPTIONS sip:x SIP/2.0\r\n" + data)
    bench.stream(data)
    bench.run(500_000)
    bench.assert_clean()
    assert all(isinstance(sent.message, Response) for sent in bench.take())
    assert {type(event) for event in bench.events} <= {CloseFlow, MessageRejected}


def test_the_careful_user_does_reach_calls_that_are_up() -> None:
    chaos = Chaos()
    chaos.command("answer", chaos.incoming)
    tag = chaos.tag
    chaos.bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    chaos.bench.receive(response(chaos.requests[0], 200, body=ANSWER))
    kinds = {type(event) for event in chaos.bench.events}
    assert {AckReceived, InviteAnswered} <= kinds
    chaos.finish()
