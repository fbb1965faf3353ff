"""Changes of a call that is up: hold, resume, a new address, from either side, and crossing."""

import pytest

from telephony.sip import (
    AckReceived,
    EndCause,
    IncomingInvite,
    IncomingSession,
    InfoAnswered,
    InfoReceived,
    InviteAnswered,
    NameAddr,
    OfferAnswered,
    OfferFailed,
    OfferReceived,
    OutgoingSession,
    SessionEnded,
    SessionState,
    SipUri,
)
from tests.support.sip_peer import ANSWER, OFFER, Bench, request, response, tag_of

HOLD = b"v=0\r\no=we 1 2 IN IP4 192.0.2.1\r\ns=-\r\na=sendonly\r\n"
HELD = b"v=0\r\no=peer 1 2 IN IP4 192.0.2.9\r\ns=-\r\na=recvonly\r\n"


class Call:
    """A call that came in and is up."""

    def __init__(self, bench: Bench, *, acknowledge: bool = True) -> None:
        self.bench = bench
        bench.receive(request("INVITE", body=OFFER))
        self.session: IncomingSession = bench.event(IncomingInvite).session
        self.session.answer(ANSWER, bench.now)
        self.tag = tag_of(bench.take_response().headers.get("To"))
        self.cseq = 1
        if acknowledge:
            self.ack()
            bench.event(AckReceived)

    def ack(self, body: bytes = b"") -> None:
        self.send("ACK", cseq=self.cseq, body=body)

    def send(
        self,
        method: str,
        *,
        cseq: int = 0,
        body: bytes = b"",
        contact: str = "<sip:peer@192.0.2.9:5070>",
        content_type: str = "application/sdp",
    ) -> None:
        if not cseq:
            self.cseq += 1
        number = cseq or self.cseq
        self.bench.receive(
            request(
                method,
                branch=f"z9hG4bK-{method}-{number}",
                to_tag=self.tag,
                cseq=number,
                body=body,
                contact=contact,
                content_type=content_type,
            )
        )


def placed(bench: Bench) -> OutgoingSession:
    """Place a call that is up: the Call-ID is ours."""
    target = SipUri("sip", "callee", None, "192.0.2.9")
    session = bench.endpoint.invite(
        target, from_=NameAddr(None, target), to=NameAddr(None, target), sdp=OFFER, now_ns=bench.now
    )
    bench.receive(response(bench.take_request(), 200, body=ANSWER))
    bench.take()
    bench.event(InviteAnswered)
    return session


# Ours.


def test_our_hold_is_offered_answered_and_acknowledged() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    invite = bench.take_request()
    assert invite.start_line == "INVITE sip:peer@192.0.2.9:5070 SIP/2.0"
    assert invite.body == HOLD
    assert str(invite.cseq) == "1 INVITE"
    bench.receive(response(invite, 100, to_tag=""))
    bench.receive(response(invite, 200, body=HELD, contact="<sip:moved@192.0.2.99>"))
    ack = bench.take_request()
    assert ack.start_line == "ACK sip:moved@192.0.2.99 SIP/2.0"
    assert bench.event(OfferAnswered).sdp == HELD
    assert (call.session.exchange.local, call.session.exchange.remote) == (HOLD, HELD)
    bench.receive(response(invite, 200, body=HELD, contact="<sip:moved@192.0.2.99>"))
    assert bench.take_request().method == "ACK"


@pytest.mark.parametrize("status", [400, 403, 488, 503, 606])
def test_a_refused_reinvite_leaves_the_call_as_it_was(status: int) -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), status))
    assert bench.take_request().method == "ACK"
    assert bench.event(OfferFailed).status == status
    assert (call.session.exchange.local, call.session.exchange.remote) == (ANSWER, OFFER)
    assert call.session.state is SessionState.ESTABLISHED
    call.session.reinvite(HOLD, bench.now)
    assert bench.take_request().cseq.number == 2


@pytest.mark.parametrize("status", [408, 481])
def test_a_reinvite_that_finds_nobody_ends_the_call(status: int) -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), status))
    assert [one.method for one in bench.take()] == ["ACK", "BYE"]
    bench.run(32_000)
    failed, ended = bench.events
    assert isinstance(failed, OfferFailed)
    assert isinstance(ended, SessionEnded)
    assert (ended.cause, ended.status) == (EndCause.DIALOG_LOST, status)


