"""A call that we place, from INVITE to BYE, on a virtual clock."""

from dataclasses import replace

import pytest

from telephony.errors import LocalError
from telephony.sip import (
    EndCause,
    InviteAnswered,
    InviteFailed,
    InviteProgressed,
    MessageRejected,
    NameAddr,
    OutgoingSession,
    Request,
    Resolve,
    SessionEnded,
    SessionState,
    SipUri,
)
from telephony.units import NS_PER_MS, Nanoseconds
from tests.support.sip_peer import (
    ANSWER,
    OFFER,
    SETTINGS,
    Bench,
    Sent,
    request,
    response,
    tag_of,
)

TARGET = SipUri("sip", "callee", None, "192.0.2.9")
US = NameAddr("Agent", SipUri("sip", "agent", None, "192.0.2.1"))


def call(
    bench: Bench,
    *,
    sdp: bytes | None = OFFER,
    target: SipUri = TARGET,
    route: tuple[SipUri, ...] = (),
) -> OutgoingSession:
    session = bench.endpoint.invite(
        target, from_=US, to=NameAddr(None, target), sdp=sdp, route=route, now_ns=bench.now
    )
    bench.drain()
    return session


def calling(bench: Bench, sdp: bytes | None = OFFER) -> tuple[OutgoingSession, Request]:
    session = call(bench, sdp=sdp)
    return session, bench.take_request()


def established(bench: Bench) -> tuple[OutgoingSession, Request]:
    session, invite = calling(bench)
    bench.receive(response(invite, 200, body=ANSWER))
    assert bench.take_request().method == "ACK"
    bench.event(InviteAnswered)
    return session, invite


def settle(bench: Bench) -> None:
    bench.run(70_000)
    bench.assert_clean()


def test_a_call_is_placed_answered_and_hung_up_by_us() -> None:
    bench = Bench()
    session, invite = calling(bench)
    assert invite.start_line == "INVITE sip:callee@192.0.2.9 SIP/2.0"
    assert invite.headers.get("Max-Forwards") == "70"
    assert invite.headers.get("Contact") == "<sip:e1-0@192.0.2.1:5060>"
    assert session.call_id.startswith("e1-")
    assert tag_of(invite.headers.get("From")).startswith("e1-")
    assert invite.body == OFFER
    assert session.state is SessionState.CALLING
    with pytest.raises(LocalError, match="no dialog"):
        _ = session.dialog

    bench.receive(response(invite, 100, to_tag=""))
    assert bench.event_kinds() == []
    bench.receive(response(invite, 180))
    progressed = bench.event(InviteProgressed)
    assert (progressed.status, progressed.reason, progressed.sdp) == (180, "Whatever", None)
    bench.receive(response(invite, 200, body=ANSWER))
    answered = bench.event(InviteAnswered)
    assert answered.sdp == ANSWER
    assert answered.response.status == 200
    ack = bench.take_request()
    assert ack.start_line == "ACK sip:callee@192.0.2.9:5070 SIP/2.0"
    assert str(ack.cseq) == "1 ACK"
    assert ack.via.branch != invite.via.branch
    assert bench.endpoint.dialog_count == 1

    session.bye(bench.now)
    bye = bench.take_request()
    assert str(bye.cseq) == "2 BYE"
    assert tag_of(bye.headers.get("To")) == "callee"
    bench.receive(response(bye, 200))
    assert bench.event(SessionEnded).by == "local"
    settle(bench)


def test_an_invite_to_a_silent_peer_is_sent_4_times_in_5_s_and_7_in_all() -> None:
    bench = Bench()
    call(bench)
    bench.run(5_000)
    assert [one.at_ms for one in bench.sent] == [0, 500, 1500, 3500]
    assert len({one.transmit.data for one in bench.sent}) == 1
    bench.run(26_999)
    assert len(bench.take()) == 7
    assert bench.event_kinds() == []
    bench.run(1)
    failed, ended = bench.events
    assert isinstance(failed, InviteFailed)
    assert isinstance(ended, SessionEnded)
    assert (failed.status, failed.response) == (408, None)
    assert ended.cause is EndCause.NO_ANSWER
    bench.assert_clean()


