"""A call that comes in, from INVITE to BYE, on a virtual clock."""

from dataclasses import replace

import pytest

from telephony.errors import LocalError
from telephony.sip import (
    AckReceived,
    EndCause,
    IncomingInvite,
    IncomingSession,
    OfferState,
    SessionEnded,
    SessionState,
    SipUri,
)
from telephony.units import NS_PER_SECOND, Nanoseconds
from tests.support.sip_peer import ANSWER, OFFER, PEER, SETTINGS, Bench, request, tag_of

INVITE = request("INVITE", body=OFFER)


def ring_in(bench: Bench, text: str = INVITE) -> IncomingSession:
    """Have a call come in."""
    bench.receive(text)
    return bench.event(IncomingInvite).session


def answered(bench: Bench) -> tuple[IncomingSession, str]:
    """Have a call come in and answer it; give its session and our tag."""
    session = ring_in(bench)
    session.answer(ANSWER, bench.now)
    return session, tag_of(bench.take_response().headers.get("To"))


def established(bench: Bench) -> tuple[IncomingSession, str]:
    session, tag = answered(bench)
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    bench.event(AckReceived)
    return session, tag


def settle(bench: Bench) -> None:
    """Let every transaction run out."""
    bench.run(70_000)
    bench.assert_clean()


def test_a_call_is_rung_answered_and_hung_up_by_the_caller() -> None:
    bench = Bench()
    bench.receive(INVITE)
    event = bench.event(IncomingInvite)
    assert event.sdp == OFFER
    assert event.request.method == "INVITE"
    session = event.session
    assert session.call_id == "call-1"
    assert session.remote_address == PEER
    assert session.state is SessionState.RECEIVED

    session.ring(bench.now)
    ringing = bench.take_response()
    assert ringing.status == 180
    assert ringing.headers.get("Contact") == "<sip:e1-0@192.0.2.1:5060>"
    tag = tag_of(ringing.headers.get("To"))

    session.answer(ANSWER, bench.now, headers=[("X-Line", "7")])
    ok = bench.take_response()
    assert ok.status == 200
    assert ok.headers.get("X-Line") == "7"
    assert ok.body == ANSWER
    assert tag_of(ok.headers.get("To")) == tag
    assert ok.headers.get("Allow") == "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY"

    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    assert bench.event(AckReceived).sdp is None
    assert bench.take() == []
    assert session.exchange.local == ANSWER
    assert session.exchange.remote == OFFER

    bench.receive(
        request("BYE", branch="z9hG4bK-bye", to_tag=tag, cseq=2, extra="Reason: Q.850;cause=16")
    )
    assert bench.take_response().status == 200
    ended = bench.event(SessionEnded)
    assert (ended.cause, ended.by, ended.reason) == (EndCause.BYE, "remote", "Q.850;cause=16")
    assert bench.endpoint.dialog_count == 0
    settle(bench)


def test_a_100_goes_out_within_200_ms_unless_we_rang_before() -> None:
    bench = Bench()
    ring_in(bench)
    bench.run(200)
    (trying,) = bench.take()
    assert trying.status == 100
    assert trying.at_ms <= 200
    assert ";tag=" not in (trying.message.headers.get("To") or "")
    bench.run(5_000)
    assert bench.take() == []

    quick = Bench()
    ring_in(quick).ring(quick.now)
    quick.run(1_000)
    assert quick.statuses() == [180]


def test_a_200_is_repeated_until_the_ack_and_the_call_ended_without_one() -> None:
    bench = Bench()
    _, tag = answered(bench)
    bench.run(31_999)
    sent = bench.take()
    assert {one.status for one in sent} == {200}
    assert [one.at_ms for one in sent] == [
        500,
        1500,
        3500,
        7500,
        11500,
        15500,
        19500,
        23500,
        27500,
        31500,
    ]
    bench.run(1)
    bye = bench.take_request()
    assert bye.method == "BYE"
    assert str(bye.uri) == "sip:peer@192.0.2.9:5070"
    assert tag_of(bye.headers.get("From")) == tag
    assert bench.event_kinds() == []
    bench.run(32_000)
    ended = bench.event(SessionEnded)
    assert (ended.cause, ended.by) == (EndCause.NO_ACK, "local")
    settle(bench)


