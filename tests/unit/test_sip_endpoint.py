"""What an endpoint does before and around calls: checks of section 8.2, transports, limits."""

from dataclasses import replace

import pytest

from telephony.errors import LocalError
from telephony.sip import (
    CloseFlow,
    FlowId,
    IncomingInvite,
    ListenAddress,
    MessageRejected,
    NameAddr,
    OptionsAnswered,
    Request,
    RequestForbidden,
    SipUri,
    Transmit,
)
from tests.support.sip_peer import (
    ANSWER,
    FLOW,
    OFFER,
    PEER,
    SETTINGS,
    Bench,
    request,
    response,
    tag_of,
)

US = NameAddr(None, SipUri("sip", "agent", None, "192.0.2.1"))
TARGET = SipUri("sip", "callee", None, "192.0.2.9")


def answer_to(text: str, bench: Bench | None = None) -> tuple[int | None, dict[str, str]]:
    """Give status and headers of the answer to one request."""
    bench = bench or Bench()
    bench.receive(text)
    (sent,) = bench.take()
    return sent.status, dict(sent.message.headers.items())


# Section 8.2, in its order.


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "PRACK"])
def test_a_method_we_do_not_take_gets_405_with_allow(method: str) -> None:
    status, headers = answer_to(request(method))
    assert status == 405
    assert "INVITE" in headers["Allow"]


def test_a_method_nobody_knows_gets_501() -> None:
    assert answer_to(request("NEWMETHOD"))[0] == 501


@pytest.mark.parametrize("uri", ["nobodyKnowsThisScheme:totallyopaquecontent", "http://x.example"])
def test_a_scheme_we_do_not_know_gets_416(uri: str) -> None:
    assert answer_to(request("OPTIONS", uri=uri))[0] == 416


def test_a_tel_uri_is_a_call_like_any() -> None:
    bench = Bench()
    bench.receive(request("INVITE", uri="tel:+15551234567", body=OFFER))
    told = bench.event(IncomingInvite)
    assert str(told.request.uri) == "tel:+15551234567"


def test_a_required_extension_we_lack_gets_420_and_names_it() -> None:
    text = request("INVITE", body=OFFER, extra="Require: 100rel, norefersub\nRequire: nothing-new")
    status, headers = answer_to(text)
    assert status == 420
    assert headers["Unsupported"] == "100rel, nothing-new"


def test_what_a_proxy_must_understand_is_no_business_of_ours() -> None:
    assert answer_to(request("OPTIONS", extra="Proxy-Require: anything"))[0] == 200


def test_a_required_extension_in_cancel_is_ignored() -> None:
    assert answer_to(request("CANCEL", extra="Require: anything"))[0] == 481


def test_a_body_we_cannot_read_gets_415_and_accept() -> None:
    text = request("INVITE", body=b"x", content_type="application/unknown")
    status, headers = answer_to(text)
    assert status == 415
    assert headers["Accept"] == "application/sdp"


def test_a_body_of_no_type_gets_415() -> None:
    text = request("INVITE", body=b"x").replace("Content-Type: application/sdp\r\n", "")
    assert answer_to(text)[0] == 415


def test_a_body_that_may_be_ignored_is() -> None:
    bench = Bench()
    extra = "Content-Disposition: icon; handling=optional"
    bench.receive(request("INVITE", body=b"x", content_type="image/png", extra=extra))
    event = bench.event(IncomingInvite)
    assert event.sdp is None
    event.session.answer(OFFER, bench.now)
    assert bench.take_response().body == OFFER


def test_an_encoded_body_gets_415_and_accept_encoding() -> None:
    text = request("INFO", body=b"x", extra="Content-Encoding: gzip", to_tag="x")
    status, headers = answer_to(text)
    assert status == 415
    assert headers["Accept-Encoding"] == "identity"


def test_an_encoding_of_nothing_and_identity_pass() -> None:
    assert answer_to(request("OPTIONS", extra="Content-Encoding: gzip"))[0] == 200
    extra = "Content-Encoding: Identity"
    assert answer_to(request("OPTIONS", extra=extra, body=b"x"))[0] == 200