def test_timer_b_does_not_fire_while_the_peer_rings() -> None:
    bench = Bench()
    session, invite = calling(bench)
    bench.receive(response(invite, 180))
    bench.run(100_000)
    assert bench.take() == []
    assert bench.event_kinds() == ["InviteProgressed"]
    bench.receive(response(invite, 200, body=ANSWER))
    assert session.state is SessionState.ESTABLISHED


def test_three_200s_get_three_acks_and_one_event() -> None:
    bench = Bench()
    _, invite = calling(bench)
    for _ in range(3):
        bench.receive(response(invite, 200, body=ANSWER))
        bench.run(1_000)
    acks = bench.take()
    assert [one.message.start_line for one in acks] == ["ACK sip:callee@192.0.2.9:5070 SIP/2.0"] * 3
    assert len({one.transmit.data for one in acks}) == 1
    assert bench.event_kinds() == ["InviteAnswered"]


def test_ack_and_bye_take_the_target_of_the_200_and_its_record_route_reversed() -> None:
    bench = Bench()
    session, invite = calling(bench)
    routes = (
        "Record-Route: <sip:near@192.0.2.30;lr>, <sip:mid@192.0.2.31;lr>\n"
        "Record-Route: <sip:192.0.2.32:5090;lr>"
    )
    target = "sip:callee@172.25.58.40:5060;transport=udp"
    bench.receive(response(invite, 180, extra="Record-Route: <sip:early@192.0.2.33;lr>"))
    bench.receive(response(invite, 200, body=ANSWER, extra=routes, contact=f"<{target}>"))
    session.bye(bench.now)
    for one in bench.take():
        assert one.message.start_line == f"{one.method} {target} SIP/2.0"
        assert one.message.headers.values("Route") == [
            "<sip:192.0.2.32:5090;lr>",
            "<sip:mid@192.0.2.31;lr>",
            "<sip:near@192.0.2.30;lr>",
        ]
        assert one.transmit.destination == ("192.0.2.32", 5090)


def test_credentials_and_headers_given_go_with_the_invite_and_its_ack() -> None:
    bench = Bench()
    bench.endpoint.invite(
        TARGET,
        from_=US,
        to=NameAddr(None, TARGET),
        sdp=OFFER,
        headers=[("Authorization", "Digest x"), ("X-Campaign", "spring")],
        now_ns=bench.now,
    )
    invite = bench.take_request()
    assert invite.headers.get("X-Campaign") == "spring"
    bench.receive(response(invite, 200, body=ANSWER))
    ack = bench.take_request()
    assert ack.headers.get("Authorization") == "Digest x"
    assert "X-Campaign" not in ack.headers


def test_a_route_given_is_where_the_invite_goes() -> None:
    bench = Bench()
    proxy = SipUri("sip", None, None, "192.0.2.50", 5080, (("lr", None),))
    call(bench, route=(proxy,))
    (sent,) = bench.take()
    assert sent.transmit.destination == ("192.0.2.50", 5080)
    assert sent.message.headers.values("Route") == ["<sip:192.0.2.50:5080;lr>"]
    assert sent.message.start_line == "INVITE sip:callee@192.0.2.9 SIP/2.0"


@pytest.mark.parametrize("status", [302, 404, 486, 503, 603])
def test_a_refusal_is_acknowledged_in_the_transaction_each_time_it_comes(status: int) -> None:
    bench = Bench()
    session, invite = calling(bench)
    refusal = response(invite, status, reason="No", to_tag="refuser")
    bench.receive(refusal)
    bench.receive(refusal)
    acks = [one.message for one in bench.take()]
    assert len(acks) == 2
    for ack in acks:
        assert ack.start_line == "ACK sip:callee@192.0.2.9 SIP/2.0"
        assert ack.headers.get("Via") == invite.headers.get("Via")
        assert tag_of(ack.headers.get("To")) == "refuser"
        assert ack.cseq.number == 1
    failed, ended = bench.events
    assert isinstance(failed, InviteFailed)
    assert isinstance(ended, SessionEnded)
    assert (failed.status, failed.reason) == (status, "No")
    assert (ended.cause, ended.status, ended.by) == (EndCause.REJECTED, status, "remote")
    assert session.state is SessionState.ENDED
    settle(bench)