def test_a_reinvite_nobody_answers_ends_the_call() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.run(32_000)
    assert bench.event(OfferFailed).status == 408
    assert bench.take()[-1].method == "BYE"
    bench.run(64_000)
    bench.assert_clean()


def test_a_reinvite_that_rings_forever_ends_the_call_too() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 180))
    bench.run(63_999)
    assert bench.event_kinds() == []
    bench.run(1)
    assert bench.event(OfferFailed).status == 408
    bench.run(64_000)
    bench.assert_clean()


def test_a_200_without_the_answer_it_owes_is_acknowledged_and_counts_as_a_refusal() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 200))
    assert bench.take_request().method == "ACK"
    assert bench.event(OfferFailed).status == 488
    assert call.session.exchange.local == ANSWER


def test_an_empty_reinvite_asks_for_the_peers_offer() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(None, bench.now)
    invite = bench.take_request()
    assert invite.body == b""
    bench.receive(response(invite, 200, body=HELD))
    event = bench.event(OfferReceived)
    assert (event.sdp, event.request) == (HELD, None)
    call.send("INVITE", body=OFFER)
    call.send("UPDATE", body=OFFER)
    assert bench.statuses() == [491, 491]
    call.session.reinvite(HOLD, bench.now)
    call.session.respond_to_offer(HOLD, bench.now)
    ack, ours = bench.take()
    assert (ack.method, ack.message.body) == ("ACK", HOLD)
    assert (ours.method, ours.message.body) == ("INVITE", HOLD)
    assert call.session.exchange.remote == HELD


def test_an_offer_made_while_one_is_out_follows_it_and_the_last_wins() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    invite = bench.take_request()
    call.session.reinvite(OFFER, bench.now)
    call.session.reinvite(ANSWER, bench.now)
    assert bench.take() == []
    bench.receive(response(invite, 200, body=HELD))
    ack, second = bench.take()
    assert (ack.method, second.method, second.message.body) == ("ACK", "INVITE", ANSWER)


def test_an_offer_made_before_the_ack_waits_for_it() -> None:
    bench = Bench()
    call = Call(bench, acknowledge=False)
    call.session.reinvite(HOLD, bench.now)
    assert bench.take() == []
    call.ack()
    assert bench.take_request().body == HOLD


def test_an_offer_made_while_ours_rings_waits_for_the_answer() -> None:
    bench = Bench()
    target = SipUri("sip", "callee", None, "192.0.2.9")
    us = NameAddr(None, target)
    session = bench.endpoint.invite(target, from_=us, to=us, sdp=OFFER, now_ns=bench.now)
    invite = bench.take_request()
    session.reinvite(HOLD, bench.now)
    tag = tag_of(invite.headers.get("From"))
    bench.receive(response(invite, 183))
    for method in ("INVITE", "UPDATE"):
        bench.receive(
            request(
                method,
                branch=f"z9hG4bK-{method}",
                from_tag="callee",
                to_tag=tag,
                call_id=session.call_id,
                body=OFFER,
            )
        )
    assert bench.statuses() == [491, 491]
    bench.receive(response(invite, 200, body=ANSWER))
    assert [one.method for one in bench.take()] == ["ACK", "INVITE"]


# The peer's.


def test_the_peers_hold_is_offered_answered_and_acknowledged() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD, contact="<sip:moved@192.0.2.99>")
    event = bench.event(OfferReceived)
    assert event.sdp == HELD
    assert event.request is not None
    call.session.respond_to_offer(HOLD, bench.now)
    ok = bench.take_response()
    assert (ok.status, ok.body) == (200, HOLD)
    assert ok.headers.get("Contact") == "<sip:e1-0@192.0.2.1:5060>"
    bench.run(500)
    assert bench.statuses() == [200]
    call.ack()
    bench.event(AckReceived)
    bench.run(10_000)
    assert bench.take() == []
    call.session.bye(bench.now)
    assert bench.take_request().start_line == "BYE sip:moved@192.0.2.99 SIP/2.0"


def test_an_empty_reinvite_gets_our_offer_and_the_answer_comes_in_the_ack() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE")
    assert bench.event(OfferReceived).sdp is None
    call.session.respond_to_offer(HOLD, bench.now)
    assert bench.take_response().body == HOLD
    call.session.reinvite(OFFER, bench.now)
    number = call.cseq
    call.send("INVITE", body=OFFER)
    call.send("UPDATE", body=OFFER)
    call.send("CANCEL", cseq=number)
    assert bench.statuses() == [491, 491, 481]
    call.send("ACK", cseq=number, body=HELD)
    assert bench.event(AckReceived).sdp == HELD
    assert (call.session.exchange.local, call.session.exchange.remote) == (HOLD, HELD)
    assert bench.take_request().body == OFFER