@pytest.mark.parametrize(
    ("accept", "passes"),
    [
        ("application/sdp", True),
        ("text/plain, application/SDP;level=1", True),
        ("*/*", True),
        ("application/*", True),
        ("text/plain", False),
    ],
)
def test_a_caller_that_cannot_take_our_sdp_gets_406(accept: str, *, passes: bool) -> None:
    bench = Bench()
    bench.receive(request("INVITE", body=OFFER, extra=f"Accept: {accept}"))
    assert bench.statuses() == ([] if passes else [406])


def test_a_request_that_came_by_two_paths_gets_482_the_second_time() -> None:
    bench = Bench()
    bench.receive(request("INVITE", branch="z9hG4bK-path-1", body=OFFER))
    bench.receive(request("INVITE", branch="z9hG4bK-path-2", body=OFFER))
    assert bench.statuses() == [482]
    assert bench.event_kinds() == ["IncomingInvite"]
    bench.receive(request("INVITE", branch="z9hG4bK-path-3", body=OFFER, cseq=2))
    assert bench.event_kinds() == ["IncomingInvite"]


def test_cancel_of_an_invite_that_was_refused_at_once_changes_nothing() -> None:
    bench = Bench()
    bench.receive(request("INVITE", body=OFFER, extra="Require: 100rel"))
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [420, 200]


def test_a_call_that_would_replace_another_is_declined() -> None:
    text = request("INVITE", body=OFFER, extra="Replaces: a@b;to-tag=c;from-tag=d")
    assert answer_to(text)[0] == 603


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "NOTIFY"])
def test_what_needs_a_dialog_gets_481_without_one(method: str) -> None:
    assert answer_to(request(method))[0] == 481


@pytest.mark.parametrize(("accepts_refer", "status"), [(True, 603), (False, 405)])
def test_a_transfer_asked_for_outside_a_dialog_is_refused(
    *, accepts_refer: bool, status: int
) -> None:
    bench = Bench(replace(SETTINGS, accepts_refer=accepts_refer))
    bench.receive(request("REFER", extra="Refer-To: <sip:x@192.0.2.66>"))
    assert bench.statuses() == [status]


def test_syntax_errors_get_400_or_505_with_the_reason_and_no_transaction() -> None:
    bench = Bench()
    bench.receive(request("OPTIONS", cseq_method="INVITE"))
    bad = bench.take_response()
    assert (bad.status, bad.reason) == (400, "CSeq Method Mismatch")
    assert tag_of(bad.headers.get("To"))
    bench.receive(request("OPTIONS").replace(" SIP/2.0\r\n", " SIP/7.0\r\n", 1))
    assert bench.statuses() == [505]
    assert bench.event_kinds() == ["MessageRejected", "MessageRejected"]
    bench.assert_clean()


def test_a_bad_ack_and_a_bad_response_are_never_answered() -> None:
    bench = Bench()
    bench.receive(request("ACK", cseq_method="INVITE"))
    bench.receive("SIP/2.0 200 OK\r\nVia: rubbish\r\n\r\n")
    assert bench.take() == []
    assert bench.event_kinds() == ["MessageRejected", "MessageRejected"]


def test_a_header_that_shows_bad_only_inside_gets_400_too() -> None:
    status, headers = answer_to(request("INVITE", body=OFFER, extra="Record-Route: <<"))
    assert status == 400
    assert ";tag=e1-" in headers["To"]


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"\x00", b"\xff" * 50, b"GET / HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_sip_leaves_no_trace_but_an_event(data: bytes) -> None:
    bench = Bench()
    bench.receive(data)
    assert bench.take() == []
    assert len(bench.events) <= 1
    bench.assert_clean()


def test_an_ack_before_the_answer_is_the_peers_fault() -> None:
    bench = Bench()
    bench.receive(request("INVITE", body=OFFER))
    bench.event(IncomingInvite)
    bench.receive(request("ACK"))
    assert "RECEIVE_ACK" in bench.event(MessageRejected).reason


# OPTIONS, draining, limits.


def test_options_says_what_we_support() -> None:
    status, headers = answer_to(
        request("OPTIONS", extra="Max-Forwards: 0").replace("Max-Forwards: 70\r\n", "")
    )
    assert status == 200
    assert headers["Accept"] == "application/sdp"
    assert "BYE" in headers["Allow"]
    assert headers["Supported"] == "norefersub"
    assert headers["Contact"] == "<sip:e1-0@192.0.2.1:5060>"
    assert headers["Server"] == "telephony"


