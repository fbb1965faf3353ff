"""Requests and responses: reading, writing, answering, checking."""

from collections.abc import Callable

import pytest

from telephony.errors import LocalError
from telephony.sip.headers import Headers
from telephony.sip.message import (
    MAX_BODY_OCTETS,
    MAX_HEADER_OCTETS,
    Request,
    Response,
    SipSyntaxError,
    check_request,
    check_response,
    parse_body_length,
    parse_message,
)
from telephony.sip.message_fields import Message
from telephony.sip.name_addr import parse_name_addr
from telephony.sip.uri import SipUri
from telephony.sip.values import CSeq, MediaType

INVITE = (
    b"INVITE sip:bob@biloxi.example SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.example:5066;branch=z9hG4bK776;rport\r\n"
    b"v: SIP/2.0/TCP p1.example;branch=z9hG4bK1, SIP/2.0/TCP p2.example;branch=z9hG4bK2\r\n"
    b"Max-Forwards: 70\r\n"
    b"Record-Route: <sip:p1.example;lr>\r\n"
    b"Route: <sip:p3.example;lr>\r\n"
    b"To: Bob <sip:bob@biloxi.example>\r\n"
    b"From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@pc33.atlanta.example>, <sip:a2@h>\r\n"
    b"Allow: INVITE, ACK\r\n"
    b"Supported: timer\r\n"
    b"Require: 100rel\r\n"
    b"Expires: 120\r\n"
    b"Timestamp: 54\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)
OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP h;branch=z9hG4bK776\r\n"
    b"To: <sip:bob@h>;tag=x\r\n"
    b"From: <sip:alice@h>;tag=y\r\n"
    b"Call-ID: c\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n"
    b"\r\n"
)


def request(data: bytes = INVITE) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def response(data: bytes = OK) -> Response:
    message = parse_message(data)
    assert isinstance(message, Response)
    return message


def test_a_request_is_read() -> None:
    invite = request()
    assert (invite.method, invite.version, invite.body) == ("INVITE", "SIP/2.0", b"v=0\n")
    assert invite.uri == SipUri("sip", "bob", None, "biloxi.example")
    assert invite.uri is invite.uri
    assert invite.via.host == "pc33.atlanta.example"
    assert [via.host for via in invite.vias] == ["pc33.atlanta.example", "p1.example", "p2.example"]
    assert invite.from_.tag == "1928301774"
    assert invite.to.display_name == "Bob"
    assert invite.cseq == CSeq(314159, "INVITE")
    assert invite.call_id == "a84b4c76e66710"
    assert str(invite.contact) == "<sip:alice@pc33.atlanta.example>"
    assert len(invite.contacts) == 2
    assert [str(route.uri) for route in invite.record_routes] == ["sip:p1.example;lr"]
    assert invite.max_forwards == 70
    assert invite.content_type == MediaType("application", "sdp")
    assert invite.content_length == 4
    assert check_request(invite) is None


def test_a_response_is_read() -> None:
    ok = response()
    assert (ok.status, ok.reason, ok.version) == (200, "OK", "SIP/2.0")
    assert ok.to.tag == "x"
    assert check_response(ok) is None
    assert (ok.contact, ok.contacts, ok.max_forwards) == (None, [], None)
    assert (ok.content_type, ok.record_routes) == (None, [])


@pytest.mark.parametrize("data", [INVITE, OK])
def test_an_unchanged_message_is_written_as_it_came(data: bytes) -> None:
    assert parse_message(data).to_bytes() == data


def test_odd_octets_survive() -> None:
    odd = OK.replace(b"OK", b"\xd0\xbd\xff\x80").replace(
        b"Content-Length", b"X:\xfe\xff \r\n\t \xc3\xa9\r\nL"
    ).replace(b"Length: 0", b" : 0")  # fmt: skip
    assert parse_message(odd).to_bytes() == odd


def test_a_message_without_content_length_is_written_without() -> None:
    data = OK.replace(b"Content-Length: 0\r\n", b"") + b"body"
    message = parse_message(data)
    assert message.body == b"body"
    assert message.to_bytes() == data


def test_blank_lines_before_the_start_line_are_skipped() -> None:
    assert parse_message(b"\r\n\r\n" + OK).to_bytes() == OK