def test_the_ack_stops_the_repetition_of_the_200_and_is_told_once() -> None:
    bench = Bench()
    _, tag = answered(bench)
    bench.run(600)
    assert bench.statuses() == [200]
    ack = request("ACK", branch="z9hG4bK-ack", to_tag=tag)
    bench.receive(ack)
    bench.receive(ack)
    assert bench.event_kinds() == ["AckReceived"]
    bench.run(20_000)
    assert bench.take() == []


def test_copies_of_the_invite_are_absorbed_and_answered_with_the_latest() -> None:
    bench = Bench()
    session = ring_in(bench)
    bench.receive(INVITE)
    assert bench.take() == []
    session.ring(bench.now)
    bench.receive(INVITE)
    assert bench.statuses() == [180, 180]
    session.answer(ANSWER, bench.now)
    bench.receive(INVITE)
    assert bench.statuses() == [200]
    assert bench.event_kinds() == []


def test_a_refusal_is_repeated_until_its_ack_4_times_in_4_s() -> None:
    bench = Bench()
    ring_in(bench).reject(486, bench.now)
    bench.run(4_000)
    assert [one.at_ms for one in bench.sent] == [0, 500, 1500, 3500]
    assert {one.status for one in bench.take()} == {486}
    assert bench.event(SessionEnded).cause is EndCause.REJECTED


def test_a_refusal_stops_at_its_ack_which_has_the_invites_branch() -> None:
    bench = Bench()
    ring_in(bench).reject(486, bench.now, reason="On the phone", headers=[("X-Why", "talking")])
    busy = bench.take_response()
    assert busy.reason == "On the phone"
    assert busy.headers.get("X-Why") == "talking"
    bench.receive(INVITE)
    assert bench.statuses() == [486]
    bench.receive(request("ACK", to_tag=tag_of(busy.headers.get("To"))))
    bench.run(4_999)
    assert bench.take() == []
    assert bench.endpoint.transaction_count == 1
    bench.run(1)
    bench.assert_clean()


def test_a_refusal_without_ack_ends_with_timer_h() -> None:
    bench = Bench()
    ring_in(bench).reject(603, bench.now)
    bench.run(32_000)
    bench.assert_clean()
    assert len(bench.take()) == 11


def test_a_redirect_names_its_contacts() -> None:
    bench = Bench()
    targets = [SipUri("sip", "other", None, "192.0.2.7"), SipUri("sip", "more", None, "192.0.2.8")]
    ring_in(bench).redirect(targets, bench.now)
    moved = bench.take_response()
    assert moved.status == 302
    assert moved.headers.get_all("Contact") == ["<sip:other@192.0.2.7>", "<sip:more@192.0.2.8>"]


def test_cancel_before_the_answer_gets_200_and_the_invite_487() -> None:
    bench = Bench()
    session = ring_in(bench)
    session.ring(bench.now)
    tag = tag_of(bench.take_response().headers.get("To"))
    bench.receive(request("CANCEL", extra='Reason: SIP;cause=200;text="Call completed elsewhere"'))
    ok, terminated = bench.take()
    assert (ok.status, ok.method) == (200, "CANCEL")
    assert (terminated.status, terminated.method) == (487, "INVITE")
    assert tag_of(ok.message.headers.get("To")) == tag
    assert tag_of(terminated.message.headers.get("To")) == tag
    ended = bench.event(SessionEnded)
    assert (ended.cause, ended.by) == (EndCause.CANCELLED, "remote")
    assert "completed elsewhere" in ended.reason
    bench.receive(request("ACK", to_tag=tag))
    # Our user may not have read yet that the caller gave up.
    session.answer(ANSWER, bench.now)
    session.ring(bench.now)
    session.reject(486, bench.now)
    session.bye(bench.now)
    session.reinvite(OFFER, bench.now)
    session.respond_to_offer(ANSWER, bench.now)
    session.info("text/plain", b"late", bench.now)
    session.refer(SipUri("sip", "x", None, "192.0.2.7"), bench.now)
    assert bench.take() == []
    settle(bench)


def test_cancel_after_the_200_changes_nothing() -> None:
    bench = Bench()
    session, tag = answered(bench)
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200]
    assert bench.event_kinds() == []
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200]
    assert session.state is SessionState.ESTABLISHED
    assert bench.event_kinds() == ["AckReceived"]


def test_cancel_of_an_unknown_invite_gets_481() -> None:
    bench = Bench()
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [481]


def test_a_second_invite_with_the_same_call_id_after_cancel_is_a_new_call() -> None:
    bench = Bench()
    ring_in(bench)
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200, 487]
    bench.events.clear()
    session = ring_in(bench, request("INVITE", branch="z9hG4bK-2", cseq=2, body=OFFER))
    assert session.state is SessionState.RECEIVED