def test_an_endpoint_without_extensions_names_none() -> None:
    status, headers = answer_to(request("OPTIONS"), Bench(replace(SETTINGS, supported=())))
    assert status == 200
    assert "Supported" not in headers


def test_copies_of_options_get_the_same_answer() -> None:
    bench = Bench()
    bench.receive(request("OPTIONS"))
    bench.receive(request("OPTIONS"))
    first, second = bench.take()
    assert first.transmit.data == second.transmit.data
    bench.run(31_999)
    assert bench.endpoint.transaction_count == 1
    bench.run(1)
    bench.assert_clean()


def test_draining_refuses_new_calls_and_keeps_those_that_are_up() -> None:
    bench = Bench()
    bench.receive(request("INVITE", body=OFFER))
    session = bench.event(IncomingInvite).session
    bench.endpoint.draining = True
    for method in ("INVITE", "OPTIONS"):
        bench.receive(request(method, branch=f"z9hG4bK-{method}", call_id="other", body=OFFER))
        refused = bench.take_response()
        assert (refused.status, refused.headers.get("Retry-After")) == (503, "5")
    session.answer(ANSWER, bench.now)
    assert bench.statuses() == [200]


def test_over_the_limit_of_transactions_requests_get_503_without_one() -> None:
    bench = Bench(replace(SETTINGS, max_transactions=8))
    for number in range(20):
        bench.receive(request("OPTIONS", branch=f"z9hG4bK-{number}", call_id=f"call-{number}"))
    assert bench.statuses() == [200] * 8 + [503] * 12
    assert bench.endpoint.transaction_count == 8
    bench.receive(request("BYE", branch="z9hG4bK-bye", to_tag="x"))
    assert bench.statuses() == [481]
    bench.receive(request("BYE", branch="z9hG4bK-bye-2", to_tag="x"))
    refused = bench.take_response()
    assert (refused.status, tag_of(refused.headers.get("To"))) == (503, "x")


def test_over_the_limit_of_transactions_the_cancel_of_a_call_gets_in() -> None:
    bench = Bench(replace(SETTINGS, max_transactions=8))
    bench.receive(request("INVITE", body=OFFER))
    for number in range(2, 9):
        bench.receive(request("OPTIONS", branch=f"z9hG4bK-{number}", call_id=f"call-{number}"))
    bench.take()
    bench.receive(request("CANCEL", branch="z9hG4bK-of-nothing"))
    assert bench.statuses() == [503]
    bench.receive(request("CANCEL"))
    assert [(one.status, one.method) for one in bench.take()] == [(200, "CANCEL"), (487, "INVITE")]


STRANGER = ("198.51.100.7", 5060)
GUARDED = replace(SETTINGS, allowed_sources=frozenset({PEER[0]}))


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "CANCEL", "REGISTER"])
def test_a_stranger_gets_one_403_for_each_copy_and_leaves_nothing(method: str) -> None:
    bench = Bench(GUARDED)
    for _ in range(2):
        bench.receive(request(method, via="SIP/2.0/UDP 10.0.0.1"), source=STRANGER)
    first, second = bench.take()
    assert first.status == 403
    assert first.transmit == second.transmit
    assert first.transmit.destination == STRANGER
    assert ";rport=5060;received=198.51.100.7" in str(first.message.headers.get("Via"))
    bench.receive(request("ACK", to_tag=tag_of(first.message.headers.get("To"))), source=STRANGER)
    assert bench.events == [RequestForbidden(method, STRANGER)] * 2
    bench.run(40_000)
    assert bench.take() == []
    bench.assert_clean()


def test_a_flood_of_strangers_leaves_room_for_a_good_caller() -> None:
    bench = Bench(replace(GUARDED, max_transactions=8))
    for number in range(100):
        tag = "" if number % 2 else "forged"
        text = request("INVITE", branch=f"z9hG4bK-{number}", call_id=f"{number}", to_tag=tag)
        bench.receive(text, source=STRANGER)
    assert set(bench.statuses()) == {403, 481}
    bench.events.clear()
    bench.receive(request("INVITE", body=OFFER))
    bench.event(IncomingInvite)


