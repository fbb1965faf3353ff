"""Calls over a network that loses, duplicates and reorders: both sides agree, nothing leaks.

Each seed is one call with a plan drawn from it: who rings how long, who hangs up, who changes the
session, who cancels. Whatever the network does to it, both sides end it, exactly once each, and no
transaction, dialog or alarm is left after the last timer of RFC 3261 has run out.
"""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from telephony.sip import (
    EndCause,
    IncomingInvite,
    InviteSession,
    NameAddr,
    OfferReceived,
    ReferFinished,
    SessionState,
    SipEvent,
    SipUri,
    TransferOutcome,
)
from telephony.sip.offer_answer import OfferState
from tests.support.netem import Impairments
from tests.support.sip_pair import Pair, Side

A_URI = SipUri("sip", "a", None, "192.0.2.1")
B_URI = SipUri("sip", "b", None, "192.0.2.2")
BAD_NETWORK = Impairments(
    loss=0.1, delay_ms=20, jitter_ms=40, reorder=0.05, reorder_ms=300, duplicate=0.05
)
LAST_TIMER_MS = 400_000
"""Ring limit, then 64*T1 for CANCEL or ACK, for BYE, and for the transactions."""

PLANS = ("caller hangs up", "callee hangs up", "both hang up", "caller cancels", "callee rejects")


class Call:
    """One seeded call and its two users."""

    def __init__(self, seed: int, impairments: Impairments = BAD_NETWORK) -> None:
        self.random = random.Random(f"plan-{seed}")
        self.plan = self.random.choice(PLANS)
        self.pair = Pair(impairments, f"call-{seed}", self.react, self.react)
        self.number = 0
        self.callee: InviteSession | None = None
        self.caller = self.pair.caller.endpoint.invite(
            B_URI,
            from_=NameAddr(None, A_URI),
            to=NameAddr(None, B_URI),
            sdp=self.sdp(self.pair.caller) if self.random.random() < 0.8 else None,
            now_ns=self.pair.clock.now_ns,
        )
        if self.plan == "caller cancels":
            self.later(0, 3_000, lambda: self.caller.cancel(self.pair.clock.now_ns))

    def run(self) -> None:
        self.pair.stage.run_for_ms(LAST_TIMER_MS)

    def sdp(self, side: Side) -> bytes:
        """Describe a session like no other, so that agreement can be seen."""
        self.number += 1
        return f"v=0\r\no={side.name} 1 {self.number} IN IP4 {side.host}\r\n".encode()

    def later(self, low_ms: int, high_ms: int, action: Callable[[], None]) -> None:
        self.pair.after_ms(self.random.uniform(low_ms, high_ms), action)

    def react(self, side: Side, event: SipEvent) -> None:
        name = type(event).__name__
        if isinstance(event, IncomingInvite):
            assert self.callee is None, "told twice of one call"
            self.callee = event.session
            self.ring(side, event)
        elif isinstance(event, OfferReceived):
            answer = self.sdp(side) if self.random.random() < 0.8 else None
            session = event.session
            self.later(0, 400, lambda: session.respond_to_offer(answer, side.now))
        elif name == "InviteAnswered":
            if self.caller.exchange.state is OfferState.REMOTE_OFFER:
                self.caller.respond_to_offer(self.sdp(side), side.now)
            self.live(side, self.caller, "caller hangs up")
        elif name == "AckReceived" and side is self.pair.callee and side.told[name] == 1:
            assert self.callee is not None
            self.live(side, self.callee, "callee hangs up")
        elif isinstance(event, ReferFinished):
            assert event.outcome in TransferOutcome

    def ring(self, side: Side, event: IncomingInvite) -> None:
        session = event.session
        if self.random.random() < 0.7:
            session.ring(side.now)
        if self.plan == "callee rejects":
            self.later(0, 5_000, lambda: session.reject(486, side.now))
        else:
            self.later(0, 5_000, lambda: self.answer(side, event))

    def answer(self, side: Side, event: IncomingInvite) -> None:
        if event.session.state is SessionState.RECEIVED:
            event.session.answer(self.sdp(side), side.now)

    def live(self, side: Side, session: InviteSession, my_plan: str) -> None:
        """Change the session a few times, perhaps at once with the other side, then hang up."""
        for _ in range(self.random.randrange(3)):
            self.later(0, 3_000, lambda: session.reinvite(self.sdp(side), side.now))
        if self.random.random() < 0.3:
            self.later(0, 3_000, lambda: session.info("text/plain", b"x", side.now))
        if self.random.random() < 0.2:
            self.later(500, 3_000, lambda: self.refer(side, session))
        # The plan's side hangs up; should its peer never do so, the other does, much later.
        soon = self.plan in (my_plan, "both hang up")
        low, high = (3_000, 3_400) if soon else (60_000, 61_000)
        self.later(low, high, lambda: session.bye(side.now))

    def refer(self, side: Side, session: InviteSession) -> None:
        if session.state is SessionState.ESTABLISHED:
            session.refer(A_URI, side.now)

    def check(self) -> None:
        """Hold that nothing is left, and that each side told the end exactly once."""
        for side in (self.pair.caller, self.pair.callee):
            assert side.endpoint.transaction_count == 0, side.name
            assert side.endpoint.dialog_count == 0, side.name
            assert side.endpoint.timer_count == 0, side.name
        assert self.pair.caller.told["SessionEnded"] == 1
        assert self.caller.state is SessionState.ENDED
        assert self.pair.callee.told["SessionEnded"] == (0 if self.callee is None else 1)

    def causes(self) -> tuple[EndCause, EndCause]:
        """Give why each side says the call ended, the caller first."""
        assert self.callee is not None
        return (
            self.pair.caller.ended[self.caller].cause,
            self.pair.callee.ended[self.callee].cause,
        )


