"""Addresses in header fields (RFC 3261 section 20.10)."""

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.name_addr import NameAddr, parse_name_addr
from telephony.sip.uri import OtherUri, SipUri

BOB = SipUri("sip", "bob", None, "h")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<sip:bob@h>", NameAddr(None, BOB)),
        ('"A. B" <sip:bob@h>;tag=x', NameAddr("A. B", BOB, (("tag", "x"),))),
        ('"" <sip:bob@h>', NameAddr("", BOB)),
        ('"q\\"\\\\" <sip:bob@h>;lr', NameAddr('q"\\', BOB, (("lr", None),))),
        ('"Zoë" <sip:bob@h>', NameAddr("Zoë", BOB)),
        ("<isbn:12;3>", NameAddr(None, OtherUri("isbn", "12;3"))),
    ],
)
def test_an_address_is_read_and_written(text: str, address: NameAddr) -> None:
    assert parse_name_addr(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sip:bob@h", NameAddr(None, BOB)),
        ("sip:bob@h;tag=x", NameAddr(None, BOB, (("tag", "x"),))),
        ("sip:bob@h ; tag = x", NameAddr(None, BOB, (("tag", "x"),))),
        ("Bob<sip:bob@h>", NameAddr("Bob", BOB)),
        ("A. Bell  Jr. <sip:bob@h>", NameAddr("A. Bell  Jr.", BOB)),
        ("José <sip:bob@h>", NameAddr("José", BOB)),
        ('"x"<sip:bob@h> ;a', NameAddr("x", BOB, (("a", None),))),
    ],
)
def test_other_ways_to_write_an_address(text: str, address: NameAddr) -> None:
    assert parse_name_addr(text) == address
    assert parse_name_addr(str(address)) == address


def test_a_semicolon_outside_brackets_begins_a_header_parameter() -> None:
    assert parse_name_addr("sip:h;lr").parameters == (("lr", None),)
    assert parse_name_addr("<sip:h;lr>").parameters == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "bob",
        "<>",
        "<sip:bob@h",
        "sip:bob@h>",
        "< sip:bob@h >",
        "Bell, A <sip:bob@h>",
        '"Bob <sip:bob@h>',
        'Bob "B" <sip:bob@h>',
        "sip:bob@h?Route=%3Csip:h%3E",
        "sip:a,b@h",
        "<sip:bob@h>x",
        "<sip:bob@h>;",
        "<sip:bob@h>;;a",
        "<sip:bob@h>;a=",
        "<sip:bob@h>;a=b=c",
        "<sip:bob@h>;tag=1;tag=2",
        '<sip:bob@h>;tag="x"',
        '"bell\x07" <sip:bob@h>',
        "<sip:bob@h>, <sip:h>",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_name_addr(text)


def test_the_tag() -> None:
    address = parse_name_addr('<sip:bob@h>;x="y"')
    assert address.tag is None
    tagged = address.with_tag("t1")
    assert tagged.tag == "t1"
    assert str(tagged.with_tag("t2")) == '<sip:bob@h>;x="y";tag=t2'
    assert parse_name_addr('<sip:bob@h>;tag=a;x="y"').tag == "a"
