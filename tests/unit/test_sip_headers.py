"""The header fields of a message: order, names, lists, losslessness, injection."""

from collections.abc import Callable

import pytest

from telephony.errors import LocalError
from telephony.sip.errors import SipSyntaxError
from telephony.sip.headers import MAX_HEADER_FIELDS, Headers, header_key
from telephony.sip.name_addr import NameAddr, parse_name_addr
from telephony.sip.values import parse_call_id, parse_max_forwards


@pytest.fixture
def headers() -> Headers:
    return Headers(
        [("Via", "SIP/2.0/UDP a"), ("To", "<sip:b@c>"), ("v", "SIP/2.0/UDP d, SIP/2.0/UDP e")]
    )


def test_names_match_whatever_their_case_and_form(headers: Headers) -> None:
    assert headers.get("VIA") == "SIP/2.0/UDP a"
    assert headers.get("v") == "SIP/2.0/UDP a"
    assert headers.get("t") == "<sip:b@c>"
    assert headers.get("From") is None
    assert "vIa" in headers
    assert "f" not in headers
    assert header_key("X-Unknown") == "x-unknown"
    assert header_key("call-id") == header_key("I") == header_key("Call-ID") == "call-id"


def test_values_come_by_field_or_by_list_element(headers: Headers) -> None:
    assert headers.get_all("Via") == ["SIP/2.0/UDP a", "SIP/2.0/UDP d, SIP/2.0/UDP e"]
    assert headers.values("Via") == ["SIP/2.0/UDP a", "SIP/2.0/UDP d", "SIP/2.0/UDP e"]
    assert headers.values("To") == ["<sip:b@c>"]
    assert headers.values("Route") == []


def test_commas_split_only_where_the_grammar_has_a_list() -> None:
    digest = 'Digest realm="r", nonce="n", qop="auth"'
    date = "Sat, 13 Nov 2010 23:29:00 GMT"
    headers = Headers([("WWW-Authenticate", digest), ("Date", date), ("X-Mine", "a, b")])
    assert headers.values("WWW-Authenticate") == [digest]
    assert headers.values("Date") == [date]
    assert headers.values("X-Mine") == ["a, b"]


def test_an_empty_list_has_no_values() -> None:
    assert Headers([("Supported", "")]).values("Supported") == []
    assert Headers([("Supported", ""), ("k", "timer")]).values("k") == ["timer"]


def test_a_broken_list_names_its_header() -> None:
    with pytest.raises(SipSyntaxError, match="Allow") as caught:
        Headers([("Allow", "INVITE,,BYE")]).values("Allow")
    assert caught.value.reason == "Bad Allow Header Field"


def test_order_and_names_are_kept(headers: Headers) -> None:
    headers.add("X-A", "1")
    headers.prepend("Max-Forwards", "70")
    assert [name for name, _ in headers.items()] == ["Max-Forwards", "Via", "To", "v", "X-A"]
    assert len(headers) == 5


def test_set_replaces_all_in_the_place_of_the_first(headers: Headers) -> None:
    headers.set("Via", "SIP/2.0/TCP z")
    assert headers.items() == [("Via", "SIP/2.0/TCP z"), ("To", "<sip:b@c>")]
    headers.set("Subject", "hello")
    assert headers.items()[-1] == ("Subject", "hello")


def test_the_first_value_is_replaced_alone(headers: Headers) -> None:
    headers.replace_first("Via", "SIP/2.0/UDP x")
    assert headers.values("v") == ["SIP/2.0/UDP x", "SIP/2.0/UDP d", "SIP/2.0/UDP e"]
    listed = Headers([("Via", "a, b"), ("Via", "c")])
    listed.replace_first("Via", "x")
    assert listed.get_all("Via") == ["x, b", "c"]
    broken = Headers([("Via", "a,,")])
    broken.replace_first("Via", "x")
    assert broken.get_all("Via") == ["x"]
    single = Headers([("Date", "a, b")])
    single.replace_first("Date", "c")
    assert single.get_all("Date") == ["c"]
    with pytest.raises(LocalError):
        single.replace_first("Via", "x")


def test_removing_takes_all_of_a_name(headers: Headers) -> None:
    headers.remove("Via")
    headers.remove("Nothing")
    assert headers.items() == [("To", "<sip:b@c>")]


def test_a_copy_is_its_own(headers: Headers) -> None:
    copy = headers.copy()
    copy.set("To", "<sip:x@y>")
    assert headers.get("To") == "<sip:b@c>"
    assert copy.get_all("Via") == headers.get_all("Via")


def test_selected_lines_stay_as_they_are() -> None:
    headers, fault = Headers.read(["Via :  x", "Subject: s", "t:\r\n <sip:a@b>"])
    assert fault is None
    assert list(headers.select(["To", "Via"]).lines) == ["Via :  x", "t:\r\n <sip:a@b>"]


def test_received_lines_are_unfolded_when_read_and_kept_when_written() -> None:
    lines = ["SUBJECT : a\r\n  b\r\n\tc  ", "X-Odd:;;,,;", "L:0", "Empty:"]
    headers, fault = Headers.read(lines)
    assert fault is None
    assert headers.get("s") == "a b c"
    assert headers.items() == [("SUBJECT", "a b c"), ("X-Odd", ";;,,;"), ("L", "0"), ("Empty", "")]
    assert list(headers.lines) == lines


@pytest.mark.parametrize(
    "line", ["no colon", ": no name", "two words: x", "F", "Contact", "", "é: x", "a;b: c"]
)
def test_a_line_that_is_no_header_field_is_reported_and_left_out(line: str) -> None:
    headers, fault = Headers.read(["To: x", line, "From: y"])
    assert fault is not None
    assert fault.reason == "Bad Header Field"
    assert list(headers.lines) == ["To: x", "From: y"]