def test_an_empty_reinvite_whose_ack_brings_no_answer_leaves_the_call_as_it_was() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE")
    call.session.respond_to_offer(HOLD, bench.now)
    call.ack()
    assert call.session.exchange.local == ANSWER


def test_a_refused_offer_leaves_the_call_as_it_was() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD, contact="<sip:moved@192.0.2.99>")
    call.session.reinvite(HOLD, bench.now)
    call.session.respond_to_offer(None, bench.now)
    refusal, ours = bench.take()
    assert refusal.status == 488
    # The target did not move with a refused request (RFC 6141), and our turn has come.
    assert ours.message.start_line == "INVITE sip:peer@192.0.2.9:5070 SIP/2.0"
    assert call.session.exchange.local == ANSWER
    assert call.session.state is SessionState.ESTABLISHED


def test_an_offer_our_user_never_answers_gets_504() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD)
    bench.run(10_000)
    assert bench.statuses() == [100, 504]
    assert bench.event_kinds() == ["OfferReceived", "OfferCancelled"]
    call.session.respond_to_offer(HOLD, bench.now)
    call.session.respond_to_offer(None, bench.now)
    assert bench.take() == []


def test_the_peer_cancels_its_reinvite_and_the_call_goes_on() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD)
    bench.receive(
        request("CANCEL", branch=f"z9hG4bK-INVITE-{call.cseq}", to_tag=call.tag, cseq=call.cseq)
    )
    assert [(one.status, one.method) for one in bench.take()] == [(200, "CANCEL"), (487, "INVITE")]
    assert bench.event_kinds() == ["OfferReceived", "OfferCancelled"]
    assert call.session.state is SessionState.ESTABLISHED
    assert call.session.exchange.local == ANSWER


def test_a_cancel_that_comes_after_our_200_to_the_reinvite_changes_nothing() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD)
    call.session.respond_to_offer(HOLD, bench.now)
    bench.receive(
        request("CANCEL", branch=f"z9hG4bK-INVITE-{call.cseq}", to_tag=call.tag, cseq=call.cseq)
    )
    assert bench.statuses() == [200, 200]
    call.ack()
    assert call.session.exchange.local == HOLD


def test_a_late_cancel_of_an_earlier_reinvite_leaves_the_later_one_alone() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD)
    call.session.respond_to_offer(HOLD, bench.now)
    call.ack()
    call.ack()
    assert bench.event_kinds() == ["OfferReceived", "AckReceived"]
    earlier = request("CANCEL", branch="z9hG4bK-INVITE-2", to_tag=call.tag, cseq=2)
    call.send("INVITE", body=OFFER)
    bench.take()
    bench.receive(earlier)
    assert bench.statuses() == [200]
    assert bench.event_kinds() == ["OfferReceived"]
    call.ack()
    call.session.respond_to_offer(ANSWER, bench.now)
    assert bench.statuses() == [200]


def test_a_200_to_a_reinvite_that_is_never_acknowledged_ends_the_call() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD)
    call.session.respond_to_offer(HOLD, bench.now)
    bench.run(32_000)
    assert bench.take()[-1].method == "BYE"
    bench.run(32_000)
    ended = bench.events[-1]
    assert isinstance(ended, SessionEnded)
    assert ended.cause is EndCause.DIALOG_LOST


def test_our_offer_in_a_200_that_is_never_acknowledged_ends_the_call() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE")
    call.session.respond_to_offer(HOLD, bench.now)
    bench.run(32_000)
    assert bench.take()[-1].method == "BYE"
    assert call.session.exchange.local == ANSWER


def test_a_second_invite_before_our_answer_to_the_first_gets_500_with_retry_after() -> None:
    bench = Bench(random=0.999)
    call = Call(bench)
    call.send("INVITE", body=HELD)
    call.send("INVITE", body=HELD)
    refused = bench.take_response()
    assert (refused.status, refused.headers.get("Retry-After")) == (500, "10")
    call.send("UPDATE", body=HELD)
    assert bench.statuses() == [500]