def test_bye_before_the_answer_gets_200_and_the_invite_487() -> None:
    bench = Bench()
    session = ring_in(bench)
    session.ring(bench.now)
    tag = tag_of(bench.take_response().headers.get("To"))
    bench.receive(request("BYE", branch="z9hG4bK-bye", to_tag=tag, cseq=2))
    assert [(one.status, one.method) for one in bench.take()] == [(200, "BYE"), (487, "INVITE")]
    assert bench.event(SessionEnded).cause is EndCause.BYE


def test_a_hangup_before_the_ack_waits_for_it() -> None:
    bench = Bench()
    session, tag = answered(bench)
    session.bye(bench.now)
    session.bye(bench.now)
    assert bench.take() == []
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200]
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    assert bench.take_request().method == "BYE"
    assert session.state is SessionState.LEAVING


def test_a_hangup_before_the_ack_goes_out_at_its_time_out() -> None:
    bench = Bench()
    session, _ = answered(bench)
    session.bye(bench.now)
    bench.run(32_000)
    assert bench.take()[-1].method == "BYE"
    bench.run(32_000)
    assert bench.event(SessionEnded).cause is EndCause.BYE
    settle(bench)


def test_a_hangup_before_the_answer_refuses_the_call() -> None:
    bench = Bench()
    ring_in(bench).bye(bench.now)
    assert bench.statuses() == [480]
    assert bench.event(SessionEnded).by == "local"


@pytest.mark.parametrize("status", [200, 481, 408, 503])
def test_our_bye_ends_the_session_whatever_its_answer(status: int) -> None:
    bench = Bench()
    session, _ = established(bench)
    session.bye(bench.now, headers=[("Reason", 'SIP;cause=200;text="done"')])
    bye = bench.take_request()
    assert bye.headers.get("Reason") == 'SIP;cause=200;text="done"'
    assert bye.cseq.number == 1
    via = bye.headers.get("Via") or ""
    assert via.startswith("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKe1-")
    assert via.endswith(";rport")
    text = "\r\n".join(
        [
            f"SIP/2.0 {status} x",
            f"Via: {via}",
            f"From: {bye.headers.get('From')}",
            f"To: {bye.headers.get('To')}",
            f"Call-ID: {bye.call_id}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
            "",
            "",
        ]
    )
    bench.receive(text)
    bench.receive(text)
    ended = bench.event(SessionEnded)
    assert (ended.cause, ended.by) == (EndCause.BYE, "local")
    settle(bench)


def test_byes_that_cross_end_the_session_once() -> None:
    bench = Bench()
    session, tag = established(bench)
    session.bye(bench.now)
    bench.receive(request("BYE", branch="z9hG4bK-bye", to_tag=tag, cseq=2))
    assert [(one.method, one.status) for one in bench.take()] == [("BYE", None), ("BYE", 200)]
    assert bench.event(SessionEnded).by == "local"
    settle(bench)
    assert bench.event_kinds() == []


def test_a_reinvite_after_our_bye_gets_481() -> None:
    bench = Bench()
    session, tag = established(bench)
    session.bye(bench.now)
    bench.receive(request("INVITE", branch="z9hG4bK-re", to_tag=tag, cseq=2, body=OFFER))
    assert bench.statuses() == [None, 481]


def test_requests_of_a_dialog_we_do_not_know_get_481_and_an_ack_nothing() -> None:
    bench = Bench()
    for number, method in enumerate(["BYE", "INVITE", "INFO", "UPDATE", "NOTIFY", "OPTIONS"]):
        bench.receive(request(method, branch=f"z9hG4bK-{number}", to_tag="nobody"))
    assert bench.statuses() == [481] * 6
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag="nobody"))
    assert bench.take() == []
    assert bench.event_kinds() == []