def test_a_redirect_tells_its_contacts_by_preference() -> None:
    bench = Bench()
    _, invite = calling(bench)
    contact = "<sip:b@192.0.2.41>;q=0.5, <sip:a@192.0.2.40>, <sip:c@192.0.2.42>;q=often"
    bench.receive(response(invite, 302, contact=contact))
    failed = bench.events[0]
    assert isinstance(failed, InviteFailed)
    assert failed.contacts == ("sip:a@192.0.2.40", "sip:b@192.0.2.41", "sip:c@192.0.2.42")


def test_a_cancel_that_cannot_be_written_leaves_the_call_as_it_is() -> None:
    bench = Bench()
    session, invite = calling(bench)
    bench.receive(response(invite, 180))
    with pytest.raises(LocalError, match="one header field"):
        session.cancel(bench.now, headers=[("Reason", "SIP\r\nX: 1")])
    assert session.state is SessionState.PROCEEDING
    session.cancel(bench.now)
    assert bench.take_request().method == "CANCEL"


def test_cancel_waits_for_a_provisional_answer() -> None:
    bench = Bench()
    session, invite = calling(bench)
    session.cancel(bench.now, headers=[("Reason", 'SIP;cause=200;text="elsewhere"')])
    session.cancel(bench.now)
    session.bye(bench.now)
    assert bench.take() == []
    bench.receive(response(invite, 100, to_tag=""))
    cancel = bench.take_request()
    assert cancel.start_line == "CANCEL sip:callee@192.0.2.9 SIP/2.0"
    assert cancel.headers.get_all("Via") == [invite.headers.get("Via")]
    assert str(cancel.cseq) == "1 CANCEL"
    assert cancel.headers.get("To") == invite.headers.get("To")
    bench.receive(response(invite, 180))
    session.cancel(bench.now)
    bench.receive(response(cancel, 200))
    bench.receive(response(invite, 487))
    assert bench.take_request().method == "ACK"
    failed, ended = bench.events
    assert isinstance(failed, InviteFailed)
    assert failed.status == 487
    assert isinstance(ended, SessionEnded)
    assert (ended.cause, ended.by) == (EndCause.CANCELLED, "local")
    settle(bench)


@pytest.mark.parametrize("provisional", [True, False])
def test_a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up(*, provisional: bool) -> None:
    bench = Bench()
    session, invite = calling(bench)
    if provisional:
        bench.receive(response(invite, 180))
    session.cancel(bench.now)
    bench.take()
    bench.receive(response(invite, 200, body=ANSWER))
    assert [one.method for one in bench.take()] == ["ACK", "BYE"]
    bench.receive(response(invite, 200, body=ANSWER))
    assert [one.method for one in bench.take()] == ["ACK"]
    bench.run(40_000)
    kinds = bench.event_kinds()
    assert "InviteAnswered" not in kinds
    assert kinds[-1] == "SessionEnded"
    settle(bench)


def test_a_cancel_that_gets_no_final_answer_ends_after_32_s() -> None:
    bench = Bench()
    session, invite = calling(bench)
    bench.receive(response(invite, 180))
    session.bye(bench.now)
    assert bench.take_request().method == "CANCEL"
    bench.run(31_999)
    assert bench.event_kinds() == ["InviteProgressed"]
    bench.run(1)
    assert bench.event_kinds() == ["InviteFailed", "SessionEnded"]
    settle(bench)


def test_a_cancelled_invite_that_nobody_answers_ends_with_timer_b() -> None:
    bench = Bench()
    session, _ = calling(bench)
    session.cancel(bench.now)
    bench.run(32_000)
    assert bench.event_kinds() == ["InviteFailed", "SessionEnded"]
    bench.assert_clean()


def test_cancel_after_the_answer_hangs_up() -> None:
    bench = Bench()
    session, _ = established(bench)
    session.cancel(bench.now)
    assert bench.take_request().method == "BYE"
    session.cancel(bench.now)
    assert bench.take() == []