def test_a_reinvite_before_the_first_answer_gets_500() -> None:
    bench = Bench()
    bench.receive(request("INVITE", body=OFFER))
    session = bench.event(IncomingInvite).session
    session.ring(bench.now)
    tag = tag_of(bench.take_response().headers.get("To"))
    for method in ("INVITE", "UPDATE"):
        bench.receive(request(method, branch=f"z9hG4bK-{method}", to_tag=tag, cseq=5, body=HELD))
    assert bench.statuses() == [500, 500]
    session.reinvite(HOLD, bench.now)
    session.answer(ANSWER, bench.now)
    assert bench.take_response().status == 200


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_new_offer_shows_that_the_200_arrived_though_its_ack_did_not(method: str) -> None:
    bench = Bench()
    call = Call(bench, acknowledge=False)
    call.send(method, body=HELD)
    assert bench.event_kinds() == ["AckReceived", "OfferReceived"]
    call.session.respond_to_offer(HOLD, bench.now)
    call.send("INVITE", body=OFFER)
    assert bench.event_kinds() == ["OfferReceived"]
    bench.take()
    call.send("UPDATE", body=OFFER)
    assert bench.statuses() == [500]


def test_an_update_after_our_200_to_a_reinvite_shows_that_it_arrived() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD)
    call.session.respond_to_offer(HOLD, bench.now)
    call.send("UPDATE", body=OFFER)
    assert bench.event_kinds() == ["OfferReceived", "OfferReceived"]
    call.session.respond_to_offer(ANSWER, bench.now)
    bench.run(10_000)
    assert bench.statuses() == [200, 200]


def test_the_peer_hangs_up_while_its_offer_awaits_us() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("INVITE", body=HELD)
    call.send("BYE")
    assert [(one.status, one.method) for one in bench.take()] == [(200, "BYE"), (487, "INVITE")]
    bench.run(70_000)
    bench.assert_clean()


def test_we_hang_up_while_the_peers_update_awaits_us() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("UPDATE", body=HELD)
    call.session.bye(bench.now)
    assert [(one.status, one.method) for one in bench.take()] == [(487, "UPDATE"), (None, "BYE")]


def test_an_update_without_a_body_moves_the_target_and_is_answered_at_once() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("UPDATE", contact="<sip:moved@192.0.2.99>")
    ok = bench.take_response()
    assert (ok.status, ok.body) == (200, b"")
    call.session.bye(bench.now)
    assert bench.take_request().start_line == "BYE sip:moved@192.0.2.99 SIP/2.0"


@pytest.mark.parametrize(("sdp", "status"), [(HOLD, 200), (None, 488)])
def test_an_update_with_an_offer_is_answered_by_the_user(sdp: bytes | None, status: int) -> None:
    bench = Bench()
    call = Call(bench)
    call.send("UPDATE", body=HELD)
    call.session.reinvite(OFFER, bench.now)
    call.session.respond_to_offer(sdp, bench.now)
    answer, ours = bench.take()
    assert answer.status == status
    assert ours.method == "INVITE"
    assert call.session.exchange.local == (HOLD if sdp else ANSWER)


def test_an_update_our_user_never_answers_gets_504() -> None:
    bench = Bench()
    call = Call(bench)
    call.send("UPDATE", body=HELD)
    bench.run(10_000)
    assert bench.statuses() == [504]


# Crossing.


@pytest.mark.parametrize(("random", "expected_ms"), [(0.0, 2100), (0.999, 4000)])
def test_after_491_the_owner_of_the_call_id_waits_2_1_to_4_s(
    random: float, expected_ms: int
) -> None:
    bench = Bench(random=random)
    session = placed(bench)
    session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 491))
    bench.run(10_000)
    ack, again = bench.take()[:2]
    assert (ack.method, again.method, again.at_ms) == ("ACK", "INVITE", expected_ms)
    assert str(again.message.cseq) == "3 INVITE"
    assert again.message.body == HOLD
    assert bench.event_kinds() == []


@pytest.mark.parametrize(("random", "expected_ms"), [(0.0, 0), (0.999, 2000)])
def test_after_491_the_other_side_waits_up_to_2_s(random: float, expected_ms: int) -> None:
    bench = Bench(random=random)
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 491))
    bench.run(2_010)
    ack, again = bench.take()[:2]
    assert (ack.method, again.method, again.at_ms) == ("ACK", "INVITE", expected_ms)