def test_the_callees_route_set_is_record_route_in_order() -> None:
    bench = Bench()
    routes = (
        "Record-Route: <sip:first@192.0.2.20;lr>, <sip:second@192.0.2.21;lr>\n"
        "Record-Route: <sip:192.0.2.22;lr>"
    )
    session = ring_in(bench, request("INVITE", body=OFFER, extra=routes))
    session.answer(ANSWER, bench.now)
    ok = bench.take_response()
    assert ok.headers.get_all("Record-Route") == [
        "<sip:first@192.0.2.20;lr>, <sip:second@192.0.2.21;lr>",
        "<sip:192.0.2.22;lr>",
    ]
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag_of(ok.headers.get("To"))))
    session.bye(bench.now)
    (sent,) = bench.take()
    assert sent.message.headers.values("Route") == [
        "<sip:first@192.0.2.20;lr>",
        "<sip:second@192.0.2.21;lr>",
        "<sip:192.0.2.22;lr>",
    ]
    assert sent.message.start_line == "BYE sip:peer@192.0.2.9:5070 SIP/2.0"
    assert sent.transmit.destination == ("192.0.2.20", 5060)


def test_a_strict_router_gets_its_own_uri_and_the_target_goes_last() -> None:
    bench = Bench()
    routes = "Record-Route: <sip:strict@192.0.2.20;method=BYE>, <sip:192.0.2.21;lr>"
    session = ring_in(bench, request("INVITE", body=OFFER, extra=routes))
    session.answer(ANSWER, bench.now)
    tag = tag_of(bench.take_response().headers.get("To"))
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    session.bye(bench.now)
    (sent,) = bench.take()
    assert sent.message.start_line == "BYE sip:strict@192.0.2.20 SIP/2.0"
    assert sent.message.headers.values("Route") == [
        "<sip:192.0.2.21;lr>",
        "<sip:peer@192.0.2.9:5070>",
    ]
    assert sent.transmit.destination == ("192.0.2.20", 5060)


def test_a_request_out_of_order_gets_500_and_a_gap_is_fine() -> None:
    bench = Bench()
    _, tag = established(bench)
    bench.receive(request("INFO", branch="z9hG4bK-a", to_tag=tag, cseq=9, body=b"x"))
    bench.receive(request("INFO", branch="z9hG4bK-b", to_tag=tag, cseq=8, body=b"y"))
    assert bench.statuses() == [200, 500]
    assert bench.event_kinds() == ["InfoReceived"]


def test_a_caller_of_rfc_2543_is_served() -> None:
    """No branch cookie, no Contact, no rport (RFC 4475 3.4.1)."""

    def old(method: str, *, to_tag: str = "", body: bytes = b"") -> str:
        return request(method, branch="1", contact="", via_parameters="", to_tag=to_tag, body=body)

    bench = Bench()
    invite = old("INVITE", body=OFFER)
    session = ring_in(bench, invite)
    bench.receive(invite)
    assert bench.take() == []
    session.reject(486, bench.now)
    tag = tag_of(bench.take_response().headers.get("To"))
    bench.receive(old("ACK", to_tag="another"))
    bench.receive(invite)
    assert bench.statuses() == [486]
    bench.receive(old("ACK", to_tag=tag))
    bench.run(10_000)
    assert bench.take() == []
    bench.assert_clean()


def test_an_offerless_invite_gets_our_offer_and_the_answer_comes_in_the_ack() -> None:
    bench = Bench()
    session = ring_in(bench, request("INVITE"))
    session.answer(OFFER, bench.now)
    ok = bench.take_response()
    assert ok.body == OFFER
    tag = tag_of(ok.headers.get("To"))
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag, body=ANSWER))
    assert bench.event(AckReceived).sdp == ANSWER
    assert (session.exchange.local, session.exchange.remote) == (OFFER, ANSWER)


def test_an_ack_that_owes_an_answer_and_brings_none_agrees_on_nothing() -> None:
    bench = Bench()
    session = ring_in(bench, request("INVITE"))
    session.answer(OFFER, bench.now)
    tag = tag_of(bench.take_response().headers.get("To"))
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    assert bench.event(AckReceived).sdp is None
    assert session.exchange.local is None


def test_early_media_is_repeated_in_the_200() -> None:
    bench = Bench()
    session = ring_in(bench)
    session.ring(bench.now, status=183, sdp=ANSWER)
    assert bench.take_response().body == ANSWER
    session.ring(bench.now)
    assert bench.take_response().body == b""
    session.answer(None, bench.now)
    assert bench.take_response().body == ANSWER


def test_an_unanswered_call_gets_480_after_the_ring_limit() -> None:
    bench = Bench()
    ring_in(bench)
    bench.run(180_000)
    assert bench.statuses() == [100, 480]
    assert bench.event(SessionEnded).cause is EndCause.NO_ANSWER
    settle(bench)