def test_octets_behind_the_body_of_a_datagram_are_ignored() -> None:
    assert parse_message(INVITE + INVITE).to_bytes() == INVITE


def refusal(data: bytes, *, stream: bool = False) -> SipSyntaxError:
    with pytest.raises(SipSyntaxError) as caught:
        parse_message(data, stream=stream)
    return caught.value


def test_a_body_shorter_than_stated_is_refused() -> None:
    error = refusal(INVITE[:-1])
    assert (error.sip_status, error.reason) == (400, "Content-Length Mismatch")
    assert error.partial is not None
    assert error.partial.method == "INVITE"
    assert refusal(OK.replace(b"h: 0", b"h: 1")).partial is None


def test_a_stream_needs_an_exact_content_length() -> None:
    assert parse_message(INVITE, stream=True).body == b"v=0\n"
    assert refusal(INVITE + b"x", stream=True).reason == "Content-Length Mismatch"
    without = INVITE.replace(b"Content-Length: 4\r\n", b"")
    assert refusal(without, stream=True).reason == "Missing Content-Length Header Field"


def test_too_much_is_refused() -> None:
    large = b"h: %d\r\n\r\n" % (MAX_BODY_OCTETS + 1) + b"x" * MAX_BODY_OCTETS
    error = refusal(INVITE.replace(b"h: 4\r\n\r\nv=0\n", large + b"x"))
    assert (error.sip_status, error.reason) == (513, "Message Too Large")
    short = refusal(INVITE.replace(b"h: 4\r\n\r\nv=0\n", large))
    assert (short.sip_status, short.reason) == (400, "Content-Length Mismatch")
    huge = INVITE.replace(b"Expires: 120", b"Expires: " + b"1" * MAX_HEADER_OCTETS)
    assert "64 KiB" in str(refusal(huge))


def test_the_length_of_a_body_that_is_still_to_come() -> None:
    head = INVITE.removesuffix(b"v=0\n")
    assert parse_body_length(head) == 4
    with pytest.raises(SipSyntaxError) as caught:
        parse_body_length(head.replace(b"Length: 4", b"Length: four"))
    assert caught.value.partial is not None
    with pytest.raises(SipSyntaxError) as caught:
        parse_body_length(head.replace(b"Length: 4", b"Length: %d" % (MAX_BODY_OCTETS + 1)))
    assert caught.value.sip_status == 513


START = b"INVITE sip:bob@biloxi.example SIP/2.0"


@pytest.mark.parametrize(
    "line",
    [
        b"INVITE  sip:bob@biloxi.example SIP/2.0",
        b"INVITE sip:bob@biloxi.example SIP/2.0 ",
        b"INVITE sip:bob@biloxi.example; lr SIP/2.0",
        b"INVITE sip:bob@biloxi.example",
        b"INVITE sip:b\xc3\xa9@h SIP/2.0",
        b"INVITE sip:bob@biloxi.example SIP/2",
        b"INVITE sip:bob@biloxi.example HTTP/1.1",
        b"INVITE sip:bob@biloxi.example SIP/2.0\r\n folded",
    ],
)
def test_a_bad_request_line_can_still_be_answered(line: bytes) -> None:
    error = refusal(INVITE.replace(START, line))
    assert (error.sip_status, error.reason) == (400, "Bad Request-Line")
    assert error.partial is not None
    answer = Response.for_request(error.partial, 400, error.reason, to_tag="t")
    assert answer.to_bytes().startswith(
        b"SIP/2.0 400 Bad Request-Line\r\nVia: SIP/2.0/UDP pc33.atlanta.example:5066;"
        b"branch=z9hG4bK776;rport\r\nv: SIP/2.0/TCP p1"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (START, b""),
        (START, b"INVITE"),
        (START, b"(bad) sip:x SIP/2"),
        (b"\r\nVia", b"\r\nno colon\r\nNot-Via"),
        (b"Max-Forwards", b"Max\nForwards"),
        (b"Max-Forwards", b"Max\rForwards"),
        (b"Alice", b"Al\x00ice"),
    ],
)
def test_what_cannot_be_answered_has_no_partial(old: bytes, new: bytes) -> None:
    broken = INVITE.replace(b"\r\nv: SIP", b"\r\nX: SIP").replace(old, new, 1)
    assert refusal(broken).partial is None