def test_ringing_for_too_long_is_cancelled() -> None:
    bench = Bench()
    _, invite = calling(bench)
    bench.receive(response(invite, 180))
    bench.run(180_000)
    assert bench.take_request().method == "CANCEL"
    bench.receive(response(invite, 487))
    ended = bench.events[-1]
    assert isinstance(ended, SessionEnded)
    assert ended.cause is EndCause.NO_ANSWER
    settle(bench)


def test_forked_200s_are_acknowledged_and_all_but_the_first_hung_up() -> None:
    bench = Bench()
    session, invite = calling(bench)
    bench.receive(response(invite, 180, to_tag="a"))
    bench.receive(response(invite, 183, to_tag="b", body=ANSWER))
    assert bench.endpoint.dialog_count == 2
    first = response(invite, 200, to_tag="b", body=ANSWER, contact="<sip:b@192.0.2.61>")
    second = response(invite, 200, to_tag="c", body=ANSWER, contact="<sip:c@192.0.2.62>")
    bench.receive(first)
    assert bench.endpoint.dialog_count == 1
    bench.receive(second)
    bench.receive(second)
    sent = [(one.method, tag_of(one.message.headers.get("To"))) for one in bench.take()]
    assert sent == [("ACK", "b"), ("ACK", "c"), ("BYE", "c"), ("ACK", "c")]
    assert session.state is SessionState.ESTABLISHED
    assert tag_of(str(session.dialog.remote)) == "b"
    assert bench.event_kinds() == ["InviteProgressed", "InviteProgressed", "InviteAnswered"]


def test_a_late_fork_is_hung_up_even_after_the_call_is_over() -> None:
    bench = Bench()
    session, invite = established(bench)
    session.bye(bench.now)
    bench.receive(response(bench.take_request(), 200))
    bench.event(SessionEnded)
    bench.receive(response(invite, 200, to_tag="late", body=ANSWER))
    assert [one.method for one in bench.take()] == ["ACK", "BYE"]
    settle(bench)


def test_an_answer_only_in_183_serves_for_the_200() -> None:
    bench = Bench()
    _, invite = calling(bench)
    bench.receive(response(invite, 183, body=ANSWER))
    assert bench.event(InviteProgressed).sdp == ANSWER
    bench.receive(response(invite, 200))
    assert bench.event(InviteAnswered).sdp == ANSWER


@pytest.mark.parametrize("kind", ["text/plain", "<<"])
def test_a_body_of_another_kind_is_no_answer(kind: str) -> None:
    bench = Bench()
    _, invite = calling(bench)
    other = response(invite, 183, body=b"hello").replace("application/sdp", kind)
    bench.receive(other)
    assert bench.event(InviteProgressed).sdp is None


def test_an_answer_of_no_stated_kind_is_taken_for_one() -> None:
    bench = Bench()
    _, invite = calling(bench)
    text = response(invite, 200, body=ANSWER).replace("Content-Type: application/sdp\r\n", "")
    bench.receive(text)
    assert bench.event(InviteAnswered).sdp == ANSWER


def test_a_200_without_any_description_is_acknowledged_and_hung_up() -> None:
    bench = Bench()
    _, invite = calling(bench)
    bench.receive(response(invite, 200))
    ack, bye = bench.take()
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert isinstance(bye.message, Request)
    bench.receive(response(bye.message, 200))
    assert bench.event(SessionEnded).cause is EndCause.BAD_ANSWER


def test_without_an_offer_of_ours_the_ack_waits_for_our_answer() -> None:
    bench = Bench()
    session, invite = calling(bench, sdp=None)
    bench.receive(response(invite, 200, body=OFFER))
    assert bench.event(InviteAnswered).sdp == OFFER
    bench.receive(response(invite, 200, body=OFFER))
    assert bench.take() == []
    session.respond_to_offer(ANSWER, bench.now)
    ack = bench.take_request()
    assert (ack.method, ack.body) == ("ACK", ANSWER)
    bench.receive(response(invite, 200, body=OFFER))
    assert bench.take_request().body == ANSWER
    assert (session.exchange.local, session.exchange.remote) == (ANSWER, OFFER)


