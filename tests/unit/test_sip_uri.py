"""SIP, SIPS, tel and other URIs (RFC 3261 section 19.1, RFC 3966)."""

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.uri import (
    MAX_URI_HEADERS,
    OtherUri,
    SipUri,
    TelUri,
    Uri,
    equivalent,
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


def test_headers_of_a_uri_are_found_unescaped() -> None:
    uri = sip("sip:a@h?x=1&Replaces=c%40d%3Bto-tag%3D1%3Bfrom-tag%3D2")
    assert uri.header("replaces") == "c@d;to-tag=1;from-tag=2"
    assert uri.header("route") is None


# The examples of RFC 3261 section 19.1.4, and the rules they leave out.
EQUIVALENT = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("sip:a%3bb@h", "sip:a%3Bb@h"),
    ("sip:a@h;lr", "sip:a@h;LR"),
    ("tel:+1-201-555-0123", "tel:+1(201)5550123"),
    ("tel:7042;ext=1;isub=2", "tel:7042;ISUB=2;ext=1"),
    ("http://x", "http://x"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:a@h", "sips:a@h"),
    ("sip:a:x@h", "sip:a:y@h"),
    ("sip:a@h", "sip:h"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("sip:a@h;user=phone", "sip:a@h"),
    ("sip:a@h;maddr=1.2.3.4", "sip:a@h"),
    ("sip:a@h;x", "sip:a@h;x=1"),
    ("tel:1", "tel:2"),
    ("tel:1", "tel:1;ext=2"),
    ("tel:1", "sip:1@h"),
    ("http://x", "http://y"),
]


@pytest.mark.parametrize(("a", "b"), EQUIVALENT)
def test_equivalent_uris(a: str, b: str) -> None:
    assert equivalent(parse_uri(a), parse_uri(b))
    assert equivalent(parse_uri(b), parse_uri(a))


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_uris(a: str, b: str) -> None:
    assert not equivalent(parse_uri(a), parse_uri(b))
    assert not equivalent(parse_uri(b), parse_uri(a))


def test_an_ipv6_host_is_written_in_brackets() -> None:
    assert format_host("::1") == "[::1]"
    assert format_host("h.example") == "h.example"
