"""SIP, SIPS, tel and other URIs (RFC 3261 section 19.1, RFC 3966)."""

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.uri import (
    MAX_URI_HEADERS,
    OtherUri,
    SipUri,
    TelUri,
    Uri,
    format_host,
    parse_uri,
)

WIRE: list[tuple[str, Uri]] = [
    ("sip:alice@atlanta.com", SipUri("sip", "alice", None, "atlanta.com")),
    ("sips:1212@gw.example:5061", SipUri("sips", "1212", None, "gw.example", 5061)),
    ("sip:a:b@h", SipUri("sip", "a", "b", "h")),
    ("sip:a:@h", SipUri("sip", "a", "", "h")),
    ("sip:h;lr", SipUri("sip", None, None, "h", None, (("lr", None),))),
    (
        "sip:+1-212-555-1212:1234@gw.com;user=phone",
        SipUri("sip", "+1-212-555-1212", "1234", "gw.com", None, (("user", "phone"),)),
    ),
    ("sip:u@[2001:db8::9]:5070", SipUri("sip", "u", None, "2001:db8::9", 5070)),
    ("sip:[::1]", SipUri("sip", None, None, "::1")),
    ("sip:a;day=1@h", SipUri("sip", "a;day=1", None, "h")),
    ("sip:a@h;p=%25%34", SipUri("sip", "a", None, "h", None, (("p", "%25%34"),))),
    ("sip:a@h;maddr=[::1]", SipUri("sip", "a", None, "h", None, (("maddr", "[::1]"),))),
    (
        "sip:a@h;x?Replaces=1%3Bto-tag%3D2&b=",
        SipUri(
            "sip",
            "a",
            None,
            "h",
            None,
            (("x", None),),
            (("Replaces", "1%3Bto-tag%3D2"), ("b", "")),
        ),
    ),
    ("sip:a@my_host.", SipUri("sip", "a", None, "my_host.")),
    ("sip:a@7f3a1b2c9d0e", SipUri("sip", "a", None, "7f3a1b2c9d0e")),
    ("tel:+1-201-555-0123", TelUri("+1-201-555-0123")),
    ("tel:7042;phone-context=example.com", TelUri("7042", (("phone-context", "example.com"),))),
    ("tel:*72#", TelUri("*72#")),
    ("http://www.example.com", OtherUri("http", "//www.example.com")),
    ("isbn:2983792873", OtherUri("isbn", "2983792873")),
]


@pytest.mark.parametrize(("text", "uri"), WIRE)
def test_a_uri_is_read_and_written(text: str, uri: Uri) -> None:
    assert parse_uri(text) == uri
    assert str(uri) == text


def test_the_scheme_is_case_blind() -> None:
    assert parse_uri("SIP:a@h") == SipUri("sip", "a", None, "h")
    assert parse_uri("TEL:112") == TelUri("112")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "sip: a@h",
        "sip:a@h ",
        "sip:a b@h",
        "sip:a@h;",
        "sip:a@h;;lr",
        "sip:a@h;lr=",
        "sip:a@h;a=1;A=2",
        "sip:a@h;%61=1;a=2",
        "sip:a@h:",
        "sip:a@h:0",
        "sip:a@h:65536",
        "sip:a@h:123456",
        "sip:a@h?",
        "sip:a@h?x",
        "sip:a@h?=x",
        "sip:a%4@h",
        "sip:é@h",
        "sip:a@-h",
        "sip:a@h-",
        "sip:a@h..b",
        "sip:a@[::1",
        "sip:a@[1:2]",
        "sip:a@[fe80::1%eth0]",
        "sip:a@@h",
        "sip:<a@h>",
        "tel:",
        "tel:-",
        "tel:+1x",
        "tel:1;",
        "1x:y",
        "x:",
        "x:a b",
        "x:a>",
        "<sip:a@h>",
        "sip:h" + "".join(f";p{number}" for number in range(65)),
        "sip:h?" + "&".join(["a=b"] * (MAX_URI_HEADERS + 1)),
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_uri(text)


def sip(text: str) -> SipUri:
    uri = parse_uri(text)
    assert isinstance(uri, SipUri)
    return uri


def test_parameters_are_found_through_escapes_and_case() -> None:
    uri = sip("sip:a@h;%6C%72;n%61me=v%61lue%25%34%31;Transport=UDP")
    assert uri.has_parameter("lr")
    assert uri.parameter("lr") == ""
    assert uri.parameter("name") == "value%41"
    assert uri.parameter("transport") == "UDP"
    assert uri.parameter("maddr") is None
    assert not uri.has_parameter("maddr")


def test_an_ipv6_host_is_written_in_brackets() -> None:
    assert format_host("::1") == "[::1]"
    assert format_host("h.example") == "h.example"