def test_too_many_header_fields_are_reported() -> None:
    assert Headers.read(["a: b"] * MAX_HEADER_FIELDS)[1] is None
    assert Headers.read(["a: b"] * (MAX_HEADER_FIELDS + 1))[1] is not None


INJECTIONS = ["x\r\nEvil: 1", "x\nEvil: 1", "x\rEvil: 1", "x\r\n folded", "nul\x00", "\ud800"]
WRITERS: list[Callable[[Headers, str, str], object]] = [
    Headers.add,
    Headers.set,
    Headers.prepend,
    Headers.replace_first,
    lambda _, name, value: Headers([(name, value)]),
]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("write", WRITERS)
def test_a_value_that_would_not_stay_one_field_is_refused(
    write: Callable[[Headers, str, str], object], value: str
) -> None:
    headers = Headers([("X", "1")])
    with pytest.raises(LocalError):
        write(headers, "X", value)
    assert headers.items() == [("X", "1")]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(LocalError):
        Headers().add(name, "x")


def test_a_quoted_nul_and_odd_octets_may_be_written() -> None:
    headers = Headers([("To", '"\\\x00" <sip:a@b>'), ("X", "\udcff é")])
    assert len(headers) == 2


def test_typed_values_are_remembered_until_a_change() -> None:
    headers = Headers([("To", "<sip:b@c>"), ("Route", "<sip:p1>, <sip:p2>")])
    to = headers.one("To", parse_name_addr)
    routes = headers.every("Route", parse_name_addr)
    assert headers.one("To", parse_name_addr) is to
    assert headers.every("Route", parse_name_addr) is routes
    assert headers.first("Route", parse_name_addr) is headers.first("Route", parse_name_addr)
    headers.add("Route", "<sip:p3>")
    assert [str(route) for route in headers.every("Route", parse_name_addr)] == [
        "<sip:p1>",
        "<sip:p2>",
        "<sip:p3>",
    ]
    headers.replace_first("To", "<sip:x@y>")
    assert headers.one("To", parse_name_addr) == parse_name_addr("<sip:x@y>")
    headers.set("To", "<sip:z@y>")
    assert headers.one("To", parse_name_addr) == parse_name_addr("<sip:z@y>")
    headers.remove("To")
    assert headers.optional("To", parse_name_addr) is None


def test_one_name_may_be_read_in_two_ways() -> None:
    headers = Headers([("Max-Forwards", "70")])
    assert headers.one("Max-Forwards", parse_max_forwards) == 70
    assert headers.one("Max-Forwards", str) == "70"


def test_what_must_be_there_once() -> None:
    with pytest.raises(SipSyntaxError) as caught:
        Headers().one("Call-ID", parse_call_id)
    assert caught.value.reason == "Missing Call-ID Header Field"
    with pytest.raises(SipSyntaxError) as caught:
        Headers([("Call-ID", "a"), ("i", "b")]).one("Call-ID", parse_call_id)
    assert caught.value.reason == "Several Call-ID Fields"
    with pytest.raises(SipSyntaxError) as caught:
        Headers([("Call-ID", "a b")]).one("Call-ID", parse_call_id)
    assert caught.value.reason == "Bad Call-ID Header Field"


def test_the_first_of_a_list() -> None:
    headers = Headers([("Contact", "<sip:a@b>, <sip:c@d>")])
    first = headers.first("Contact", parse_name_addr)
    assert isinstance(first, NameAddr)
    assert str(first) == "<sip:a@b>"
    assert headers.first("Contact", parse_name_addr) is first
    assert headers.every("Contact", parse_name_addr)[0] == first
    assert headers.first("Contact", parse_name_addr) == first
    alone = Headers([("Contact", "<sip:a@b>")])
    assert alone.first("Contact", parse_name_addr) == first
    assert Headers([("Contact", "")]).first("Contact", parse_name_addr) is None
    assert Headers().first("Contact", parse_name_addr) is None


class Counted:
    """A parser that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, text: str) -> str:
        self.calls += 1
        return text


CHANGES: list[Callable[[Headers], None]] = [
    lambda headers: headers.add("X", "1"),
    lambda headers: headers.prepend("X", "1"),
    lambda headers: headers.set("Call-ID", "other"),
    lambda headers: headers.replace_first("Via", "SIP/2.0/UDP other"),
    lambda headers: headers.remove("Via"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_typed_form_is_worked_out_once_whatever_other_fields_do(
    change: Callable[[Headers], None],
) -> None:
    headers = Headers([("To", "<sip:b@h>"), ("Via", "SIP/2.0/UDP h"), ("Call-ID", "c")])
    parse = Counted()
    headers.one("To", parse)
    change(headers)
    assert headers.one("t", parse) == "<sip:b@h>"
    assert headers.select(["To"]).one("To", parse) == "<sip:b@h>"
    assert headers.copy().one("To", parse) == "<sip:b@h>"
    assert parse.calls == 1


def test_a_copy_that_changes_leaves_the_original_its_typed_forms() -> None:
    headers = Headers([("Contact", "<sip:a@h>")])
    assert headers.every("Contact", str) == ("<sip:a@h>",)
    for copy in (headers.copy(), headers.select(["Contact"])):
        copy.set("Contact", "<sip:b@h>")
        assert (copy.every("Contact", str), copy.first("Contact", str)) == (
            ("<sip:b@h>",),
            "<sip:b@h>",
        )
        assert headers.first("Contact", str) == "<sip:a@h>"


def test_an_empty_list_has_no_first() -> None:
    headers = Headers([("Contact", "")])
    assert headers.every("Contact", str) == ()
    assert headers.first("Contact", str) is None