@pytest.mark.parametrize("how", ["refuse", "late", "hang up"])
def test_without_an_answer_to_the_offer_of_the_200_it_is_acknowledged_and_hung_up(how: str) -> None:
    bench = Bench()
    session, invite = calling(bench, sdp=None)
    bench.receive(response(invite, 200, body=OFFER))
    if how == "refuse":
        session.respond_to_offer(None, bench.now)
    elif how == "late":
        bench.run(10_000)
    else:
        session.bye(bench.now)
    ack, bye = bench.take()
    assert (ack.method, ack.message.body, bye.method) == ("ACK", b"", "BYE")
    assert isinstance(bye.message, Request)
    bench.receive(response(bye.message, 200))
    settle(bench)


def test_the_peers_bye_ends_the_call() -> None:
    bench = Bench()
    session, invite = established(bench)
    tag = tag_of(invite.headers.get("From"))
    bye = request("BYE", from_tag="callee", to_tag=tag, call_id=session.call_id)
    bench.receive(bye)
    assert bench.statuses() == [200]
    assert bench.event(SessionEnded).by == "remote"
    bench.receive(bye)
    assert bench.statuses() == [200]
    settle(bench)


def test_a_bye_of_a_callee_that_still_rings_does_not_decide() -> None:
    bench = Bench()
    session, invite = calling(bench)
    bench.receive(response(invite, 180))
    tag = tag_of(invite.headers.get("From"))
    bench.receive(request("BYE", from_tag="callee", to_tag=tag, call_id=session.call_id))
    assert bench.statuses() == [200]
    bench.receive(response(invite, 486))
    ended = bench.events[-1]
    assert isinstance(ended, SessionEnded)
    assert (ended.cause, ended.status) == (EndCause.REJECTED, 486)


def test_a_peers_reinvite_on_a_call_we_placed_is_an_offer_and_no_new_call() -> None:
    bench = Bench()
    session, invite = established(bench)
    tag = tag_of(invite.headers.get("From"))
    bench.receive(
        request("INVITE", from_tag="callee", to_tag=tag, call_id=session.call_id, body=OFFER)
    )
    assert bench.event_kinds() == ["OfferReceived"]


def test_a_transport_error_fails_the_call_at_once() -> None:
    bench = Bench()
    session, _ = calling(bench)
    bench.endpoint.handle_transport_error(("192.0.2.77", 5060), bench.now)
    assert session.state is SessionState.CALLING
    bench.endpoint.handle_transport_error(("192.0.2.9", 5060), bench.now)
    bench.drain()
    failed, ended = bench.events
    assert isinstance(failed, InviteFailed)
    assert failed.status == 503
    assert isinstance(ended, SessionEnded)
    assert ended.cause is EndCause.UNREACHABLE
    bench.assert_clean()


def test_a_refusal_whose_ack_cannot_be_sent_is_told_once() -> None:
    bench = Bench()
    _, invite = calling(bench)
    bench.receive(response(invite, 486))
    bench.endpoint.handle_transport_error(("192.0.2.9", 5060), bench.now)
    assert bench.event_kinds() == ["InviteFailed", "SessionEnded"]
    bench.assert_clean()


def test_an_answer_with_a_broken_record_route_is_as_good_as_lost() -> None:
    bench = Bench()
    session, invite = calling(bench)
    bench.receive(response(invite, 200, body=ANSWER, extra="Record-Route: <<"))
    assert bench.event_kinds() == ["MessageRejected"]
    assert session.state is SessionState.CALLING


def test_strays_are_dropped_and_told() -> None:
    bench = Bench()
    _, invite = calling(bench)
    bench.receive(response(invite, 200, body=ANSWER).replace("z9hG4bK", "z9hG4bKx"))
    assert "answers nothing" in bench.event(MessageRejected).reason
    two = response(invite, 180).replace(
        "From:", "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKq\r\nFrom:"
    )
    bench.receive(two)
    assert "more than one Via" in bench.event(MessageRejected).reason
    assert bench.take() == []


def names(sent: list[Sent]) -> list[str]:
    return [one.method for one in sent]