def test_whom_we_call_need_not_be_allowed_and_copies_of_what_it_asks_for_get_their_answer() -> None:
    bench = Bench(replace(GUARDED, allowed_sources=frozenset[str]()))
    session = bench.endpoint.invite(TARGET, from_=US, to=US, sdp=OFFER, now_ns=bench.now)
    invite = bench.take_request()
    bench.receive(response(invite, 200, body=ANSWER))
    bench.take()
    bye = request(
        "BYE", call_id=session.call_id, from_tag="callee", to_tag=tag_of(invite.headers.get("From"))
    )
    bench.receive(bye)
    bench.receive(bye)
    assert bench.statuses() == [200, 200]
    bench.receive(bye.replace("z9hG4bK-1", "z9hG4bK-2"))
    assert bench.statuses() == [481], "there is no such dialog any more"
    assert bench.event_kinds() == ["InviteAnswered", "SessionEnded"]


def test_over_the_limit_of_dialogs_we_place_no_call() -> None:
    bench = Bench(replace(SETTINGS, max_dialogs=0))
    with pytest.raises(LocalError, match="as many as allowed"):
        bench.endpoint.invite(TARGET, from_=US, to=US, sdp=OFFER, now_ns=bench.now)


def test_our_options_is_answered_once() -> None:
    bench = Bench()
    call_id = bench.endpoint.options(TARGET, from_=US, now_ns=bench.now)
    options = bench.take_request()
    assert options.call_id == call_id
    assert options.headers.get("Accept") == "application/sdp"
    bench.receive(response(options, 100, to_tag=""))
    bench.receive(response(options, 200))
    bench.receive(response(options, 200))
    assert bench.event(OptionsAnswered) == OptionsAnswered(call_id, 200)
    bench.run(5_000)
    bench.assert_clean()


def test_our_options_to_a_silent_peer_is_repeated_up_to_t2_and_ends_with_408() -> None:
    bench = Bench()
    call_id = bench.endpoint.options(TARGET, from_=US, now_ns=bench.now)
    bench.run(32_000)
    times = [one.at_ms for one in bench.take()]
    assert times == [0, 500, 1500, 3500, *range(7500, 32_000, 4000)]
    assert bench.event(OptionsAnswered) == OptionsAnswered(call_id, 408)


def test_after_a_100_our_options_is_repeated_every_t2() -> None:
    bench = Bench()
    bench.endpoint.options(TARGET, from_=US, now_ns=bench.now)
    bench.receive(response(bench.take_request(), 100, to_tag=""))
    bench.run(9_000)
    assert [one.at_ms for one in bench.take()] == [500, 4500, 8500]


def test_our_options_to_nowhere_ends_with_503() -> None:
    bench = Bench()
    call_id = bench.endpoint.options(
        SipUri("sips", "x", None, "192.0.2.9"), from_=US, now_ns=bench.now
    )
    assert bench.event(OptionsAnswered) == OptionsAnswered(call_id, 503)


# Where answers go: RFC 3261 18.2.2, RFC 3581.


@pytest.mark.parametrize(
    ("via", "parameters", "source_port", "answer_port", "stamped"),
    [
        ("192.0.2.9:5060", ";rport", 5060, 5060, ";rport=5060;received=192.0.2.9"),
        ("10.0.0.1:5060", ";rport", 4711, 4711, ";rport=4711;received=192.0.2.9"),
        ("10.0.0.1:5070", "", 4711, 5070, ";received=192.0.2.9"),
        ("192.0.2.9:5070", "", 4711, 5070, ""),
        ("192.0.2.9", "", 4711, 5060, ""),
        ("pbx.example.com", "", 4711, 5060, ";received=192.0.2.9"),
        ("10.0.0.1", ";received=192.0.2.66;maddr=a.b", 4711, 5060, ";maddr=a.b;received=192.0.2.9"),
    ],
)
def test_an_answer_finds_its_way(
    via: str, parameters: str, source_port: int, answer_port: int, stamped: str
) -> None:
    bench = Bench()
    local = ListenAddress("UDP", "192.0.2.1", 5066)
    text = request("OPTIONS", via=f"SIP/2.0/UDP {via}", via_parameters=parameters)
    bench.receive(text, source=("192.0.2.9", source_port), local=local)
    (sent,) = bench.take()
    assert sent.transmit.destination == ("192.0.2.9", answer_port)
    assert sent.transmit.local == local
    assert sent.message.headers.get("Via") == f"SIP/2.0/UDP {via};branch=z9hG4bK-1{stamped}"