C = EndCause
CONSISTENT = {
    (C.BYE, C.BYE),
    (C.REJECTED, C.REJECTED),
    (C.CANCELLED, C.CANCELLED),
    # The 2xx crossed the CANCEL: the caller hangs up what it no longer wants.
    (C.CANCELLED, C.BYE),
    # A re-INVITE overtook the BYE on its way, and was answered 481.
    (C.DIALOG_LOST, C.BYE),
    (C.BYE, C.DIALOG_LOST),
}


@pytest.mark.parametrize("batch", range(10))
def test_calls_at_10_percent_loss_end_alike_on_both_sides_and_leave_nothing(batch: int) -> None:
    for seed in range(batch * 30, batch * 30 + 30):
        call = Call(seed)
        call.run()
        try:
            call.check()
            assert call.causes() in CONSISTENT, call.causes()
            for side in (call.pair.caller, call.pair.callee):
                assert side.told["MessageRejected"] == 0
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {call.plan}: {error}") from error


def test_the_bad_network_is_bad_and_its_calls_are_of_every_kind() -> None:
    calls = [Call(seed) for seed in range(30)]
    for call in calls:
        call.run()
    lost = sum(call.pair.there.counts.lost + call.pair.back.counts.lost for call in calls)
    doubled = sum(call.pair.there.counts.duplicated for call in calls)
    assert lost > 20
    assert doubled > 5
    assert {call.plan for call in calls} == set(PLANS)
    told = sum((call.pair.caller.told + call.pair.callee.told for call in calls), Counter[str]())
    assert told["OfferAnswered"] > 5
    assert told["ReferFinished"] > 0


@pytest.mark.parametrize("loss", [0.4, 0.7])
def test_a_network_that_hardly_works_leaves_nothing_either(loss: float) -> None:
    awful = Impairments(
        loss=loss, loss_burst=3, delay_ms=20, reorder=0.1, reorder_ms=800, duplicate=0.2
    )
    causes: Counter[EndCause] = Counter()
    for seed in range(60):
        call = Call(seed, awful)
        call.run()
        call.check()
        causes[call.pair.caller.ended[call.caller].cause] += 1
    assert causes.keys() - {C.BYE, C.REJECTED, C.CANCELLED} != set(), "it works well enough"


@pytest.mark.parametrize("seed", range(20))
def test_calls_over_a_good_network_are_told_in_order_and_agree_on_the_session(seed: int) -> None:
    call = Call(seed, Impairments(delay_ms=20))
    call.pair.stage.run_for_ms(2_900)
    call.run()
    call.check()
    assert call.callee is not None
    assert call.pair.there.counts.lost == 0
    if call.plan in ("caller hangs up", "callee hangs up", "both hang up"):
        assert call.caller.exchange.local == call.callee.exchange.remote
        assert call.caller.exchange.remote == call.callee.exchange.local
        assert call.caller.exchange.local is not None


def test_a_dead_network_leaves_nothing_either() -> None:
    call = Call(1, Impairments(loss=1.0))
    call.run()
    call.check()
    assert call.callee is None
    assert call.pair.caller.ended[call.caller].cause in (C.NO_ANSWER, C.CANCELLED)