def test_after_500_with_retry_after_we_wait_as_long_as_it_says() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 500, extra="Retry-After: 7 (busy)"))
    bench.run(7_000)
    assert [one.at_ms for one in bench.take()] == [0, 7_000]


@pytest.mark.parametrize("value", ["", "Retry-After: 11", "Retry-After: soon"])
def test_a_500_that_asks_for_no_patience_is_a_refusal(value: str) -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 500, extra=value))
    assert bench.event(OfferFailed).status == 500


def test_offers_that_cross_get_491_on_both_sides() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.take()
    call.send("INVITE", body=HELD)
    call.send("UPDATE", body=HELD)
    assert bench.statuses() == [491, 491]


def test_491_without_end_fails_after_five_retries() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    for _ in range(6):
        bench.receive(response(bench.take()[-1].message, 491))  # type: ignore[arg-type]  # a request
        bench.run(2_000)
    assert bench.event(OfferFailed).status == 491


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_peers_offer_during_our_back_off_voids_ours(method: str) -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 491))
    call.send(method, body=HELD)
    assert bench.event_kinds() == ["OfferFailed", "OfferReceived"]
    call.session.respond_to_offer(ANSWER, bench.now)
    call.ack()
    bench.run(9_000)
    assert [one.method for one in bench.take() if one.status is None] == ["ACK"]


def test_a_new_wish_during_our_back_off_takes_the_place_of_the_old() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 491))
    call.session.reinvite(OFFER, bench.now)
    bench.run(1_010)
    assert bench.take()[1].message.body == OFFER


def test_a_hangup_during_our_back_off_leaves_nothing_behind() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 491))
    call.send("BYE")
    bench.take()
    bench.run(70_000)
    bench.assert_clean()
    assert bench.take() == [], "the INVITE that was put off"


@pytest.mark.parametrize("status", [200, 486, 491])
def test_an_answer_to_our_reinvite_after_the_end_is_acknowledged_and_no_more(status: int) -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    invite = bench.take_request()
    call.send("BYE")
    bench.take()
    bench.receive(response(invite, status, body=HELD))
    assert bench.take_request().method == "ACK"
    assert bench.event_kinds() == ["SessionEnded"]
    bench.run(70_000)
    bench.assert_clean()


def test_a_reinvite_that_rings_when_the_call_ends_leaves_nothing_behind() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.reinvite(HOLD, bench.now)
    bench.receive(response(bench.take_request(), 180))
    call.send("BYE")
    bench.run(70_000)
    assert bench.event_kinds() == ["SessionEnded"]
    bench.assert_clean()


# INFO and OPTIONS inside the call.


def test_info_is_answered_and_told() -> None:
    bench = Bench()
    call = Call(bench)
    call.send(
        "INFO", body=b"Signal=5\r\nDuration=160\r\n", content_type="Application/DTMF-Relay; x=1"
    )
    assert bench.statuses() == [200]
    told = bench.event(InfoReceived)
    assert (told.content_type, told.body) == (
        "application/dtmf-relay",
        b"Signal=5\r\nDuration=160\r\n",
    )
    call.send("INFO")
    assert bench.event(InfoReceived).content_type == ""


@pytest.mark.parametrize("status", [200, 415, 481])
def test_our_info_is_answered_and_ends_nothing(status: int) -> None:
    bench = Bench()
    call = Call(bench)
    call.session.info("application/dtmf-relay", b"Signal=1\r\n", bench.now)
    info = bench.take_request()
    assert info.headers.get("Content-Type") == "application/dtmf-relay"
    bench.receive(response(info, status))
    assert bench.event(InfoAnswered).status == status
    assert call.session.state is SessionState.ESTABLISHED


def test_an_info_answered_after_the_end_is_not_told() -> None:
    bench = Bench()
    call = Call(bench)
    call.session.info("text/plain", b"x", bench.now)
    info = bench.take_request()
    call.send("BYE")
    bench.receive(response(info, 481))
    assert bench.event_kinds() == ["SessionEnded"]


def test_options_inside_the_call_says_what_we_support() -> None:
    bench = Bench()
    call = Call(bench)
    bench.endpoint.draining = True
    call.send("OPTIONS")
    ok = bench.take_response()
    assert ok.status == 200
    assert ok.headers.get("Accept") == "application/sdp"
    assert ok.headers.get("Allow")