def test_other_vias_are_kept_below_the_stamped_one() -> None:
    second = "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK-f"
    third = "SIP/2.0/TCP 192.0.2.78;branch=z9hG4bK-x"
    bench = Bench()
    bench.receive(request("OPTIONS", via_parameters=f";rport, {second}", extra=f"Via: {third}"))
    values = bench.take()[0].message.headers.values("Via")
    assert values[1:] == [second, third]


def test_a_phone_behind_a_translator_is_reached_at_its_source() -> None:
    for reply_to_source, destination in ((True, ("192.0.2.9", 4711)), (False, ("10.0.0.1", 5060))):
        bench = Bench(replace(SETTINGS, reply_to_source=reply_to_source))
        local = ListenAddress("UDP", "192.0.2.1", 5066)
        text = request("INVITE", body=OFFER, contact="<sip:phone@10.0.0.1>")
        bench.receive(text, source=("192.0.2.9", 4711), local=local)
        session = bench.event(IncomingInvite).session
        session.answer(ANSWER, bench.now)
        ack = request(
            "ACK", branch="z9hG4bK-a", to_tag=tag_of(bench.take_response().headers.get("To"))
        )
        bench.receive(ack)
        session.bye(bench.now)
        (sent,) = bench.take()
        assert (sent.transmit.destination, sent.transmit.local) == (destination, local)


# TCP.


def tcp(text: str) -> str:
    return text.replace("SIP/2.0/UDP", "SIP/2.0/TCP")


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_a_call_over_tcp_comes_in_pieces_and_goes_back_on_its_connection(piece: int) -> None:
    bench = Bench()
    stream = tcp(request("INVITE", body=OFFER)) + "\r\n\r\n" + tcp(request("OPTIONS", call_id="o"))
    for start in range(0, len(stream), piece):
        bench.stream(stream[start : start + piece])
    session = bench.event(IncomingInvite).session
    session.answer(ANSWER, bench.now)
    options, ok = bench.take()
    assert (options.method, ok.method) == ("OPTIONS", "INVITE")
    assert ok.transmit.flow == FLOW
    assert ok.transmit.transport == "TCP"
    assert ok.message.headers.get("Contact") == "<sip:e1-0@192.0.2.1:5060;transport=tcp>"
    bench.stream(
        tcp(request("ACK", branch="z9hG4bK-a", to_tag=tag_of(ok.message.headers.get("To"))))
    )
    session.bye(bench.now)
    (bye,) = bench.take()
    assert bye.transmit.flow == FLOW
    assert (bye.message.headers.get("Via") or "").startswith("SIP/2.0/TCP 192.0.2.1:5060;")


def test_over_tcp_nothing_is_repeated_but_the_200_and_nothing_lingers() -> None:
    bench = Bench()
    bench.stream(tcp(request("OPTIONS")))
    bench.run(0)
    assert bench.endpoint.transaction_count == 0
    bench.stream(tcp(request("INVITE", body=OFFER)))
    session = bench.event(IncomingInvite).session
    session.reject(486, bench.now)
    bench.take()
    bench.run(20_000)
    assert bench.take() == []
    bench.run(12_000)
    bench.close()
    bench.assert_clean()


def test_a_ping_gets_its_pong() -> None:
    bench = Bench()
    bench.stream(b"\r\n")
    assert bench.endpoint.poll_output() is None
    bench.endpoint.handle_stream(FLOW, b"\r\n", bench.now)
    assert bench.endpoint.poll_output() == Transmit(
        b"\r\n", "TCP", (FLOW.host, FLOW.port), flow=FLOW
    )
    assert bench.endpoint.poll_output() is None