def test_how_long_calls_of_ours_may_ring_does_not_limit_the_peers() -> None:
    settings = replace(
        SETTINGS,
        ring_limit_ns=Nanoseconds(60 * NS_PER_SECOND),
        answer_limit_ns=Nanoseconds(210 * NS_PER_SECOND),
    )
    bench = Bench(settings)
    ring_in(bench)
    bench.run(209_999)
    assert bench.statuses() == [100]
    bench.run(1)
    assert bench.statuses() == [480]


def test_commands_that_make_no_sense_are_refused_and_change_nothing() -> None:
    bench = Bench()
    session = ring_in(bench)
    with pytest.raises(LocalError, match="101 to 199"):
        session.ring(bench.now, status=100)
    with pytest.raises(LocalError, match="300 to 699"):
        session.reject(200, bench.now)
    with pytest.raises(LocalError, match="description"):
        session.answer(None, bench.now)
    with pytest.raises(LocalError, match="up"):
        session.info("text/plain", b"", bench.now)
    with pytest.raises(LocalError, match="up"):
        session.refer(SipUri("sip", "x", None, "192.0.2.7"), bench.now)
    session.answer(ANSWER, bench.now)
    with pytest.raises(LocalError, match="ANSWERED"):
        session.reject(486, bench.now)
    with pytest.raises(LocalError, match="ANSWERED"):
        session.ring(bench.now)
    assert bench.statuses() == [200]
    session.bye(bench.now)
    bench.run(64_000)
    assert bench.event(SessionEnded).cause is EndCause.BYE


UNWRITABLE = "Sorry\r\nX-Smuggled: 1"


@pytest.mark.parametrize("reason", [UNWRITABLE, "a\nb", "\x00", "\ud800"])
def test_a_refusal_that_cannot_be_written_leaves_the_call_to_be_refused_again(reason: str) -> None:
    bench = Bench()
    session = ring_in(bench)
    with pytest.raises(LocalError, match="makes no Status-Line"):
        session.reject(486, bench.now, reason=reason)
    with pytest.raises(LocalError, match="one header field"):
        session.reject(486, bench.now, headers=[("Warning", UNWRITABLE)])
    assert session.state is SessionState.RECEIVED
    assert bench.take() == []
    session.reject(480, bench.now)
    assert bench.take_response().status == 480
    assert bench.event(SessionEnded).status == 480
    settle(bench)


def test_an_answer_that_cannot_be_written_leaves_the_call_to_be_answered_again() -> None:
    bench = Bench()
    session = ring_in(bench)
    with pytest.raises(LocalError, match="one header field"):
        session.answer(ANSWER, bench.now, headers=[("X-Line", UNWRITABLE)])
    assert session.state is SessionState.RECEIVED
    assert session.exchange.state is OfferState.REMOTE_OFFER
    session.answer(ANSWER, bench.now)
    assert bench.statuses() == [200]


def test_a_hangup_that_cannot_be_written_leaves_the_call_up() -> None:
    bench = Bench()
    session, tag = established(bench)
    with pytest.raises(LocalError, match="one header field"):
        session.bye(bench.now, headers=[("Reason", UNWRITABLE)])
    assert session.state is SessionState.ESTABLISHED
    session.bye(bench.now, headers=(pair for pair in [("Reason", "SIP;cause=200")]))
    bye = bench.take_request()
    assert (bye.headers.get("Reason"), bye.from_.tag) == ("SIP;cause=200", tag)


def test_a_hangup_that_waits_for_the_ack_keeps_its_header_fields() -> None:
    bench = Bench()
    session, tag = answered(bench)
    session.bye(bench.now, headers=(pair for pair in [("Reason", "SIP;cause=200")]))
    assert bench.take() == []
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    assert bench.take_request().headers.get("Reason") == "SIP;cause=200"


def test_the_transport_failing_under_our_answers_ends_nothing_by_itself() -> None:
    bench = Bench()
    session, tag = answered(bench)
    bench.endpoint.handle_transport_error(PEER, bench.now, transport="UDP")
    bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    assert session.state is SessionState.ESTABLISHED


def test_a_call_over_the_limit_of_dialogs_gets_503_with_retry_after() -> None:
    bench = Bench(replace(SETTINGS, max_dialogs=1))
    ring_in(bench)
    bench.receive(request("INVITE", branch="z9hG4bK-2", call_id="call-2", body=OFFER))
    refused = bench.take_response()
    assert refused.status == 503
    assert refused.headers.get("Retry-After") == "5"