def test_octets_that_are_no_message() -> None:
    for data in (b"", b"\r\n\r\n", b"\x00\x00\x00\x00", b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n"):
        assert refusal(data).partial is None


def test_a_line_that_is_no_header_field_is_refused_with_a_partial() -> None:
    error = refusal(INVITE.replace(b"Max-Forwards: 70", b"Max-Forwards 70"))
    assert error.reason == "Bad Header Field"
    assert error.partial is not None
    assert error.partial.max_forwards is None


def test_a_broken_top_via_is_mended_for_the_answer() -> None:
    error = check_request(request(INVITE.replace(b";rport", b";rport;;,;,,")))
    assert error is not None
    assert error.reason == "Bad Via Header Field"
    assert error.partial is not None
    assert error.partial.via.branch == "z9hG4bK776"
    assert len(error.partial.vias) == 3


def test_building_a_request() -> None:
    headers = Headers([("To", "<sip:b@h>")])
    built = Request("OPTIONS", SipUri("sip", "b", None, "h"), headers, b"abc")
    assert built.to_bytes() == (
        b"OPTIONS sip:b@h SIP/2.0\r\nTo: <sip:b@h>\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert built.uri == SipUri("sip", "b", None, "h")
    built.body = b""
    assert built.to_bytes().endswith(b"Content-Length: 0\r\n\r\n")


def test_a_right_content_length_is_left_where_it_is() -> None:
    built = Response(200, "OK", Headers([("l", "2"), ("X", "1")]), b"ab")
    assert built.to_bytes() == b"SIP/2.0 200 OK\r\nl: 2\r\nX: 1\r\n\r\nab"


URI = SipUri("sip", None, None, "h")


@pytest.mark.parametrize(
    "build",
    [
        lambda: Request("A B", URI, Headers()),
        lambda: Request("", URI, Headers()),
        lambda: Request("A\r\nX: 1", URI, Headers()),
        lambda: Request("A", SipUri("sip", "a\r\nX: 1", None, "h"), Headers()),
        lambda: Request("A", SipUri("sip", "a b", None, "h"), Headers()),
        lambda: Request("A", SipUri("sip", "é", None, "h"), Headers()),
        lambda: Request("A", URI, Headers(), version="SIP/2.0\r\nX: 1"),
        lambda: Response(99, "x", Headers()),
        lambda: Response(700, "x", Headers()),
        lambda: Response(200, "x\r\nX: 1", Headers()),
        lambda: Response(200, "x\ny", Headers()),
        lambda: Response(200, "\ud800", Headers()),
        lambda: Response.for_request(request(), 200, to_tag="x\r\nX: 1"),
    ],
)
def test_what_would_break_a_start_line_is_refused(build: Callable[[], Message]) -> None:
    with pytest.raises(LocalError):
        build()


def test_a_response_repeats_what_it_must() -> None:
    answer = Response.for_request(request(), 486, to_tag="t1")
    assert answer.to_bytes() == (
        b"SIP/2.0 486 Busy Here\r\n"
        b"Via: SIP/2.0/UDP pc33.atlanta.example:5066;branch=z9hG4bK776;rport\r\n"
        b"v: SIP/2.0/TCP p1.example;branch=z9hG4bK1, SIP/2.0/TCP p2.example;branch=z9hG4bK2\r\n"
        b"To: Bob <sip:bob@biloxi.example>;tag=t1\r\n"
        b"From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n"
        b"Call-ID: a84b4c76e66710\r\n"
        b"CSeq: 314159 INVITE\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_a_100_has_the_timestamp_and_no_tag() -> None:
    trying = Response.for_request(request(), 100, to_tag="t1")
    assert trying.to.tag is None
    assert trying.headers.get("Timestamp") == "54"
    assert trying.reason == "Trying"


def test_a_to_tag_is_never_changed() -> None:
    tagged = request(INVITE.replace(b"bob@biloxi.example>\r", b"bob@biloxi.example>;tag=old\r"))
    assert Response.for_request(tagged, 200, "Fine", to_tag="new").to.tag == "old"
    assert Response.for_request(request(), 200, to_tag=None).to.tag is None


def test_a_broken_to_is_copied_as_it_came() -> None:
    broken = request(INVITE.replace(b"To: Bob", b'To: "Bob'))
    answer = Response.for_request(broken, 400, to_tag="t")
    assert answer.headers.get("To") == '"Bob <sip:bob@biloxi.example>'


def test_a_contact_of_everything_is_no_address() -> None:
    register = request(INVITE.replace(b"Contact: <sip:alice@pc33.atlanta.example>, <sip:a2@h>",
                                      b"Contact: *"))  # fmt: skip
    assert register.contacts == []
    assert register.contact is None


def test_accessors_follow_the_headers() -> None:
    invite = request()
    assert invite.to.tag is None
    invite.headers.set("To", str(invite.to.with_tag("t")))
    assert invite.to.tag == "t"
    invite.vias.clear()
    assert len(invite.vias) == 3


def test_a_request_without_a_via() -> None:
    broken = request(INVITE.replace(b"\r\nVia", b"\r\nX").replace(b"\r\nv:", b"\r\nY:"))
    with pytest.raises(SipSyntaxError) as caught:
        _ = broken.via
    assert caught.value.reason == "Missing Via Header Field"
    error = check_request(broken)
    assert error is not None
    assert error.partial is None


CHECKS: list[tuple[bytes, bytes, int, str]] = [
    (START, b"INVITE sip:bob@biloxi.example SIP/3.0", 505, "Version Not Supported"),
    (START, b"INVITE <sip:bob@biloxi.example> SIP/2.0", 400, "Bad URI"),
    (START, b"INVITE sip:bob@h?X=1 SIP/2.0", 400, "Bad Request-URI"),
    (b"From:", b"X:", 400, "Missing From Header Field"),
    (b"Call-ID: a", b"Call-ID: b\r\ni: a", 400, "Several Call-ID Fields"),
    (b"CSeq: 314159 INVITE", b"CSeq: 314159 invite", 400, "CSeq Method Mismatch"),
    (b"CSeq: 314159", b"CSeq: 2147483648", 400, "Bad CSeq Header Field"),
    (b"Forwards: 70", b"Forwards: 256", 400, "Bad Max-Forwards Header Field"),
    (b", <sip:a2@h>", b", sip:a2@h?x=1", 400, "Bad Contact Header Field"),
    (b";branch=z9hG4bK2", b";;", 400, "Bad Via Header Field"),
]


@pytest.mark.parametrize(("old", "new", "status", "reason"), CHECKS)
def test_a_request_that_cannot_be_handled_says_why(
    old: bytes, new: bytes, status: int, reason: str
) -> None:
    error = check_request(request(INVITE.replace(old, new)))
    assert error is not None
    assert (error.sip_status, error.reason) == (status, reason)
    assert error.partial is not None
    assert Response.for_request(error.partial, status, reason).to_bytes()


def test_lower_case_versions_and_old_peers_are_let_pass() -> None:
    assert check_request(request(INVITE.replace(b"SIP/2.0\r\nVia", b"sip/2.0\r\nVia"))) is None
    assert check_request(request(INVITE.replace(b"Max-Forwards", b"X"))) is None
    assert check_response(response(OK.replace(b"SIP/2.0 200", b"Sip/2.0 200"))) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"SIP/2.0 200", b"SIP/3.0 200"), (b"CSeq: 1", b"CSeq: x"), (b"Via", b"X"), (b"To", b"X")],
)
def test_a_response_that_cannot_be_used_is_told(old: bytes, new: bytes) -> None:
    error = check_response(response(OK.replace(old, new)))
    assert error is not None
    assert error.partial is None


def test_a_name_with_a_quoted_nul_can_be_answered_and_sent_back() -> None:
    odd = request(INVITE.replace(b"To: Bob", b'To: "Bob\\\x00"'))
    assert check_request(odd) is None
    answer = Response.for_request(odd, 200, to_tag="t")
    assert answer.to.display_name == "Bob\x00"
    assert parse_name_addr(str(answer.to)) == answer.to