def test_a_pong_on_a_connection_of_ours_is_taken_in_silence() -> None:
    bench = Bench()
    ours = FLOW._replace(is_opened_by_us=True)
    bench.open(ours)
    bench.endpoint.handle_stream(ours, b"\r\n\r\n", bench.now)
    assert bench.endpoint.poll_output() is None
    bench.stream(tcp(request("OPTIONS")), ours)
    assert bench.statuses() == [200]


def test_an_answer_whose_connection_is_gone_goes_to_a_new_one() -> None:
    bench = Bench()
    bench.stream(tcp(request("INVITE", body=OFFER)))
    session = bench.event(IncomingInvite).session
    bench.close()
    session.answer(ANSWER, bench.now)
    (sent,) = bench.take()
    assert (sent.transmit.flow, sent.transmit.transport) == (None, "TCP")


def test_a_stream_out_of_step_is_answered_and_closed() -> None:
    bench = Bench()
    bench.stream(tcp(request("OPTIONS")).replace("Content-Length: 0", "Content-Length: none"))
    assert bench.statuses() == [400]
    assert bench.event_kinds() == ["MessageRejected", "CloseFlow"]
    bench.stream("more")
    assert bench.events[-1] == CloseFlow(FLOW)


def test_the_uri_chooses_tcp() -> None:
    bench = Bench()
    target = replace(TARGET, parameters=(("transport", "tcp"),))
    bench.endpoint.invite(target, from_=US, to=US, sdp=OFFER, now_ns=bench.now)
    (sent,) = bench.take()
    assert (sent.transmit.transport, sent.transmit.destination) == ("TCP", ("192.0.2.9", 5060))
    bench.run(20_000)
    assert bench.take() == []


LONG = OFFER + b"a=x-filler:" + b"y" * 1200 + b"\r\n"


def test_a_long_request_goes_over_tcp_and_back_to_udp_when_that_fails() -> None:
    bench = Bench()
    session = bench.endpoint.invite(TARGET, from_=US, to=US, sdp=LONG, now_ns=bench.now)
    (first,) = bench.take()
    assert first.transmit.transport == "TCP"
    assert len(first.transmit.data) > 1300
    bench.endpoint.handle_transport_error(PEER, bench.now, transport="TCP")
    (second,) = bench.take()
    assert second.transmit.transport == "UDP"
    assert isinstance(second.message, Request)
    assert second.message.via.transport == "UDP"
    bench.run(600)
    assert len(bench.take()) == 1
    bench.receive(response(second.message, 200, body=ANSWER))
    assert bench.event_kinds() == ["InviteAnswered"]
    assert session.dialog.id.remote_tag == "callee"


def test_a_long_request_stays_on_udp_where_tcp_is_not_wanted() -> None:
    udp_only = replace(SETTINGS, advertised={"UDP": ("192.0.2.1", 5060)})
    said_udp = replace(TARGET, parameters=(("transport", "udp"),))
    for settings, target in (
        (replace(SETTINGS, tcp_above_octets=None), TARGET),
        (udp_only, TARGET),
        (SETTINGS, said_udp),
    ):
        bench = Bench(settings)
        bench.endpoint.invite(target, from_=US, to=US, sdp=LONG, now_ns=bench.now)
        assert bench.take()[0].transmit.transport == "UDP"


def test_a_call_over_a_transport_we_do_not_advertise_gets_a_contact_that_works() -> None:
    bench = Bench(replace(SETTINGS, advertised={"UDP": ("192.0.2.1", 5060)}))
    bench.stream(tcp(request("OPTIONS")), FlowId("TCP", "192.0.2.9", 9, 9))
    assert bench.take()[0].message.headers.get("Contact") == "<sip:e1-0@192.0.2.1:5060>"


def test_every_identifier_we_mint_begins_with_the_engines_id() -> None:
    bench = Bench()
    bench.endpoint.invite(TARGET, from_=US, to=US, sdp=OFFER, now_ns=bench.now)
    invite = bench.take_request()
    assert invite.call_id.startswith("e1-")
    assert (invite.via.branch or "").startswith("z9hG4bKe1-")
    assert tag_of(invite.headers.get("From")).startswith("e1-")
    assert (invite.headers.get("Contact") or "").startswith("<sip:e1-")
    bench.receive(request("OPTIONS"))
    assert tag_of(bench.take_response().headers.get("To")).startswith("e1-")