def test_a_name_is_resolved_by_the_driver_once_for_all_of_a_call() -> None:
    bench = Bench()
    session = call(bench, target=SipUri("sip", "callee", None, "pbx.example.com"))
    assert bench.take() == []
    question = bench.event(Resolve)
    assert question == Resolve("pbx.example.com", 5060, "UDP")
    bench.endpoint.handle_resolved(question, ("192.0.2.9", 5060), bench.now)
    (sent,) = bench.take()
    assert sent.transmit.destination == ("192.0.2.9", 5060)
    assert isinstance(sent.message, Request)
    contact = "<sip:callee@pbx.example.com>"
    bench.receive(response(sent.message, 200, body=ANSWER, contact=contact))
    session.bye(bench.now)
    assert names(bench.take()) == ["ACK", "BYE"]
    assert bench.event_kinds() == ["InviteAnswered"]


def test_an_ack_that_cannot_be_sent_leaves_the_call_to_the_peers_time_out() -> None:
    bench = Bench()
    _, invite = calling(bench)
    bench.receive(response(invite, 200, body=ANSWER, contact="<sips:callee@192.0.2.9>"))
    assert bench.take() == []
    assert bench.event_kinds() == ["InviteAnswered"]


def test_a_name_without_address_fails_the_call() -> None:
    bench = Bench()
    call(bench, target=SipUri("sip", "callee", None, "nowhere.example.com"))
    bench.endpoint.handle_resolved(bench.event(Resolve), None, bench.now)
    assert bench.event_kinds() == ["InviteFailed", "SessionEnded"]
    bench.assert_clean()


def test_a_call_given_up_before_its_name_is_resolved_is_never_sent() -> None:
    bench = Bench(replace(SETTINGS, ring_limit_ns=Nanoseconds(5_000 * NS_PER_MS)))
    call(bench, target=SipUri("sip", "callee", None, "slow.example.com"))
    question = bench.event(Resolve)
    bench.run(5_000)
    assert bench.event_kinds() == ["InviteFailed", "SessionEnded"]
    bench.endpoint.handle_resolved(question, ("192.0.2.9", 5060), bench.now)
    assert bench.take() == []
    bench.assert_clean()


@pytest.mark.parametrize("how", ["cancel", "bye"])
def test_a_call_hung_up_before_its_name_is_resolved_ends_at_once_and_is_never_sent(
    how: str,
) -> None:
    bench = Bench()
    session = call(bench, target=SipUri("sip", "callee", None, "slow.example.com"))
    question = bench.event(Resolve)
    if how == "cancel":
        session.cancel(bench.now)
    else:
        session.bye(bench.now)
    ended = bench.event(SessionEnded)
    assert (ended.cause, ended.status, ended.by) == (EndCause.CANCELLED, None, "local")
    session.cancel(bench.now)
    bench.endpoint.handle_resolved(question, ("192.0.2.9", 5060), bench.now)
    assert bench.take() == []
    assert bench.event_kinds() == []
    bench.assert_clean()


def test_a_call_whose_name_is_never_resolved_is_given_up() -> None:
    bench = Bench()
    call(bench, target=SipUri("sip", "callee", None, "slow.example.com"))
    question = bench.event(Resolve)
    bench.run(20_000)
    assert bench.event_kinds() == ["InviteFailed", "SessionEnded"]
    bench.endpoint.handle_resolved(question, ("192.0.2.9", 5060), bench.now)
    assert bench.take() == []
    bench.assert_clean()


def test_a_scheme_or_transport_we_do_not_speak_fails_the_call() -> None:
    bench = Bench()
    call(bench, target=SipUri("sips", "callee", None, "192.0.2.9"))
    assert bench.event_kinds() == ["InviteFailed", "SessionEnded"]


def test_early_dialogs_are_bounded() -> None:
    bench = Bench()
    _, invite = calling(bench)
    for number in range(40):
        bench.receive(response(invite, 183, to_tag=f"fork-{number}", body=ANSWER))
    assert bench.endpoint.dialog_count == 16
    for number in range(40):
        bench.receive(response(invite, 200, to_tag=f"fork-{number}", body=ANSWER))
    assert names(bench.take()).count("BYE") == 15
